#include "crosstalk/image/photo_sets.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <gtest/gtest.h>

#include "crosstalk/image/codec.hpp"
#include "data/error_of.hpp"
#include "data/gzip.hpp"
#include "data/tar_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "image/jpeg_bytes.hpp"

namespace crosstalk::image {
namespace {

using data::tar_member;

std::optional<std::filesystem::path> real(const std::string& name) {
  const char* const folder = std::getenv("CROSSTALK_DATA");
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / name)) return std::nullopt;
  return std::filesystem::path(folder) / name;
}

std::vector<double> counts(const Batch& batch, Eigen::Index task, std::size_t classes) {
  std::vector<double> result(classes);
  for (const double label : batch.labels.col(task)) result[static_cast<std::size_t>(label)] += 1.0;
  return result;
}

class PhotoSets : public testing::Test {
 protected:
  void cmu(std::size_t photos, char level, const std::string& rows) const {
    std::string images("\0\0\x08\x03\0\0\0", 7);
    images += static_cast<char>(photos);
    images += std::string("\0\0\0\x3c\0\0\0\x40", 8) + std::string(photos * 60 * 64, level);
    folder.write("cmu_faces_half.idx3-ubyte.gz", data::deflated(images));
    folder.write("labels.csv", "index,person,pose,expression,eyes,person_id\n" + rows);
  }
  [[nodiscard]] std::string cmu_error() const {
    return data::error_of(folder.path().string(), [&] { (void)open_cmu_faces(folder.path()); });
  }
  [[nodiscard]] std::string pets(const std::string& list) const {
    std::string members = tar_member("pets/annotations/list.txt", list);
    const std::vector<std::uint8_t> trimap = {1, 1, 2, 2, 3, 3, 3, 3, 2, 2, 1, 1};  // 2 x 6
    for (const std::string name : {"Grey_cat_1", "Grey_cat_2", "big_dog_7"}) {
      members += tar_member("pets/images/" + name + ".jpg", jpeg_bytes(6, 2, {90, 80, 70}));
      if (name != "big_dog_7")
        members += tar_member("pets/annotations/trimaps/" + name + ".png", encode_png({1, 2, 6}, trimap));
    }
    folder.write("pets.tar", members + data::tar_end());
    return (folder / "pets.tar").string();
  }
  data::TemporaryFolder folder;
};

TEST_F(PhotoSets, CmuFacesHaveFourTasksAndLevelsUpTo255) {
  cmu(3, 51, "0,ann,left,sad,sunglasses,0\n1,bob,up,sad,eyes,1\n2,ann,left,happy,eyes,0\n");
  const FolderSet set = open_cmu_faces(folder.path());
  EXPECT_EQ(set.source->shape(), (Shape{1, 60, 64}));
  std::vector<std::string> names;
  for (const auto& task : set.source->tasks()) names.push_back(task.name);
  EXPECT_EQ(names, (std::vector<std::string>{"person", "pose", "expression", "sunglasses"}));
  EXPECT_EQ(set.source->tasks()[3].classes, (std::vector<std::string>{"eyes", "sunglasses"}));
  const Batch batch = set.source->read(0, 3);
  EXPECT_EQ(batch.pixels, std::vector<std::uint8_t>(3 * 3840, 85));
  EXPECT_EQ(batch.label(0, 3), 1.0);
  EXPECT_EQ(batch.label(2, 0), 0.0);
}

TEST_F(PhotoSets, NamesWhatIsWrongWithCmuFaces) {
  cmu(1, static_cast<char>(154), "0,ann,left,sad,eyes,0\n");
  EXPECT_EQ(cmu_error(), "cmu_faces_half.idx3-ubyte.gz: image 0 has the level 154; 0 to 153 are expected");
  cmu(2, 1, "0,ann,left,sad,eyes,0\n");
  EXPECT_EQ(cmu_error(), "labels.csv: has 1 rows for 2 images");
  folder.write("labels.csv", "person,pose,eyes\na,b,c\nd,e,f\n");
  EXPECT_EQ(cmu_error(), "labels.csv: no column \"expression\"; there are \"person\", \"pose\", \"eyes\"");
  folder.write("cmu_faces_half.idx3-ubyte.gz", std::string("\0\0\x08\x01\0\0\0\x01\0", 9));
  EXPECT_EQ(cmu_error(), "cmu_faces_half.idx3-ubyte.gz: does not hold images of 64 x 60 pixels");
}

TEST_F(PhotoSets, PetsHaveClassesAndAMapInWhichTheTrimapsNumbersCountFromOne) {
  const auto tar = pets(
      "#Image CLASS-ID SPECIES BREED-ID\nGrey_cat_1 1 1 1\nGrey_cat_2 1 1 1\nabsent_3 3 1 2\n"
      "big_dog_7 2 2 1\n");
  const FolderSet set = open_pets(tar, {.size = {2, 3}});
  ASSERT_EQ(set.source->size(), 3U);
  EXPECT_EQ(set.source->tasks()[0].classes, (std::vector<std::string>{"Grey_cat", "big_dog"}));
  EXPECT_EQ(set.source->tasks()[2].classes, (std::vector<std::string>{"pet", "background", "border"}));
  const Batch batch = set.source->read(1, 2);
  EXPECT_EQ(batch.shape, (Shape{3, 2, 3}));
  EXPECT_EQ(batch.label(0, 1), 0.0);
  EXPECT_EQ(batch.label(1, 1), 1.0);
  ASSERT_EQ(batch.maps.size(), 3U);
  EXPECT_TRUE(batch.maps[0].empty());
  EXPECT_EQ(std::vector<float>(batch.maps[2].begin(), batch.maps[2].begin() + 6),
            (std::vector<float>{0, 1, 2, 2, 1, 0}));
  EXPECT_TRUE(std::all_of(batch.maps[2].begin() + 6, batch.maps[2].end(), [](float v) { return std::isnan(v); }));
}

