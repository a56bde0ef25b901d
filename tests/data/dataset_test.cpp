#include "crosstalk/data/dataset.hpp"

#include <gtest/gtest.h>

#include "crosstalk/data/labels.hpp"
#include "crosstalk/data/npy.hpp"
#include "error_of.hpp"
#include "gzip.hpp"
#include "mat_bytes.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

class LoadFile : public testing::Test {
 protected:
  TemporaryFolder folder;
  Dataset load_file(const std::string& name, const LoadOptions& options = {}) {
    return load((folder / name).string(), options);
  }
  std::string error(const std::string& name, const LoadOptions& options = {}) {
    return error_of(folder.path().string(), [&] { load_file(name, options); });
  }
  // 40 images of 1 x 2 pixels: image i is (i, 2 i), its label i mod classes.
  void write_images(const std::string& prefix, const std::string& suffix, int classes) {
    std::string images("\0\0\x08\3\0\0\0\x28\0\0\0\1\0\0\0\2", 16);
    std::string labels("\0\0\x08\1\0\0\0\x28", 8);
    for (int i = 0; i < 40; ++i) {
      images += static_cast<char>(i);
      images += static_cast<char>(2 * i);
      labels += static_cast<char>(i % classes);
    }
    folder.write(prefix + "-images-idx3-ubyte" + suffix, suffix.empty() ? images : deflated(images));
    folder.write(prefix + "-labels-idx1-ubyte" + suffix, suffix.empty() ? labels : deflated(labels));
  }
};

TEST_F(LoadFile, PicksTheReaderByExtension) {
  folder.write("a.csv", "label,x\n1.5,2\n");
  folder.write("a.TSV.gz", deflated("label\tx\n1.5\t2\n"));
  folder.write("a.data", "label,x\n1.5,2\n");
  folder.write("a.mat", mat::file(mat::two_tasks()));
  write_npz(folder / "a.npz", {{"X", {Eigen::MatrixXd::Ones(2, 1), 2}}, {"y", {Eigen::MatrixXd::Ones(2, 1), 1}}});
  for (const char* name : {"a.csv", "a.TSV.gz", "a.data", "a.npz"}) {
    const Dataset set = load_file(name);
    EXPECT_EQ(set.train.names(), std::vector<std::string>{"all"}) << name;
    EXPECT_EQ(set.sources, std::vector<std::string>{(folder / name).string()});
    EXPECT_FALSE(set.test.has_value());
  }
  EXPECT_EQ(load_file("a.mat").train.size(), 2U);
  EXPECT_EQ(load_file("a.csv").task_column, "");
  EXPECT_EQ(load_file("a.csv").name, (folder / "a.csv").string());
}

TEST_F(LoadFile, ImagesBecomeOneVersusRest) {
  for (const std::string suffix : {"", ".gz"}) {
    write_images("t", suffix, 4);
    const Dataset set = load_file("t-images-idx3-ubyte" + suffix);
    ASSERT_EQ(set.train.names(), (std::vector<std::string>{"0", "1", "2", "3"}));
    for (std::size_t t = 0; t < 4; ++t) {
      const Task& task = set.train[t];
      ASSERT_EQ(task.rows(), 40);  // 10 of the class, 30 others: all there are
      EXPECT_EQ(task.labels.sum(), 10 - 30);
      for (Eigen::Index r = 0; r < task.rows(); ++r) {
        const int image = static_cast<int>(task.features(r, 0));
        EXPECT_EQ(task.features(r, 1), 2 * image);
        EXPECT_EQ(task.labels[r] > 0, image % 4 == static_cast<int>(t));
      }
    }
  }
}

TEST_F(LoadFile, NamesImagesWithoutFittingLabels) {
  write_images("t", "", 4);
  folder.write("t-labels-idx1-ubyte", std::string("\0\0\x08\1\0\0\0\1\5", 9));
  EXPECT_EQ(error("t-images-idx3-ubyte"), "t-images-idx3-ubyte: has 40 images, but t-labels-idx1-ubyte has 1 labels");
  std::filesystem::remove(folder / "t-labels-idx1-ubyte");
  EXPECT_EQ(error("t-images-idx3-ubyte"), "t-labels-idx1-ubyte: No such file or directory");
  write_images("t", "", 1);
  EXPECT_EQ(error("t-images-idx3-ubyte"), "t-labels-idx1-ubyte: one class against the rest needs at least two classes");
}

TEST_F(LoadFile, ZeroAndOneBecomeSignsUnlessTheLossIsSquared) {
  folder.write("a.csv", "label,x\n0,2\n1,3\n");
  for (const std::string loss : {"", "logistic", "squared-hinge"}) {
    const Dataset set = load_file("a.csv", {.loss = loss});
    EXPECT_EQ(set.train[0].labels, Eigen::Vector2d(-1, 1)) << loss;
    EXPECT_EQ(
        set.notes.back(),
        "the label has two values: \"1\" is the positive class (+1), \"0\" the negative (-1); `positive` changes it");
    EXPECT_EQ(set.recipe.loss, "squared-hinge");
  }
  EXPECT_EQ(load_file("a.csv", {.loss = "squared"}).train[0].labels, Eigen::Vector2d(0, 1));

  folder.write("b.csv", "label,x\n0,2\n2,3\n");
  EXPECT_EQ(load_file("b.csv", {.loss = "squared"}).train[0].labels, Eigen::Vector2d(0, 2));
  folder.write("c.csv", "label,x\n-1,2\n1,3\n");
  EXPECT_EQ(load_file("c.csv").recipe.loss, "squared-hinge");
}

TEST_F(LoadFile, NamesWhatIsNotThere) {
  EXPECT_EQ(error_of("", [] { load("landmin", {}); }), "no data set or file \"landmin\"; did you mean \"landmine\"?");
  folder.write("ratings.csv", "x");
  EXPECT_EQ(error("ratigns.csv"), "no data set or file \"ratigns.csv\"; did you mean \"ratings.csv\"?");
  EXPECT_EQ(error_of("", [] { load("/no/such/place/at/all.csv", {}); }),
            "no data set or file \"/no/such/place/at/all.csv\"; `crosstalk data list` names the known sets");
  folder.write("a.npy", "x");
  EXPECT_EQ(error("a.npy"), "a.npy: a .npy file holds one array; features and labels need a .npz");
  EXPECT_EQ(error("."), ".: Is a directory");
}

TEST(Labels, OnlyZeroAndOneBecomeSigns) {
  const auto labels = [](double a, double b) { return TaskSet{{"t", Eigen::Vector2d(1, 2), Eigen::Vector2d(a, b)}}; };
  TaskSet mixed = labels(0, 1);
  EXPECT_TRUE(zero_one_to_signs(mixed));
  EXPECT_EQ(mixed[0].labels, Eigen::Vector2d(-1, 1));
  for (TaskSet other : {labels(1, 1), labels(0, 2), labels(-1, 1), labels(0, 0.5)}) {
    const Eigen::VectorXd before = other[0].labels;
    EXPECT_FALSE(zero_one_to_signs(other));
    EXPECT_EQ(other[0].labels, before);
  }
}

}  // namespace
}  // namespace crosstalk::data
