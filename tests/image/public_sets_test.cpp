#include "crosstalk/image/public_sets.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/data/npy.hpp"
#include "crosstalk/image/codec.hpp"
#include "data/error_of.hpp"
#include "data/temporary_folder.hpp"
#include "image/jpeg_bytes.hpp"

namespace crosstalk::image {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Tiny stand-ins in the formats of sets that nobody may hand on.
class PublicSets : public testing::Test {
 protected:
  void celeba(const std::string& attributes, const std::string& partition) const {
    folder.write("list_attr_celeba.txt", attributes);
    folder.write("list_eval_partition.txt", partition);
    // The middle is bright, the rest dark: what is cut off can be seen.
    Picture picture{{3, 218, 178}, std::vector<std::uint8_t>(3 * 218 * 178, 20)};
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t y = 39; y < 179; ++y)
        for (std::size_t x = 19; x < 159; ++x) picture.pixels[(c * 218 + y) * 178 + x] = 200;
    for (const char* name : {"000001.jpg", "000002.jpg", "000003.jpg"})
      folder.write(std::string("img_align_celeba/") + name, encode_png(picture.shape, picture.pixels));
  }
  [[nodiscard]] std::string celeba_error() const {
    return data::error_of(folder.path().string(), [&] { (void)open_celeba(folder.path(), false, {}); });
  }
  void chest(const std::string& rows, const std::string& train) const {
    folder.write("Data_Entry_2017.csv", "Image Index,Finding Labels,Follow-up #\n" + rows);
    folder.write("train_val_list.txt", train);
    folder.write("test_list.txt", "b.png\n");
    const std::vector<std::uint8_t> grey(36, 90);
    for (const char* name : {"a.png", "b.png", "c.png"})
      folder.write(std::string("images/") + name, encode_png({1, 6, 6}, grey));
  }
  [[nodiscard]] std::string chest_error() const {
    return data::error_of(folder.path().string(), [&] { (void)open_chestxray14(folder.path(), false, {}); });
  }
  void array(const std::string& name, const std::vector<float>& values, std::vector<std::size_t> shape) const {
    folder.write(name, data::format_npy(data::array_of(values, std::move(shape))));
  }
  void nyu(const std::string& part, const std::string& number) const {
    array(part + "/image/" + number + ".npy", {0, 0.5, 1, 1, 1, 1}, {1, 2, 3});
    array(part + "/label/" + number + ".npy", {12, -1}, {1, 2});
    array(part + "/depth/" + number + ".npy", {2.5, 0}, {1, 2, 1});
    array(part + "/normal/" + number + ".npy", {0, 0, 2, 0, 0, 0}, {1, 2, 3});
  }
  [[nodiscard]] std::string nyu_error() const {
    return data::error_of(folder.path().string(), [&] { (void)open_nyuv2(folder.path(), false, {.size = {1, 2}}); });
  }
  data::TemporaryFolder folder;
};

const char* const kAttributes = "3\nSmiling Young\n000001.jpg 1 -1\n000002.jpg -1 -1\n000003.jpg  1  1\n";
const char* const kPartition = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n";

TEST_F(PublicSets, CelebaIsTheMiddleOfThePhotosOfAPart) {
  celeba(kAttributes, kPartition);
  const auto train = open_celeba(folder.path(), false, {.size = {70, 70}}).source;
  ASSERT_EQ(train->size(), 1U);
  EXPECT_EQ(train->shape(), (Shape{3, 70, 70}));
  ASSERT_EQ(train->tasks().size(), 2U);
  EXPECT_EQ(train->tasks()[1].name, "Young");
  const Batch batch = train->read(0, 1);
  EXPECT_EQ(batch.label(0, 0), 1.0);
  EXPECT_EQ(batch.label(0, 1), 0.0);
  for (const auto level : batch.pixels) ASSERT_EQ(level, 200);
  const auto test = open_celeba(folder.path(), true, {.size = {70, 70}}).source;
  ASSERT_EQ(test->size(), 1U);
  EXPECT_EQ(test->read(0, 1).label(0, 1), 1.0);
}

