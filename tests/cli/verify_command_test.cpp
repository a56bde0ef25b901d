#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/rng.hpp"
#include "support/browser.hpp"

using namespace cli;
using testing::HasSubstr;

namespace {

// Forty images of 12 x 12 grey pixels: `side` is the half that is bright, `tone` how bright the other is.
class NetworkCommand : public Command {
 protected:
  void SetUp() override {
    if (!CROSSTALK_HAS_NETWORKS) GTEST_SKIP() << "built without LibTorch";
    std::filesystem::create_directories(path("photos"));
    crosstalk::Rng rng(7);
    std::string csv = "file,side,tone\n";
    for (std::size_t i = 0; i < 40; ++i) {
      const bool left = i % 2 == 0;
      const bool dark = i % 4 < 2;
      crosstalk::image::Picture picture{{1, 12, 12}, {}};
      for (std::size_t p = 0; p < 144; ++p) {
        const bool bright = (p % 12 < 6) == left;
        picture.pixels.push_back(static_cast<std::uint8_t>((bright ? 170 : dark ? 60 : 110) + rng.below(16)));
      }
      const std::string name = std::to_string(100 + i) + ".png";
      write("photos/" + name, crosstalk::image::encode_png(picture.shape, picture.pixels));
      csv += name + (left ? ",left" : ",right") + (dark ? ",dark\n" : ",light\n");
    }
    write("photos/labels.csv", csv);
  }
  [[nodiscard]] Finished protect(const std::vector<std::string>& more) const {
    return crosstalk(std::vector<std::string>{"protect", "photos", "--epochs", "2", "--quiet"} + more);
  }
};

TEST_F(NetworkCommand, ProtectLearnsNoiseWithinTheBudgetAndKeepsItsGenerator) {
  for (const std::string method : {"mtl-ue", "em", "tap", "sep"}) {
    const auto ended = protect({"--method", method, "--epsilon", "5", "--out", method, "--json"});
    ASSERT_TRUE(ended_well(ended)) << method;
    const auto protect = nlohmann::json::parse(ended.out).at("protect");
    EXPECT_GT(protect.at("max_level_change"), 0);
    EXPECT_LE(protect.at("max_level_change"), 5);
    EXPECT_EQ(protect.at("losses").size(), 2U);
    EXPECT_EQ(std::filesystem::exists(path(method + "/generator.pt")), method == "mtl-ue");
    EXPECT_FALSE(std::filesystem::exists(path(method + "/unfinished")));
  }
}

TEST_F(NetworkCommand, ProtectGivesTheSameBytesForTheSameSeed) {
  ASSERT_TRUE(ended_well(protect({"--out", "one", "--threads", "1"})));
  ASSERT_TRUE(ended_well(protect({"--out", "two", "--threads", "2"})));
  EXPECT_EQ(files("one/images"), files("two/images"));
}

// The generator alone gives the same noise as the run that learned it, and nothing is learned.
TEST_F(NetworkCommand, AGeneratorProtectsAgainInOnePass) {
  ASSERT_TRUE(ended_well(protect({"--out", "first"})));
  const auto again =
      crosstalk({"protect", "photos", "--generator", "first/generator.pt", "--out", "again", "--quiet", "--json"});
  ASSERT_TRUE(ended_well(again));
  EXPECT_EQ(files("first/images"), files("again/images"));
  EXPECT_FALSE(nlohmann::json::parse(again.out).at("protect").contains("losses"));
}

TEST_F(NetworkCommand, WrongGeneratorsAreRefusedInOneLine) {
  ASSERT_TRUE(ended_well(protect({"--out", "first"})));
  write("nothing.pt", "no archive");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--generator", "nothing.pt", "--quiet", "--out", "o"}), 1,
                          {"nothing.pt", "damaged"}));
  EXPECT_TRUE(
      was_refused(crosstalk({"protect", "photos", "--generator", "none.pt", "--quiet", "--out", "o"}), 1, {"none.pt"}));
  write("other.csv", "file,side,tone\n100.png,left,green\n");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--labels", "other.csv", "--generator", "first/generator.pt",
                                     "--quiet", "--out", "o"}),
                          1, {"first/generator.pt", "does not know class \"green\" of task \"tone\""}));
}

