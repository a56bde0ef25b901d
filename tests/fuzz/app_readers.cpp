// Readers of files that the command wrote, or that say what it is to do.

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "apps/crosstalk/attack_files.hpp"
#include "apps/crosstalk/config_file.hpp"
#include "apps/crosstalk/finished_parts.hpp"
#include "apps/crosstalk/model_file.hpp"
#include "crosstalk/attack/greedy_budget.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit_parts.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/pages/reproduction_page.hpp"
#include "crosstalk/problem/more_rows.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/split.hpp"
#include "readers.hpp"
#include "src/evaluate/audit_json.hpp"
#include "tests/support/process.hpp"

namespace fuzz {

using namespace crosstalk;

namespace {

// What the command says of a file whose content is not fit for its purpose.
template <typename Use>
void or_refuse(const Use& use) {
  try {
    use();
  } catch (const std::invalid_argument& error) {
    throw DataError(error.what());
  }
}

// Three tasks with four rows and two features each; labels depend on the features up to noise.
TaskSet small_tasks(std::size_t tasks, std::uint64_t seed) {
  TaskSet set;
  set.feature_names = {"a", "b"};
  for (std::size_t t = 0; t < tasks; ++t) {
    Rng rng = Rng::stream(seed, "rows", t);
    Task task{std::string(1, static_cast<char>('p' + t)), Eigen::MatrixXd(8, 2), Eigen::VectorXd(8)};
    for (Eigen::Index r = 0; r < task.rows(); ++r) {
      task.features.row(r) << rng.normal(), rng.normal();
      task.labels[r] = task.features(r, 0) - task.features(r, 1) + 0.3 * rng.normal();
    }
    set.tasks.push_back(std::move(task));
  }
  return set;
}

// A folder of the output whose parts are whatever the bytes are.
class OutputOfARun {
 public:
  OutputOfARun() : session_({.command = "audit", .out = folder_.path() / "out", .json = false, .quiet = true}) {
    app::PartsFolder(session_, "unfinished", "configuration.json").mark_as(identity());
  }
  static nlohmann::ordered_json identity() { return {{"version", "1"}, {"inputs", "2"}, {"flags", {{"seed", 1}}}}; }
  void put(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_.path() / "out" / "unfinished" / name, std::ios::binary) << bytes;
  }
  [[nodiscard]] const app::Session& session() const { return session_; }

 private:
  test_support::TemporaryFolder folder_;
  app::Session session_;
};

using Parts = std::map<std::string, std::string>;

// The parts that work keeps when it is done for the first time.
template <typename Work>
Parts kept_by(const Work& work) {
  Parts parts;
  work(PartStore{{}, [&](const std::string& part, const std::string& result) { parts[part] = result; }});
  return parts;
}

// Goes on with work of which one part, named in the first line of the bytes, is what the other lines say; all others
// are sound.
template <typename Work>
void go_on(const Parts& sound, std::string_view bytes, const Work& work) {
  const std::string name(bytes.substr(0, bytes.find('\n')));
  if (!sound.contains(name)) throw DataError("no such part");
  static const OutputOfARun run;
  run.put("part.json", bytes.substr(std::min(bytes.size(), name.size() + 1)));
  app::FinishedParts finished(run.session(), OutputOfARun::identity(), true);
  const auto recall = finished.store().recall;
  work(PartStore{[&](const std::string& part) { return part == name ? recall("part") : sound.at(part); }, {}});
}

mtrl::Options learner() {
  return {.lambda1 = 0.1, .lambda2 = 0.1};
}

evaluate::AuditOptions audit_options() {
  evaluate::AuditOptions options;
  options.learner = learner();
  options.methods = {evaluate::Method::Random, evaluate::Method::Patom};
  options.budgets = {0.4};
  options.patom.iterations = 1;
  options.defence = defence::Method::Trim;
  options.repeats = 2;
  return options;
}

void audit(const PartStore& store) {
  static const Split rows = split_rows(small_tasks(3, 1), 0.25, 1);
  const mtrl::Loss& loss = mtrl::squared_loss();
  pages::AuditFacts facts{.data_name = "small", .loss = "squared", .options = audit_options(), .version = "1"};
  const auto result = evaluate::audit(rows.train, rows.test, loss, facts.options,
                                      evaluate::checked_parts(store, rows.train.size(), loss));
  json_text(evaluate::to_json(result));
  json_text(evaluate::to_json(evaluate::summarise(result), result.task_names));
  pages::audit_tables(result, facts);
  pages::audit_figures(result, facts);
  report::to_html(pages::audit_page(result, facts, {}));
}

const Parts& audit_parts() {
  static const Parts parts = kept_by(audit);
  return parts;
}

void reproduce(const PartStore& store) {
  const auto draw = [](std::uint64_t seed) {
    data::Dataset drawn;
    Split split = split_rows(small_tasks(4, seed), 0.5, seed);
    drawn.train = std::move(split.train);
    drawn.test = std::move(split.test);
    return drawn;
  };
  const std::vector<evaluate::PaperSet> sets = {{.name = "sarcos", .draw = draw, .first_targets = 2}};
  const pages::ReproductionFacts facts = {
      .options =
          {.seeds = 1, .slow_seeds = 1, .exact_seeds = 1, .starts = 1, .pairs = 1, .iterations = 1, .budgets = {0.3}},
      .version = "1"};
  const auto result = evaluate::reproduce(sets, facts.options, store);
  json_text(pages::to_json(result, facts));
  pages::reproduction_tables(result, facts);
  pages::reproduction_figures(result, facts);
  report::to_html(pages::reproduction_page(result, facts, {}));
}

const Parts& reproduction_parts() {
  static const Parts parts = kept_by(reproduce);
  return parts;
}

// A table that has been learned from; rows are read by its columns.
const data::Dataset& known_table() {
  static const data::Dataset table = [] {
    NamelessFile file;
    const auto path = file.holding(
        "shop,stars,price,colour,share\nnorth,yes,\"1,200.50\",red,10%\nnorth,no,\"2,000.00\",blue,20%\n"
        "south,yes,\"3,100.25\",green,5%\nsouth,no,\"1,050.75\",red,50%\n");
    return data::load(path, {.csv = {.task_column = "shop", .label_columns = {"stars"}}});
  }();
  return table;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> finished_parts_of(const std::string& reader) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [name, part] : reader == "audit_part" ? audit_parts() : reproduction_parts())
    texts.emplace_back(name, part);
  return texts;
}

