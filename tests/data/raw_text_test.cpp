#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/dataset.hpp"
#include "error_of.hpp"
#include "src/data/csv_coding_json.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

TEST(DecodeText, KnowsTheEncodingsOfSpreadsheets) {
  const std::string utf8 = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80";  // a, u umlaut, euro, a character of four bytes
  const auto decoded = [](const std::string& bytes) { return decode_text(bytes, "f"); };
  EXPECT_EQ(decoded(utf8).utf8, utf8);
  EXPECT_EQ(decoded("\xef\xbb\xbf" + utf8).encoding, Encoding::Utf8WithMark);
  for (const Encoding encoding : {Encoding::Utf8WithMark, Encoding::Utf16Little, Encoding::Utf16Big}) {
    const Text text = decoded(encode_text(utf8, encoding));
    EXPECT_EQ(text.encoding, encoding);
    EXPECT_EQ(text.utf8, utf8);
  }
  const Text windows = decoded("K\xf6ln \x80");
  EXPECT_EQ(windows.encoding, Encoding::Windows1252);
  EXPECT_EQ(windows.utf8, "K\xc3\xb6ln \xe2\x82\xac");
  EXPECT_EQ(encode_text(windows.utf8, Encoding::Windows1252), "K\xf6ln \x80");
  EXPECT_EQ(decoded(std::string("a\0,\0b\0\n\0", 8)).utf8, "a,b\n");  // UTF-16 without a mark
}

