#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "cli/command.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/rng.hpp"

using namespace cli;
using crosstalk::image::Encoding;
using crosstalk::image::Format;
using crosstalk::image::Metadata;
using crosstalk::image::Photo;
using crosstalk::image::Picture;
using crosstalk::image::Shape;
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
    EXPECT_LT(protect.at("ssim").get<double>(), 1.0);
    EXPECT_GT(protect.at("ssim").get<double>(), 0.9);
    EXPECT_GE(protect.at("seconds").get<double>(), 0.0);
    EXPECT_GT(protect.at("peak_mb").get<double>(), 1.0);
    EXPECT_EQ(json.at("configuration").at("epsilon"), 6);
    EXPECT_EQ(json.at("data").at("tasks")[0].at("protected"), method != "noise");
    EXPECT_EQ(json.at("data").at("tasks")[2].at("protected"), false);  // a regression
  }
}

TEST_F(ProtectCommand, TheManifestHoldsLabelsAndHashesAndIsASetItself) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "out", "--quiet"})));
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
  ASSERT_TRUE(
      ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--seed", "4", "--out", "other", "--quiet"})));
  EXPECT_NE(files("other/images"), files("lsp1/images"));
}

TEST_F(ProtectCommand, TasksCanBeLeftOutAndAveraged) {
  const auto ended = crosstalk({"protect", "photos", "--method", "lsp", "--protect-tasks", "lit", "--composition",
                                "average", "--out", "out", "--json", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  const auto tasks = nlohmann::json::parse(ended.out).at("data").at("tasks");
  EXPECT_EQ(tasks[0].at("protected"), false);
  EXPECT_EQ(tasks[1].at("protected"), true);
  EXPECT_EQ(published("out", 3).pixels, originals_[3].pixels);  // whose label is missing
  EXPECT_NE(published("out", 4).pixels, originals_[4].pixels);
}

TEST_F(ProtectCommand, WritesAContactSheetWhenAsked) {
  ASSERT_TRUE(
      ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--show-noise", "--out", "out", "--quiet"})));
  const Picture sheet = crosstalk::image::decode(read_file(path("out/contact_sheet.png")), "sheet");
  EXPECT_EQ(sheet.shape, (crosstalk::image::Shape{3, 8 * 68 + 4, 3 * 68 + 4}));
}

TEST_F(ProtectCommand, MakesGarmentsOnTheFly) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "Fashion-MNIST is not installed";
  for (const std::string set : {"garments-3", "garments-40"}) {
    const auto ended =
        crosstalk({"protect", set, "--method", "lsp", "--images", "30", "--out", set, "--json", "--quiet"});
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
  EXPECT_TRUE(was_refused(crosstalk({"protect", "shapes-dense", "--method", "lsp", "--quiet", "--out", "out"}), 2,
                          {"no task of the set has classes to protect"}));
}

TEST_F(ProtectCommand, APublishedFolderKeepsTheMapsOfItsImages) {
  ASSERT_TRUE(ended_well(
      crosstalk({"protect", "shapes-dense", "--method", "noise", "--images", "6", "--out", "out", "--quiet"})));
  EXPECT_THAT(read_file(path("out/images/manifest.csv")),
              HasSubstr(",maps/segmentation/000004.png,maps/depth/000004.npy,maps/normals/000004.npy\n"));
  EXPECT_EQ(files("out/images").size(), 6U * 4 + 2);  // images, three maps each; manifest, names of the classes
  const auto first = files("out/images");
  ASSERT_TRUE(ended_well(
      crosstalk({"protect", "shapes-dense", "--method", "noise", "--images", "6", "--out", "out", "--quiet"})));
  EXPECT_EQ(files("out/images"), first);

  ASSERT_TRUE(
      ended_well(crosstalk({"protect", "out/images", "--method", "noise", "--out", "again", "--json", "--quiet"})));
  EXPECT_EQ(record("again").at("data").at("tasks"), record("out").at("data").at("tasks"));
  for (const auto& [name, content] : files("again/images/maps")) EXPECT_EQ(content, first.at("maps/" + name)) << name;
}

TEST_F(ProtectCommand, AFolderWhoseImagesLieWhereMapsGoIsRefused) {
  const Picture& photo = originals_[0];
  std::filesystem::create_directories(path("set/maps/m"));
  write("set/maps/m/m.png", crosstalk::image::encode_png({1, 16, 16}, std::vector<std::uint8_t>(256)));
  write("set/maps/m/a.png", crosstalk::image::encode_png(photo.shape, photo.pixels));
  write("set/a.png", crosstalk::image::encode_png(photo.shape, photo.pixels));
  write("set/labels.csv", "file,m\na.png,maps/m/m.png\nmaps/m/a.png,maps/m/m.png\n");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "set", "--method", "noise", "--quiet", "--out", "out"}), 1,
                          {"images of this set lie in the folder \"maps\""}));
}

