#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attack_files.hpp"
#include "commands.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/names.hpp"
#include "crosstalk/split.hpp"
#include "download.hpp"
#include "options.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  std::string loss;
  std::string name;
};

const data::KnownSet& known_set(const std::string& name) {
  if (const data::KnownSet* set = data::find_known_set(name)) return *set;
  std::vector<std::string> names;
  for (const auto& set : data::known_sets()) names.push_back(set.name);
  throw DataError(fmt::format("no data set \"{}\"{}", name, did_you_mean(name, names)));
}

nlohmann::ordered_json to_json(const data::KnownSet& set) {
  const auto folder = data::locate(set, data::default_search_path());
  nlohmann::ordered_json record = {{"name", set.name},     {"title", set.title}, {"tasks", set.tasks},
                                   {"recipe", set.recipe}, {"terms", set.terms}, {"citation", set.citation}};
  record["folder"] = folder ? nlohmann::ordered_json(folder->string()) : nlohmann::ordered_json(nullptr);
  for (const auto& file : set.files)
    record["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"url", file.url}});
  return record;
}

int list(const Flags& flags) {
  auto records = nlohmann::ordered_json::array();
  std::string text = fmt::format("{:<14} {:>5}  {:<9} {}\n", "name", "tasks", "", "what");
  for (const auto& set : data::known_sets()) {
    records.push_back(to_json(set));
    const bool here = data::locate(set, data::default_search_path()).has_value();
    text += fmt::format("{:<14} {:>5}  {:<9} {}\n", set.name, set.tasks, here ? "here" : "not here", set.title);
  }
  print_result(flags.common.json ? json_text(records, 2) + "\n" : text);
  return kDone;
}

data::Dataset load(const Flags& flags) {
  data::LoadOptions options;
  options.seed = flags.common.seed;
  options.loss = flags.loss;
  options.csv = csv_options(flags.data);
  return data::load(flags.name, options);
}

// A known set's facts; for a set or file that is here also what loading it gives.
int describe(const Flags& flags) {
  nlohmann::ordered_json record;
  std::string text;
  const data::KnownSet* set = data::find_known_set(flags.name);
  const bool here = set == nullptr || data::locate(*set, data::default_search_path()).has_value();
  if (set != nullptr) {
    record["set"] = to_json(*set);
    text += fmt::format("{}: {}\nrecipe: {}\nterms: {}\ncite: {}\n", set->name, set->title, set->recipe, set->terms,
                        set->citation);
    if (!here) text += fmt::format("not on this machine; get it with `crosstalk data fetch {}`\n", set->name);
  }
  if (here) {
    const data::Dataset dataset = load(flags);
    for (const std::string& note : dataset.notes) text += note + "\n";
    text +=
        fmt::format("{} tasks, {} features, {} rows{}, loss {}\n", dataset.train.size(), dataset.train.features(),
                    dataset.train.rows(), dataset.test ? fmt::format(" and {} test rows", dataset.test->rows()) : "",
                    dataset.recipe.loss);
    text += fmt::format("{:<24} {:>8} {:>12} {:>12} {:>12}\n", "task", "rows", "label min", "mean", "max");
    for (const Task& task : dataset.train) {
      text += fmt::format("{:<24} {:>8} {:>12.5g} {:>12.5g} {:>12.5g}\n", task.name, task.rows(),
                          task.labels.minCoeff(), task.labels.mean(), task.labels.maxCoeff());
      record["tasks"].push_back({{"name", task.name},
                                 {"rows", task.rows()},
                                 {"label_min", task.labels.minCoeff()},
                                 {"label_mean", task.labels.mean()},
                                 {"label_max", task.labels.maxCoeff()}});
    }
    record["notes"] = dataset.notes;
    record["sources"] = dataset.sources;
    record["features"] = dataset.train.features();
    record["rows"] = dataset.train.rows();
  }
  print_result(flags.common.json ? json_text(record, 2) + "\n" : text);
  return kDone;
}

// A schema for `attack --schema`, as the data suggest it, to be edited.
int schema(const Flags& flags) {
  print_result(format_schema(attack::suggested_rules(load(flags).train)));
  return kDone;
}

int fetch(const Flags& flags) {
  const data::KnownSet& set = known_set(flags.name);
  if (const auto folder = data::locate(set, data::default_search_path())) {
    print_result(fmt::format("{} is here: {}\n", set.name, folder->string()));
    return kDone;
  }
  const auto cache = data::user_cache();
  if (!cache) throw DataError("there is no place to fetch to: neither XDG_CACHE_HOME nor HOME is set");
  for (const auto& file : set.files) {
    if (file.url.empty())
      throw DataError(fmt::format("{} comes with a Debian package: apt-get install {}", set.name, set.debian_package));
    if (!flags.common.quiet) print_error(fmt::format("fetching {} ({} bytes)\n", file.url, file.bytes));
    download({file.url, file.sha256, file.bytes, *cache / set.folder / file.name});
  }
  print_result(fmt::format("{} is now in {}\nterms: {}\n", set.name, (*cache / set.folder).string(), set.terms));
  return kDone;
}

}  // namespace

Action add_data(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.require_subcommand(1);
  const auto with_general = [&](CLI::App* command) {
    command->add_flag("--json", flags->common.json, "Print JSON");
    command->add_flag("--quiet", flags->common.quiet, "No progress on stderr");
    return command;
  };
  CLI::App* const list_command =
      with_general(app.add_subcommand("list", "The known data sets, and which are on this machine"));
  CLI::App* const describe_command =
      with_general(app.add_subcommand("describe", "A data set's origin, terms and recipe, and what loading it gives"));
  CLI::App* const schema_command = with_general(
      app.add_subcommand("schema", "What the columns look like, as a CSV file to edit for `attack --schema`"));
  for (CLI::App* const command : {describe_command, schema_command}) {
    command->add_option("name", flags->name, "A known set or a file")->required();
    add_csv_options(*command, flags->data);
    command->add_option("--loss", flags->loss, "squared: the label is a number")
        ->check(CLI::IsMember({"squared", "squared-hinge", "logistic"}));
    command->add_option("--seed", flags->common.seed, "Seed of the rows that a recipe draws");
  }
  CLI::App* const fetch_command =
      with_general(app.add_subcommand("fetch", "Download a known set into the user's cache, checksums checked"));
  fetch_command->add_option("name", flags->name, "A known set")->required();
  return [=](const Configuration&) {
    if (list_command->parsed()) return list(*flags);
    if (describe_command->parsed()) return describe(*flags);
    if (schema_command->parsed()) return schema(*flags);
    return fetch(*flags);
  };
}

}  // namespace crosstalk::app