TEST(DecodeText, RefusesOverlongAndSurrogateSequences) {
  for (const char* bad :
       {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3"})
    EXPECT_FALSE(is_utf8(bad)) << testing::PrintToString(bad);
}

struct Column {
  std::vector<std::string> cells;
  std::vector<double> values;
};

NumberFormatSearch::Answer search(const std::vector<std::string>& cells, NumberFormat& format, char decimal = 0) {
  NumberFormatSearch search;
  for (const std::string& cell : cells) search.add(cell);
  return search.answer(format, decimal);
}

TEST(NumberFormat, ReadsWhatAWholeColumnAgreesOn) {
  const std::vector<Column> columns = {{{"1,234.50", "950.00", "-12,345,678.25"}, {1234.5, 950, -12345678.25}},
                                       {{"2127,68", "-0,38", "1.234,5"}, {2127.68, -0.38, 1234.5}},
                                       {{"$1,234", "$7.50", "-$2", "($3)"}, {1234, 7.5, -2, -3}},
                                       {{"12 \xe2\x82\xac", "1 234,5 \xe2\x82\xac"}, {12, 1234.5}},
                                       {{"45%", "3.5 %", "-1%"}, {0.45, 0.035, -0.01}},
                                       {{"1 234 567", "12"}, {1234567, 12}},
                                       {{"1'234.5", "12"}, {1234.5, 12}},
                                       {{"\xe2\x88\x92"
                                         "5",
                                         "7"},
                                        {-5, 7}}};
  for (const Column& column : columns) {
    NumberFormat format;
    ASSERT_EQ(search(column.cells, format), NumberFormatSearch::Answer::Found) << column.cells[0];
    for (std::size_t k = 0; k < column.cells.size(); ++k) {
      const auto value = format.parse(column.cells[k]);
      ASSERT_TRUE(value) << column.cells[k];
      EXPECT_DOUBLE_EQ(*value, column.values[k]) << column.cells[k];
      EXPECT_DOUBLE_EQ(*format.parse(format.format(*value)), *value) << format.format(*value);
    }
  }
}

TEST(NumberFormat, DoesNotGuess) {
  NumberFormat format;
  EXPECT_EQ(search({"1,234", "5,678"}, format), NumberFormatSearch::Answer::Ambiguous);
  EXPECT_EQ(search({"1,234", "5,678"}, format, ','), NumberFormatSearch::Answer::Found);
  EXPECT_DOUBLE_EQ(*format.parse("1,234"), 1.234);
  EXPECT_EQ(search({"1,234", "5,67"}, format), NumberFormatSearch::Answer::Found);  // the second decides
  for (const std::vector<std::string>& cells : {std::vector<std::string>{"3%", "3"},
                                                {"$3", "3"},
                                                {"$3",
                                                 "\xe2\x82\xac"
                                                 "3"},
                                                {"12,34,5"},
                                                {"1,23,456"},
                                                {"3 kg"},
                                                {"1.2.3"},
                                                {""},
                                                {"-"},
                                                {"%"},
                                                {"$"},
                                                {"1234,567.0"}})
    EXPECT_EQ(search(cells, format), NumberFormatSearch::Answer::None) << cells[0];
}

TEST(Dates, AreRecognised) {
  for (const char* date : {"2024-05-01", "01.05.2024", "5/1/24", "2024-05-01T12:30:00Z", "2024-05-01 12:30",
                           "1 May 2024", "May 1, 2024", "12:30", "10:03 AM", "2021-01-05T10:03:07.123000+01:00",
                           "Tue, 05 Jan 2021 10:00", "20210105T100307", "2021. 01. 05.", "7:05:09", "2024/05/01"})
    EXPECT_TRUE(looks_like_date(date)) << date;
  for (const char* other : {"1.5", "1-2", "2024", "10.0.0.1", "a-b-c", "32/13/2024", "May", "spam", "3:1", ""})
    EXPECT_FALSE(looks_like_date(other)) << other;
}

class RawCsv : public testing::Test {
 protected:
  TemporaryFolder folder;
  CsvOptions options = {.task_column = "t", .label_columns = {"y"}};

  CsvData read(const std::string& text) { return read_csv(folder.write("f.csv", text), options); }
  std::string error(const std::string& text) {
    return error_of(folder.path().string(), [&] { read(text); });
  }
  static std::string joined(const std::vector<std::string>& notes) {
    std::string all;
    for (const std::string& note : notes) all += note + "\n";
    return all;
  }
};

TEST_F(RawCsv, NamesAMissingValueAmongNumbersWithCountAndShare) {
  const std::string text = "t,x,y\na,1,1\na,NA,2\nb,3,3\nb,,4\n";
  EXPECT_EQ(
      error(text),
      "f.csv:3: \"NA\" among numbers: a missing value (column \"x\": 2 of 4 values are missing, 50 %); `missing=drop` "
      "leaves such rows out, mean, median or indicator fill them in");
  for (const char* word : {"", "na", "N/A", "NaN", "null", "None", "?", "-"})
    EXPECT_NE(error(fmt::format("t,x,y\na,1,1\na,{},2\n", word)).find("missing value"), std::string::npos) << word;
  options.missing_words = {"unknown"};
  EXPECT_NE(error("t,x,y\na,1,1\na,Unknown,2\n").find("missing value"), std::string::npos);
}

TEST_F(RawCsv, FollowsTheRuleForMissingValues) {
  const std::string text = "t,x,y\na,1,1\na,NA,2\na,2,3\na,6,4\nb,?,5\n";
  options.missing = MissingRule::Drop;
  const CsvData dropped = read(text);
  EXPECT_EQ(dropped.tasks.rows(), 3);
  EXPECT_EQ(dropped.tasks[0].origin, (std::vector<std::size_t>{0, 2, 3}));
  EXPECT_NE(joined(dropped.notes).find("2 of 5 rows were left out"), std::string::npos);

  const auto filled = [&](MissingRule rule) {
    options.missing = rule;
    CsvData data = read(text);
    TaskSet none;
    fill_missing(data.tasks, none, data.coding, {});
    return data;
  };
  EXPECT_EQ(filled(MissingRule::Mean).tasks[0].features, Eigen::Vector4d(1, 3, 2, 6));
  EXPECT_EQ(filled(MissingRule::Median).tasks[0].features, Eigen::Vector4d(1, 2, 2, 6));
  const CsvData flagged = filled(MissingRule::Indicator);
  EXPECT_EQ(flagged.tasks.feature_names, (std::vector<std::string>{"x", "x missing"}));
  EXPECT_EQ(flagged.tasks[1].features, Eigen::RowVector2d(3, 1));
}

// The fill is learned from the rows that are trained on, and not from injected ones.
TEST_F(RawCsv, FillsFromTrainingRowsAlone) {
  options.missing = MissingRule::Mean;
  CsvData data = read("t,x,y\na,1,1\na,NA,2\na,3,3\na,100,4\n");
  TaskSet train{select_rows(data.tasks[0], {0, 1, 2, 3})};
  TaskSet test{select_rows(data.tasks[0], {1})};
  fill_missing(train, test, data.coding, {false, false, false, true});
  EXPECT_EQ(train[0].features(1, 0), 2.0);
  EXPECT_EQ(test[0].features(0, 0), 2.0);
}

TEST_F(RawCsv, NoTaskIsCalledAfterAMissingValue) {
  EXPECT_EQ(
      error("t,x,y\na,1,1\nNA,2,2\n"),
      "f.csv:3: the task's name is missing (column \"t\": \"NA\" in 1 of 2 rows); `missing=drop` leaves such rows out");
  options.missing = MissingRule::Drop;
  EXPECT_EQ(read("t,x,y\na,1,1\nNA,2,2\n").tasks.names(), std::vector<std::string>{"a"});
}

TEST_F(RawCsv, ReadsMarkedNumbersAndSaysSo) {
  const CsvData money = read("t,price,y\na,\"$1,234.50\",1\na,$7.00,2\n");
  EXPECT_EQ(money.tasks[0].features, Eigen::Vector2d(1234.5, 7));
  EXPECT_NE(joined(money.notes).find("\"price\" was read as numbers"), std::string::npos);
  const CsvData comma = read("t;x;z;y\na;1,5;1.234;1,25\na;2,25;950;2,5\n");
  EXPECT_EQ(comma.tasks[0].features, (Eigen::Matrix2d() << 1.5, 1234, 2.25, 950).finished());
  EXPECT_EQ(comma.tasks[0].labels, Eigen::Vector2d(1.25, 2.5));
  EXPECT_NE(error("t,x,y\na,\"1,234\",1\na,\"2,345\",2\n").find("`decimal=comma` or `decimal=point`"),
            std::string::npos);
}

// A file has one decimal mark.
TEST_F(RawCsv, OtherColumnsDecideWhatACommaIs) {
  const CsvData decimal = read("t;x;z;y\na;1,5;1,234;1\na;2,25;0,950;2\na;3,5;2,345;3\n");
  EXPECT_EQ(decimal.tasks[0].features.col(1), Eigen::Vector3d(1.234, 0.95, 2.345));
  const CsvData first = read("t;x;z;y\na;1,234;1,5;1\na;2,345;2,25;2\n");
  EXPECT_EQ(first.tasks[0].features.col(0), Eigen::Vector2d(1.234, 2.345));
  EXPECT_NE(joined(first.notes).find("\",\" is the decimal mark of other columns"), std::string::npos);
  const CsvData thousands = read("t,x,z,y\na,1.5,\"1,234\",1\na,2,\"2,345\",2\n");
  EXPECT_EQ(thousands.tasks[0].features.col(1), Eigen::Vector2d(1234, 2345));
  EXPECT_NE(joined(thousands.notes).find("\".\" is the decimal mark of other columns"), std::string::npos);
  // Both marks occur: nothing decides.
  EXPECT_NE(error("t;x;v;z;y\na;1,5;0.5;1,234;1\na;2,25;0.5;2,345;2\n").find("`decimal=comma` or `decimal=point`"),
            std::string::npos);
  options.decimal = '.';
  EXPECT_EQ(error("t;x;y\na;3;1\na;3,5;2\n"),
            "f.csv:3: \"3,5\" has a decimal comma (column \"x\"), and `decimal` says point");
}

TEST_F(RawCsv, ARowThatIsTooLongIsNamed) {
  EXPECT_EQ(error("t,x,y\na,1,2,3\na,2,3\n"), "f.csv:2: 4 fields where the header has 3");
}

TEST_F(RawCsv, OneAndOnePointZeroAreOneValue) {
  const CsvData data = read("t,w,y\na,1,1\na,1.0,2\na,2,3\na,x,4\na,2.50,5\na,2.5,6\n");
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"w=1", "w=2", "w=2.5", "w=x"}));
}