// One set of twelve images in an .npz and in an IDX file.
class ProtectOneFile : public ProtectCommand {
 protected:
  void SetUp() override {
    ProtectCommand::SetUp();
    crosstalk::Rng rng(6);
    for (std::size_t i = 0; i < kImages * 80; ++i) pixels_ += static_cast<char>(rng.below(256));
    std::string kinds;
    for (std::size_t i = 0; i < kImages; ++i) kinds += static_cast<char>(i % 3);
    write("set.npz", crosstalk::data::format_npz(
                         {{"images", {"u1", {kImages, 8, 10}, pixels_}}, {"kind", {"u1", {kImages}, kinds}}}));
    write("images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\x0c\0\0\0\x08\0\0\0\x0a", 16) + pixels_);
    write("labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\x0c", 8) + kinds);
  }
  void expect_within(const std::string& published, int epsilon) const {
    ASSERT_EQ(published.size(), pixels_.size());
    int largest = 0;
    for (std::size_t i = 0; i < pixels_.size(); ++i)
      largest = std::max(largest,
                         std::abs(static_cast<unsigned char>(published[i]) - static_cast<unsigned char>(pixels_[i])));
    EXPECT_GT(largest, 0);
    EXPECT_LE(largest, epsilon);
  }
  std::string pixels_;
};