// Of what the generator was made for, a batch may have any part: one class, one picture, any size, no labels.
TEST_F(NetworkCommand, AGeneratorProtectsAnyPartOfWhatItKnows) {
  ASSERT_TRUE(
      ended_well(crosstalk({"protect", "photos", "--epochs", "8", "--epsilon", "6", "--out", "first", "--quiet"})));
  const auto by_generator = [&](const std::string& data, const std::vector<std::string>& more) {
    const auto ended = crosstalk(
        std::vector<std::string>{"protect", data, "--generator", "first/generator.pt", "--out", "next", "--quiet"} +
        more);
    EXPECT_TRUE(ended_well(ended)) << data;
    const auto json = record("next").at("protect");
    EXPECT_GT(json.at("max_level_change"), 0) << data;
    EXPECT_LE(json.at("max_level_change"), 6) << data;  // the generator's own
    return files("next/images");
  };
  const auto all = by_generator("photos", {});
  EXPECT_EQ(all, files("first/images"));
  std::filesystem::remove_all(path("next"));

  write("left.csv", "file,side\n100.png,left\n102.png,left\n");
  EXPECT_EQ(by_generator("photos", {"--labels", "left.csv"}).size(), 3U);
  std::filesystem::remove_all(path("next"));
  EXPECT_EQ(by_generator("photos/100.png", {}).at("100.png"), all.at("100.png"));
  std::filesystem::remove_all(path("next"));

  std::filesystem::create_directories(path("new"));
  const crosstalk::image::Shape large{3, 300, 200};
  std::vector<std::uint8_t> stripes(large.values());
  for (std::size_t p = 0; p < stripes.size(); ++p) stripes[p] = p / 40 % 2 == 0 ? 60 : 180;
  write("new/holiday.jpg", crosstalk::image::encode({large, stripes}, {.format = crosstalk::image::Format::Jpeg}));
  const auto published = by_generator("new/holiday.jpg", {});
  EXPECT_EQ(crosstalk::image::decode(published.at("holiday.png"), "h").shape, large);
}

TEST_F(NetworkCommand, TimeThatIsUpPublishesWhatWasLearnedAndALargerLimitGoesOn) {
  const std::vector<std::string> words = {"protect", "photos", "--base", "em", "--epochs", "20", "--quiet"};
  const auto none = crosstalk(words + std::vector<std::string>{"--max-minutes", "0.000001", "--out", "none"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.out, HasSubstr("not protected yet: --max-minutes"));
  EXPECT_EQ(record("none").at("protect").at("status"), "not protected yet");
  EXPECT_FALSE(std::filesystem::exists(path("none/images")));

  double minutes = 0.01;  // until some epochs are learned, whatever the machine does besides
  Finished ended;
  std::size_t epochs = 0;
  for (; epochs == 0; minutes *= 2) {
    ended = crosstalk(words +
                      std::vector<std::string>{"--max-minutes", std::to_string(minutes), "--resume", "--out", "out"});
    if (record("out").at("protect").contains("losses")) epochs = record("out").at("protect").at("losses").size();
  }
  if (epochs < 20) {
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_THAT(ended.out, HasSubstr(fmt::format("not protected yet: the time was up after {} of 20 epochs", epochs)));
    EXPECT_EQ(record("out").at("protect").at("status"), "not protected yet");
    EXPECT_TRUE(std::filesystem::exists(path("out/images/manifest.csv")));
  }
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--resume", "--out", "out"})));
  EXPECT_EQ(record("out").at("protect").at("status"), "complete");
  EXPECT_FALSE(std::filesystem::exists(path("out/unfinished")));
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--out", "whole"})));
  EXPECT_EQ(files("out/images"), files("whole/images"));
}

// Photos of several sizes, learned again at the size of the change and at another.
TEST_F(NetworkCommand, VerifyTakesPhotosThatKeptTheirSizes) {
  std::string csv = "file,lit,age\n";
  std::filesystem::create_directories(path("album"));
  for (std::size_t i = 0; i < 24; ++i) {
    const crosstalk::image::Shape shape{i % 5 == 0 ? std::size_t{1} : std::size_t{3}, 20 + i, 50 - i};
    const std::string name = std::to_string(i) + (i % 2 == 0 ? ".png" : ".jpg");
    const crosstalk::image::Picture picture{
        shape, std::vector<std::uint8_t>(shape.values(), static_cast<std::uint8_t>(i % 2 == 0 ? 90 : 160))};
    write("album/" + name, crosstalk::image::encode(picture, {.format = i % 2 == 0 ? crosstalk::image::Format::Png
                                                                                   : crosstalk::image::Format::Jpeg}));
    csv += fmt::format("{},{},{}\n", name, i % 2 == 0 ? "no" : "yes", i % 4);
  }
  write("album/labels.csv", csv);
  for (const std::string format : {"png", "jpeg"}) {
    ASSERT_TRUE(ended_well(crosstalk({"protect", "album", "--method", "lsp", "--regression", "age", "--working-size",
                                      "16", "--format", format, "--out", format, "--quiet"})));
    const std::vector<std::string> words = {"verify",    "album", "--protected", format, "--epochs", "1",
                                            "--victims", "mtl",   "--out",       "v",    "--json",   "--quiet"};
    const auto usual = crosstalk(words);
    ASSERT_EQ(usual.exit_code, 0) << usual.err;
    const auto json = nlohmann::json::parse(usual.out);
    EXPECT_GT(json.at("protect").at("max_level_change"), 0);
    EXPECT_EQ(crosstalk(words + std::vector<std::string>{"--size", "24"}).exit_code, 0);
  }
}

// Stopped as soon as the first pass is kept.
TEST_F(NetworkCommand, AStoppedProtectGoesOnToTheSameBytes) {
  const std::string words = "protect photos --epochs 40 --quiet --out ";
  const auto stopped = shell("\"$CROSSTALK\" " + words +
                             "out & until [ -f out/unfinished/noise.pt ]; do sleep 0.01; done; kill -TERM $!; wait $!");
  ASSERT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_FALSE(std::filesystem::exists(path("out/run.json")));
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--epochs", "41", "--resume", "--quiet", "--out", "out"}), 1,
                          {"--resume", "another configuration"}));
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--epochs", "40", "--resume", "--quiet", "--out", "out"})));
  ASSERT_TRUE(ended_well(shell("\"$CROSSTALK\" " + words + "whole")));
  EXPECT_EQ(files("out/images"), files("whole/images"));
  EXPECT_EQ(record("out").at("protect").at("losses"), record("whole").at("protect").at("losses"));
}

