#include "crosstalk/data/svmlight.hpp"

#include <gmock/gmock.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::ThrowsMessage;

class Svmlight : public testing::Test {
 protected:
  [[nodiscard]] SvmlightData read(const std::string& text, const SvmlightOptions& options = {}) const {
    write_file(path_, text);
    return read_svmlight(path_, options);
  }
  void expect_error(const std::string& text, const std::string& message, const SvmlightOptions& options = {}) const {
    EXPECT_THAT([&] { static_cast<void>(read(text, options)); }, ThrowsMessage<DataError>(path_.string() + message))
        << text;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "rows.svm";
};

TEST_F(Svmlight, TasksAreQidsInTheOrderOfTheirFirstRows) {
  const SvmlightData data = read(
      "# a comment\n"
      "+1 qid:b 1:0.5 4:-2e3 # the first\r\n"
      "\n"
      "-1 qid:a 2:7\n"
      "1 qid:b 3:0 2:1.25");
  ASSERT_EQ(data.tasks.tasks.size(), 2U);
  EXPECT_EQ(data.tasks.tasks[0].name, "b");
  EXPECT_EQ(data.tasks.tasks[1].name, "a");
  EXPECT_EQ(data.tasks.features(), 4);
  EXPECT_EQ(data.tasks.tasks[0].features.nonZeros(), 3);  // a zero that is written out is none
  EXPECT_EQ(data.first_index, 1);
  EXPECT_THAT(data.notes, IsEmpty());
  const TaskSet dense = data.tasks.dense();
  Eigen::MatrixXd b(2, 4);
  b << 0.5, 0, 0, -2e3, 0, 1.25, 0, 0;
  EXPECT_EQ(dense[0].features, b);
  EXPECT_EQ(dense[0].labels, Eigen::Vector2d(1, 1));
  EXPECT_EQ(dense[1].features.row(0), Eigen::RowVector4d(0, 7, 0, 0));
  EXPECT_EQ(dense[1].labels[0], -1.0);
}

TEST_F(Svmlight, WithoutQidAllRowsAreOneTask) {
  const SvmlightData data = read("3.5 1:1\n-2 2:1\n0\n");
  ASSERT_EQ(data.tasks.tasks.size(), 1U);
  EXPECT_EQ(data.tasks.tasks[0].name, "all");
  EXPECT_EQ(data.tasks.rows(), 3);  // the last has no feature but zeros
}

TEST_F(Svmlight, AnIndexOfZeroMakesItTheFirstAndIsSaid) {
  const SvmlightData data = read("1 0:5 2:6\n");
  EXPECT_EQ(data.first_index, 0);
  EXPECT_EQ(data.tasks.features(), 3);
  EXPECT_EQ(data.tasks.tasks[0].features.coeff(0, 0), 5.0);
  EXPECT_THAT(data.notes, ElementsAre(path_.string() + ": indices start at 0"));
  EXPECT_EQ(read("1 1:5\n", {.first_index = SvmlightOptions::FirstIndex::Zero}).tasks.features(), 2);
}

TEST_F(Svmlight, FeaturesMayBeMoreThanTheFileHas) {
  EXPECT_EQ(read("1 2:5\n", {.features = 7}).tasks.features(), 7);
}

TEST_F(Svmlight, NamesTheLineOfWhatIsWrong) {
  expect_error("", ": has no rows");
  expect_error("# nothing\n\n", ": has no rows");
  expect_error("1\n-1\n", ": no row has a feature");
  expect_error("1 1:1\nspam 1:1\n", ":2: the label \"spam\" is not a finite number");
  expect_error("inf 1:1\n", ":1: the label \"inf\" is not a finite number");
  expect_error("1 1:1 2\n", ":1: \"2\" is not index:value");
  expect_error("1 a:1\n", ":1: \"a:1\" is not index:value");
  expect_error("1 1.5:1\n", ":1: \"1.5:1\" is not index:value");
  expect_error("1 -1:1\n", ":1: the index -1 is outside 0 to 100000000");
  expect_error("1 99999999999999999999:1\n", ":1: the index 99999999999999999999 is outside 0 to 100000000");
  expect_error("1 3:x\n", ":1: \"x\" is not a finite number (index 3)");
  expect_error("1 3:\n", ":1: \"\" is not a finite number (index 3)");
  expect_error("1 3:nan\n", ":1: \"nan\" is not a finite number (index 3)");
  expect_error("1 3:1 1:2 3:4\n", ":1: index 3 occurs twice");
  expect_error("1 qid:1 3:1\n1 3:1\n", ":2: has no qid, but line 1 has one");
  expect_error("1 3:1\n1 qid:1 3:1\n", ":2: has a qid, but line 1 has none");
  expect_error("1 qid: 3:1\n", ":1: qid: is without a value");
  expect_error("1 qid:1 qid:2 3:1\n", ":1: has two qids");
  expect_error("1 3:1 qid:1\n", ":1: qid must stand before the features");
  expect_error("1 3:1\n1 4:1\n", ":2: the index 4 is beyond the 3 features", {.features = 3});
  expect_error("1 0:1\n", ":1: the index is 0; the first is 1", {.first_index = SvmlightOptions::FirstIndex::One});
}

}  // namespace
}  // namespace crosstalk::data
