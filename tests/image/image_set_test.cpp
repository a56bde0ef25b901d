#include "crosstalk/image/image_set.hpp"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/small_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(MemorySet, APieceHoldsTheImagesAndLabelsOfItsIndices) {
  const MemorySet set = random_set(7, {3, 2, 5}, {3, 2});
  const Batch all = set.read(0, 7);
  const Batch piece = set.read(2, 3);
  EXPECT_EQ(piece.first, 2U);
  ASSERT_EQ(piece.size(), 3U);
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_TRUE(std::ranges::equal(piece.image(row), all.image(row + 2)));
    EXPECT_EQ(piece.label(row, 0), static_cast<double>((row + 2) % 3));
    EXPECT_EQ(piece.label(row, 1), static_cast<double>((row + 2) % 2));
  }
  EXPECT_EQ(set.stem(2), "000002");
}

TEST(MemorySet, RefusesToReadBeyondItsEnd) {
  const MemorySet set = random_set(7, {1, 2, 2}, {2});
  EXPECT_THAT([&] { (void)set.read(5, 3); }, ThrowsMessage<std::invalid_argument>("read: images 5 to 8 of a set of 7"));
  EXPECT_THROW((void)set.read(1, ~std::size_t{0}), std::invalid_argument);
}

TEST(MemorySet, RefusesSizesThatDisagreeAndLabelsThatAreNoClass) {
  const std::vector<TaskInfo> tasks = {{"a", Kind::Classes, {"x", "y", "z"}}};
  const auto labels = [](double value) { return Eigen::MatrixXd(Eigen::MatrixXd::Constant(1, 1, value)); };
  EXPECT_THAT(([&] {
                MemorySet(tasks, Batch{0, {1, 2, 2}, {1, 2, 3}, labels(0)});
              }),
              ThrowsMessage<std::invalid_argument>(HasSubstr("1 labels, but 3 pixels of 4 an image")));
  EXPECT_THAT(([&] {
                MemorySet({}, Batch{0, {1, 1, 1}, {1}, labels(0)});
              }),
              ThrowsMessage<std::invalid_argument>(HasSubstr("1 columns of labels for 0 tasks")));
  for (const double wrong : {3.0, -1.0, 0.5})
    EXPECT_THAT(([&] {
                  MemorySet(tasks, Batch{0, {1, 1, 1}, {1}, labels(wrong)});
                }),
                ThrowsMessage<std::invalid_argument>(HasSubstr("in task \"a\" of 3 classes")));
  EXPECT_NO_THROW(MemorySet(tasks, Batch{0, {1, 1, 1}, {1}, labels(kMissing)}));
}

TEST(TasksWithClasses, AreAllOfThemOrThoseNamed) {
  const std::vector<TaskInfo> tasks = {
      {"age", Kind::Regression, {}}, {"gender", Kind::Binary, {"0", "1"}}, {"race", Kind::Classes, {"a", "b", "c"}}};
  EXPECT_EQ(tasks_with_classes(tasks, {}), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(tasks_with_classes(tasks, {"race"}), (std::vector<std::size_t>{2}));
  const auto message = [&](std::vector<std::string> names, const char* text) {
    EXPECT_THAT([&] { (void)tasks_with_classes(tasks, names); }, ThrowsMessage<std::invalid_argument>(text));
  };
  message({"gendre"}, "unknown task \"gendre\"; did you mean \"gender\"?");
  message({"age"}, "task \"age\" has no class an image; this method protects only tasks with classes");
  message({"race", "race"}, "task \"race\" is named twice");
  EXPECT_THAT([&] { (void)tasks_with_classes({tasks[0]}, {}); },
              ThrowsMessage<std::invalid_argument>("no task of the set has classes to protect"));
}

}  // namespace
}  // namespace crosstalk::image