TEST_F(RawCsv, RefusesDatesAndSaysWhatToDo) {
  EXPECT_EQ(error("t,when,y\na,2024-05-01,1\na,2024-05-02,2\n"),
            "f.csv:2: \"2024-05-01\" is a date or a time (column \"when\"); give numbers in its place, such as the "
            "days since "
            "a day, the month or the hour, or leave it out with `ignore`");
}

// No column of measurements is lost without a word, whatever is wrong with a cell of it.
TEST_F(RawCsv, AdviceDoesNotThrowAwayNumbersForOneBadCell) {
  const auto column = [&](const std::vector<std::string>& forms, const std::string& odd) {
    std::string text = "t|x|y\n";
    for (int i = 0; i < 40; ++i) {
      const std::string& form = forms[static_cast<std::size_t>(i) % forms.size()];
      text += fmt::format("a|{}|{}.5\n", fmt::format(fmt::runtime(form), 10 + i), i * i % 13);
    }
    return error(odd.empty() ? text : text + "a|" + odd + "|1.5\n");
  };
  for (const std::string form : {"{}", "{}%", "${},000.00", "{},5"}) {
    const std::string message = column({form}, "unknown");
    EXPECT_NE(message.find("f.csv:42: \"unknown\" is not a number (column \"x\", where 40 of 41 values are)"),
              std::string::npos)
        << form << ": " << message;
  }
  for (const std::vector<std::string>& forms :
       {std::vector<std::string>{"${}", "\xe2\x82\xac{}"}, std::vector<std::string>{"{}%", "0.{}"}})
    EXPECT_NE(column(forms, "").find("written in more than one way"), std::string::npos) << forms[0];
  for (const std::vector<std::string>& forms :
       {std::vector<std::string>{"{} kg"}, std::vector<std::string>{"{}D+00"}, std::vector<std::string>{"{}_000"},
        std::vector<std::string>{"{}.5", "{}.25", "<{}"}})
    EXPECT_NE(column(forms, "").find("is neither a number nor one of a few words"), std::string::npos) << forms[0];
}

