#include <cmath>

#include <gtest/gtest.h>

#include "crosstalk/data/npy.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/folder_set.hpp"
#include "crosstalk/image/map_file.hpp"
#include "data/error_of.hpp"
#include "data/temporary_folder.hpp"

namespace crosstalk::image {
namespace {

constexpr Shape kShape = {1, 2, 3};
const TaskInfo kSegmentation{"s", Kind::Segmentation, {}};
const TaskInfo kDepth{"d", Kind::Depth, {}};
const TaskInfo kNormals{"n", Kind::Normals, {}};

class DenseFolder : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string name : {"a", "b"})
      folder.write(name + ".png", encode_png(kShape, std::vector<std::uint8_t>(6, 9)));
    folder.write("maps/a.png", encode_png(kShape, std::vector<std::uint8_t>{0, 1, 2, 0, 255, 4}));
    folder.write("maps/a.npy", encode_map(kDepth, kShape, std::vector<float>{1, 2, 3, 4, NAN, 6}));
    const float half = std::sqrt(0.5F);
    folder.write("maps/an.npy", encode_map(kNormals, kShape,
                                           std::vector<float>{1, 0, 0, half, 0, NAN,  //
                                                              0, 1, 0, half, 0, NAN,  //
                                                              0, 0, 1, 0, -1.0F, NAN}));
    labels("file,lit,s,d,n\na.png,1,maps/a.png,maps/a.npy,maps/an.npy\nb.png,0,,,\n");
  }
  void labels(const std::string& csv) const { folder.write("labels.csv", csv); }
  void one_task(const std::string& file) const { labels("file,t\na.png," + file + "\nb.png,\n"); }
  [[nodiscard]] FolderSet open(const FolderOptions& options = {}) const { return open_folder(folder.path(), options); }
  [[nodiscard]] std::string error() const {
    return data::error_of(folder.path().string(), [&] { (void)open(); });
  }
  data::TemporaryFolder folder;
};

void expect_same(const Maps& seen, const std::vector<float>& expected) {
  ASSERT_EQ(seen.size(), expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_TRUE(seen[i] == expected[i] || (std::isnan(seen[i]) && std::isnan(expected[i]))) << i << ": " << seen[i];
}

TEST_F(DenseFolder, ColumnsOfFilesAreMaps) {
  const FolderSet set = open();
  const auto& tasks = set.source->tasks();
  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].kind, Kind::Binary);
  EXPECT_EQ(tasks[1].kind, Kind::Segmentation);
  EXPECT_EQ(tasks[1].classes, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(tasks[2].kind, Kind::Depth);
  EXPECT_EQ(tasks[3].kind, Kind::Normals);
  const Batch batch = set.source->read(0, 2);
  EXPECT_EQ(batch.label(0, 0), 1.0);
  EXPECT_TRUE(batch.labels.rightCols(3).array().isNaN().all());
  ASSERT_EQ(batch.maps.size(), 4U);
  EXPECT_TRUE(batch.maps[0].empty());
  const float half = std::sqrt(0.5F);
  expect_same(batch.maps[1], {0, 1, 2, 0, NAN, 4, NAN, NAN, NAN, NAN, NAN, NAN});
  expect_same(batch.maps[2], {1, 2, 3, 4, NAN, 6, NAN, NAN, NAN, NAN, NAN, NAN});
  Maps first(batch.maps[3].begin(), batch.maps[3].begin() + 18);
  expect_same(first, {1, 0, 0, half, 0, NAN, 0, 1, 0, half, 0, NAN, 0, 0, 1, 0, -1, NAN});
  EXPECT_EQ(batch.maps[3].size(), 36U);
  EXPECT_EQ(set.source->read(1, 1).maps[2].size(), 6U);
}

TEST_F(DenseFolder, ClassesMayHaveNames) {
  folder.write("maps/classes.txt", "sky\nroad\ntree\ncar\ndog\nnever seen\n");
  EXPECT_EQ(open().source->tasks()[1].classes,
            (std::vector<std::string>{"sky", "road", "tree", "car", "dog", "never seen"}));
  folder.write("maps/classes.txt", "sky\nroad\n");
  EXPECT_EQ(error(), "maps/a.png: holds the class 2; 0 to 1 have names");
  folder.write("maps/classes.txt", "sky\nsky\n");
  EXPECT_EQ(error(), "maps/classes.txt: holds 2 lines; each of 1 to 255 classes has a name of its own");
}

TEST_F(DenseFolder, MapsFollowTheSizeOfTheirImages) {
  const FolderSet set = open({.size = Size{1, 3}});
  expect_same(set.source->read(0, 1).maps[1], {0, NAN, 4});
  expect_same(set.source->read(0, 1).maps[2], {4, NAN, 6});
}

