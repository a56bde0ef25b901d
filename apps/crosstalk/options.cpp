#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/problem/problem.hpp"
#include "described_flag.hpp"

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
  add_described(
      command, options.threads,
      {.key = "threads", .meaning = "Threads; 0 for all cores. Results do not depend on it", .range = from_to(0, 1024)},
      "General");
  add_described(
      command, options.max_memory,
      {.key = "max-memory",
       .meaning = "MB of 10^6 bytes that a packed or sparse file (.gz, .npz, .mat, svmlight) may unpack to; 0 "
                  "for half of the memory there is",
       .range = at_least(0),
       .unit = "MB"},
      "General");
  command.add_flag("--json", options.json, "Print the record (run.json) in place of the summary")->group("General");
  command.add_flag("--quiet", options.quiet, "No progress on stderr")->group("General");
}

void limit(CLI::Option& flag, const std::string& name, const OptionText& option, bool is_number) {
  if (!option.words.empty()) flag.check(CLI::IsMember(option.words));
  if (!option.range || !is_number) return;
  flag.type_name(
      fmt::format("{} {}{}", flag.get_type_name(), option.range->rule(), option.unit.empty() ? "" : " " + option.unit));
  flag.check([name, range = *option.range](const std::string& text) -> std::string {
    double value = 0.0;
    // What is no number, or no finite one, is refused for that.
    if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && !range.contains(value))
      throw std::invalid_argument(fmt::format("{} is {}; it must be {}", name, text, range.rule()));
    return "";
  });
}

void add_csv_options(CLI::App& command, DataOptions& options) {
  using data::CsvOptions;
  add_flag(command, options.task, &CsvOptions::task_column, "Data");
  add_flag(command, options.label, &CsvOptions::label_columns, "Data");
  add_flag(command, options.positive, &data::LoadOptions::positive, "Data");
  add_flag(command, options.ignore, &CsvOptions::ignore, "Data");
  add_flag(command, options.separator, &CsvOptions::separator, "Data");
  add_flag(command, options.decimal, &CsvOptions::decimal, "Data");
  add_flag(command, options.skip_lines, &CsvOptions::skip_lines, "Data");
  add_flag(command, options.no_header, &CsvOptions::has_header, "Data");
  add_flag(command, options.missing, &CsvOptions::missing, "Data");
  add_flag(command, options.missing_words, &CsvOptions::missing_words, "Data");
}

void add_options(CLI::App& command, DataOptions& options) {
  command
      .add_option("data,--data", options.data, "A known set (see `crosstalk data list`) or a file: CSV, NPZ, MAT, IDX")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst)
      ->group("Data");
  add_csv_options(command, options);
  add_flag(command, options.min_rows, &ProblemOptions::min_rows, "Data");
  add_flag(command, options.test, &ProblemOptions::test_file, "Data");
  add_flag(command, options.split_by, &data::CsvOptions::split_column, "Data");
  add_flag(command, options.scale, &ProblemOptions::scale, "Data");
  add_flag(command, options.test_fraction, &ProblemOptions::test_fraction, "Data");
  add_flag(command, options.pca, &ProblemOptions::pca, "Data");
  OptionText label_scale = ProblemOptions::table().of(&ProblemOptions::label_scale);
  label_scale.words.insert(label_scale.words.end(), {"true", "false"});  // as they were called once
  add_described(command, options.standardise_labels, label_scale, "Data");
}

void add_options(CLI::App& command, LearnerOptions& options) {
  add_flag(command, options.loss, &data::LoadOptions::loss, "Learner");
  add_flag(command, options.lambda1, &mtrl::Options::lambda1, "Learner");
  add_flag(command, options.lambda2, &mtrl::Options::lambda2, "Learner");
  add_flag(command, options.smoothing, &mtrl::Options::smoothing, "Learner");
  add_flag(command, options.tolerance, &mtrl::Options::tolerance, "Learner");
  command
      .add_flag("--cv", options.cross_validate,
                "Choose lambda1 and lambda2 by cross-validation, as is done when neither is given")
      ->group("Learner");
  OptionText folds = mtrl::CrossValidationOptions::table().of(&mtrl::CrossValidationOptions::folds);
  folds.meaning += "; 5 for files, 3 for known sets";
  add_described(command, options.folds, folds, "Learner");
}

void add_kernel_options(CLI::App& command, LearnerOptions& options) {
  add_flag(command, options.kernel, &KernelOptions::kernel, "Kernel");
  add_flag(command, options.width, &KernelOptions::width, "Kernel");
  add_flag(command, options.degree, &KernelOptions::degree, "Kernel");
  add_flag(command, options.landmarks, &KernelOptions::landmarks, "Kernel");
}

