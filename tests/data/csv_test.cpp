#include "crosstalk/data/csv.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"
#include "error_of.hpp"
#include "gzip.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

using testing::Test;

class CsvReader : public Test {
 protected:
  TemporaryFolder folder;

  CsvData read(std::string_view text, const CsvOptions& options = {.task_column = "task"}) {
    return read_csv(folder.write("f.csv", text), options);
  }
  std::string error(std::string_view text, const CsvOptions& options = {.task_column = "task"}) {
    return error_of(folder.path().string(), [&] { read(text, options); });
  }
};

TEST_F(CsvReader, SortsRowsIntoTasksInOrderOfAppearance) {
  const CsvData data = read("task,x1,label,x2\nb,1,10,2\na,3,20,4\nb,5,30,6\n");
  ASSERT_EQ(data.tasks.names(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"x1", "x2"}));
  EXPECT_EQ(data.tasks[0].features, (Eigen::Matrix2d() << 1, 2, 5, 6).finished());
  EXPECT_EQ(data.tasks[0].labels, Eigen::Vector2d(10, 30));
  EXPECT_EQ(data.tasks[1].features, Eigen::RowVector2d(3, 4));
  EXPECT_TRUE(data.notes.empty());
}

TEST_F(CsvReader, WithoutATaskColumnAllRowsAreOneTask) {
  const CsvData data = read("label,x\n1,2\n3,4\n", {});
  ASSERT_EQ(data.tasks.names(), std::vector<std::string>{"all"});
  EXPECT_EQ(data.tasks.rows(), 2);
}

// The same table in every dress gives the same numbers.
TEST_F(CsvReader, KnowsTheDialects) {
  const Eigen::RowVector2d expected(3.38e-5, 1);
  const std::vector<std::string> dialects = {"task,label,x,y\na,1,3.38e-005,+1\n",
                                             "task;label;x;y\r\na;1;3.38e-005;+1\r\n",
                                             "task\tlabel\tx\ty\na\t1\t3.38e-005\t+1",
                                             "\xef\xbb\xbftask,label,x,y\na,1,3.38e-005,+1\n",
                                             "\"task\",\"label\",\"x\",\"y\"\n\"a\",\"1\",\"3.38e-005\",\"+1\"\n",
                                             " task , label , x , y \n\n a , 1 , 3.38e-005 ,\t+1 \n\n\n",
                                             "task , label , \"x\" , y\n \"a\" , 1 , \"3.38e-005\" , +1 \r\n",
                                             deflated("task,label,x,y\na,1,3.38e-005,+1\n")};
  for (const std::string& text : dialects) {
    const CsvData data = read(text);
    ASSERT_EQ(data.tasks.names(), std::vector<std::string>{"a"}) << text;
    EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"x", "y"})) << text;
    EXPECT_EQ(data.tasks[0].features, expected) << text;
  }
  EXPECT_EQ(read("task|label|x\na|1|2\n", {.task_column = "task", .separator = '|'}).tasks[0].features(0, 0), 2.0);
}

TEST_F(CsvReader, QuotedFieldsMayHoldAnything) {
  const CsvData data = read("task,label,x\n\"say \"\"hi\"\",\n there\",1,2\n\"\"\"\",3,4\n");
  EXPECT_EQ(data.tasks.names(), (std::vector<std::string>{"say \"hi\",\n there", "\""}));
}

TEST_F(CsvReader, NumbersTooSmallForADoubleAreZeroOrNearlySo) {
  const CsvData data = read("task,label,x,y\na,1,1e-999,5e-324\n");
  EXPECT_EQ(data.tasks[0].features(0, 0), 0.0);
  EXPECT_EQ(data.tasks[0].features(0, 1), 5e-324);
}

TEST_F(CsvReader, OneHotEncodesWordsAndSaysSo) {
  const CsvData data = read("task,label,x,school,y\na,1,7,MS,8\na,2,9,GP,10\na,3,11,3,12\n");
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"x", "school=3", "school=GP", "school=MS", "y"}));
  EXPECT_EQ(data.tasks[0].features,
            (Eigen::MatrixXd(3, 5) << 7, 0, 0, 1, 8, 9, 0, 1, 0, 10, 11, 1, 0, 0, 12).finished());
  EXPECT_EQ(data.notes, std::vector<std::string>{"column \"school\" has 3 values and was one-hot encoded"});
}