TEST_F(ProtectOneFile, AnNpzFileBecomesAnNpzFile) {
  const auto ended =
      crosstalk({"protect", "set.npz", "--method", "lsp", "--epsilon", "5", "--out", "out", "--json", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  ASSERT_EQ(files("out/images").size(), 2U);
  const auto arrays = crosstalk::data::read_npz_arrays(path("out/images/images.npz"));
  EXPECT_EQ(arrays.at("kind").bytes, crosstalk::data::read_npz_arrays(path("set.npz")).at("kind").bytes);
  expect_within(arrays.at("images").bytes, 5);
  const auto json = nlohmann::json::parse(ended.out);
  EXPECT_EQ(json.at("protect").at("max_level_change"), 5);
  EXPECT_GT(json.at("protect").at("ssim"), 0.9);
  EXPECT_LT(json.at("protect").at("ssim"), 1.0);
  EXPECT_THAT(read_file(path("out/images/manifest.csv")), testing::StartsWith("index,sha256,kind\n0,"));
  ASSERT_TRUE(ended_well(crosstalk({"protect", "out/images", "--method", "noise", "--out", "again", "--quiet"})));
  EXPECT_EQ(record("again").at("data").at("tasks")[0].at("classes"), (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(ProtectOneFile, AnIdxFileBecomesAnIdxFileAndItsManifestHoldsTheLabels) {
  ASSERT_TRUE(ended_well(crosstalk({"protect", "images-idx3-ubyte", "--method", "lsp", "--out", "out", "--quiet"})));
  ASSERT_EQ(files("out/images").size(), 2U);
  const auto array = crosstalk::data::read_idx(path("out/images/images-idx3-ubyte.gz"));
  expect_within(array.file.substr(16), 8);
  const auto sums = shell(
      "cd out/images && sed -n 2p manifest.csv | cut -d, -f2 && "
      "gunzip -c images-idx3-ubyte.gz | tail -c +17 | head -c 80 | sha256sum | cut -d' ' -f1");
  EXPECT_EQ(sums.out.substr(0, 65), sums.out.substr(65));
  ASSERT_TRUE(ended_well(crosstalk({"protect", "out/images", "--method", "noise", "--out", "again", "--quiet"})));
  EXPECT_EQ(record("again").at("data").at("tasks")[0].at("name"), "label");
  write("other.csv", "lit\n" + std::string("yes\nno\nno\n") + "no\nno\nno\nno\nno\nno\nno\nno\nno\n");
  ASSERT_TRUE(ended_well(crosstalk(
      {"protect", "images-idx3-ubyte", "--method", "lsp", "--labels", "other.csv", "--out", "o", "--quiet"})));
  EXPECT_EQ(record("o").at("data").at("tasks")[0].at("name"), "lit");
}

TEST_F(ProtectOneFile, NamesFlagsAndFilesThatDoNotFitAndReplacesNothing) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(
        was_refused(crosstalk(std::vector<std::string>{"protect", "--method", "lsp", "--quiet"} + words), code, parts));
  };
  refused({"set.npz", "--labels", "x.csv"}, 2, {"--labels: an .npz file has its own labels"});
  refused({"set.npz", "--size", "4"}, 2, {"--size: an .npz or IDX file is published as it is"});
  refused({"set.npz", "--images", "4"}, 2, {"--images: only for sets with a name"});
  refused({"set.npz", "--format", "jpeg"}, 2, {"--format jpeg: set.npz is published as a file of its own kind"});
  write("text.txt", "x");
  refused({"text.txt"}, 1, {"text.txt: is neither a folder nor a .tar, .npz or idx3-ubyte file of images, nor one"});
  ASSERT_TRUE(ended_well(crosstalk({"protect", "set.npz", "--method", "lsp", "--out", "out", "--quiet"})));
  const auto before = files("out/images");
  refused({"out/images/images.npz", "--out", "out"}, 1, {"--out: out/images/images.npz would be replaced"});
  refused({"out/images", "--out", "out"}, 1, {"lies in the folder of the images"});
  EXPECT_EQ(files("out/images"), before);
}

TEST_F(ProtectCommand, BringsImagesToOneSizeWhenAsked) {
  ASSERT_TRUE(
      ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--size", "8x12", "--out", "out", "--quiet"})));
  EXPECT_EQ(published("out", 3).shape, (crosstalk::image::Shape{3, 8, 12}));
  for (const std::string size : {"0", "x", "8x", "8x0", "8x9x", "9000", "-4"})
    EXPECT_TRUE(
        was_refused(crosstalk({"protect", "photos", "--method", "lsp", "--size=" + size, "--out", "out", "--quiet"}), 2,
                    {"--size: \"" + size + "\" is neither a side nor HEIGHTxWIDTH"}));
  EXPECT_TRUE(
      was_refused(crosstalk({"protect", "shapes-dense", "--method", "lsp", "--size", "8", "--out", "out", "--quiet"}),
                  2, {"--size: shapes-dense is made at one size"}));
}

TEST_F(ProtectCommand, RealFacesHaveOneSize) {
  if (!std::getenv("CROSSTALK_DATA")) GTEST_SKIP() << "CROSSTALK_DATA is not set";
  EXPECT_TRUE(
      was_refused(crosstalk({"protect", "cmu-faces", "--method", "lsp", "--size", "8", "--out", "out", "--quiet"}), 2,
                  {"--size: cmu-faces has 60 x 64 pixels"}));
}

TEST_F(ProtectCommand, ReadsATarOfImages) {
  const auto packed = shell("tar -cf photos.tar photos");
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos.tar", "--method", "lsp", "--out", "tar", "--quiet"})));
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--out", "folder", "--quiet"})));
  EXPECT_EQ(files("tar/images"), files("folder/images"));
}

TEST_F(ProtectCommand, SaysWhereAPhotoSetWouldBe) {
  for (const std::string set : {"cmu-faces", "utkface", "pets"})
    EXPECT_TRUE(was_refused(crosstalk_with({"CROSSTALK_DATA=" + path("photos").string()},
                                           {"protect", set, "--method", "lsp", "--out", "out", "--quiet"}),
                            1, {set + " is read from ", path("photos").string(), "set CROSSTALK_DATA"}));
}

TEST_F(ProtectCommand, NamesWhatIsWrongAndWritesNothing) {
  const auto refused = [&](const std::vector<std::string>& words, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(was_refused(
        crosstalk(std::vector<std::string>{"protect", "--method", "lsp", "--quiet", "--out", "out"} + words), code,
        parts));
    EXPECT_TRUE(files("out").empty());
  };
  refused({"photos", "--epsilon", "0"}, 2, {"--epsilon", "0"});
  refused({"photos", "--epsilon", "256"}, 2, {"--epsilon", "256"});
  refused({"photos", "--method", "mtlue"}, 2, {"--method", "lsp"});
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
  write("photos/labels.csv", read_file(path("photos/labels.csv")) + "new.png,c,0,1\n");
  refused({"photos"}, 1, {"photos/new.png: is neither a PNG, a JPEG nor a WebP file"});
  const auto skipped = crosstalk({"protect", "photos", "--method", "lsp", "--skip-bad", "--out", "out"});
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
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--method", "lsp", "--quiet", "--out", "photos"}), 1,
                          {"--out: photos/images lies in the folder of the images"}));
  EXPECT_EQ(files("photos"), before);
  ASSERT_TRUE(ended_well(crosstalk({"protect", "photos", "--method", "lsp", "--quiet", "--out", "out"})));
  const auto first = files("out/images");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "out/images", "--method", "lsp", "--quiet", "--out", "out"}), 1,
                          {"lies in the folder of the images"}));
  ASSERT_TRUE(ended_well(
      crosstalk({"protect", "photos", "--method", "lsp", "--quiet", "--out", "out"})));  // the same set once more
  EXPECT_EQ(files("out/images"), first);
  write("out/images/foreign.png", "x");
  EXPECT_TRUE(was_refused(crosstalk({"protect", "photos", "--method", "lsp", "--quiet", "--out", "out"}), 1,
                          {"out/images/foreign.png is there already"}));
}