void add_threat_options(CLI::App& command, AttackOptions& options, bool one_budget) {
  using evaluate::AuditOptions;
  add_flag(command, options.targets, &attack::Threat::targets, "Attack");
  add_flag(command, options.attackers, &attack::Threat::attackers, "Attack");
  options.budget = AuditOptions::table().of(&AuditOptions::budgets).by_default;
  options.labels = AuditOptions::table().of(&AuditOptions::labels).by_default;
  if (one_budget) {
    options.budget = attack::Threat::table().of(&attack::Threat::budget).by_default;
    options.labels = to_string(attack::LabelRule::Uniform);
    add_flag(command, options.budget, &attack::Threat::budget, "Attack");
  } else {
    const OptionText& budgets = AuditOptions::table().of(&AuditOptions::budgets);
    command.add_option("--budgets,--budget", options.budget, budgets.meaning)->group("Attack");
  }
  add_flag(command, options.labels, &AuditOptions::labels, "Attack");
  add_described(
      command, options.radius,
      {.key = "radius",
       .meaning =
           "Ball of the injected rows: so many times the largest norm of a clean training row (with --scale none "
           "in the units of the file); 1, or none with --schema",
       .range = above(0)},
      "Attack");
  command
      .add_option(
          "--schema", options.schema,
          "What the columns of injected rows can be: a CSV file (see `crosstalk data schema`); auto, as the data "
          "suggest: ranges, whole numbers, words; or none. Auto for CSV files, none for known sets")
      ->group("Attack");
}

void add_options(CLI::App& command, AttackOptions& options, bool one_budget) {
  add_threat_options(command, options, one_budget);
  command
      .add_option("--fictitious", options.fictitious,
                  std::string(one_budget ? "Attack through" : "Also attack through") +
                      " tasks that the attacker makes up, such as user accounts: how many (5), or a share of the "
                      "data's number of tasks (0.05 or 5%)" +
                      (one_budget ? "; in place of --attackers and --budget"
                                  : ", at the largest budget, in proportion fewer at a smaller one"))
      ->group("Attack");
  command
      .add_option("--rows-each", options.rows_each,
                  "Injected rows of each task that the attacker makes up, >= 2; the median of the data's tasks")
      ->group("Attack");
  if (one_budget) {
    options.method = "patom";
    command
        .add_option("--method", options.method,
                    "patom; exact: the strongest, by exact gradients; random: the same rows unoptimised")
        ->check(CLI::IsMember(evaluate::kMethods.names()))
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
  } else {
    using evaluate::AuditOptions;
    options.method = AuditOptions::table().of(&AuditOptions::methods).by_default;
    add_flag(command, options.method, &AuditOptions::methods, "Attack");
    options.exact = AuditOptions().exact;
  }
  command
      .add_option("--stealth", options.stealth,
                  "Screens that injected rows must pass, a,b: distance (from the task's mean), residual (under the "
                  "clean model)")
      ->group("Attack");
  add_flag(command, options.screen.quantile, &attack::ScreenOptions::quantile, "Attack");
  add_flag(command, options.patom.step, &attack::PatomOptions::step, "Attack");
  add_flag(command, options.patom.iterations, &attack::PatomOptions::iterations, "Attack");
  add_flag(command, options.patom.batch_share, &attack::PatomOptions::batch_share, "Attack");
  add_flag(command, options.exact.starts, &attack::ExactOptions::starts, "Attack");
  add_flag(command, options.exact.iterations, &attack::ExactOptions::iterations, "Attack");
  add_flag(command, options.patom.full_batch, &attack::PatomOptions::full_batch, "Attack");
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

namespace {

// The options that messages of the library name, as they are called there.
std::vector<std::string> option_names() {
  std::vector<std::string> names = {"images",     "labels", "max_memory",   "merge_rare",
                                    "regression", "size",   "unknown_task", "unseen"};
  const auto add = [&](const std::vector<OptionText>& options) {
    for (const OptionText& one : options) {
      names.push_back(one.key);
      std::replace(names.back().begin(), names.back().end(), '-', '_');
    }
  };
  add(data::CsvOptions::table().texts());
  add(data::LoadOptions::table().texts());
  add(ProblemOptions::table().texts());
  add(KernelOptions::table().texts());
  add(evaluate::OwnModelOptions::table().texts());
  return names;
}

}  // namespace

std::string in_flags(const std::string& message) {
  // Only these: what else stands between such marks is the user's text.
  static const std::regex option(fmt::format("`({})(?:=([^`]*))?`", fmt::join(option_names(), "|")));
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