// Whenever it comes.
TEST_F(NetworkCommand, AnInterruptSaysThatPartsAreKeptOnlyWhereSomeAre) {
  for (const std::string seconds : {"0.1", "0.7", "1.5"}) {
    const std::string out = "after-" + seconds;
    const auto stopped = shell("\"$CROSSTALK\" protect photos --epochs 100000 --quiet --out " + out + " & sleep " +
                               seconds + "; kill -TERM $!; wait $!");
    EXPECT_THAT(stopped.exit_code, testing::AnyOf(130, 143));  // 143: it had not begun
    const bool kept = std::filesystem::exists(path(out + "/unfinished/surrogates.pt"));
    if (!kept) {
      EXPECT_THAT(stopped.err, testing::Not(HasSubstr("finished parts are kept"))) << seconds;
    }
  }
}

TEST_F(NetworkCommand, VerifyTrainsVictimsOnBothSetsAndReports) {
  ASSERT_TRUE(ended_well(protect({"--out", "out", "--protect-tasks", "side"})));
  const auto ended = crosstalk(
      {"verify", "photos", "--protected", "out", "--epochs", "3", "--seeds", "2", "--out", "v", "--json", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  const auto json = nlohmann::json::parse(ended.out);
  for (const char* const images : {"clean", "protected"})
    for (const char* const victims : {"mtl", "stl"}) {
      const auto& learned = json.at("verify").at(images).at(victims);
      EXPECT_GE(learned.at("mean"), 0.0);
      EXPECT_LE(learned.at("mean"), 1.0);
      EXPECT_EQ(learned.at("tasks").size(), 2U);
      EXPECT_TRUE(learned.at("tasks").contains("tone"));
    }
  EXPECT_LE(json.at("protect").at("max_level_change"), 8);
  EXPECT_GT(json.at("protect").at("psnr"), 25.0);
  EXPECT_THAT(read_file(path("v/report.html")), HasSubstr("What an unauthorised learner would get"));
  EXPECT_THAT(read_file(path("v/report.html")), HasSubstr("data:image/png"));
  EXPECT_THAT(read_file(path("v/mtl.csv")), HasSubstr("side,accuracy"));
  // These images have no colours, so that grey is no learner.
  const auto learners = cells_of(read_file(path("v/learners.csv")));
  std::set<std::string> names;
  for (const auto& row : learners.rows) names.insert(row[0]);
  EXPECT_THAT(names, testing::ElementsAre("bits2", "jpeg10", "network", "usual", "usual with one network a task"));
  EXPECT_EQ(json.at("verify").at("strongest").at("learner"), learners.rows.at(0).at(0));
  EXPECT_TRUE(json.at("verify").contains("verdict"));

  if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
  const auto seen = test_support::visit(path("v") / "report.html");
  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, testing::IsEmpty());
  EXPECT_THAT(seen.requests, testing::IsEmpty());
  EXPECT_EQ(test_support::wanted_width(path("v") / "report.html", 360), 360);
}

TEST_F(NetworkCommand, VerifyGivesTheSameNumbersForTheSameSeed) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  for (const std::string threads : {"1", "2"})
    ASSERT_TRUE(ended_well(crosstalk({"verify", "photos", "--protected", "out", "--epochs", "2", "--threads", threads,
                                      "--out", "v" + threads, "--quiet"})));
  EXPECT_EQ(record("v1").at("verify").at("clean"), record("v2").at("verify").at("clean"));
  EXPECT_EQ(record("v1").at("verify").at("protected"), record("v2").at("verify").at("protected"));
}

