#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/json_text.hpp"

namespace crosstalk::app {

namespace {

// For CLI11, which by itself takes -1 for the largest unsigned number. Empty when the text is right.
std::string is_seed(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return "";
  return fmt::format("{} is not a whole number between 0 and {}", text, std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

void add_options(CLI::App& command, CommonOptions& options) {
  command.add_option("--config", options.config, "Settings from a TOML file, or from the run.json of an earlier run")
      ->group("General");
  command.add_option("--out", options.out, "Folder for everything that is written")->group("General");
  command.add_option("--seed", options.seed, "Seed of all random numbers")->check(is_seed)->group("General");
  command.add_option("--threads", options.threads, "Threads; 0 for all cores. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->group("General");
  command
      .add_option(
          "--max-memory", options.max_memory,
          "MB of 10^6 bytes that a packed or sparse file (.gz, .npz, .mat, svmlight) may unpack to; 0 for half of the "
          "memory there is")
      ->check(CLI::NonNegativeNumber)
      ->group("General");
  command.add_flag("--json", options.json, "Print the record (run.json) in place of the summary")->group("General");
  command.add_flag("--quiet", options.quiet, "No progress on stderr")->group("General");
}

void add_csv_options(CLI::App& command, DataOptions& options) {
  command.add_option("--task", options.task, "CSV: column that names the task of a row")->group("Data");
  command
      .add_option("--label", options.label, "CSV: column of the label; several, a,b,c, are tasks over the same rows")
      ->group("Data");
  command.add_option("--positive", options.positive, "Which of two labels is the positive class")->group("Data");
  command.add_option("--ignore", options.ignore, "CSV: columns to leave out, a,b,c; \"b, c\" has a comma")
      ->group("Data");
  command.add_option("--separator", options.separator, "CSV: comma, semicolon, tab or pipe; detected by default")
      ->check(CLI::IsMember({"comma", "semicolon", "tab", "pipe"}))
      ->group("Data");
  command.add_option("--decimal", options.decimal, "CSV: comma or point, where 1,234 could be either")
      ->check(CLI::IsMember({"comma", "point"}))
      ->group("Data");
  command.add_option("--skip-lines", options.skip_lines, "CSV: lines before the header")->group("Data");
  command.add_flag("--no-header", options.no_header, "CSV: the first line is a row; columns are \"column 1\", ...")
      ->group("Data");
  command
      .add_option(
          "--missing", options.missing,
          "How to treat missing values: refuse, drop such rows, fill in the mean or median of the training rows, or "
          "indicator: fill in the mean and add a 0/1 feature that marks them")
      ->check(CLI::IsMember({"refuse", "drop", "mean", "median", "indicator"}))
      ->group("Data");
  command
      .add_option("--missing-words", options.missing_words,
                  "More words for a missing value, a,b, beside an empty cell, NA, N/A, NaN, null, none, ? and -")
      ->group("Data");
}

void add_options(CLI::App& command, DataOptions& options) {
  command
      .add_option("data,--data", options.data, "A known set (see `crosstalk data list`) or a file: CSV, NPZ, MAT, IDX")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst)
      ->group("Data");
  add_csv_options(command, options);
  command
      .add_option("--min-rows", options.min_rows,
                  "Leave out tasks of fewer rows, and tasks that have one class in their training rows")
      ->check(CLI::Range(1L, 1000000000L))
      ->group("Data");
  command.add_option("--test", options.test, "File with the rows to test on; then none are held out")->group("Data");
  command
      .add_option("--split-by", options.split_by,
                  "CSV: column by which rows are held out: whole groups, or the last of a time")
      ->group("Data");
  command
      .add_option("--scale", options.scale,
                  "standard: every feature to mean 0, variance 1 on the training rows; unit-ball: divide so that the "
                  "largest training row has norm 1; none. Standard for files, unit-ball for known sets")
      ->check(CLI::IsMember({"standard", "unit-ball", "none"}))
      ->group("Data");
  command
      .add_option("--test-fraction", options.test_fraction, "Share of each task's rows held out for testing, in [0, 1)")
      ->group("Data");
  command.add_option("--pca", options.pca, "Principal components to keep; 0 for all features")->group("Data");
  command
      .add_option(
          "--standardise-labels", options.standardise_labels,
          "Scale regression labels to mean 0, variance 1 on the training rows: all together, of each task, or none. "
          "Default: all for files, none for known sets")
      ->check(CLI::IsMember({"all", "task", "none", "true", "false"}))
      ->group("Data");
}

void add_options(CLI::App& command, LearnerOptions& options) {
  command.add_option("--loss", options.loss, "squared, squared-hinge or logistic")
      ->check(CLI::IsMember({"squared", "squared-hinge", "logistic"}))
      ->group("Learner");
  command.add_option("--lambda1", options.lambda1, "Penalty on the weights (l1 of Eq. 1), > 0")->group("Learner");
  command.add_option("--lambda2", options.lambda2, "Penalty that couples related tasks (l2 of Eq. 1), >= 0")
      ->group("Learner");
  command
      .add_option("--smoothing", options.smoothing,
                  "e of the smoothed covariance, in units of W, >= 0; 0 as in the paper")
      ->group("Learner");
  command
      .add_option("--tolerance", options.tolerance,
                  "Certified gap at which a fit has converged, relative to the objective")
      ->group("Learner");
  command
      .add_flag("--cv", options.cross_validate,
                "Choose lambda1 and lambda2 by cross-validation, as is done when neither is given")
      ->group("Learner");
  command.add_option("--folds", options.folds, "Folds of the cross-validation; 5 for files, 3 for known sets")
      ->check(CLI::Range(2, 100))
      ->group("Learner");
}

void add_threat_options(CLI::App& command, AttackOptions& options, bool one_budget) {
  command
      .add_option(
          "--targets", options.targets,
          "Tasks under attack, a,b,c: names, or numbers from 1. Default: all tasks that are not attackers; without "
          "--attackers, random halves")
      ->group("Attack");
  command.add_option("--attackers", options.attackers, "Tasks the attacker controls, a,b,c")->group("Attack");
  options.budget = one_budget ? "0.3" : kDefaultBudgets;
  options.labels = one_budget ? "uniform" : "free";
  if (one_budget)
    command.add_option("--budget", options.budget, "Injected rows of an attacking task, as a share of its clean rows")
        ->group("Attack");
  else
    command
        .add_option("--budgets,--budget", options.budget,
                    "Injected rows as shares of an attacking task's clean rows, a,b,c")
        ->group("Attack");
  command
      .add_option("--labels", options.labels,
                  "Labels of injected rows: clean (drawn from the task's), uniform or ends (of their range), free: "
                  "chosen by `exact`")
      ->check(CLI::IsMember({"clean", "uniform", "ends", "free"}))
      ->group("Attack");
  command
      .add_option(
          "--radius", options.radius,
          "Ball of the injected rows, > 0: so many times the largest norm of a clean training row (with --scale "
          "none in the units of the file); 1, or none with --schema")
      ->group("Attack");
  command
      .add_option(
          "--schema", options.schema,
          "What the columns of injected rows can be: a CSV file (see `crosstalk data schema`); auto, as the data "
          "suggest: ranges, whole numbers, words; or none. Auto for CSV files, none for known sets")
      ->group("Attack");
}

void add_options(CLI::App& command, AttackOptions& options, bool one_budget) {
  add_threat_options(command, options, one_budget);
  if (one_budget) {
    options.method = "patom";
    command
        .add_option("--method", options.method,
                    "patom; exact: the strongest, by exact gradients; random: the same rows unoptimised")
        ->check(CLI::IsMember({"patom", "exact", "random"}))
        ->group("Attack");
    command
        .add_option("--objective", options.objective,
                    "What the attacker wants: the targets' loss on their training or held-out rows to rise, the "
                    "prediction of --wanted, or "
                    "the relation of --relation")
        ->check(CLI::IsMember({"training", "held-out", "prediction", "relation"}))
        ->group("Attack");
    command
        .add_option("--wanted", options.wanted,
                    "CSV of rows like the data's, with the labels that shall be predicted for them")
        ->group("Attack");
    command
        .add_option("--relation", options.relation,
                    "Two tasks and the correlation that shall be learned: TASK,TASK,NUMBER")
        ->group("Attack");
    command
        .add_option("--money", options.money,
                    "Total money that the attacker can spend on rows; --budget still limits each task")
        ->group("Attack");
    command.add_option("--prices", options.prices, "CSV with the columns task, price: what a row costs; 1 without it")
        ->group("Attack");
    options.starts = 8;
    options.exact_steps = 100;
  } else {
    for (const evaluate::Method method : evaluate::kMethods)
      options.method += (options.method.empty() ? "" : ",") + std::string(to_string(method));
    command
        .add_option("--method", options.method,
                    "Attack methods, a,b: random; patom (starts from the random rows); exact (starts from PATOM's)")
        ->group("Attack");
    options.starts = 1;
    options.exact_steps = 8;
  }
  command
      .add_option("--stealth", options.stealth,
                  "Screens that injected rows must pass, a,b: distance (from the task's mean), residual (under the "
                  "clean model)")
      ->group("Attack");
  command
      .add_option("--stealth-quantile", options.stealth_quantile,
                  "Share of a task's clean rows that passes each screen, in (0, 1]")
      ->group("Attack");
  command.add_option("--step", options.step, "PATOM: step size, > 0")->group("Attack");
  command.add_option("--iterations", options.iterations, "PATOM: iterations, >= 0")->group("Attack");
  command.add_option("--batch-share", options.batch_share, "PATOM: rows in a batch, as a multiple of the target rows")
      ->group("Attack");
  command.add_option("--starts", options.starts, "Exact: starts, >= 1; PATOM's end, then random rows")->group("Attack");
  command.add_option("--exact-steps", options.exact_steps, "Exact: steps from every start, >= 0")->group("Attack");
  command.add_flag("--full-batch", options.full_batch, "PATOM: all target rows in place of batches")->group("Attack");
}

std::string command_text(const std::string& command, const Configuration& configuration) {
  std::string text = "crosstalk " + command;
  for (const auto& [key, value] : configuration.flags.items()) {
    if (key != "data" && value == configuration.defaults.at(key)) continue;
    const std::string word = value.is_string() ? value.get<std::string>() : json_text(value);
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,/:=") ==
                                            std::string::npos;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += fmt::format(" {}{}", key == "data" ? "" : "--" + key + "=", plain ? word : quoted + "'");
  }
  return text;
}

std::string in_flags(const std::string& message) {
  // Only these: what else stands between such marks is the user's text.
  static const std::regex option(
      "`(decimal|ignore|images|label|labels|loss|max_memory|merge_rare|min_rows|missing|missing_words|no_header|pca|"
      "positive|regression|size|"
      "skip_lines|split_by|standardise_labels|task|test|test_fraction|unknown_task|unseen)(?:=([^`]*))?`");
  std::string text;
  auto at = message.cbegin();
  for (std::sregex_iterator match(message.begin(), message.end(), option), end; match != end; ++match) {
    text.append(at, message.cbegin() + match->position());
    std::string name = (*match)[1];
    std::replace(name.begin(), name.end(), '_', '-');
    text += "--" + name;
    if ((*match)[2].matched) text += " " + (*match)[2].str();
    at = message.cbegin() + match->position() + match->length();
  }
  return text.append(at, message.cend());
}

std::function<std::string(const std::string&)> parses(std::function<void(const std::string&)> parse) {
  return [parse = std::move(parse)](const std::string& text) -> std::string {
    try {
      parse(text);
      return "";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> words;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return words;
  try {
    data::CsvScanner list(text, "list", ',');
    std::vector<std::string_view> fields;
    while (list.next(fields))
      for (const std::string_view field : fields)
        if (!field.empty()) words.emplace_back(field);
  } catch (const DataError& error) {
    throw std::invalid_argument(fmt::format("the list {} is not right: {}", data::in_quotes(text), error.what()));
  }
  return words;
}

double one_budget(const AttackOptions& options) {
  const auto budgets = number_list("--budget", options.budget);
  if (budgets.size() != 1)
    throw std::invalid_argument(fmt::format("--budget: \"{}\" is not one number", options.budget));
  return budgets.front();
}

std::vector<double> number_list(const std::string& flag, const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& word : split_list(text)) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value))
      throw std::invalid_argument(fmt::format("{}: \"{}\" is not a finite number", flag, word));
    numbers.push_back(value);
  }
  if (numbers.empty()) throw std::invalid_argument(fmt::format("{}: there is no number in \"{}\"", flag, text));
  return numbers;
}

}  // namespace crosstalk::app