TEST_F(PhotoSets, NamesWhatIsWrongWithPets) {
  const auto error = [&](const std::string& list, const PhotoOptions& options = {}) {
    return data::error_of(folder.path().string(), [&] { (void)open_pets(pets(list), options); });
  };
  EXPECT_EQ(
      error("Grey_cat_1 1 3 1\n"),
      "pets.tar: pets/annotations/list.txt:1: \"Grey_cat_1 1 3 1\" is not a name, a class and a species of 1 or 2");
  EXPECT_EQ(error("none_1 1 1 1\n"), "pets.tar: annotations/list.txt names none of its images");
  EXPECT_EQ(error("Grey_cat_1 1 1 1\n", {.images = 2}), "pets.tar: has 1 images; 2 were asked for");
  folder.write("pets.tar", tar_member("a.jpg", "x") + data::tar_end());
  EXPECT_EQ(data::error_of(folder.path().string(), [&] { (void)open_pets(folder / "pets.tar", {}); }),
            "pets.tar: holds no annotations/list.txt");
}

TEST_F(PhotoSets, APartIsDrawnWithTheSeedAndKeepsTheOrder) {
  std::string members;
  for (int i = 0; i < 60; ++i) members += tar_member(fmt::format("{}_0_1_x.jpg", i + 10), jpeg_bytes(4, 4, {90}));
  folder.write("u.tar", members + data::tar_end());
  const auto stems = [&](std::uint64_t seed) {
    const FolderSet set = open_utkface(folder / "u.tar", {.images = 20, .seed = seed});
    EXPECT_EQ(set.source->shape(), (Shape{1, 64, 64}));
    std::vector<std::string> names;
    for (std::size_t i = 0; i < set.source->size(); ++i) {
      names.push_back(set.source->stem(i));
      const int age = std::stoi(names.back());
      EXPECT_EQ(set.source->read(i, 1).label(0, 0), std::min(age / 10 + 1, 8));
    }
    return names;
  };
  const auto first = stems(1);
  EXPECT_EQ(first.size(), 20U);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(stems(1), first);
  EXPECT_NE(stems(2), first);
}

TEST_F(PhotoSets, TheRealCmuFacesHaveTwentyPeople) {
  const auto path = real("cmu_faces");
  if (!path) GTEST_SKIP() << "CROSSTALK_DATA has no cmu_faces";
  const FolderSet set = open_cmu_faces(*path);
  ASSERT_EQ(set.source->size(), 624U);
  const Batch batch = set.source->read(0, 624);
  EXPECT_EQ(set.source->tasks()[0].classes.size(), 20U);
  EXPECT_EQ(counts(batch, 1, 4), (std::vector<double>{156, 155, 157, 156}));
  EXPECT_EQ(counts(batch, 3, 2), (std::vector<double>{313, 311}));
  EXPECT_EQ(*std::ranges::max_element(batch.pixels), 255);
}

TEST_F(PhotoSets, TheRealUtkFaceHasTheCountsOfItsReadme) {
  const auto path = real("utkface/utkface_crop_part1.tar");
  if (!path) GTEST_SKIP() << "CROSSTALK_DATA has no utkface";
  const FolderSet set = open_utkface(*path, {.threads = 2});
  ASSERT_EQ(set.source->size(), 9778U);
  EXPECT_EQ(set.notes.size(), 2U);
  EXPECT_EQ(set.source->shape(), (Shape{3, 64, 64}));
  Eigen::MatrixXd labels(9778, 3);
  for (std::size_t first = 0; first < 9778; first += 1000) {
    const Batch batch = set.source->read(first, std::min<std::size_t>(1000, 9778 - first));
    labels.middleRows(static_cast<Eigen::Index>(first), batch.labels.rows()) = batch.labels;
  }
  const Batch all{0, {}, {}, labels, {}};
  EXPECT_EQ(counts(all, 0, 9), (std::vector<double>{1587, 1359, 1218, 1517, 1034, 675, 938, 654, 796}));
  EXPECT_EQ(counts(all, 1, 5), (std::vector<double>{5265, 405, 1553, 1452, 1103}));
  EXPECT_EQ(counts(all, 2, 2), (std::vector<double>{4372, 5406}));
}

TEST_F(PhotoSets, TheRealPetsHaveAMapEach) {
  const auto path = real("oxford_pets_sample/oxford_pets_sample.tar");
  if (!path) GTEST_SKIP() << "CROSSTALK_DATA has no oxford_pets_sample";
  const FolderSet set = open_pets(*path, {.threads = 2});
  ASSERT_EQ(set.source->size(), 296U);
  const Batch batch = set.source->read(0, 296);
  EXPECT_EQ(counts(batch, 0, 3), (std::vector<double>{99, 98, 99}));
  EXPECT_EQ(counts(batch, 1, 2), (std::vector<double>{197, 99}));
  std::vector<double> pixels(3);
  for (const float label : batch.maps[2]) pixels[static_cast<std::size_t>(label)] += 1.0;
  for (const double count : pixels) EXPECT_GT(count, 0.05 * static_cast<double>(batch.maps[2].size()));
}

}  // namespace
}  // namespace crosstalk::image