TEST_F(PublicSets, CelebasListsAreCheckedLineByLine) {
  celeba("3\nSmiling Young\n000001.jpg 1 0\n", kPartition);
  EXPECT_THAT(celeba_error(), AllOf(HasSubstr("list_attr_celeba.txt:3"), HasSubstr("2 numbers")));
  celeba("3\n", kPartition);
  EXPECT_THAT(celeba_error(), HasSubstr("no line of names"));
  celeba(kAttributes, "000001.jpg 3\n");
  EXPECT_THAT(celeba_error(), AllOf(HasSubstr("list_eval_partition.txt:1"), HasSubstr("0, 1 or 2")));
  celeba(kAttributes, "000009.jpg 0\n");
  EXPECT_THAT(celeba_error(), AllOf(HasSubstr("000009.jpg"), HasSubstr("no labels")));
  celeba(kAttributes, "000001.jpg 1\n");
  EXPECT_THAT(celeba_error(), HasSubstr("no image of this part"));
  celeba(kAttributes, kPartition);
  std::filesystem::remove(folder / "img_align_celeba/000001.jpg");
  EXPECT_THAT(celeba_error(), AllOf(HasSubstr("000001.jpg"), HasSubstr("not there")));
  folder.write("img_align_celeba/000001.jpg", jpeg_bytes(100, 218, {1, 2, 3}));
  EXPECT_THAT(celeba_error(), HasSubstr("the middle 140 x 140 are wanted"));
}

TEST_F(PublicSets, ChestXray14HasFourteenFindings) {
  chest("a.png,Mass|Hernia,0\nb.png,No Finding,1\nc.png,Edema,0\n", "c.png\na.png\n");
  const auto train = open_chestxray14(folder.path(), false, {.size = {6, 6}}).source;
  ASSERT_EQ(train->size(), 2U);
  ASSERT_EQ(train->tasks().size(), 14U);
  const Batch batch = train->read(0, 2);
  EXPECT_EQ(train->stem(1), "images/a");
  EXPECT_EQ(batch.labels.row(0).sum(), 1.0);  // c: Edema
  EXPECT_EQ(batch.labels.row(1).sum(), 2.0);
  EXPECT_EQ(train->tasks()[13].name, "Hernia");
  EXPECT_EQ(batch.label(1, 13), 1.0);
  EXPECT_EQ(open_chestxray14(folder.path(), true, {}).source->read(0, 1).labels.sum(), 0.0);

  chest("a.png,Mass|Cold,0\n", "a.png\n");
  EXPECT_THAT(chest_error(), AllOf(HasSubstr("Data_Entry_2017.csv:2"), HasSubstr("\"Cold\"")));
  folder.write("Data_Entry_2017.csv", "File,Finding\na.png,Mass\n");
  EXPECT_THAT(chest_error(), HasSubstr("Image Index"));
  std::filesystem::remove(folder / "Data_Entry_2017.csv");
  EXPECT_THAT(chest_error(), HasSubstr("holds no Data_Entry_2017.csv"));
}

TEST_F(PublicSets, Nyuv2MasksWhatHasNoLabel) {
  nyu("train", "0");
  nyu("train", "10");
  nyu("train", "2");
  nyu("val", "0");
  const auto train = open_nyuv2(folder.path(), false, {.size = {1, 2}}).source;
  ASSERT_EQ(train->size(), 3U);
  EXPECT_EQ(train->stem(2), "10");
  const Batch batch = train->read(1, 1);
  EXPECT_EQ(batch.pixels, (std::vector<std::uint8_t>{0, 255, 128, 255, 255, 255}));
  EXPECT_EQ(batch.maps[0][0], 12.0F);
  EXPECT_TRUE(std::isnan(batch.maps[0][1]));
  EXPECT_EQ(batch.maps[1][0], 2.5F);
  EXPECT_TRUE(std::isnan(batch.maps[1][1]));
  EXPECT_EQ(batch.maps[2][4], 1.0F);  // z of the first pixel, of length 1
  EXPECT_TRUE(std::isnan(batch.maps[2][5]));
  EXPECT_EQ(open_nyuv2(folder.path(), true, {.size = {2, 4}}).source->shape(), (Shape{3, 2, 4}));

  array("train/depth/2.npy", {1, 2, 3}, {1, 3});
  EXPECT_THAT(nyu_error(), AllOf(HasSubstr("train/depth/2.npy"), HasSubstr("3 x 1 pixels")));
  array("train/depth/2.npy", {1, 2}, {2});
  EXPECT_THAT(nyu_error(), HasSubstr("H x W x 1"));
  array("train/image/0.npy", {0, 0.5, 2, 1, 1, 1}, {1, 2, 3});
  EXPECT_THAT(nyu_error(), AllOf(HasSubstr("image/0.npy"), HasSubstr("0 to 1")));
  std::filesystem::remove_all(folder / "train");
  EXPECT_THAT(nyu_error(), HasSubstr("train/image"));
}

}  // namespace
}  // namespace crosstalk::image
