#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/defence/group_certificate.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/json_number.hpp"
#include "crosstalk/pages/certificate_page.hpp"
#include "crosstalk/problem/independent_tasks.hpp"
#include "crosstalk/report/number.hpp"
#include "described_flag.hpp"
#include "drawing.hpp"
#include "model_file.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
  std::size_t groups = defence::GroupOptions().groups;
};

defence::GroupOptions options_of(const Flags& flags) {
  defence::GroupOptions options;
  options.groups = flags.groups;
  options.seed = flags.common.seed;
  options.learner.lambda1 = flags.learner.lambda1.value_or(options.learner.lambda1);
  options.learner.lambda2 = flags.learner.lambda2.value_or(options.learner.lambda2);
  options.learner.smoothing = flags.learner.smoothing;
  options.learner.tolerance = flags.learner.tolerance;
  options.preparation.pca = flags.data.pca.value_or(0);
  options.threads = thread_count(flags.common);
  if (flags.data.scale) options.preparation.scale = scale_named(*flags.data.scale);
  try {
    defence::require_valid(options);
  } catch (const std::invalid_argument& wrong) {
    throw std::invalid_argument(fmt::format("--{}", wrong.what()));
  }
  return options;
}

// The largest k of which something is proven, fewer than the tasks that are measured.
std::size_t most_malicious(const defence::VotingModel& model, const TaskSet& rows) {
  const auto measured = static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const Task& task) { return task.rows() > 0; }));
  return std::min(model.most_malicious(), measured - 1);
}

std::string predictions_csv(const IndependentTasks& data, const TaskSet& rows, const std::vector<defence::Votes>& votes,
                            std::size_t most) {
  std::string text = "row,task,truth,prediction";
  for (std::size_t k = 1; k <= most; ++k) text += fmt::format(",low_{0},high_{0}", k);
  text += '\n';
  std::size_t number = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Task& task = rows[i];
    const Eigen::VectorXd prediction = votes[i].prediction();
    std::vector<Eigen::VectorXd> low;
    std::vector<Eigen::VectorXd> high;
    for (std::size_t k = 1; k <= most; ++k) {
      low.push_back(votes[i].lower(k));
      high.push_back(votes[i].upper(k));
    }
    for (Eigen::Index r = 0; r < task.rows(); ++r) {
      const std::size_t row = task.origin.empty() ? number : task.origin[static_cast<std::size_t>(r)];
      ++number;
      const auto& classes = data.dataset.classes;
      text += fmt::format("{},{},{},{}", row + 1, data::csv_quoted(task.name),
                          classes ? data::csv_quoted(task.labels[r] > 0.0 ? classes->positive : classes->negative)
                                  : report::exact(task.labels[r]),
                          report::exact(prediction[r]));
      for (std::size_t k = 0; k < most; ++k)
        text += fmt::format(",{},{}", report::exact(low[k][r]), report::exact(high[k][r]));
      text += '\n';
    }
  }
  return text;
}

void measure_single_tasks(pages::CertificateFacts& facts, const defence::SingleTasks& single, const TaskSet& rows,
                          const mtrl::Loss& loss) {
  facts.single_lambda = single.lambda;
  double sum = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double of_task = 0.0;
    for (Eigen::Index r = 0; r < rows[i].rows(); ++r) {
      const double z = single.predictions[i][r];
      const double y = rows[i].labels[r];
      of_task += facts.classes ? ((z >= 0.0) == (y > 0.0) ? 1.0 : 0.0) : loss.at(z, y).value;
    }
    sum += of_task;
    facts.single.push_back(of_task / static_cast<double>(rows[i].rows()));
  }
  facts.single_total = sum / static_cast<double>(rows.rows());
}

pages::CertificateFacts facts_of(const IndependentTasks& data, const TaskSet& rows, const defence::VotingModel& model,
                                 const defence::GroupOptions& options, const std::vector<defence::Votes>& votes) {
  pages::CertificateFacts facts;
  facts.data_name = data.dataset.name;
  facts.loss = data.loss->name();
  facts.classes = data.loss->is_classification();
  facts.notes = data.dataset.notes;
  facts.tasks = data.train.names();
  for (const Task& task : data.train) {
    facts.group.push_back(defence::group_of(task.name, options.groups, options.seed));
    facts.train_rows.push_back(static_cast<std::size_t>(task.rows()));
  }
  facts.features = static_cast<std::size_t>(data.train.features());
  facts.held_out = data.test.size() > 0;
  facts.options = options;
  facts.certificate = defence::certify_votes(votes, rows, *data.loss, most_malicious(model, rows));
  facts.version = CROSSTALK_VERSION;
  return facts;
}