TEST_F(NetworkCommand, VerifyTakesCountermeasuresAndALeak) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const auto ended =
      crosstalk({"verify", "photos", "--protected", "out", "--epochs", "1", "--victims", "mtl", "--countermeasure",
                 "jpeg10+grey+cutmix+early-stop", "--leak", "25", "--out", "v", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  EXPECT_EQ(record("v").at("configuration").at("countermeasure"), "jpeg10+grey+cutmix+early-stop");
  EXPECT_EQ(record("v").at("configuration").at("leak"), 25.0);
  const std::string page = read_file(path("v/report.html"));
  EXPECT_THAT(page, HasSubstr("jpeg10+grey+cutmix+early-stop"));
  EXPECT_THAT(page, HasSubstr("25 % of the images to train on"));
  EXPECT_THAT(page, HasSubstr("--countermeasure=jpeg10+grey+cutmix+early-stop --leak=25"));
}

TEST_F(NetworkCommand, VerifyTakesTheLearnersThatAreNamed) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const std::vector<std::string> words = {"verify",    "photos", "--protected", "out",     "--epochs", "1",
                                          "--victims", "mtl",    "--no-flip",   "--quiet", "--out",    "v"};
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--learners", "usual,blur"})));
  EXPECT_EQ(record("v").at("verify").at("learners").size(), 2U);
  EXPECT_EQ(record("v").at("verify").at("mirror_images"), false);
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--learners", "usual"})));
  EXPECT_EQ(record("v").at("verify").at("learners").size(), 1U);
  const auto refused = [&](const std::vector<std::string>& more, const std::vector<std::string>& parts) {
    EXPECT_TRUE(was_refused(crosstalk(words + more), 2, parts));
  };
  refused({"--learners", "usual,gray"}, {"--learners", "gray", "network"});
  refused({"--learners", "usual", "--leak", "10"}, {"--learners", "--leak"});
  refused({"--learners", "usual", "--panel", "quick"}, {"--learners", "panel"});
  refused({"--flip"}, {"--flip", "--no-flip"});
}

// Says left and dark of every image, which is right of one in two.
constexpr const char* kAnswersAlike =
    "(echo file,tone,side; for f in $(ls {test}); do echo $f,dark,left; done) > {predictions}; ";