TEST_F(CsvReader, SeveralFilesShareOneEncoding) {
  const auto one = folder.write("one.csv", "label,c\n1,u\n2,v\n");
  const auto two = folder.write("two.csv", "label,c\n3,w\n");
  const CsvData data = read_csv({{one, "first"}, {two, "second"}}, {});
  EXPECT_EQ(data.tasks.names(), (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"c=u", "c=v", "c=w"}));
  EXPECT_EQ(data.tasks[1].features, Eigen::RowVector3d(0, 0, 1));

  const auto other = folder.write("other.csv", "label,d\n3,w\n");
  EXPECT_EQ(error_of(folder.path().string(),
                     [&] {
                       read_csv({{one, "first"}, {other, "second"}}, {});
                     }),
            "other.csv: its columns differ from those of one.csv");
}

TEST_F(CsvReader, DropsIgnoredColumnsUnread) {
  const CsvData data = read("task,id,label,x\na,,1,2\na,nan,3,4\n", {.task_column = "task", .ignore = {"id"}});
  EXPECT_EQ(data.tasks.feature_names, std::vector<std::string>{"x"});
  EXPECT_EQ(data.tasks[0].features, Eigen::Vector2d(2, 4));
}

TEST_F(CsvReader, NamesTheLineOfARaggedRow) {
  EXPECT_EQ(error("task,label,x\na,1,2\na,1\n"), "f.csv:3: 2 fields where the header has 3");
  EXPECT_EQ(error("task,label,x\n\n\"a\nb\",1,2\n\na,1,2,3\n"), "f.csv:6: 4 fields where the header has 3");
}

TEST_F(CsvReader, NamesWhatIsNoFiniteNumber) {
  EXPECT_EQ(error("task,label,x\na,1,-inf\n"), "f.csv:2: \"-inf\" is not a finite number (column \"x\")");
  EXPECT_EQ(error("task,label,x\na,1,1e999\n"), "f.csv:2: \"1e999\" is not a finite number (column \"x\")");
  EXPECT_EQ(error("task,label,x\na,1,\n"), "f.csv: no column is left as a feature");
  EXPECT_EQ(error("task,label,x\na,,1\n"), "f.csv: the label column \"label\" holds no value at all");
  EXPECT_EQ(error("task,label,x\na,1,1\na,good,1\na,2,2\n"),
            "f.csv:3: \"good\" is not a number (column \"label\", where 2 of 3 values are)");
}

// One word among ten values is a mistake; two of ten are a category.
TEST_F(CsvReader, TellsAStrayWordFromACategory) {
  std::string text = "task,label,x\n";
  for (int i = 0; i < 9; ++i) text += "a,1,2\n";
  EXPECT_EQ(
      error(text + "a,1,few\n"),
      "f.csv:11: \"few\" is not a number (column \"x\", where 9 of 10 values are); mend the cell, or name it as a "
      "missing value with `missing_words` and `missing`");
  EXPECT_EQ(read(text + "a,1,few\na,1,few\n").tasks.features(), 2);
  EXPECT_EQ(error(text + "a,1,+-1\n").substr(0, 26), "f.csv:11: \"+-1\" is not a n");
}

TEST_F(CsvReader, RefusesToEncodeTooManyWords) {
  std::string text = "task,label,name\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("a,1,p{}\n", i / 2);
  EXPECT_EQ(read(text).tasks.features(), 100);
  EXPECT_EQ(
      error(text + "a,1,one more\n"),
      "f.csv: column \"name\" has 101 different values that are not all numbers, and at most 100 can be one-hot "
      "encoded; the first is \"p0\": if they are numbers with a unit or a mark, write them as numbers; if they are "
      "names or text, give the column as the task or leave it out with `ignore`");
}

TEST_F(CsvReader, NamesUnknownColumnsAndTheNearest) {
  EXPECT_EQ(error("task,stars,x\na,1,2\n", {.task_column = "task", .label_columns = {"strs"}}),
            "f.csv: no column \"strs\"; did you mean \"stars\"?");
  EXPECT_EQ(error("task,label,x\na,1,2\n", {.task_column = "user"}),
            "f.csv: no column \"user\"; its columns are \"task\", \"label\", \"x\"");
  EXPECT_EQ(error("task,label,time\na,1,2\n", {.ignore = {"tme"}}), "f.csv: no column \"tme\"; did you mean \"time\"?");
}

TEST_F(CsvReader, NamesColumnsThatContradict) {
  EXPECT_EQ(error("task,label\na,1\n"), "f.csv: no column is left as a feature");
  EXPECT_EQ(error("task,label,x\na,1,2\n", {.task_column = "label"}),
            "f.csv: column \"label\" cannot be both the task and the label");
  EXPECT_EQ(error("task,label,x\na,1,2\n", {.task_column = "task", .ignore = {"task"}}),
            "f.csv: column \"task\" cannot be ignored: it is the task");
  EXPECT_EQ(error("task,label,x\na,1,2\n", {.task_column = "task", .ignore = {"label"}}),
            "f.csv: column \"label\" cannot be ignored: it is the label");
}