void read_model(std::string_view bytes) {
  static NamelessFile file;
  const app::Model model = app::read_model(file.holding(bytes));
  // What can be read can predict.
  const Eigen::MatrixXd row = Eigen::MatrixXd::Ones(1, model.feature_count());
  if (model.voting) {
    for (std::size_t t = 0; t < model.tasks.size(); ++t)
      static_cast<void>(model.voting->votes(t, row).upper(model.voting->groups.size()));
  } else {
    const TaskSet rows = model.preparation.apply({{"", row, Eigen::VectorXd::Zero(1)}});
    for (std::size_t t = 0; t < model.tasks.size(); ++t)
      static_cast<void>(model.preparation.label_in_file_units(
          t, rows[0].features.row(0).dot(model.weights.col(static_cast<Eigen::Index>(t)))));
  }
  if (!model.coding) return;
  NamelessFile table;
  const auto path = table.holding("shop,stars,a,b,c\nalpha,1,0.5,red,\"1,000\"\nbeta,2,,blue,2\n");
  try {
    const data::NewRows found = data::read_rows(path, *model.coding, model.tasks, {.ignore_unseen = true});
    for (const double label : found.labels) data::learner_label(*model.coding, model.classes, label, "table");
  } catch (const DataError&) {  // the table lacks a column of the model
  }
}

void read_record(std::string_view bytes) {
  static NamelessFile file;
  static const test_support::TemporaryFolder folder;
  const auto link = folder.path() / "run.json";  // a record is known by its extension
  if (!std::filesystem::is_symlink(link)) std::filesystem::create_symlink(file.holding(""), link);
  file.holding(bytes);
  app::read_config(link, "audit", {"task", "label", "lambda1", "lambda2", "cv", "budgets", "seed", "out", "data"},
                   {"audit", "fit"});
}

void read_config(std::string_view bytes) {
  static NamelessFile file;
  app::read_config(file.holding(bytes), "audit", {"task", "label", "lambda1", "lambda2", "cv", "budgets", "seed"},
                   {"audit", "fit"});
}

void read_schema(std::string_view bytes) {
  static NamelessFile file;
  static const TaskSet raw = small_tasks(3, 1);
  static const Preparation preparation = Preparation::fit(raw, {});
  const auto rules = app::read_schema(file.holding(bytes));
  app::format_schema(rules);
  or_refuse([&] {
    const attack::Schema schema(raw, "stars", rules);
    static_cast<void>(schema.in_learner_units(preparation, std::numeric_limits<double>::infinity()));
    TaskSet rows = raw;
    if (rules.empty()) schema.settle(rows);
  });
}

void read_prices(std::string_view bytes) {
  static NamelessFile file;
  static const TaskSet tasks = small_tasks(3, 1);
  const attack::Prices prices{app::read_prices(file.holding(bytes), tasks), 10.0};
  or_refuse([&] { attack::require_valid(prices, tasks); });
}

void read_rows(std::string_view bytes) {
  static NamelessFile file;
  const data::Dataset& table = known_table();
  const auto path = file.holding(bytes);
  const data::NewRows rows = data::read_rows(path, table.csv->coding, table.train.names(),
                                             {.ignore_unseen = true, .take_unknown_tasks = true, .keep_text = true});
  if (rows.features.cols() != table.train.features()) throw std::logic_error("rows with other features");
  std::vector<std::string> notes;
  read_more_rows(path, table, table.train, 0, notes);
}

void read_parts_mark(std::string_view bytes) {
  static const OutputOfARun run;
  run.put("configuration.json", bytes);
  const app::PartsFolder folder(run.session(), "unfinished", "configuration.json");
  if (!folder.holds_parts_of(OutputOfARun::identity())) throw DataError("no parts of this run");
}

void read_audit_part(std::string_view bytes) {
  go_on(audit_parts(), bytes, audit);
}

void read_reproduction_part(std::string_view bytes) {
  go_on(reproduction_parts(), bytes, reproduce);
}

}  // namespace fuzz
