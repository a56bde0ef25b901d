#include "crosstalk/image/array_set.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/rng.hpp"
#include "data/error_of.hpp"
#include "data/gzip.hpp"
#include "data/temporary_folder.hpp"

namespace crosstalk::image {
namespace {

using data::NdArray;

template <typename T>
NdArray array(const std::string& type, std::vector<std::size_t> shape, const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return {type, std::move(shape), bytes};
}

NdArray counting(std::vector<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t side : shape) size *= side;
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return array("u1", std::move(shape), bytes);
}

class NpzOfImages : public testing::Test {
 protected:
  [[nodiscard]] FolderSet open() const {
    folder.write("set.npz", data::format_npz(arrays));
    return open_npz(folder / "set.npz");
  }
  [[nodiscard]] std::string error() const {
    return data::error_of(folder.path().string(), [&] { (void)open(); });
  }
  std::map<std::string, NdArray> arrays = {{"images", counting({2, 2, 3})},
                                           {"kind", array<std::int64_t>("i8", {2}, {-3, 7})}};
  data::TemporaryFolder folder;
};

TEST_F(NpzOfImages, EveryLayoutGivesPlanesAndIsPackedAsItWas) {
  for (const auto& [shape, expected, second] : {std::tuple{std::vector<std::size_t>{2, 2, 4}, Shape{1, 2, 4}, 1},     //
                                                std::tuple{std::vector<std::size_t>{2, 2, 4, 1}, Shape{1, 2, 4}, 1},  //
                                                std::tuple{std::vector<std::size_t>{2, 1, 2, 4}, Shape{1, 2, 4}, 1},  //
                                                std::tuple{std::vector<std::size_t>{2, 2, 4, 3}, Shape{3, 2, 4}, 3},  //
                                                std::tuple{std::vector<std::size_t>{2, 3, 2, 4}, Shape{3, 2, 4}, 1}}) {
    arrays["images"] = counting(shape);
    const FolderSet set = open();
    EXPECT_EQ(set.source->shape(), expected);
    Batch batch = set.source->read(0, 2);
    EXPECT_EQ(batch.image(0)[1], second);  // the pixel right of the first one
    const Container* container = set.source->container();
    ASSERT_NE(container, nullptr);
    EXPECT_EQ(container->file(), "images.npz");
    for (auto& pixel : batch.pixels) pixel = static_cast<std::uint8_t>(pixel + 1);
    const std::string packed = container->pack(batch.pixels);
    EXPECT_EQ(container->unpack(packed, "x"), batch.pixels);
    const auto written = data::parse_npz_arrays(packed, "x");
    EXPECT_EQ(written.at("kind").bytes, arrays["kind"].bytes);
    ASSERT_EQ(written.at("images").shape, shape);
    for (std::size_t i = 0; i < written.at("images").bytes.size(); ++i)
      EXPECT_EQ(written.at("images").value(i), static_cast<double>(i + 1));
    EXPECT_THROW((void)container->pack(std::span(batch.pixels).first(3)), std::invalid_argument);
  }
}

TEST_F(NpzOfImages, WholeNumbersAreClassesAndFloatsARegression) {
  arrays["images"] = counting({3, 2, 3});
  arrays["kind"] = array<std::int32_t>("i4", {3}, {-3, 7, 20});
  arrays["lit"] = array<std::uint8_t>("b1", {3}, {1, 0, 1});
  arrays["height"] = array<double>("f8", {3}, {0.5, NAN, 2.0});
  const FolderSet set = open();
  const auto& tasks = set.source->tasks();
  ASSERT_EQ(tasks.size(), 3U);  // in the order of their names
  EXPECT_EQ(tasks[0].kind, Kind::Regression);
  EXPECT_EQ(tasks[1].kind, Kind::Classes);
  EXPECT_EQ(tasks[1].classes, (std::vector<std::string>{"-3", "7", "20"}));
  EXPECT_EQ(tasks[2].kind, Kind::Binary);
  const Batch batch = set.source->read(0, 3);
  EXPECT_TRUE(is_missing(batch.label(1, 0)));
  EXPECT_EQ(batch.label(2, 0), 2.0);
  EXPECT_EQ(batch.label(2, 1), 2.0);
  EXPECT_EQ(batch.label(0, 2), 1.0);
  EXPECT_TRUE(batch.maps.empty());
}

TEST_F(NpzOfImages, ALabelAPixelIsADenseTask) {
  arrays["classes"] = array<std::int16_t>("i2", {2, 2, 3}, {0, 1, 2, -1, 255, 0, 1, 1, 1, 1, 1, 1});
  arrays["depth"] = array<float>("f4", {2, 2, 3}, {1, 2, 3, 4, 5, NAN, 7, 8, 9, 10, 11, 12});
  std::vector<float> normals(36);
  for (std::size_t i = 0; i < 36; ++i) normals[i] = static_cast<float>(i);
  arrays["normals"] = array<float>("f4", {2, 2, 3, 3}, normals);
  const FolderSet set = open();
  const auto& tasks = set.source->tasks();
  EXPECT_EQ(tasks[0].kind, Kind::Segmentation);
  EXPECT_EQ(tasks[0].classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(tasks[1].kind, Kind::Depth);
  EXPECT_EQ(tasks[3].kind, Kind::Normals);
  const Batch batch = set.source->read(0, 2);
  EXPECT_TRUE(std::isnan(batch.maps[0][3]));
  EXPECT_TRUE(std::isnan(batch.maps[0][4]));
  EXPECT_EQ(batch.maps[0][2], 2.0F);
  EXPECT_EQ(batch.maps[1][11], 12.0F);
  EXPECT_TRUE(batch.maps[2].empty());                       // kind
  EXPECT_EQ(batch.maps[3][18 + 6 + 5], 18.0F + 5 * 3 + 1);  // second image, y of its last pixel
}

TEST_F(NpzOfImages, NamesWhatIsWrong) {
  const std::string rule = "; images are bytes (u1), N x H x W, N x H x W x C or N x C x H x W with C 1 or 3";
  arrays["images"] = array<float>("f4", {2, 2, 3}, std::vector<float>(12));
  EXPECT_EQ(error(), "set.npz: array \"images\": is 2 x 2 x 3 of type f4" + rule);
  arrays["images"] = counting({2, 4, 2, 2});
  EXPECT_EQ(error(), "set.npz: array \"images\": is 2 x 4 x 2 x 2 of type u1" + rule);
  arrays["images"] = counting({0, 4, 4});
  EXPECT_EQ(error(), "set.npz: array \"images\": is 0 x 4 x 4 of type u1" + rule);
  arrays["images"] = counting({3, 2, 3});
  EXPECT_EQ(error(), "set.npz: array \"kind\": is 2 of type i8; 3 images of 2 x 3 have 3 labels, or one a pixel");
  arrays["images"] = counting({2, 2, 3});
  arrays["kind"] = array<double>("f8", {2}, {NAN, NAN});
  EXPECT_EQ(error(), "set.npz: array \"kind\": has no label");
  arrays["kind"] = array<double>("f8", {2}, {INFINITY, NAN});
  EXPECT_EQ(error(), "set.npz: array \"kind\": holds an infinite number; NaN stands for a missing label");
  arrays["kind"] = array<std::int64_t>("i8", {2}, {1, (std::int64_t{1} << 53) + 2});
  EXPECT_EQ(error(),
            "set.npz: array \"kind\": the integer 9007199254740994 is beyond 2^53, which doubles cannot hold exactly");
  arrays["kind"] = array<std::int8_t>("i1", {2, 2, 3}, std::vector<std::int8_t>(12, -1));
  EXPECT_EQ(error(), "set.npz: array \"kind\": has no class from 0 to 254");
  arrays.erase("kind");
  EXPECT_EQ(error(), "set.npz: holds no array of labels beside the images");
  arrays = {{"photos", counting({2, 2, 3})}};
  EXPECT_EQ(error(), "set.npz: no array \"images\"; it holds \"photos\"");
}

// A small file that unpacks into far more than its header promises is not unpacked whole.
TEST_F(NpzOfImages, StopsUnpackingWhereTheHeaderEnds) {
  const std::string promised = data::format_npy(counting({2, 2, 3}));
  const auto path = folder.write("images.npy", promised + std::string(5'000'000, '\0'));
  const std::string zip = fmt::format("cd '{}' && zip -q set.npz images.npy", folder.path().string());
  if (std::system(zip.c_str()) != 0) GTEST_SKIP() << "there is no zip program";
  const std::string message = data::error_of(folder.path().string(), [&] { (void)open_npz(folder / "set.npz"); });
  EXPECT_TRUE(
      message.starts_with("set.npz: array \"images\": the header promises 2 x 2 x 3 numbers of 1 bytes, but 26"))
      << message;  // of one piece of 2^18 bytes
}

// Damaged bytes end in an error or a set, never in a crash or in more memory than the file can hold.
TEST_F(NpzOfImages, SurvivesDamage) {
  arrays["height"] = array<double>("f8", {2}, {0.5, 1.5});
  const std::string good = data::format_npz(arrays);
  Rng rng(8);
  for (int trial = 0; trial < 1000; ++trial) {
    std::string bad = good;
    for (std::size_t change = 0; change <= rng.below(4); ++change)
      bad[rng.below(bad.size())] = static_cast<char>(rng.below(256));
    folder.write("set.npz", bad);
    try {
      (void)open_npz(folder / "set.npz");
    } catch (const DataError&) {
    }
  }
}

class IdxOfImages : public testing::Test {
 protected:
  void SetUp() override {
    folder.write("train-images-idx3-ubyte",
                 std::string("\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02", 16) + "abcdABCDxyzw");
  }
  [[nodiscard]] FolderSet open(const std::string& labels = {}) const {
    return open_idx(folder / "train-images-idx3-ubyte", labels.empty() ? std::filesystem::path() : folder / labels);
  }
  [[nodiscard]] std::string error(const std::string& labels = {}) const {
    return data::error_of(folder.path().string(), [&] { (void)open(labels); });
  }
  data::TemporaryFolder folder;
};

TEST_F(IdxOfImages, LabelsAreAnIdxFileOrATable) {
  folder.write("l.csv", "index,file,kind,height\n0,a,shoe,0.5\n1,b,,\n2,c,bag,2\n");
  const FolderSet set = open("l.csv");
  ASSERT_EQ(set.source->tasks().size(), 2U);
  EXPECT_EQ(set.source->shape(), (Shape{1, 2, 2}));
  const Batch batch = set.source->read(0, 3);
  EXPECT_EQ(batch.image(1)[0], 'A');
  EXPECT_EQ(batch.label(0, 0), 1.0);
  EXPECT_TRUE(is_missing(batch.label(1, 0)));
  EXPECT_EQ(batch.label(2, 1), 2.0);

  folder.write("train-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\x03\x04\x09\x04", 11));
  const FolderSet found = open();
  EXPECT_EQ(found.source->tasks()[0].name, "label");
  EXPECT_EQ(found.source->tasks()[0].classes, (std::vector<std::string>{"4", "9"}));
  EXPECT_EQ(found.source->read(1, 1).label(0, 0), 1.0);
}

TEST_F(IdxOfImages, IsPackedIntoOneGzippedFile) {
  folder.write("labels.csv", "kind\na\nb\na\n");
  const FolderSet set = open();
  const Container* container = set.source->container();
  ASSERT_NE(container, nullptr);
  EXPECT_EQ(container->file(), "images-idx3-ubyte.gz");
  const std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::string packed = container->pack(pixels);
  EXPECT_EQ(container->pack(pixels), packed);
  const auto path = folder.write("packed.gz", packed);
  EXPECT_EQ(container->unpack(data::read_file(path), "x"), pixels);
  EXPECT_EQ(data::error_of(
                "", [&] { (void)container->unpack(std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x02\0\0\0\x02", 16), "x"); }),
            "x: does not hold the images that it should");
}

TEST_F(IdxOfImages, NamesWhatDoesNotFit) {
  EXPECT_EQ(error(), "train-images-idx3-ubyte: has no labels beside it; name the CSV or IDX file of labels");
  folder.write("l.csv", "kind\na\nb\n");
  EXPECT_EQ(error("l.csv"), "l.csv: has labels of 2 images; train-images-idx3-ubyte has 3");
  folder.write("l.csv", "index,kind\n0,a\n2,b\n1,c\n");
  EXPECT_EQ(error("l.csv"), "l.csv:3: the index is \"2\"; rows follow the order of the images, this one is 1");
  folder.write("l.idx", std::string("\0\0\x08\x02\0\0\0\x03\0\0\0\x01\x04\x09\x04", 15));
  EXPECT_EQ(error("l.idx"), "l.idx: is 3 x 1; labels are one number an image");
  folder.write("l.idx", std::string("\0\0\x08\x01\0\0\0\x01\x04", 9));
  EXPECT_EQ(error("l.idx"), "l.idx: has labels of 1 images; train-images-idx3-ubyte has 3");
  folder.write("train-images-idx3-ubyte", std::string("\0\0\x08\x01\0\0\0\x01\x04", 9));
  EXPECT_EQ(error("l.idx"), "train-images-idx3-ubyte: is 1; images are N x H x W");
  folder.write("train-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x02\0\0\0\x02", 16));
  EXPECT_EQ(error("l.idx"), "train-images-idx3-ubyte: is 0 x 2 x 2; images are N x H x W");
}

}  // namespace
}  // namespace crosstalk::image