TEST_F(RawCsv, LeavesOutWhatNamesRowsAndSaysSo) {
  std::string text = ",id,t,x,y\n";
  for (int i = 0; i < 6; ++i) text += fmt::format("{},v{},a,{},{}\n", i, i, i * i, 7 * i % 5);
  const CsvData data = read(text);
  EXPECT_EQ(data.tasks.feature_names, std::vector<std::string>{"x"});
  EXPECT_EQ(joined(data.notes),
            "column \"column 1\" was left out: it numbers the rows\n"
            "column \"id\" was left out: its 6 words all differ, so it names the rows\n");
}

// An index that was shuffled still names the rows; a word that looks like a number beyond all bounds is a word.
TEST_F(RawCsv, KnowsIndicesOutOfOrderAndTrailingSeparators) {
  std::string text = "Unnamed: 0,customer_id,t,hash,x,y\n";
  for (int i = 0; i < 7; ++i)
    text += fmt::format("{},{},a,{},{},{}.5\n", 3 * i % 7, 100 + i / 2, i % 2 == 0 ? "035e2982" : "ab12", i * i % 5,
                        7 * i % 5);
  const CsvData data = read(text);
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"customer_id", "hash=035e2982", "hash=ab12", "x"}));
  EXPECT_NE(joined(data.notes).find("\"customer_id\" is a feature, though"), std::string::npos);
  std::string hashes = "t,key,x,y\n";
  for (int i = 0; i < 9; ++i) hashes += fmt::format("a,{}f2a-{}c,{},{}.5\n", i, 10 - i, i * i, i % 4);
  EXPECT_EQ(read(hashes).tasks.feature_names, std::vector<std::string>{"x"});
  EXPECT_EQ(read("t,x,y\na,1,1,\na,2,2,\n").tasks[0].features, Eigen::Vector2d(1, 2));
  EXPECT_EQ(read("t,x,y\na,1,1\n   \na,2,2\n \n").tasks.rows(), 2);
  EXPECT_EQ(read("t,x,z,y\na,1,NA,1\na,2,,2\n").tasks.feature_names, std::vector<std::string>{"x"});
  EXPECT_EQ(read("t,x,land,y\na,1,w,1\na,2,w,2\n").tasks.feature_names, std::vector<std::string>{"x"});
}

