#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/data/number_format.hpp"
#include "crosstalk/data/text.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/option_table.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::data {

/// What is done about missing values: empty cells and words such as NA among numbers.
enum class MissingRule {
  Refuse,
  Drop,       ///< rows with a missing value are left out
  Mean,       ///< of the column's training rows
  Median,     ///< likewise
  Indicator,  ///< the mean, and a feature `NAME missing` that is 1 where a value is missing
};
inline constexpr auto kMissingRules =
    name_table<MissingRule>("rule for missing values", {{MissingRule::Refuse, "refuse"},
                                                        {MissingRule::Drop, "drop"},
                                                        {MissingRule::Mean, "mean"},
                                                        {MissingRule::Median, "median"},
                                                        {MissingRule::Indicator, "indicator"}});
std::string_view to_string(MissingRule rule);
/// @throws std::invalid_argument for a name that no rule has.
MissingRule missing_rule_named(const std::string& name);

/// Words that stand for a missing value, in small letters; cells are compared without regard to case.
const std::vector<std::string>& default_missing_words();

struct CsvOptions {
  std::string task_column = {};                        ///< its values name the tasks; empty: one task, "all"
  std::vector<std::string> label_columns = {"label"};  ///< several are tasks over the same rows, named like the columns
  /// columns to leave out; the nth column, if it has no name, is called `column n`
  std::vector<std::string> ignore = {};
  char separator = 0;          ///< 0: detected_separator
  char decimal = 0;            ///< '.' or ',' where a number could be read in two ways; 0: such a column is an error
  bool has_header = true;      ///< without one, columns are called `column 1`, `column 2`, ...
  std::size_t skip_lines = 0;  ///< lines before the header
  MissingRule missing = MissingRule::Refuse;
  std::vector<std::string> missing_words = {};  ///< in addition to default_missing_words
  std::string split_column = {};                ///< no feature; its cells are handed over in CsvData::split_cells
  /// Numbers, categories and the label as the file has them: no column is left out, none is recognised as our own mark.
  bool as_published = false;
  bool keep_text = false;  ///< CsvData::text is kept, for writing the rows back in the file's own shape

  /// Keys, ranges and meanings.
  static const OptionTable<CsvOptions>& table();
};

/// How a column of the file becomes features.
struct CsvColumn {
  std::string name;
  NumberFormat format = {};              ///< of a column of numbers
  std::vector<std::string> values = {};  ///< of a column of words, sorted: one feature `NAME=VALUE` each
  bool indicator = false;                ///< of numbers: one more feature, `NAME missing`
  /// What stands in place of a missing number; none where there is no rule, or it is not known yet.
  std::optional<double> fill = {};

  [[nodiscard]] bool is_categorical() const { return !values.empty(); }
  [[nodiscard]] Eigen::Index width() const {
    return is_categorical() ? static_cast<Eigen::Index>(values.size()) : indicator ? 2 : 1;
  }
};

/// How a table becomes tasks, labels and features: what reading a file found out, and what another file of the same
/// kind is read by.
struct CsvCoding {
  std::string task_column;
  std::vector<std::string> label_columns;
  bool has_header = true;
  MissingRule missing = MissingRule::Refuse;
  std::vector<std::string> missing_words;  ///< all of them, in small letters
  std::vector<CsvColumn> columns;          ///< in the order of the features
  NumberFormat label_format;
  std::vector<std::string> label_words;  ///< sorted; a label is then a position in this list. Empty: labels are numbers
  std::vector<std::string> left_out;     ///< columns of the file that are neither task nor label nor feature

  [[nodiscard]] std::vector<std::string> feature_names() const;
  [[nodiscard]] std::size_t feature_count() const;
  [[nodiscard]] bool is_missing(std::string_view cell) const;
};

/// The text of a file and where its records stand in it.
struct CsvText {
  Text text;
  bool has_header = true;
  char separator = ',';
  std::vector<std::string> names = {};   ///< of all columns
  std::size_t body = 0;                  ///< behind the header
  std::vector<std::size_t> begins = {};  ///< of every record
  std::vector<std::size_t> ends = {};    ///< behind its line end
};

struct CsvData {
  TaskSet tasks;                   ///< in the order in which their names first appear; Task::origin counts records
  std::vector<std::string> notes;  ///< what was done to the file, one sentence each
  CsvCoding coding;
  std::vector<std::size_t> lines;        ///< of every record, 1 for the first line of the file
  std::vector<bool> injected;            ///< of every record; empty without a column `injected` of 0 and 1
  std::vector<bool> in_test;             ///< of every record; empty without a column `part` of train and test
  std::vector<std::string> split_cells;  ///< of every record; empty without CsvOptions::split_column
  std::shared_ptr<const CsvText> text;   ///< with CsvOptions::keep_text
  /// How the first distinct labels that are numbers stand in the file.
  std::map<double, std::string> label_texts;
};

/// A file, and the task that all of its rows belong to. The name is given for all files or for none: then the task
/// column decides.
struct CsvSource {
  std::filesystem::path path;
  std::string task = {};
};