TEST_F(DenseFolder, NamesAMapThatIsNone) {
  std::filesystem::remove_all(folder / "maps");
  one_task("maps/none.png");
  EXPECT_EQ(error(), "labels.csv: maps/none.png is named in task \"t\", but there is no such file");
  one_task("../a.png");
  EXPECT_EQ(error(), "labels.csv: \"../a.png\" of task \"t\" is no file below the folder");
  folder.write("m.png", "text");
  one_task("m.png");
  EXPECT_EQ(error(), "m.png: is neither a PNG nor an .npy file");
  std::filesystem::remove(folder / "m.png");
  folder.write("m.npy", encode_png({1, 3, 3}, std::vector<std::uint8_t>(9)));
  one_task("m.npy");
  EXPECT_EQ(error(), "m.npy: has 3 x 3 pixels, but its image a.png has 3 x 2");
  folder.write("m.npy", encode_png({3, 2, 3}, std::vector<std::uint8_t>(18)));
  EXPECT_EQ(error(), "m.npy: a map of classes is a grey PNG file of 8 bits, the number of a class in each pixel");
  folder.write("m.npy", data::format_npy({"u1", {2, 3}, std::string(6, '\1')}));
  EXPECT_EQ(error(), "m.npy: is 2 x 3 of type u1; a map is H x W floats (depth) or H x W x 3 (normals)");
  folder.write("m.npy", data::format_npy(data::array_of(std::vector<float>(12, 0.5F), {2, 3, 2})));
  EXPECT_EQ(error(), "m.npy: is 2 x 3 x 2 of type f4; a map is H x W floats (depth) or H x W x 3 (normals)");
  folder.write("m.npy", data::format_npy(data::array_of(std::vector<float>(18, 0.5F), {2, 3, 3})));
  EXPECT_EQ(error(), "m.npy: the normal at row 0, column 0 has the length 0.866; it must be 1");
  folder.write("m.npy", data::format_npy(data::array_of(std::vector<float>{1, 1, 1, 1, 1, INFINITY}, {2, 3})));
  EXPECT_EQ(error(), "m.npy: holds inf at row 1, column 2; NaN stands for a missing label");
  folder.write("m.npy", data::format_npy(data::array_of({}, {0, 3})));
  EXPECT_EQ(error(), "m.npy: is 0 x 3 of type f4; a map is H x W floats (depth) or H x W x 3 (normals)");
}

TEST_F(DenseFolder, MapsOfATaskAreOfOneKind) {
  labels("file,t\na.png,maps/a.png\nb.png,maps/a.npy\n");
  EXPECT_EQ(error(), "maps/a.npy: is a map of another kind than maps/a.png; those of task \"t\" must be of one");
}

TEST_F(DenseFolder, NoticesAMapThatChangedAfterwards) {
  const FolderSet set = open();
  folder.write("maps/a.png", encode_png(kShape, std::vector<std::uint8_t>(6, 7)));
  EXPECT_EQ(data::error_of(folder.path().string(), [&] { (void)set.source->read(0, 1); }),
            "maps/a.png: has changed while it was in use");
  folder.write("maps/a.png", encode_map(kDepth, kShape, std::vector<float>(6, 1)));
  EXPECT_EQ(data::error_of(folder.path().string(), [&] { (void)set.source->read(0, 1); }),
            "maps/a.png: has changed while it was in use");
  folder.write("maps/a.png", encode_png({1, 1, 6}, std::vector<std::uint8_t>(6, 1)));
  EXPECT_EQ(data::error_of(folder.path().string(), [&] { (void)set.source->read(0, 1); }),
            "maps/a.png: has changed while it was in use");
}

TEST_F(DenseFolder, ABadMapLeavesItsImageOutWhenAsked) {
  folder.write("bad.png", "text");
  labels("file,t\na.png,bad.png\nb.png,maps/a.png\n");
  const FolderSet set = open({.skip_bad = true});
  ASSERT_EQ(set.source->size(), 1U);
  EXPECT_EQ(set.source->stem(0), "b");
  EXPECT_EQ(set.source->read(0, 1).maps[0][1], 1.0F);
  std::filesystem::remove_all(folder / "maps");
  one_task("bad.png");
  EXPECT_EQ(data::error_of("", [&] { (void)open({.skip_bad = true}); }),
            folder.path().string() + ": no image has a map of task \"t\" that decodes");
}

TEST(MapFile, RefusesWhatNoFileHolds) {
  EXPECT_THROW((void)encode_map(kSegmentation, kShape, std::vector<float>(5)), std::invalid_argument);
  EXPECT_THROW((void)encode_map(kSegmentation, kShape, std::vector<float>(6, 255)), std::invalid_argument);
  EXPECT_THROW((void)encode_map(kSegmentation, kShape, std::vector<float>(6, 0.5F)), std::invalid_argument);
  EXPECT_THROW((void)encode_map({"t", Kind::Classes, {}}, kShape, {}), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::image