TEST_F(NetworkCommand, VerifyRunsACommandOfTheOwners) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const std::vector<std::string> words = {"verify",  "photos",    "--protected", "out",        "--epochs",
                                          "1",       "--victims", "mtl",         "--learners", "usual",
                                          "--quiet", "--out",     "v",           "--seeds",    "2"};
  const std::string notes =
      std::string(kAnswersAlike) + "echo $CROSSTALK_SEED $(ls {train} | wc -l) $(ls {test} | wc -l) >> ../../../runs";
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--victim", notes})));
  // 32 images and their labels to train on, 8 to test on; clean and protected, two seeds.
  EXPECT_EQ(read_file(path("runs")), "1 33 8\n2 33 8\n1 33 8\n2 33 8\n");
  const auto verify = record("v").at("verify");
  ASSERT_EQ(verify.at("learners").size(), 2U);
  const auto& own = verify.at("learners").at(1);
  EXPECT_EQ(own.at("learner"), "--victim");
  // The same answer to all learns no task of the clean images, so that its copy says nothing.
  EXPECT_TRUE(own.at("left").is_null());
  EXPECT_NE(verify.at("verdict"), "protected");
  EXPECT_THAT(read_file(path("v/learners.csv")), HasSubstr("--victim"));
  EXPECT_FALSE(std::filesystem::exists(path("v/victim/clean-victim-seed0/train"))) << "lent images are taken back";
  EXPECT_TRUE(std::filesystem::exists(path("v/victim/clean-victim-seed0/log.txt")));
}

TEST_F(NetworkCommand, ACommandThatFailsIsNamedAndTheRestStands) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const auto failed = [&](const std::string& command, const std::vector<std::string>& parts) {
    const auto ended =
        crosstalk({"verify", "photos", "--protected", "out", "--epochs", "1", "--victims", "mtl", "--learners", "usual",
                   "--quiet", "--out", "v", "--victim-minutes", "0.1", "--victim", command});
    EXPECT_EQ(ended.exit_code, 1);
    for (const std::string& part : parts) EXPECT_THAT(ended.err, HasSubstr(part));
    EXPECT_THAT(ended.out, HasSubstr("No result"));
    EXPECT_EQ(record("v").at("verify").at("learners").size(), 1U);
    EXPECT_NE(record("v").at("verify").at("verdict"), "protected");
    EXPECT_THAT(read_file(path("v/report.html")), HasSubstr("No result"));
  };
  failed("echo out of beer; exit 7", {"--victim on the clean images", "exit status 7", "out of beer"});
  failed("echo file,side,tone > {predictions}", {"no answer about image \"000000.png\""});
  failed(std::string(kAnswersAlike) + "rm {train}/000003.png", {"it changed its inputs: train/000003.png"});
}

TEST_F(NetworkCommand, AnInterruptEndsTheCommandOfTheOwners) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const auto ended = shell(
      "\"$CROSSTALK\" verify photos --protected out --epochs 1 --victims mtl --learners usual --quiet --out v --victim "
      "'sleep 1000 & echo $! > ../../../pid; wait' & until [ -s pid ]; do sleep 0.01; done; kill -INT $!; wait $!; "
      "status=$?; for i in $(seq 500); do kill -0 $(cat pid) 2> /dev/null || break; sleep 0.01; done; "
      "kill -0 $(cat pid) 2> /dev/null && exit 99; exit $status");
  EXPECT_EQ(ended.exit_code, 130) << ended.err;
}

TEST_F(NetworkCommand, CountermeasuresAndTransformationsThatAreNoneAreRefused) {
  const auto refused = [&](const std::vector<std::string>& words, const std::vector<std::string>& parts) {
    EXPECT_TRUE(was_refused(crosstalk(words + std::vector<std::string>{"--quiet", "--out", "v"}), 2, parts));
  };
  const std::vector<std::string> verify = {"verify", "photos", "--protected", "out"};
  refused(verify + std::vector<std::string>{"--countermeasure", "jpg10"}, {"--countermeasure", "jpg10", "jpegQ"});
  refused(verify + std::vector<std::string>{"--countermeasure", "jpeg0"}, {"--countermeasure", "from 1 to 100"});
  refused(verify + std::vector<std::string>{"--leak", "101"}, {"--leak", "101"});
  const std::vector<std::string> protect = {"protect", "photos"};
  refused(protect + std::vector<std::string>{"--withstand", "jpeg,gray"}, {"--withstand", "gray", "grey"});
  refused(protect + std::vector<std::string>{"--withstand", "jpeg", "--method", "lsp"}, {"--withstand", "lsp"});
  refused(protect + std::vector<std::string>{"--withstand", "jpeg", "--generator", "g.pt"},
          {"--withstand", "generator"});
}