// A folder as a camera, a phone and the web leave it: of each kind one photo, which is smooth, so that lossy files are
// near to it.
class PhotoFolder : public Command {
 protected:
  struct Original {
    std::string file;
    Picture shown;  // upright
    std::string icc;
  };

  void SetUp() override {
    std::filesystem::create_directories(path("album/2024"));
    std::filesystem::create_directories(path("album/.thumbnails"));
    add("wide.jpg", {3, 300, 420}, {.format = Format::Jpeg, .quality = 98});
    add("2024/turned.jpg", {3, 200, 310}, {.format = Format::Jpeg, .quality = 98}, {"", exif(6)});
    add("grey.png", {1, 120, 90}, {});
    add("profile.png", {3, 333, 257}, {}, {profile(), exif(3)});
    add("tiny.png", {3, 20, 31}, {.compression = 1});
    add("tall.jpg", {3, 500, 33}, {.format = Format::Jpeg, .quality = 98}, {profile(), ""});
    if (crosstalk::image::has_webp())
      add("web.webp", {3, 150, 240}, {.format = Format::WebP, .quality = 98}, {profile(), exif(8)});
    write("album/not-listed.png", "anything");
    write("album/.DS_Store", "anything");
    write("album/.thumbnails/wide.jpg", "anything");
    write("album/notes.txt", "anything");
    std::string csv = "file,who,age\n";
    for (std::size_t i = 0; i < originals_.size(); ++i)
      csv += originals_[i].file + (i % 2 == 0 ? ",anna," : ",bert,") + std::to_string(30 + i) + "\n";
    write("album/labels.csv", csv);
  }

