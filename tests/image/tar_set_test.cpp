#include <gtest/gtest.h>

#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/folder_set.hpp"
#include "data/error_of.hpp"
#include "data/tar_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "image/jpeg_bytes.hpp"

namespace crosstalk::image {
namespace {

using data::tar_member;

std::string png(std::uint8_t level, const Shape& shape = {1, 4, 6}) {
  return encode_png(shape, std::vector<std::uint8_t>(shape.values(), level));
}

class TarOfImages : public testing::Test {
 protected:
  [[nodiscard]] FolderSet open(const std::string& members, const FolderOptions& options = {}) const {
    folder.write("set.tar", members + data::tar_end());
    return open_tar(folder / "set.tar", options);
  }
  [[nodiscard]] std::string error(const std::string& members, const FolderOptions& options = {}) const {
    return data::error_of(folder.path().string(), [&] { (void)open(members, options); });
  }
  data::TemporaryFolder folder;
};

TEST_F(TarOfImages, HasItsLabelsInsideAndNamesCountFromTheFolderOfAll) {
  const FolderSet set = open(tar_member("photos/", "", '5') + tar_member("photos/b.png", png(2)) +
                             tar_member("photos/sub/a.jpg", jpeg_bytes(6, 4, {90})) +
                             tar_member("photos/labels.csv", "file,t\nsub/a.jpg,x\nb.png,y\n"));
  ASSERT_EQ(set.source->size(), 2U);
  EXPECT_EQ(set.source->shape(), (Shape{1, 4, 6}));
  EXPECT_EQ(set.source->stem(0), "sub/a");
  const Batch batch = set.source->read(0, 2);
  EXPECT_NEAR(batch.image(0)[0], 90, 1);
  EXPECT_EQ(batch.image(1)[0], 2);
  EXPECT_EQ(batch.label(1, 0), 1.0);
}

// The published image would be written where the name leads.
TEST_F(TarOfImages, ANameThatLeadsOutIsRefused) {
  for (const std::string name : {"../1_0_0_x.png", "/etc/1_0_0_x.png", "a/../../1_0_0_x.png"})
    EXPECT_EQ(error(tar_member("2_0_0_y.png", png(1)) + tar_member(name, png(1))),
              "set.tar: holds \"" + std::filesystem::path(name).lexically_normal().string() +
                  "\", a name that leads out of the archive's folder");
}

TEST_F(TarOfImages, LabelsMayLieOutside) {
  const auto labels = folder.write("outside.csv", "file,t\na.png,1\nb.png,2\n");
  EXPECT_EQ(open(tar_member("a.png", png(1)) + tar_member("b.png", png(2)), {.labels = labels}).source->size(), 2U);
}

TEST_F(TarOfImages, NamesWhatDoesNotMatchOrDecode) {
  const std::string labels = tar_member("labels.csv", "file,t\na.png,x\nb.png,y\n");
  EXPECT_EQ(error(labels + tar_member("a.png", png(1))),
            "set.tar: labels.csv: set.tar: b.png has a row, but there is no such file");
  EXPECT_EQ(error(labels + tar_member("a.png", png(1)) + tar_member("b.png", "text")),
            "set.tar: b.png: is neither a PNG, a JPEG nor a WebP file");
  EXPECT_EQ(error(tar_member("a.png", png(1))),
            "set.tar: has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of labels");
  EXPECT_EQ(error(""),
            "set.tar: has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of "
            "labels");
}

TEST_F(TarOfImages, UtkFaceNamesAreLabels) {
  for (const bool as_tar : {true, false}) {
    const std::vector<std::string> names = {"100_1_4_2017.jpg.chip.jpg", "2_0_0_2017.jpg.chip.jpg",
                                            "61_3_20170109150557335.jpg.chip.jpg", "9_1_2_2017.jpg.chip.jpg"};
    std::string members;
    for (const auto& name : names) {
      members += tar_member("crop/" + name, jpeg_bytes(6, 4, {90, 90, 90}));
      folder.write("crop/" + name, jpeg_bytes(6, 4, {90, 90, 90}));
    }
    const FolderSet set = as_tar ? open(members) : open_folder(folder / "crop");
    ASSERT_EQ(set.source->size(), 3U);
    ASSERT_EQ(set.notes.size(), 1U);
    EXPECT_TRUE(set.notes[0].ends_with(names[2] + ": its name lacks a field of age_gender_race_")) << set.notes[0];
    const auto& tasks = set.source->tasks();
    ASSERT_EQ(tasks.size(), 3U);
    EXPECT_EQ(tasks[0].name, "age");
    EXPECT_EQ(tasks[0].classes.size(), 9U);
    EXPECT_EQ(tasks[1].classes.size(), 5U);
    EXPECT_EQ(tasks[2].kind, Kind::Binary);
    Eigen::MatrixXd expected(3, 3);
    expected << 8, 4, 1, 0, 0, 0, 1, 2, 1;  // 100, 2 and 9 years
    EXPECT_EQ(set.source->read(0, 3).labels, expected);
  }
}

TEST_F(TarOfImages, AFewNamesLikeUtkFacesAreNotTaken) {
  EXPECT_EQ(error(tar_member("1_1_1_a.png", png(1)) + tar_member("b.png", png(1))),
            "set.tar: has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of labels");
}

TEST_F(TarOfImages, BringsImagesToOneSizeWhenAsked) {
  const std::string members = tar_member("a.png", png(10)) + tar_member("b.png", png(20, {3, 9, 8})) +
                              tar_member("labels.csv", "file,t\na.png,x\nb.png,y\n");
  EXPECT_EQ(open(members).source->shape(), (Shape{3, 64, 64}));  // the size at which photos are changed
  const FolderSet set = open(members, {.size = Size{3, 5}});
  EXPECT_EQ(set.source->shape(), (Shape{3, 3, 5}));
  const Batch batch = set.source->read(0, 2);
  EXPECT_EQ(batch.pixels.size(), 2U * 45);
  EXPECT_EQ(std::vector<std::uint8_t>(batch.image(0).begin(), batch.image(0).end()), std::vector<std::uint8_t>(45, 10));
  EXPECT_EQ(std::vector<std::uint8_t>(batch.image(1).begin(), batch.image(1).end()), std::vector<std::uint8_t>(45, 20));
}

}  // namespace
}  // namespace crosstalk::image