TEST_F(NetworkCommand, ProtectLearnsNoiseThatWithstands) {
  const auto learned = [&](const std::vector<std::string>& more, const std::string& out) {
    EXPECT_TRUE(ended_well(protect(std::vector<std::string>{"--method", "em", "--out", out} + more)));
    return files(out + "/images");
  };
  EXPECT_NE(learned({"--withstand", "jpeg,resize"}, "one"), learned({}, "two"));
  EXPECT_EQ(record("one").at("configuration").at("withstand"), "jpeg,resize");
}

// Of colour images noise is learned through grey, and a learner that sees grey is tried, unless the user says
// otherwise.
TEST_F(NetworkCommand, ColourImagesAreProtectedAndVerifiedInGreyToo) {
  std::filesystem::create_directories(path("colours"));
  crosstalk::Rng rng(3);
  std::string csv = "file,hue\n";
  for (std::size_t i = 0; i < 24; ++i) {
    crosstalk::image::Picture picture{{3, 10, 10}, {}};
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t p = 0; p < 100; ++p)
        picture.pixels.push_back(static_cast<std::uint8_t>((c == i % 2 ? 150 : 80) + rng.below(30)));
    const std::string name = std::to_string(100 + i) + ".png";
    write("colours/" + name, crosstalk::image::encode_png(picture.shape, picture.pixels));
    csv += name + (i % 2 == 0 ? ",red\n" : ",green\n");
  }
  write("colours/labels.csv", csv);
  for (const std::string through : {"auto", "grey", "none"})
    ASSERT_TRUE(ended_well(
        crosstalk({"protect", "colours", "--epochs", "2", "--withstand", through, "--quiet", "--out", through})));
  EXPECT_EQ(record("auto").at("protect").at("withstand"), nlohmann::json::array({"grey"}));
  EXPECT_EQ(record("none").at("protect").at("withstand"), nlohmann::json::array());
  EXPECT_EQ(files("auto/images"), files("grey/images"));
  EXPECT_NE(files("auto/images"), files("none/images"));
  ASSERT_TRUE(ended_well(crosstalk(
      {"verify", "colours", "--protected", "auto", "--epochs", "1", "--victims", "mtl", "--quiet", "--out", "v"})));
  EXPECT_EQ(record("v").at("verify").at("learners").size(), 5U);
  EXPECT_THAT(read_file(path("v/learners.csv")), HasSubstr("\ngrey,"));
}

TEST_F(NetworkCommand, VerifyCombinesLossesAndBuildsNetworksAsAsked) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  ASSERT_TRUE(ended_well(crosstalk({"verify", "photos", "--protected", "out", "--victims", "mtl", "--epochs", "2",
                                    "--backbone", "small-vgg", "--weighting", "cagrad", "--out", "v", "--quiet"})));
  EXPECT_EQ(record("v").at("configuration").at("weighting"), "cagrad");
  EXPECT_EQ(record("v").at("configuration").at("backbone"), "small-vgg");
  EXPECT_THAT(read_file(path("v/report.html")), HasSubstr("combined by cagrad"));
  EXPECT_THAT(read_file(path("v/report.html")), HasSubstr("--weighting=cagrad"));
  EXPECT_TRUE(was_refused(crosstalk({"verify", "photos", "--protected", "out", "--weighting", "best"}), 2,
                          {"--weighting", "best", "aligned-mtl"}));
}

TEST_F(NetworkCommand, VerifySaysInOneLineWhatDoesNotFit) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "noise", "--out", "out", "--quiet"})));
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(
        was_refused(crosstalk(std::vector<std::string>{"verify", "--quiet", "--out", "v"} + words), code, parts));
  };
  refused({"photos"}, 2, {"--protected"});
  refused({"photos", "--protected", "nowhere"}, 1, {"--protected", "nowhere"});
  refused({"photos", "--protected", "out", "--victims", "mtl,all"}, 2, {"--victims", "all"});
  refused({"photos", "--protected", "out", "--stl-tasks", "sides"}, 2, {"--stl-tasks", "sides"});
  refused({"photos", "--protected", "out", "--test-fraction", "0.02"}, 1, {"40 images are too few"});
  std::filesystem::remove(path("out/images/100.png"));
  std::string csv = read_file(path("out/images/manifest.csv"));
  const std::size_t row = csv.find("100.png");
  csv.erase(row, csv.find('\n', row) + 1 - row);
  write("out/images/manifest.csv", csv);
  refused({"photos", "--protected", "out"}, 1, {"out/images", "photos", "39 published images of 40"});
}

