#pragma once

#include <string>

#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/split.hpp"
#include "support/problems.hpp"

namespace small_audit {

using namespace crosstalk;

/// Related tasks, a third of each one's rows held out.
inline Split problem(const mtrl::Loss& loss = mtrl::squared_loss(), Eigen::Index tasks = 4) {
  return split_rows(problems::related_for(loss, {.tasks = tasks, .rows = 30, .features = 5, .noise = 0.3, .seed = 7}),
                    1.0 / 3.0, 1);
}

inline evaluate::AuditOptions options() {
  evaluate::AuditOptions options;
  options.learner = {.lambda1 = 0.01, .lambda2 = 0.1};
  options.budgets = {0.1, 0.3};
  options.patom.iterations = 3;
  return options;
}

inline evaluate::AuditResult run(const evaluate::AuditOptions& options, const crosstalk::PartStore& store = {},
                                 const RunControl& control = {}) {
  const Split rows = problem();
  return evaluate::audit(rows.train, rows.test, mtrl::squared_loss(), options, store, control);
}

inline pages::AuditFacts facts(const evaluate::AuditOptions& options = small_audit::options()) {
  return {.data_name = "related",
          .notes = {"Drawn for a test."},
          .sources = {"problems.cpp"},
          .loss = "squared",
          .preparation = "None.",
          .training_rows = 83,
          .evaluation_rows = 43,
          .features = 4,
          .options = options,
          .command = "crosstalk audit related --seed 1",
          .version = "0.1.0"};
}

/// A result written by hand: losses rise as told, so that sentences can be held against them.
struct Story {
  std::size_t tasks = 4;
  double direct = 1.0;  ///< rise of every target's loss by planned rows at the largest budget, half at the smaller
  double indirect = 0.3;
  double hybrid = 0.6;
  double random = 0.02;  ///< of all kinds
  double clean_metric = 0.9;
  double drop = 0.4;  ///< of the AUC per unit of rise
};

inline evaluate::AuditResult told(const Story& story) {
  using attack::Kind;
  using evaluate::Method;
  const auto m = static_cast<Eigen::Index>(story.tasks);
  evaluate::AuditResult result;
  for (Eigen::Index i = 0; i < m; ++i) result.task_names.push_back("task " + std::to_string(i + 1));
  result.clean_fit.status = mtrl::Status::Converged;
  result.clean = {{"auc", "accuracy"}, Eigen::MatrixXd::Constant(m, 2, story.clean_metric)};
  result.clean_model.metric = "auc";
  result.clean_model.value = story.clean_metric;
  result.clean_loss = Eigen::VectorXd::LinSpaced(m, 1.0, 2.0);
  result.clean_correlation = Eigen::MatrixXd::Identity(m, m);
  std::vector<std::size_t> first;
  std::vector<std::size_t> second;
  for (std::size_t i = 0; i < story.tasks; ++i) (i < (story.tasks + 1) / 2 ? first : second).push_back(i);
  result.scenarios = {
      {first, first, Kind::Direct}, {first, second, Kind::Indirect}, {first, {0, story.tasks - 1}, Kind::Hybrid}};
  result.clean_utility = Eigen::VectorXd::Constant(3, 10.0);
  for (std::size_t s = 0; s < 3; ++s)
    for (const Method method : {Method::Random, Method::Patom})
      for (const double budget : {0.15, 0.3}) {
        const double planned = s == 0 ? story.direct : s == 1 ? story.indirect : story.hybrid;
        const double rise = (method == Method::Random ? story.random : planned) * budget / 0.3;
        evaluate::Outcome outcome;
        outcome.scenario = s;
        outcome.method = method;
        outcome.budget = budget;
        outcome.rows = 7;
        outcome.utility = 10.0 * (1.0 + rise);
        outcome.loss = result.clean_loss * (1.0 + rise);
        outcome.metrics = Eigen::MatrixXd::Constant(m, 2, story.clean_metric - story.drop * rise);
        outcome.utility_curve = Eigen::VectorXd::LinSpaced(method == Method::Random ? 1 : 4, 10.0, outcome.utility);
        outcome.metric_curve = Eigen::VectorXd::Constant(outcome.utility_curve.size(), 0.8);
        if (budget == 0.3) {
          outcome.correlation = result.clean_correlation;
          if (m > 1) outcome.correlation(0, 1) = outcome.correlation(1, 0) = -rise / 10.0;
        }
        result.outcomes.push_back(std::move(outcome));
      }
  for (std::size_t i = 0; i < story.tasks; ++i) {
    evaluate::Harm harm;
    harm.attacker = i;
    harm.rows = 5;
    harm.loss = result.clean_loss * (1.0 + story.indirect / static_cast<double>(i + 1));
    result.harms.push_back(std::move(harm));
  }
  return result;
}

}  // namespace small_audit