TEST_F(CsvReader, AColumnWithoutANameMustBeDropped) {
  const std::string text = ",task,label,x\n0,a,1,2\n";
  EXPECT_EQ(error(text), "f.csv: column 1 has no name; name it, or drop it with `ignore=\"column 1\"`");
  EXPECT_EQ(read(text, {.task_column = "task", .ignore = {"column 1"}}).tasks.features(), 1);
}

TEST_F(CsvReader, NamesFilesWithoutATable) {
  EXPECT_EQ(error(""), "f.csv: the file is empty");
  EXPECT_EQ(error("\xef\xbb\xbf \n\n"), "f.csv: the file is empty");
  EXPECT_EQ(error("task,label,x\n"), "f.csv: holds a header but no rows");
  EXPECT_EQ(error(std::string("PK\0\0", 4)),
            "f.csv: is not a text file (it holds zero bytes); CSV must be UTF-8, UTF-16 or Windows-1252");
}

TEST_F(CsvReader, NamesQuotesThatGoWrong) {
  EXPECT_EQ(error("task,label,x\na,1,2\n\"a,1,2\na,1,2\n"), "f.csv:3: a quoted field that begins here is never closed");
  EXPECT_EQ(error("task,label,x\n\"a\"b,1,2\n"), "f.csv:2: \"b\" stands after a closing quote");
}

TEST_F(CsvReader, MessagesStayOnOneShortLine) {
  const std::string message = error("task,label,x\na,1,1\na,\"" + std::string(500, 'z') + "\n\",1\na,2,2\n");
  EXPECT_EQ(message,
            "f.csv:3: \"" + std::string(60, 'z') + "...\" is not a number (column \"label\", where 2 of 3 values are)");
}

TEST_F(CsvReader, AHundredThousandTasksAreFine) {
  std::string text = "task,label,x\n";
  for (int i = 0; i < 200000; ++i) text += fmt::format("t{},1,{}\n", i % 100000, i);
  const CsvData data = read(text);
  ASSERT_EQ(data.tasks.size(), 100000U);
  EXPECT_EQ(data.tasks[99999].features, Eigen::Vector2d(99999, 199999));
}

class CsvWriter : public CsvReader {};

TEST_F(CsvWriter, WhatItWritesReadsBackBitByBit) {
  Rng rng(3);
  TaskSet tasks{{"plain", Eigen::MatrixXd(20, 3), Eigen::VectorXd(20)},
                {" with, \"all\"\n; sorts\tof ", Eigen::MatrixXd(1, 3), Eigen::VectorXd(1)}};
  for (Task& task : tasks) {
    for (double& x : task.features.reshaped()) x = std::ldexp(rng.normal(), static_cast<int>(rng.below(2000)) - 1000);
    for (double& y : task.labels) y = rng.normal();
  }
  tasks.feature_names = {"x", "y=\"a,b\"", "z"};

  const TaskSet back = read(format_csv(tasks, {}), {.task_column = "task"}).tasks;

  ASSERT_EQ(back.names(), tasks.names());
  EXPECT_EQ(back.feature_names, tasks.feature_names);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    EXPECT_EQ(back[t].features, tasks[t].features);
    EXPECT_EQ(back[t].labels, tasks[t].labels);
  }
}

TEST_F(CsvWriter, NamesColumnsAsAskedAndMarksInjectedRows) {
  const TaskSet tasks{{"a", Eigen::Vector2d(0.1, 2), Eigen::Vector2d(1, -1)}};
  EXPECT_EQ(format_csv(tasks, {.task_column = "user", .label_column = "stars", .injected = {{false, true}}}),
            "user,stars,x1,injected\na,1,0.1,0\na,-1,2,1\n");
  EXPECT_EQ(format_csv(tasks, {.task_column = ""}), "label,x1\n1,0.1\n-1,2\n");
}

TEST_F(CsvWriter, RefusesFlagsAndNamesThatDoNotFit) {
  TaskSet tasks{{"a", Eigen::Vector2d(0.1, 2), Eigen::Vector2d(1, -1)}};
  EXPECT_THROW(format_csv(tasks, {.injected = {{true}}}), std::invalid_argument);
  EXPECT_THROW(format_csv(tasks, {.injected = {{true, false}, {true}}}), std::invalid_argument);
  tasks.feature_names = {"label"};
  EXPECT_THROW(format_csv(tasks, {}), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::data