// Other pixels than protect wrote, and so no copy of these images.
TEST_F(NetworkCommand, VerifyRefusesACopyThatDiffersByMoreThanEpsilon) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "noise", "--out", "out", "--quiet"})));
  const std::vector<std::uint8_t> black(144, 0);
  write("out/images/103.png", crosstalk::image::encode_png({1, 12, 12}, black));
  EXPECT_TRUE(was_refused(crosstalk({"verify", "photos", "--protected", "out", "--quiet", "--out", "v"}), 1,
                          {"no copy of photos", "epsilon was 8"}));
}

// Each learner is a process of its own; killed with its parent, the panel goes on with those that came to their end.
TEST_F(NetworkCommand, APanelGoesOnAfterAKillAndGetsTheSameTable) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const std::string words =
      "verify photos --protected out --panel quick --groups leaks --epochs 1 --quiet --jobs 1 --out ";
  ASSERT_TRUE(ended_well(shell("\"$CROSSTALK\" " + words + "whole")));
  const auto table = cells_of(read_file(path("whole/panel.csv")));
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(table.rows[0][0], "usual");
  EXPECT_THAT(read_file(path("whole/report.html")), HasSubstr("What other unauthorised learners get"));

  const auto killed = shell("\"$CROSSTALK\" " + words +
                            "parts & until ls parts/cells/*/run.json 2> /dev/null; do sleep 0.01; done; kill -KILL $!; "
                            "wait $! 2> /dev/null; test ! -e parts/run.json");
  ASSERT_EQ(killed.exit_code, 0) << "it ended before it was killed";
  EXPECT_TRUE(
      was_refused(shell("\"$CROSSTALK\" " + words + "parts --seed 9 --resume"), 1, {"parts/cells", "--resume"}));
  const auto first = record("parts/cells/small-ls-none-leak0-mtl");
  ASSERT_TRUE(ended_well(shell("\"$CROSSTALK\" " + words + "parts --resume")));
  EXPECT_EQ(files("whole").at("panel.csv"), files("parts").at("panel.csv"));
  EXPECT_EQ(record("parts/cells/small-ls-none-leak0-mtl"), first) << "it was trained again";
}

TEST_F(NetworkCommand, APanelOfProtectedImagesAloneLearnsNoCleanOnes) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  const auto panel = crosstalk({"verify", "photos", "--protected", "out", "--panel", "quick", "--groups", "leaks",
                                "--protected-only", "--epochs", "1", "--quiet", "--out", "p"});
  ASSERT_TRUE(ended_well(panel));
  EXPECT_THAT(panel.out, Not(HasSubstr("clean")));
  for (const std::string cell : {"leak0", "leak20"})
    EXPECT_TRUE(record("p/cells/small-ls-none-" + cell + "-mtl")["verify"]["clean"]["mtl"]["mean"].is_null()) << cell;
}

TEST_F(NetworkCommand, AFailedLearnerIsNamedAndTheOthersStand) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
  // A folder where a learner wants to write its record.
  std::filesystem::create_directories(path("p/cells"));
  const auto ended = shell(
      "(until [ -d p/cells/small-ls-none-leak50-mtl ]; do sleep 0.01; done; mkdir "
      "p/cells/small-ls-none-leak50-mtl/run.json) & \"$CROSSTALK\" verify photos --protected out --panel quick "
      "--groups "
      "leaks --epochs 1 --jobs 1 --quiet --out p; status=$?; wait; exit $status");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("small-ls-none-leak50-mtl: exit status 1"));
  EXPECT_THAT(read_file(path("p/panel.csv")), HasSubstr("failed"));
  EXPECT_TRUE(
      was_refused(crosstalk({"verify", "photos", "--protected", "out", "--panel", "quick", "--groups", "locks"}), 2,
                  {"locks", "backbones"}));
}

// Without the second program beside it the command says what is missing.
TEST_F(Command, WithoutNetworksItSaysHowToGetThem) {
  const auto alone = shell("cp \"$CROSSTALK\" ./alone && ./alone verify x --protected y");
  EXPECT_TRUE(was_refused(alone, 1, {"crosstalk-image", "./setup.sh image"}));
}

}  // namespace