  static std::string profile() {
    std::string icc(144, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { icc.replace(at, text.size(), text); };
    put(2, "\x01\xbc");  // 444 bytes
    put(128, std::string("\0\0\0\1desc\0\0\0\x90\0\0\1\x2c", 16));
    crosstalk::Rng rng(1);
    for (int i = 0; i < 300; ++i) icc += static_cast<char>(rng.below(256));
    icc[8] = 2;
    put(12, "mntrRGB XYZ ");
    put(36, "acsp");
    put(68, std::string("\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d", 12));
    return icc;
  }
  // Orientation, and a text where cameras put the place.
  static std::string exif(int orientation) {
    return std::string("II\x2a\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0", 18) + static_cast<char>(orientation) +
           std::string("\0\0\0\0\0\0\0", 7) + "GPS 48.1 N 11.6 E";
  }
  void add(const std::string& file, const Shape& shape, const Encoding& encoding, const Metadata& metadata = {}) {
    Picture picture{shape, {}};
    for (std::size_t c = 0; c < shape.channels; ++c)
      for (std::size_t y = 0; y < shape.height; ++y)
        for (std::size_t x = 0; x < shape.width; ++x)
          picture.pixels.push_back(
              static_cast<std::uint8_t>(60 + 40 * c + 60 * x / shape.width + 40 * y / shape.height));
    const std::string content = crosstalk::image::encode(picture, encoding, metadata);
    write("album/" + file, content);
    const Photo photo = crosstalk::image::decode_photo(content, file);
    EXPECT_EQ(photo.orientation, crosstalk::image::exif_orientation(metadata.exif));
    originals_.push_back({file, photo.picture, photo.metadata.icc});
  }
  [[nodiscard]] Photo published(const std::string& out, std::size_t i, const std::string& extension) const {
    const std::string name =
        out + "/images/" + std::filesystem::path(originals_[i].file).replace_extension(extension).generic_string();
    return crosstalk::image::decode_photo(read_file(path(name)), name);
  }
  // All values of all photos; grey ones thrice.
  [[nodiscard]] std::vector<int> changes(const std::string& out, const std::string& extension) const {
    std::vector<int> all;
    for (std::size_t i = 0; i < originals_.size(); ++i) {
      const Picture& before = originals_[i].shown;
      const Photo after = published(out, i, extension);
      EXPECT_EQ(after.picture.shape, (Shape{3, before.shape.height, before.shape.width})) << originals_[i].file;
      for (std::size_t p = 0; p < after.picture.pixels.size(); ++p)
        all.push_back(std::abs(int{after.picture.pixels[p]} - int{before.pixels[p % before.pixels.size()]}));
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  std::vector<Original> originals_;
};

TEST_F(PhotoFolder, KeepsSizesOrientationAndProfilesAndDropsThePlace) {
  const auto ended = crosstalk({"protect", "album", "--method", "lsp", "--regression", "age", "--out", "out"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("passed over: 1 image without a row in album/labels.csv, such as not-listed.png"));
  EXPECT_THAT(ended.err, HasSubstr("passed over: 2 hidden files or folders"));
  EXPECT_THAT(ended.err, HasSubstr("turned upright"));
  EXPECT_THAT(ended.err, HasSubstr("colour profiles kept"));
  EXPECT_THAT(ended.err, HasSubstr("EXIF (time, place, camera) left out of"));
  EXPECT_THAT(ended.err, HasSubstr("not protected: age"));
  const std::vector<int> all = changes("out", ".png");
  EXPECT_EQ(all.back(), 8);
  EXPECT_GT(all[all.size() / 2], 2);  // most of the picture is changed, at every size
  for (std::size_t i = 0; i < originals_.size(); ++i) {
    const Photo photo = published("out", i, ".png");
    EXPECT_EQ(photo.orientation, 1);
    EXPECT_EQ(photo.metadata.exif, "");
    EXPECT_EQ(photo.metadata.icc, originals_[i].icc) << originals_[i].file;
  }
  for (const auto& [name, content] : files("out")) EXPECT_EQ(content.find("48.1"), std::string::npos) << name;
  const auto json = record("out");
  EXPECT_EQ(json.at("protect").at("max_level_change"), 8);
  EXPECT_EQ(json.at("data").at("own_size"), true);
  EXPECT_EQ(json.at("data").at("height"), 64);
  EXPECT_EQ(json.at("data").at("tasks")[1].at("classes").size(), 0U);  // a regression
  const auto sums =
      shell("cd out/images && tail -n +2 manifest.csv | awk -F, '{print $3 \"  \" $1}' | sha256sum -c --quiet -");
  EXPECT_EQ(sums.exit_code, 0) << sums.out << sums.err;
  ASSERT_TRUE(ended_well(crosstalk(
      {"protect", "album", "--method", "lsp", "--regression", "age", "--threads", "1", "--out", "one", "--quiet"})));
  EXPECT_EQ(files("one/images"), files("out/images"));
}

TEST_F(PhotoFolder, LossyFilesSayWhatADecoderGivesBack) {
  for (const std::string format : {"jpeg", "webp"}) {
    if (format == "webp" && !crosstalk::image::has_webp()) continue;
    const auto ended = crosstalk({"protect", "album", "--method", "lsp", "--format", format, "--quality", "90",
                                  "--keep-metadata", "--out", format, "--quiet"});
    ASSERT_TRUE(ended_well(ended));
    const std::string extension = format == "jpeg" ? ".jpg" : ".webp";
    const std::vector<int> all = changes(format, extension);
    const auto json = record(format).at("protect");
    EXPECT_EQ(json.at("max_level_change"), all.back());
    EXPECT_GT(all.back(), 8);
    const auto at = static_cast<std::size_t>(std::ceil(0.999 * static_cast<double>(all.size()))) - 1;
    EXPECT_EQ(json.at("level_change_999"), all[at]);
    EXPECT_THAT(ended.out, HasSubstr(fmt::format("{} of quality 90: largest change {} levels, of 99.9 % of the values "
                                                 "at most {}, 8 before it was compressed",
                                                 format, all.back(), all[at])));
    const Photo turned = published(format, 1, extension);
    EXPECT_EQ(turned.orientation, 1);
    EXPECT_NE(turned.metadata.exif.find("48.1"), std::string::npos);
    EXPECT_EQ(published(format, 3, extension).metadata.icc, originals_[3].icc);
  }
}

TEST_F(PhotoFolder, TheWorkingSizeIsOfTheChangeAlone) {
  ASSERT_TRUE(ended_well(
      crosstalk({"protect", "album", "--method", "lsp", "--working-size", "16", "--out", "out", "--quiet"})));
  EXPECT_EQ(record("out").at("data").at("width"), 16);
  EXPECT_LE(changes("out", ".png").back(), 8);
  EXPECT_TRUE(was_refused(crosstalk({"protect", "album", "--method", "lsp", "--working-size", "0", "--out", "o"}), 2,
                          {"--working-size: \"0\" is neither a side"}));
  EXPECT_TRUE(
      was_refused(crosstalk({"protect", "album", "--method", "lsp", "--regression", "ages", "--quiet", "--out", "o"}),
                  2, {"--regression: album/labels.csv has no column \"ages\""}));
}

TEST_F(PhotoFolder, OnePictureIsPublishedByItself) {
  const auto ended = crosstalk({"protect", "album/profile.png", "--method", "lsp", "--out", "out", "--quiet"});
  ASSERT_TRUE(ended_well(ended));
  EXPECT_EQ(files("out/images").size(), 2U);
  EXPECT_EQ(crosstalk::image::decode(read_file(path("out/images/profile.png")), "p").shape, originals_[3].shown.shape);
  EXPECT_TRUE(
      was_refused(crosstalk({"protect", "out/images/profile.png", "--method", "lsp", "--quiet", "--out", "out"}), 1,
                  {"--out: out/images/profile.png would be replaced"}));
}

// Each is named in one line with the rule that it breaks; the others of the folder are no help to it.
TEST_F(PhotoFolder, HostileImagesAreNamedWithTheRule) {
  const std::string png = read_file(path("album/profile.png"));
  const std::string jpeg = read_file(path("album/wide.jpg"));
  std::string huge = jpeg;
  const std::size_t frame = huge.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  huge.replace(frame + 5, 4, "\xff\xff\xff\xff");
  std::string wide_png = png;
  wide_png.replace(16, 8, std::string("\0\0\xff\xff\0\0\xff\xff", 8));
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(wide_png.data()) + 12, 17);
  for (std::size_t i = 0; i < 4; ++i) wide_png[29 + i] = static_cast<char>(sum >> (24 - 8 * i));
  std::string animated("RIFF\x2a\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x03\0\0\x03\0\0", 30);
  animated += std::string("ANIM\x06\0\0\0\0\0\0\0\0\0ANMF\0\0\0\0", 22);
  const std::string cmyk(
      "\xff\xd8\xff\xc0\0\x14\x08\0\x08\0\x08\4\1\x11\0\2\x11\0\3\x11\0\4\x11\0\xff\xda\0\x0e"
      "\4\1\0\2\0\3\0\4\0\0\x3f\0\xff\xd9",
      42);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {png.substr(0, png.size() / 2), "does not decode"},
      {jpeg.substr(0, jpeg.size() / 2), "does not decode"},
      {huge, "65500"},
      {wide_png, "has 65535 x 65535 pixels; at most 67108864 can be read"},
      {"", "is empty"},
      {"GIF89a and more", "is neither a PNG, a JPEG nor a WebP file"},
      {cmyk, "has 4 colours (CMYK); only grey and RGB can be read"},
      {animated, crosstalk::image::has_webp() ? "is an animation; a file must hold one picture" : "libwebp"}};
  for (const auto& [content, rule] : cases) {
    write("album/wide.jpg", content);
    EXPECT_TRUE(was_refused(crosstalk({"protect", "album", "--method", "lsp", "--quiet", "--out", "out"}), 1,
                            {"album/wide.jpg", rule}));
    EXPECT_TRUE(files("out").empty());
  }
  EXPECT_EQ(crosstalk({"protect", "album", "--method", "lsp", "--quiet", "--skip-bad", "--out", "rest"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(path("rest/images/wide.png")));
  write("album/wide.jpg", png);  // a wrong extension is no error: the content says what it is
  EXPECT_TRUE(ended_well(crosstalk({"protect", "album", "--method", "lsp", "--quiet", "--out", "out"})));
}

}  // namespace
