#include <chrono>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "model_file.hpp"
#include "problem.hpp"
#include "session.hpp"
#include "src/evaluate/audit_json.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  DataOptions data;
  LearnerOptions learner;
};

// @param of_classes  metrics of the classes together, where there are several.
std::string summary_of(const Problem& problem, const mtrl::Fit& fit, const mtrl::Metrics& metrics,
                       const std::optional<mtrl::Metrics>& of_classes, const Session& session) {
  std::string text = notes_text(problem);
  text += fmt::format("{}: {} tasks, {} training rows, {} loss, lambda1 {:g}, lambda2 {:g}\n", problem.dataset.name,
                      problem.train.size(), problem.train.rows(), problem.loss->name(), problem.learner.lambda1,
                      problem.learner.lambda2);
  text += kernel_text(problem);
  text += fmt::format("objective {:.10g}, certified gap {:.1e}, {}\n", fit.objective, fit.gap, to_string(fit.status));
  for (std::size_t k = 0; k < metrics.names.size(); ++k)
    text += fmt::format("mean {} on the {} rows: {}\n", metrics.names[k], evaluation_rows(problem),
                        metric_text(metrics.names[k], metrics.mean(k)));
  for (std::size_t k = 0; of_classes && k < of_classes->names.size(); ++k)
    text += fmt::format("mean {} of all classes on the {} rows: {}\n", k == 0 ? "accuracy" : "macro AUC",
                        evaluation_rows(problem), metric_text(of_classes->names[k], of_classes->mean(k)));
  return text + fmt::format("model: {}\n", session.path("model.json").string());
}

int run(const Flags& flags, const Configuration& configuration) {
  Problem problem = load_problem(flags.common, flags.data, flags.learner);
  Session session({"fit", flags.common.out, flags.common.json, flags.common.quiet});
  choose_lambdas(problem, flags.common, flags.learner, session.control());
  const auto start = std::chrono::steady_clock::now();
  const mtrl::Fit fit = mtrl::solve(problem.risk(), problem.learner);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const mtrl::Metrics metrics = problem.metrics(problem.evaluation(), fit.weights);

  auto& record = session.record();
  record["configuration"] = completed(configuration, problem).flags;
  describe(record, problem);
  record["fit"] = {{"objective", fit.objective},
                   {"gradient_norm", fit.gradient_norm},
                   {"gap", fit.gap},
                   {"status", to_string(fit.status)},
                   {"steps", fit.steps},
                   {"hessian_products", fit.products},
                   {"seconds", seconds},
                   {"peak_mb", peak_memory_mb()}};
  record["fit"].update(write_model(session, problem, fit.weights, fit.covariance));
  const auto names = problem.train.names();
  record["train"] = evaluate::to_json(problem.metrics(problem.train, fit.weights), names);
  record["test"] = evaluate::to_json(metrics, names);
  record["test"]["rows"] = evaluation_rows(problem);
  std::optional<mtrl::Metrics> of_classes;
  if (const auto problems = class_problems(problem)) {
    of_classes = problems->metrics(problem.evaluation(), fit.weights);
    record["test"]["classes"] = evaluate::to_json(*of_classes, problems->tasks());
  }
  session.finish(summary_of(problem, fit, metrics, of_classes, session));
  return fit.status == mtrl::Status::Converged ? kDone : kNotConverged;
}

}  // namespace

Action add_fit(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/fit";
  flags->data.several_classes = true;
  add_options(app, flags->data);
  add_options(app, flags->learner);
  add_kernel_options(app, flags->learner);
  add_options(app, flags->common);
  app.footer(
      "The record (--json, run.json) holds the metrics on the training rows as `train` and those on the held-out rows "
      "as `test`.\n"
      "With --test-fraction 0 there are none: `test` then holds those on the training rows, and `test.rows` says "
      "\"training\".");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
