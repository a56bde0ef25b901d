#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attack_files.hpp"
#include "commands.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/report/table.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  std::string model;
};

int run(const Flags& flags, const Configuration& configuration) {
  const Model model = read_model(flags.model);
  data::LoadOptions options;
  options.seed = flags.common.seed;
  options.loss = model.loss;
  options.csv.task_column = flags.data.task;
  options.csv.label_column = flags.data.label.empty() ? model.label_column : flags.data.label;
  options.csv.ignore = split_list(flags.data.ignore);
  const data::Dataset dataset = data::load(flags.data.data, options);
  const auto raw_features = model.preparation.raw_features(model.weights.rows());
  TaskSet raw;
  try {
    raw = rows_in_order(dataset.train, "the model", model.tasks, model.preparation.raw_names(), raw_features);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", dataset.name, error.what()));
  }
  const TaskSet prepared = model.preparation.apply(raw);

  Session session({"predict", flags.common.out, flags.common.json, flags.common.quiet});
  report::Table table;
  table.columns = {{.name = "task"},
                   {.name = "label", .format = report::NumberFormat{}},
                   {.name = "prediction", .format = report::NumberFormat{}}};
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    if (prepared[i].rows() == 0) continue;
    const Eigen::VectorXd z = prepared[i].features * model.weights.col(static_cast<Eigen::Index>(i));
    for (Eigen::Index j = 0; j < z.size(); ++j)
      table.rows.push_back({prepared[i].name, raw[i].labels[j], model.preparation.label_in_file_units(i, z[j])});
  }
  const auto file = session.write("predictions.csv", report::to_csv(table));
  const mtrl::Metrics metrics =
      mtrl::evaluate(prepared, mtrl::loss_named(model.loss), model.weights, model.preparation.label_units());
  session.record()["configuration"] = configuration.flags;
  session.record()["predict"] = {{"rows", table.rows.size()}, {"predictions_file", file.string()}};
  session.record()["test"] = evaluate::to_json(metrics, model.tasks);
  std::string summary = fmt::format("{} rows predicted: {}\n", table.rows.size(), file.string());
  for (std::size_t k = 0; k < metrics.names.size(); ++k)
    summary += fmt::format("mean {} {:.4f}\n", metrics.names[k], metrics.mean(k));
  session.finish(summary);
  return kDone;
}

}  // namespace

Action add_predict(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/predict";
  flags->data.label.clear();
  app.add_option("model,--model", flags->model, "model.json of an earlier fit");
  app.add_option("data,--data", flags->data.data,
                 "Rows to predict: the same kind of file as the model was learned from");
  app.add_option("--task", flags->data.task, "CSV: column that names the task of a row");
  app.add_option("--label", flags->data.label, "CSV: column of the label; the model's own when not given");
  app.add_option("--ignore", flags->data.ignore, "CSV: columns to leave out, a,b,c");
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