/// Reads a long-form table: a header, then one sample a row. Every column that is not the task, the label or ignored is
/// a feature.
///
/// - Numbers may have thousands' marks, a decimal comma, a currency or a percent sign, where a whole column has them.
/// - A column of words is one-hot encoded into features `name=value`, values sorted, at most 100 of them; `1` and `1.0`
///   are one value.
/// - A missing value (an empty cell, or a word for it among numbers) is NaN in the features until `fill_missing`.
/// - Left out, and said so: columns of row numbers, identifiers (words that all differ), repeated columns, and the
///   columns `injected` and `part` that crosstalk wrote. Kinds are decided by the rows that are not injected.
/// @throws DataError naming file, line, column, value and rule: no rows, a ragged row, a column that is unknown, a
/// value
///   that is missing (with MissingRule::Refuse) or not finite, a word among numbers (at least 90 % of the column),
///   dates, numbers that can be read in two ways, a preamble or no header where one is expected.
CsvData read_csv(const std::filesystem::path& path, const CsvOptions& options);

/// The same over several files with the same columns, which share one encoding.
CsvData read_csv(const std::vector<CsvSource>& sources, const CsvOptions& options);

/// Replaces the missing numbers of all tasks by what their column's rule says of the training rows that are not
/// injected, and notes it in the coding. A column without any such value gets 0.
/// @param injected  of every record; may be empty.
void fill_missing(TaskSet& train, TaskSet& test, CsvCoding& coding, const std::vector<bool>& injected);

/// What to do with rows of a new file that the coding does not know.
struct NewRowsOptions {
  bool ignore_unseen = false;  ///< a word that was never seen sets no indicator; else it is an error
  /// Whether rows may be of a task that is not in the list; else that is an error.
  bool take_unknown_tasks = false;
  std::string task_column = {};   ///< where the new file calls it otherwise
  std::string label_column = {};  ///< likewise
  char separator = 0;
  std::size_t skip_lines = 0;
  bool keep_text = false;
  bool name_options = true;  ///< messages name the options of a prediction that help
};

/// Rows of another file in the order of that file.
struct NewRows {
  static constexpr std::size_t kUnknownTask = std::numeric_limits<std::size_t>::max();

  Eigen::MatrixXd features;             ///< n x d
  std::vector<std::size_t> tasks;       ///< n positions in the list of tasks, or kUnknownTask
  std::vector<std::string> task_names;  ///< n, as written
  Eigen::VectorXd labels;               ///< n, NaN where there is none; empty without a label column
  std::vector<std::size_t> records;     ///< n: which record of the file, 0 for the first
  std::vector<std::size_t> lines;       ///< n: where the record begins, 1 for the first line
  std::vector<std::string> notes;
  std::shared_ptr<const CsvText> text;  ///< with keep_text
};

/// Reads the rows of a file by the coding of another one: features by name in any order, other columns passed over, the
/// label where there is one.
/// @param tasks  their names; with one task and no task column every row is of it.
/// @throws DataError naming file, line, column and value, also of a column that is not there.
NewRows read_rows(const std::filesystem::path& path, const CsvCoding& coding, const std::vector<std::string>& tasks,
                  const NewRowsOptions& options);

struct CsvLayout {
  std::string task_column = "task";  ///< empty: no such column
  std::string label_column = "label";
  /// One flag for each row of each task; when given, a last column `injected` holds them as 0 and 1.
  std::vector<std::vector<bool>> injected = {};
  std::vector<std::vector<bool>> in_test = {};  ///< likewise, a column `part` of train and test
};

/// The tasks as text that read_csv reads back to the same doubles, bit by bit: header, then the task, the label and
/// the features of each row. Features without names are called x1, x2, ...
/// @throws std::invalid_argument when flags and rows do not match, or two columns would have the same name.
std::string format_csv(const TaskSet& tasks, const CsvLayout& layout);

/// The file without the records that are not kept, otherwise byte by byte as it was.
/// @param kept  of every record.
std::string without_records(const CsvText& text, const std::vector<bool>& kept);

/// The two values of a label that were read as -1 and +1, in the words of the file.
struct ClassNames {
  std::string negative;
  std::string positive;
};

/// Rows in the units of the file as they are read back once they were written into it.
TaskSet as_written(const CsvCoding& coding, TaskSet rows);

/// The file with its rows as they stand, the injected rows behind them, and two more columns: `injected` (0 or 1) and
/// `part` (train or test). Injected rows are written in the words of the file; columns that are neither task, label nor
/// feature are empty in them.
/// @param in_test   of every record, which part it belongs to.
/// @param injected  features and labels in the units of the file; labels -1 and +1 where there are classes.
/// @throws std::invalid_argument for a row that has none of a column's words.
std::string with_injected(const CsvText& text, const CsvCoding& coding, const std::vector<bool>& in_test,
                          const TaskSet& injected, const std::optional<ClassNames>& classes);

/// Rows of a table: some of its records, and injected ones behind them.
struct RowSelection {
  std::vector<std::size_t> records;       ///< positions in CsvText::begins
  TaskSet injected = {};                  ///< as with_injected takes them
  std::vector<std::size_t> order = {};    ///< of all these rows; empty: as they come
  std::vector<std::string> without = {};  ///< columns that are left out, where the file has them
};

/// The file with the chosen rows alone: the lines above its header, the header, and the rows in the given order, in the
/// file's own encoding, separator and line ends. No column is added.
/// @throws std::invalid_argument as with_injected.
std::string selected_rows(const CsvText& text, const CsvCoding& coding, const RowSelection& selection,
                          const std::optional<ClassNames>& classes);

/// What format_csv wrote as the text of a file.
CsvText csv_text(std::string csv);

/// A field as a CSV file holds it: in quotes where it must be.
std::string csv_quoted(std::string_view field, char separator = ',');

}  // namespace crosstalk::data