nlohmann::ordered_json record_of(const pages::CertificateFacts& facts) {
  nlohmann::ordered_json record = {{"groups", facts.options.groups},
                                   {"seed", facts.options.seed},
                                   {"lambda1", facts.options.learner.lambda1},
                                   {"lambda2", facts.options.learner.lambda2},
                                   {"smoothing", facts.options.learner.smoothing},
                                   {"scale", to_string(facts.options.preparation.scale)},
                                   {"standardise_labels", to_string(facts.options.preparation.labels)},
                                   {"pca", facts.options.preparation.pca},
                                   {"rows", facts.held_out ? "held-out" : "training"},
                                   {"measure", facts.measure()},
                                   {"single_task", facts.classes ? facts.single_total : std::sqrt(facts.single_total)},
                                   {"single_task_lambda", facts.single_lambda}};
  for (std::size_t k = 0; k <= facts.most(); ++k)
    record["proven"].push_back({{"k", k},
                                {facts.measure(), json_number(facts.total(k))},
                                {"loss", json_number(facts.certificate.total_losses[static_cast<Eigen::Index>(k)])}});
  record["better_than_alone_up_to"] = facts.most_tasks_better_than_alone();
  return record;
}

int run(const Flags& flags, Configuration configuration) {
  if (flags.learner.cross_validate)
    throw std::invalid_argument(
        "--cv: lambda1 and lambda2 must be constants; chosen on the rows of all tasks they would void the bound");
  defence::GroupOptions options = options_of(flags);
  const ProblemOptions asked = problem_options(flags.common, flags.data, flags.learner, HoldOut::ByRecipe);
  IndependentTasks data = load_independent_tasks(flags.data.data, asked);
  options.preparation.labels = label_scale_for(asked.label_scale, options.preparation.labels, *data.loss);
  Session session({"certify", flags.common.out, flags.common.json, flags.common.quiet});
  const TaskSet& rows = data.evaluation();
  if (rows.rows() == 0) throw DataError(fmt::format("{}: there is no row to measure on", data.dataset.name));

  const defence::VotingModel model = defence::learn_votes(data.train, *data.loss, options, session.control());
  std::vector<defence::Votes> votes;
  for (std::size_t i = 0; i < rows.size(); ++i) votes.push_back(model.votes(i, rows[i].features));
  pages::CertificateFacts facts = facts_of(data, rows, model, options, votes);
  const std::size_t folds = flags.learner.folds.value_or(data.dataset.recipe.folds);
  measure_single_tasks(facts, defence::learn_alone(data.train, rows, *data.loss, options, folds, flags.common.seed),
                       rows, *data.loss);

  for (const auto& [name, table] : pages::certificate_tables(facts))
    session.write(name + ".csv", report::to_csv(table));
  const auto predictions = session.write("certified_predictions.csv", predictions_csv(data, rows, votes, facts.most()));
  const auto model_file = write_voting_model(session, data.dataset, *data.loss, data.train, model);
  const auto svgs = draw_all(session, pages::certificate_figures(facts), {report::Format::Svg});
  const auto report_path = session.write("report.html", report::to_html(pages::certificate_page(facts, svgs)));

  configuration.flags["lambda1"] = options.learner.lambda1;
  configuration.flags["lambda2"] = options.learner.lambda2;
  if (data.test_fraction) configuration.flags["test-fraction"] = *data.test_fraction;
  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["data"] = {
      {"name", data.dataset.name},     {"sources", data.dataset.sources}, {"notes", data.dataset.notes},
      {"tasks", data.train.size()},    {"features", facts.features},      {"training_rows", data.train.rows()},
      {"test_rows", data.test.rows()}, {"split_by", data.split_by},       {"loss", data.loss->name()}};
  record["certify"] = record_of(facts);
  record["certify"]["model_file"] = model_file.string();
  record["certify"]["predictions_file"] = predictions.string();
  record["certify"]["report_file"] = report_path.string();
  std::string notes;
  for (const std::string& note : data.dataset.notes) notes += fmt::format("{}: {}\n", data.dataset.name, note);
  session.finish(notes +
                 fmt::format("{} tasks, {} groups, lambda1 {:g}, lambda2 {:g}, smoothing {:g} (constants)\n{}\n"
                             "The bound counts tasks with new names, too. It is for this voting predictor, not for the "
                             "model of `fit`.\nreport: {}\n",
                             data.train.size(), options.groups, options.learner.lambda1, options.learner.lambda2,
                             options.learner.smoothing, pages::certificate_answer(facts), report_path.string()));
  return kDone;
}

}  // namespace

Action add_certify(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/certify";
  flags->learner.smoothing = defence::GroupOptions().learner.smoothing;
  add_options(app, flags->data);
  add_flag(app, flags->groups, &defence::GroupOptions::groups, "Certificate");
  add_options(app, flags->learner);
  add_options(app, flags->common);
  const defence::GroupOptions constants;
  app.footer(fmt::format(
      "Proves how far k malicious tasks can move each prediction of a voting predictor, whatever rows they hold.\n"
      "lambda1 ({:g}), lambda2 ({:g}) and the smoothing ({:g}) are constants in units of standardised columns: the "
      "bound "
      "needs them given beforehand.\n"
      "Writes certificate.csv (a row for each k), certified_predictions.csv, tasks.csv, model.json for `predict`, and "
      "report.html.\nThe bound is for this voting predictor, not for the model of `fit`.",
      constants.learner.lambda1, constants.learner.lambda2, constants.learner.smoothing));
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
