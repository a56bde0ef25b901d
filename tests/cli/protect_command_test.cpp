#include <cmath>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/rng.hpp"

using namespace cli;
using crosstalk::image::Picture;
using testing::HasSubstr;

namespace {

constexpr std::size_t kImages = 12;

class ProtectCommand : public Command {
 protected:
  // Twelve images of 16 x 16 RGB pixels; the labels of every fourth image miss the second task.
  void SetUp() override {
    std::filesystem::create_directories(path("photos"));
    crosstalk::Rng rng(5);
    std::string csv = "file,\"kind, of thing\",lit,height\n";
    for (std::size_t i = 0; i < kImages; ++i) {
      Picture picture{{3, 16, 16}, std::vector<std::uint8_t>(3 * 16 * 16)};
      for (auto& pixel : picture.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
      write(fmt::format("photos/{}.png", i), crosstalk::image::encode_png(picture.shape, picture.pixels));
      originals_.push_back(std::move(picture));
      csv += fmt::format("{}.png,{},{},{}.5\n", i,
                         i % 3 == 0   ? "\"a \"\"b\"\"\""
                         : i % 3 == 1 ? "c"
                                      : "d",
                         i % 4 == 3   ? ""
                         : i % 2 == 0 ? "0"
                                      : "1",
                         i);
    }
    write("photos/labels.csv", csv);
  }
  [[nodiscard]] Picture published(const std::string& out, std::size_t i) const {
    const std::string name = fmt::format("{}/images/{}.png", out, i);
    return crosstalk::image::decode(read_file(path(name)), name);
  }

  std::vector<Picture> originals_;
};

TEST_F(ProtectCommand, PublishesAFolderWithinTheBudgetWhichItReportsAsMeasured) {
  for (const std::string method : {"lsp", "ar", "ops", "noise"}) {
    const auto ended =
        crosstalk({"protect", "photos", "--method", method, "--epsilon", "6", "--out", method, "--json", "--quiet"});
    ASSERT_TRUE(ended_well(ended)) << method;
    int largest = 0;
    double squares = 0.0;
    for (std::size_t i = 0; i < kImages; ++i) {
      const Picture picture = published(method, i);
      ASSERT_EQ(picture.shape, originals_[i].shape);
      for (std::size_t p = 0; p < picture.pixels.size(); ++p) {
        const int change = std::abs(int{picture.pixels[p]} - int{originals_[i].pixels[p]});
        largest = std::max(largest, change);
        squares += change * change;
      }
    }
    EXPECT_GT(largest, 0);
    EXPECT_LE(largest, 6);
    const auto json = nlohmann::json::parse(ended.out);
    EXPECT_EQ(json, record(method));
    const auto& protect = json.at("protect");
    EXPECT_EQ(protect.at("max_level_change"), largest);
    EXPECT_NEAR(protect.at("psnr").get<double>(), 10.0 * std::log10(255.0 * 255.0 * kImages * 768 / squares), 1e-9);
    EXPECT_GE(protect.at("seconds").get<double>(), 0.0);
    EXPECT_GT(protect.at("peak_mb").get<double>(), 1.0);
    EXPECT_EQ(json.at("configuration").at("epsilon"), 6);
    EXPECT_EQ(json.at("data").at("tasks")[0].at("protected"), method != "noise");
    EXPECT_EQ(json.at("data").at("tasks")[2].at("protected"), false);  // a regression
  }
}

TEST_F(ProtectCommand, TheManifestHoldsLabelsAndHashesAndIsASetItself) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--out", "out", "--quiet"})));
  const std::string manifest = read_file(path("out/images/manifest.csv"));
  EXPECT_THAT(manifest, testing::StartsWith("file,index,sha256,\"kind, of thing\",lit,height\n0.png,0,"));
  EXPECT_THAT(manifest, HasSubstr(",\"a \"\"b\"\"\",,3.5\n"));
  const auto sums =
      shell("cd out/images && tail -n +2 manifest.csv | awk -F, '{print $3 \"  \" $1}' | sha256sum -c --quiet -");
  EXPECT_EQ(sums.exit_code, 0) << sums.out << sums.err;
  const auto again = crosstalk({"protect", "out/images", "--method", "noise", "--out", "again", "--json", "--quiet"});
  ASSERT_TRUE(ended_well(again));
  EXPECT_EQ(nlohmann::json::parse(again.out).at("data").at("tasks")[0].at("classes"),
            (std::vector<std::string>{"a \"b\"", "c", "d"}));
}

TEST_F(ProtectCommand, TheSameSeedGivesTheSameBytesForAnyThreadsAndFromItsOwnRecord) {
  for (const std::string method : {"lsp", "ar", "ops", "noise"}) {
    const std::vector<std::string> words = {"protect", "photos", "--method", method, "--seed", "3", "--quiet"};
    ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--threads", "1", "--out", method + "1"})));
    ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--threads", "3", "--out", method + "3"})));
    ASSERT_TRUE(
        ended_well(crosstalk({"protect", "--config", method + "1/run.json", "--out", method + "c", "--quiet"})));
    EXPECT_EQ(files(method + "1/images"), files(method + "3/images"));
    EXPECT_EQ(files(method + "1/images"), files(method + "c/images"));
    EXPECT_EQ(files(method + "1/images").size(), kImages + 1);
  }
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--seed", "4", "--out", "other", "--quiet"})));
  EXPECT_NE(files("other/images"), files("lsp1/images"));
}

TEST_F(ProtectCommand, TasksCanBeLeftOutAndAveraged) {
  const auto ended = crosstalk(
      {"protect", "photos", "--protect-tasks", "lit", "--composition", "average", "--out", "out", "--json", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  const auto tasks = nlohmann::json::parse(ended.out).at("data").at("tasks");
  EXPECT_EQ(tasks[0].at("protected"), false);
  EXPECT_EQ(tasks[1].at("protected"), true);
  EXPECT_EQ(published("out", 3).pixels, originals_[3].pixels);  // whose label is missing
  EXPECT_NE(published("out", 4).pixels, originals_[4].pixels);
}

TEST_F(ProtectCommand, WritesAContactSheetWhenAsked) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--show-noise", "--out", "out", "--quiet"})));
  const Picture sheet = crosstalk::image::decode(read_file(path("out/contact_sheet.png")), "sheet");
  EXPECT_EQ(sheet.shape, (crosstalk::image::Shape{3, 8 * 68 + 4, 3 * 68 + 4}));
}

TEST_F(ProtectCommand, MakesGarmentsOnTheFly) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "Fashion-MNIST is not installed";
  for (const std::string set : {"garments-3", "garments-40"}) {
    const auto ended = crosstalk({"protect", set, "--images", "30", "--out", set, "--json", "--quiet"});
    ASSERT_TRUE(ended_well(ended));
    EXPECT_EQ(nlohmann::json::parse(ended.out).at("protect").at("max_level_change"), 8);
    EXPECT_EQ(files(set + "/images").size(), 31U);
  }
}

TEST_F(ProtectCommand, DrawsShapesWithoutAnyDataSet) {
  ASSERT_TRUE(ended_well(
      crosstalk({"protect", "shapes-dense", "--method", "noise", "--images", "20", "--out", "out", "--quiet"})));
  const auto json = record("out");
  EXPECT_EQ(json.at("data").at("images"), 20);
  EXPECT_EQ(json.at("data").at("tasks").size(), 3U);
  EXPECT_EQ(json.at("protect").at("max_level_change"), 8);
  EXPECT_TRUE(was_refused(crosstalk({"protect", "shapes-dense", "--quiet", "--out", "out"}), 2,
                          {"no task of the set has classes to protect"}));
}

TEST_F(ProtectCommand, NamesWhatIsWrongAndWritesNothing) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(
        was_refused(crosstalk(std::vector<std::string>{"protect", "--quiet", "--out", "out"} + words), code, parts));
    EXPECT_TRUE(files("out").empty());
  };
  refused({"photos", "--epsilon", "0"}, 2, {"--epsilon", "0"});
  refused({"photos", "--epsilon", "256"}, 2, {"--epsilon", "256"});
  refused({"photos", "--method", "mtl-ue"}, 2, {"--method", "lsp"});
  refused({"photos", "--protect-tasks", "lid"}, 2, {"unknown task \"lid\"; did you mean \"lit\"?"});
  refused({"photos", "--protect-tasks", "height"}, 2, {"task \"height\" has no class an image"});
  refused({"photos", "--protect-tasks", "lit", "--method", "noise"}, 2, {"--protect-tasks: noise knows no tasks"});
  refused({"photos", "--images", "3"}, 2, {"--images: only for sets with a name"});
  refused({"garments-3", "--labels", "x.csv"}, 2, {"--labels: garments-3 has its own labels"});
  refused({"shapes-dense", "--labels", "x.csv"}, 2, {"--labels: shapes-dense has its own labels"});
  refused({"shapes-dens"}, 1, {"no image set, folder or file \"shapes-dens\"; did you mean \"shapes-dense\"?"});
  refused({"garments-30"}, 1, {"no image set, folder or file \"garments-30\"; did you mean \"garments-3\"?"});
  refused({"photos", "--labels", "none.csv"}, 1, {"none.csv"});
  write("photos/new.png", "text");
  refused({"photos"}, 1, {"photos/new.png: has no row in photos/labels.csv"});
  write("photos/labels.csv", read_file(path("photos/labels.csv")) + "new.png,c,0,1\n");
  refused({"photos"}, 1, {"photos/new.png: is neither a PNG nor a JPEG file"});
  const auto skipped = crosstalk({"protect", "photos", "--skip-bad", "--out", "out"});
  EXPECT_EQ(skipped.exit_code, 0);
  EXPECT_THAT(skipped.err, HasSubstr("left out: photos/new.png"));
}

TEST_F(ProtectCommand, OpsNamesAClassOfOneImage) {
  std::string csv = read_file(path("photos/labels.csv"));
  csv.replace(csv.find(",c,"), 3, ",solo,");
  write("photos/labels.csv", csv);
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--method", "ops", "--quiet", "--out", "out"}), 1,
                          {"class \"solo\" of task \"kind, of thing\" has one image only"}));
}

TEST_F(ProtectCommand, NeverWritesAmongTheOriginalsOrForeignImages) {
  const auto before = files("photos");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--quiet", "--out", "photos"}), 1,
                          {"--out: photos/images lies in the folder of the images"}));
  EXPECT_EQ(files("photos"), before);
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--quiet", "--out", "out"})));
  const auto first = files("out/images");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "out/images", "--quiet", "--out", "out"}), 1,
                          {"lies in the folder of the images"}));
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--quiet", "--out", "out"})));  // the same set once more
  EXPECT_EQ(files("out/images"), first);
  write("out/images/foreign.png", "x");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--quiet", "--out", "out"}), 1,
                          {"out/images/foreign.png is there already"}));
}

}  // namespace