TEST_F(RawCsv, TakesANumberForAMissingValueWhenTold) {
  options.missing = MissingRule::Drop;
  options.missing_words = {"-999"};
  EXPECT_EQ(read("t,x,y\na,1,1\na,-999.0,2\na,2,-999\n").tasks.rows(), 1);
}

// A column of a new file is read as a whole: 0.126 is no 126 since the model's file had decimal commas.
TEST_F(RawCsv, NewFilesMayWriteTheirNumbersOtherwiseButNotOtherNumbers) {
  const CsvData comma = read("t;x;y\na;0,5;1,5\na;1.234,25;2,5\n");
  const auto rows = [&](const CsvData& known, const std::string& text) {
    return read_rows(folder.write("n.csv", text), known.coding, {"a"}, {}).features;
  };
  EXPECT_EQ(rows(comma, "t,x\na,0.126\na,1.234\n"), Eigen::Vector2d(0.126, 1.234));
  EXPECT_EQ(rows(comma, "t;x\na;0,126\na;1.234\n"), Eigen::Vector2d(0.126, 1234));
  const CsvData percent = read("t,x,y\na,45.5%,1.5\na,3%,2.5\n");
  EXPECT_NE(error_of(folder.path().string(), [&] { rows(percent, "t,x\na,12.6\n"); })
                .find("\"12.6\" is not a number as the model's file has them, such as \"123450%\""),
            std::string::npos);
}

TEST_F(RawCsv, WarnsOfCountersCopiesOfTheLabelAndCodes) {
  std::string text = "t,day,same,reading,x,y\n";
  for (int i = 0; i < 6; ++i)
    text += fmt::format("a,{},{},{},{},{}\n", i + 1, 3 * i % 7, i % 2 == 0 ? -999 : 10 + i, i * i % 5, 3 * i % 7);
  const CsvData data = read(text);
  const std::string notes = joined(data.notes);
  EXPECT_EQ(data.tasks.features(), 4) << notes;
  EXPECT_NE(notes.find("\"day\" counts the rows"), std::string::npos) << notes;
  EXPECT_NE(notes.find("\"same\" is the same as the label"), std::string::npos) << notes;
  EXPECT_NE(notes.find("\"reading\" is -999 in 3 rows"), std::string::npos) << notes;
}

TEST_F(RawCsv, ARepeatedColumnIsOneFeature) {
  const CsvData data = read("t,x,x,z,y\na,1,1,5,1\na,2,2,6,3\na,4,4,6,2\n");
  EXPECT_EQ(data.tasks.feature_names, (std::vector<std::string>{"x", "z"}));
  EXPECT_NE(joined(data.notes).find("it repeats column \"x\""), std::string::npos);
}

