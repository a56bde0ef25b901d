#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "commands.hpp"
#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/patom.hpp"
#include "crosstalk/attack/screen.hpp"
#include "crosstalk/kernel_map.hpp"
#include "crosstalk/mtrl/solve.hpp"

namespace CLI {
class App;
}

namespace crosstalk::app {

/// Flags of every command.
struct CommonOptions {
  std::string config;
  std::string out;
  std::uint64_t seed = 1;
  int threads = 0;          ///< 0: all cores
  double max_memory = 0.0;  ///< MB that a packed file may unpack to; 0: half of the machine's memory
  bool json = false;
  bool quiet = false;
};

/// Which data, and how it is prepared.
struct DataOptions {
  std::string data;
  std::string task;
  std::string label = "label";  ///< a column, or several: a,b,c
  std::string ignore;           ///< columns, separated by commas
  std::string separator;
  std::string decimal;  ///< comma or point
  std::size_t skip_lines = 0;
  bool no_header = false;
  std::string missing = "refuse";
  std::string missing_words;  ///< a,b,c
  std::string positive;
  std::optional<long> min_rows;
  std::string test;              ///< file
  std::string split_by;          ///< column
  bool keep_text = false;        ///< no flag: for commands that write the file's rows back
  bool several_classes = false;  ///< no flag: for commands that learn more than two
  std::optional<std::string> scale;
  std::optional<double> test_fraction;
  std::optional<long> pca;
  std::optional<std::string> standardise_labels;
};

struct LearnerOptions {
  std::string loss;
  std::optional<double> lambda1;
  std::optional<double> lambda2;
  double smoothing = mtrl::Options().smoothing;
  double tolerance = mtrl::Options().tolerance;
  bool cross_validate = false;
  std::optional<std::size_t> folds;
  std::string kernel = std::string(to_string(KernelOptions().kernel));
  std::optional<double> width;
  std::optional<int> degree;
  std::optional<long> landmarks;
};

struct AttackOptions {
  std::string targets;
  std::string attackers;
  std::string budget;  ///< a number, or for audit a list
  std::string method;  ///< a name, or for audit a list
  std::string labels;
  std::string fictitious;  ///< a number of tasks, or a share of the data's
  std::optional<long> rows_each;
  std::string objective = "training";
  std::string wanted;    ///< file
  std::string relation;  ///< task,task,correlation
  std::optional<double> radius;
  std::string schema;  ///< file, or auto
  std::string prices;  ///< file
  std::optional<double> money;
  std::string stealth;           ///< screens, a,b
  attack::ScreenOptions screen;  ///< the quantile
  attack::PatomOptions patom;
  attack::ExactOptions exact;  ///< starts and iterations
};

void add_options(CLI::App& command, CommonOptions& options);
void add_options(CLI::App& command, DataOptions& options);
/// How a CSV file is read: the part of DataOptions that says nothing about what is done with it.
void add_csv_options(CLI::App& command, DataOptions& options);
void add_options(CLI::App& command, LearnerOptions& options);
/// The kernel, of commands whose learner can have one.
void add_kernel_options(CLI::App& command, LearnerOptions& options);
void add_options(CLI::App& command, AttackOptions& options, bool one_budget);
/// Who attacks whom, with what, within which limits: the part of AttackOptions that is no method's own.
void add_threat_options(CLI::App& command, AttackOptions& options, bool one_budget);

/// Calls f. @throws std::invalid_argument with the flag before what f says.
template <class F>
auto for_flag(const std::string& flag, const F& f) {
  try {
    return f();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(flag + ": " + error.what());
  }
}

/// The words that repeat a run: the data, and every flag that is not at its default, quoted for a shell.
std::string command_text(const std::string& command, const Configuration& configuration);

/// A message of the library, which names an option as `name` or `name=value`, with the flags of the command in their
/// place: --name, --name value.
std::string in_flags(const std::string& message);

/// A check of a flag: that `parse` takes its text. What it throws says what is wrong.
std::function<std::string(const std::string&)> parses(std::function<void(const std::string&)> parse);
/// Words of a list "a,b,c"; none for an empty text. A word with a comma stands in quotes, as in CSV: "b, c",d.
std::vector<std::string> split_list(const std::string& text);
/// The one number that the budget must be. @throws std::invalid_argument when it is not.
double one_budget(const AttackOptions& options);
/// @throws std::invalid_argument naming the flag and the word that is not a finite number.
std::vector<double> number_list(const std::string& flag, const std::string& text);

}  // namespace crosstalk::app