TEST_F(RawCsv, TakesTheNamesOfRowsThatRWrites) {
  const CsvData data = read("t,x,y\n1,a,3,1\n2,a,4,2\n3,b,5,3\n4,b,6,4\n5,b,9,5\n");
  EXPECT_EQ(data.tasks.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(data.tasks.feature_names, std::vector<std::string>{"x"});
}

TEST_F(RawCsv, KnowsLineEndsAndSeparators) {
  for (const char* text : {"t,x,y\ra,1,1\ra,2,2\r", "t|x|y\na|1|1\na|2|2\n", "sep=;\nt;x;y\na;1;1\na;2;2\n",
                           "t\tx\ty\r\na\t1\t1\r\na\t2\t2\r\n"})
    EXPECT_EQ(read(text).tasks[0].features, Eigen::Vector2d(1, 2)) << text;
  EXPECT_EQ(error("t,x,y\ra,1,1\ra,2\r"), "f.csv:3: 2 fields where the header has 3");
}

TEST_F(RawCsv, NamesAPreambleAndAMissingHeader) {
  const std::string preamble = "# exported by a system\n\nt,x,y\na,1,1\na,2,2\n";
  EXPECT_EQ(error(preamble),
            "f.csv:1: \"# exported by a system\" is no header: it has 1 field and the lines from 3 on have 3; "
            "`skip_lines=2` passes over what stands before the header");
  options.skip_lines = 2;
  EXPECT_EQ(read(preamble).tasks.rows(), 2);
  options.skip_lines = 0;
  EXPECT_NE(error("# of system X, 2024\nt,x,y\na,1,1\na,2,2\n").find("`skip_lines=1`"), std::string::npos);
  EXPECT_NE(error("a,1,1\na,2,2\n").find("so the header seems to be missing: with `no_header`"), std::string::npos);
  options = {.task_column = "1", .label_columns = {"column 3"}, .has_header = false};
  const CsvData data = read("a,1,1\na,2,2\n");
  EXPECT_EQ(data.tasks[0].features, Eigen::Vector2d(1, 2));
  EXPECT_EQ(data.tasks.feature_names, std::vector<std::string>{"column 2"});
}

TEST_F(RawCsv, SeveralLabelsAreTasksOverTheSameRows) {
  options = {.label_columns = {"cat", "dog"}};
  const CsvData data = read("x,cat,dog\n1,0,1\n2,1,\n3,1,0\n");
  EXPECT_EQ(data.tasks.names(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data.tasks[0].features, Eigen::Vector3d(1, 2, 3));
  EXPECT_EQ(data.tasks[1].origin, (std::vector<std::size_t>{0, 2}));
}

// Whatever injected rows hold, the columns are what the file's own rows make them.
TEST_F(RawCsv, OwnMarksAreNoFeatures) {
  const CsvData data = read(
      "id,t,x,y,injected,part\nu,a,1,1,0,train\nv,a,2,2,0,test\nw,a,3,1,0,train\nz,a,4,2,0,train\n"
      "k,a,7,2,0,train\n,a,5,2,1,train\n");
  EXPECT_EQ(data.tasks.feature_names, std::vector<std::string>{"x"});
  EXPECT_EQ(data.injected, (std::vector<bool>{false, false, false, false, false, true}));
  EXPECT_EQ(data.in_test, (std::vector<bool>{false, true, false, false, false, false}));
  EXPECT_EQ(read("t,part,y\na,engine,1\na,wheel,2\na,wheel,3\n").tasks.features(), 2);  // the user's own column
}

class NewRowsOf : public RawCsv {
 protected:
  CsvData known = read("t,colour,x,y\nb,red,1,0\na,blue,2,1\nb,blue,3,1\na,red,4,0\n");
  NewRowsOptions how;
  NewRows rows(const std::string& text) {
    return read_rows(folder.write("n.csv", text), known.coding, {"b", "a"}, how);
  }
  std::string refused(const std::string& text) {
    return error_of(folder.path().string(), [&] { rows(text); });
  }
};

TEST_F(NewRowsOf, AreFoundByNameInTheOrderOfTheFile) {
  const NewRows read_back = rows("x;extra;colour;t\n7;u;red;a\n8;v;blue;b\n");
  EXPECT_EQ(read_back.features, (Eigen::MatrixXd(2, 3) << 0, 1, 7, 1, 0, 8).finished());
  EXPECT_EQ(read_back.tasks, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(read_back.labels.size(), 0);
  EXPECT_EQ(read_back.notes,
            std::vector<std::string>{"a column was passed over, which the model does not know: \"extra\""});
  EXPECT_EQ(rows("t,colour,x,y\na,red,1,1\n").labels, Eigen::VectorXd::Ones(1));
}

TEST_F(NewRowsOf, NameWhatTheModelDoesNotKnow) {
  EXPECT_EQ(
      refused("t,colour,x\na,red,1\na,green,2\n"),
      "n.csv:3: \"green\" is no value that the model was learned from; it knows \"blue\", \"red\"; `unseen=ignore` "
      "predicts such rows without it (column \"colour\")");
  how.ignore_unseen = true;
  EXPECT_EQ(rows("t,colour,x\na,green,2\n").features, Eigen::RowVector3d(0, 0, 2));
  EXPECT_EQ(refused("t,colour,x\nc,red,1\n"),
            "n.csv:2: \"c\" is no task of the model; `unknown_task=mean` predicts such rows with the mean of all tasks "
            "(column \"t\")");
  how.take_unknown_tasks = true;
  EXPECT_EQ(rows("t,colour,x\nc,red,1\n").tasks[0], NewRows::kUnknownTask);
  EXPECT_NE(refused("t,x\na,1\n").find("no column \"colour\""), std::string::npos);
  EXPECT_NE(refused("t,colour,x\na,red,one\n").find("\"one\" is not a number"), std::string::npos);
  EXPECT_NE(refused("t,colour,x\na,red,1e999\n").find("is not a finite number"), std::string::npos);
  EXPECT_NE(refused("t,colour,x\na,red,NA\n").find("is a missing value"), std::string::npos);
}

TEST_F(NewRowsOf, AreReadTheSameByACodingFromJson) {
  const CsvCoding back = csv_coding_from_json(to_json(known.coding));
  EXPECT_EQ(to_json(back), to_json(known.coding));
  auto wrong = to_json(known.coding);
  wrong["columns"][0]["values"] = {"red", "blue"};
  EXPECT_THROW(csv_coding_from_json(wrong), std::invalid_argument);
}

TEST_F(RawCsv, WritesInjectedRowsInTheWordsOfTheFile) {
  options.keep_text = true;
  CsvData data = read(
      "id;t;c;x;y\r\nu;a;red;1,5;yes\r\n\r\nv;a;\"bl;ue\";2,5;no\r\nw;a;red;3,5;no\r\nq;a;red;3,75;no\r\n"
      "z;a;red;3,25;no\r\n");
  const TaskSet injected{{"a", Eigen::RowVector3d(1, 0, 0.125), Eigen::VectorXd::Ones(1)}};
  EXPECT_EQ(
      with_injected(*data.text, data.coding, {false, true, false, false, false}, injected, ClassNames{"no", "yes"}),
      "id;t;c;x;y;injected;part\r\nu;a;red;1,5;yes;0;train\r\nv;a;\"bl;ue\";2,5;no;0;test\r\nw;a;red;3,5;no;0;train\r\n"
      "q;a;red;3,75;no;0;train\r\nz;a;red;3,25;no;0;train\r\n;a;\"bl;ue\";\"0,125\";yes;1;train\r\n");
  EXPECT_EQ(without_records(*data.text, {true, false, true, true, true}),
            "id;t;c;x;y\r\nu;a;red;1,5;yes\r\n\r\nw;a;red;3,5;no\r\nq;a;red;3,75;no\r\nz;a;red;3,25;no\r\n");
}

class FileLabels : public testing::Test {
 protected:
  TemporaryFolder folder;
  Dataset load_labels(const std::vector<std::string>& labels, const std::string& loss = "",
                      const std::string& positive = "") {
    std::string text = "x,label\n";
    for (std::size_t k = 0; k < labels.size(); ++k) text += fmt::format("{},{}\n", k * k, labels[k]);
    return load(folder.write("f.csv", text).string(), {.loss = loss, .positive = positive});
  }
  std::string refused(const std::vector<std::string>& labels, const std::string& loss = "") {
    return error_of(folder.path().string(), [&] { load_labels(labels, loss); });
  }
};

TEST_F(FileLabels, TwoValuesOfAnyKindAreTwoClasses) {
  const std::vector<std::pair<std::string, std::string>> classes = {
      // negative, positive
      {"ham", "spam"}, {"False", "True"}, {"no", "Yes"}, {"0", "1"}, {"1", "2"}, {"-1", "1"}, {"0.5", "2.5"}};
  for (const auto& [negative, positive] : classes) {
    const Dataset set = load_labels({positive, negative, negative, positive});
    ASSERT_TRUE(set.classes) << positive;
    EXPECT_EQ(set.classes->positive, positive);
    EXPECT_EQ(set.classes->negative, negative);
    EXPECT_EQ(set.train[0].labels, Eigen::Vector4d(1, -1, -1, 1)) << positive;
    EXPECT_EQ(set.recipe.loss, "squared-hinge");
  }
  EXPECT_EQ(load_labels({"ham", "spam"}, "", "ham").train[0].labels, Eigen::Vector2d(1, -1));
  EXPECT_EQ(load_labels({"1", "2"}, "", "1").train[0].labels, Eigen::Vector2d(1, -1));
  EXPECT_THROW(load_labels({"ham", "spam"}, "", "eggs"), std::invalid_argument);
}

TEST_F(FileLabels, OtherLabelsAreAQuestionWithItsAnswers) {
  const std::string whole = refused({"1", "2", "3", "4", "5"});
  EXPECT_NE(whole.find("`loss=squared`"), std::string::npos) << whole;
  EXPECT_NE(whole.find("for classes, write words"), std::string::npos) << whole;
  EXPECT_EQ(load_labels({"1", "2", "3"}, "squared").train[0].labels, Eigen::Vector3d(1, 2, 3));
  EXPECT_NE(refused({"a", "a", "a"}).find("has 1 word"), std::string::npos);
  EXPECT_EQ(load_labels({"c", "a", "b"}).train[0].labels, Eigen::Vector3d(2, 0, 1));  // positions of the words
  EXPECT_NE(refused({"a", "b"}, "squared").find("`loss=squared` needs numbers"), std::string::npos);
  EXPECT_EQ(load_labels({"0.5", "1.5", "2.5"}).recipe.loss, "squared");
  EXPECT_NE(refused({"1", "NA", "2.5"}).find("missing value"), std::string::npos);
}

TEST(OtherFormats, SvmlightIsKnownByItsFirstRow) {
  const TemporaryFolder folder;
  for (const char* name : {"f.svm", "f.txt"}) {
    const Dataset set = load(folder.write(name, "# made\n1 qid:a 1:2 3:4\n-1 qid:b 2:5\n").string(), {});
    EXPECT_EQ(set.train.names(), (std::vector<std::string>{"a", "b"})) << name;
    EXPECT_EQ(set.train[0].features, Eigen::RowVector3d(2, 0, 4)) << name;
  }
}

TEST(OtherFormats, AreNamed) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& content) {
    return error_of(folder.path().string(), [&] { load(folder.write("f", content).string(), {}); });
  };
  EXPECT_NE(refused("PAR1....").find("Parquet"), std::string::npos);
  EXPECT_NE(refused("{\"x\": 1}\n").find("JSON"), std::string::npos);
  EXPECT_NE(refused("PK\3\4....").find("spreadsheet"), std::string::npos);
}

}  // namespace
}  // namespace crosstalk::data
