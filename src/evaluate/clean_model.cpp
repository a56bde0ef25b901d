#include "crosstalk/evaluate/clean_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/mtrl/empirical_risk.hpp"
#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/names.hpp"
#include "words.hpp"

namespace crosstalk::evaluate {

namespace {

constexpr double kUnevenColumns = 1e3;  // ratio of deviations from which on small columns hardly count
constexpr double kClearlyBetter = 0.05;
constexpr double kClearlyLearned = 0.1;

// How far better than a constant: relative error 1, AUC 1/2. At or below 0 it is not.
double skill(const std::string& metric, double value) {
  return metric == "auc" ? value - 0.5 : 1.0 - value;
}

// Mean and deviation of every column over all rows; the deviation of a constant column is 0.
struct Columns {
  Eigen::RowVectorXd mean;
  Eigen::RowVectorXd deviation;

  explicit Columns(const TaskSet& tasks)
      : mean(Eigen::RowVectorXd::Zero(tasks.features())), deviation(Eigen::RowVectorXd::Zero(tasks.features())) {
    const auto rows = static_cast<double>(tasks.rows());
    for (const Task& task : tasks) mean += task.features.colwise().sum() / rows;
    for (const Task& task : tasks) deviation += (task.features.rowwise() - mean).colwise().squaredNorm() / rows;
    deviation = deviation.cwiseSqrt();
    for (Eigen::Index k = 0; k < mean.size(); ++k)
      if (deviation[k] <= 1e-14 * std::abs(mean[k])) deviation[k] = 0.0;
  }

  [[nodiscard]] double largest() const { return deviation.maxCoeff(); }
  [[nodiscard]] double smallest() const {
    double least = std::numeric_limits<double>::infinity();
    for (const double value : deviation)
      if (value > 0.0) least = std::min(least, value);
    return least;
  }
  // The same rows with all deviations 1 / sqrt(d); constant columns stay.
  [[nodiscard]] TaskSet evened(TaskSet tasks) const {
    const double unit = std::sqrt(static_cast<double>(mean.size()));
    for (Task& task : tasks.tasks)
      for (Eigen::Index k = 0; k < mean.size(); ++k)
        if (deviation[k] > 0.0) task.features.col(k) = (task.features.col(k).array() - mean[k]) / (unit * deviation[k]);
    return tasks;
  }
};

class Search {
 public:
  Search(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss, const mtrl::Options& learner,
         CleanModel& model)
      : train_(train), evaluation_(evaluation), loss_(loss), learner_(learner), model_(model) {}

  void run(const Eigen::MatrixXd& weights) {
    double train_metric = measured(train_, weights);
    mtrl::Options learner = learner_;
    learner.tolerance = std::max(learner.tolerance, 1e-6);
    const bool scale_helps = evened_columns(learner);
    const mtrl::EmpiricalRisk risk(train_, loss_);
    bool lambda_helps = false;
    for (const double factor : kFactors) {
      learner.lambda1 = learner_.lambda1 * factor;
      learner.lambda2 = learner_.lambda2 * factor;
      const Eigen::MatrixXd freer = mtrl::solve(risk, learner).weights;
      const double there = measured(evaluation_, freer);
      if (const double on_train = measured(train_, freer); skill(on_train) > skill(train_metric))
        train_metric = on_train;
      if (lambda_helps || !is_clearly_better(there)) continue;
      lambda_helps = true;
      add(Cause::Lambda,
          fmt::format("Lambda: with lambda1 {:.3g} and lambda2 {:.3g} in place of {:.3g} and {:.3g} the {} is {}.",
                      learner.lambda1, learner.lambda2, learner_.lambda1, learner_.lambda2,
                      words::clean_metric(model_.metric), words::metric_value(model_.metric, there)));
    }
    if (lambda_helps || scale_helps) return;
    const auto features = static_cast<double>(train_.features());
    const double rows = static_cast<double>(train_.rows()) / static_cast<double>(train_.size());
    const std::string on_train = words::metric_value(model_.metric, train_metric);
    if (skill(train_metric) >= kClearlyLearned)
      add(Cause::TooFewRows,
          fmt::format("Too few rows: {:.3g} training rows a task for {} features, {:.2g} a feature. On the training "
                      "rows the {} is {}, on the others {}.",
                      rows, train_.features(), rows / features, words::clean_metric(model_.metric), on_train,
                      words::metric_value(model_.metric, model_.value)));
    else
      add(Cause::NothingToLearn,
          fmt::format("Nothing linear to learn: even on the training rows the {} is {} at best, also with lambdas "
                      "a ten-thousandth of these.",
                      words::clean_metric(model_.metric), on_train));
  }

 private:
  static constexpr std::array kFactors = {1e-2, 1e-4};

  // Whether the model learns from columns of one deviation.
  bool evened_columns(const mtrl::Options& learner) {
    const Columns columns(train_);
    const double smallest = columns.smallest();
    const double largest = columns.largest();
    if (!(largest > kUnevenColumns * smallest)) return false;
    const Eigen::MatrixXd weights = mtrl::solve(columns.evened(train_), loss_, learner).weights;
    const double there = measured(columns.evened(evaluation_), weights);
    if (!is_clearly_better(there)) return false;
    add(Cause::Scale,
        fmt::format("Scale: after this preparation the largest deviation of a column is {:.2g} times the smallest, and "
                    "the penalty keeps the model from using small ones. With all of them the same the {} is {}.",
                    largest / smallest, words::clean_metric(model_.metric), words::metric_value(model_.metric, there)));
    return true;
  }

  [[nodiscard]] bool is_clearly_better(double value) const {
    return skill(value) > 0.0 && skill(value) > skill(model_.value) + kClearlyBetter;
  }
  [[nodiscard]] double skill(double value) const { return evaluate::skill(model_.metric, value); }
  // The labels of the training rows are the same whatever was done to the columns.
  [[nodiscard]] double measured(const TaskSet& rows, const Eigen::MatrixXd& W) const {
    return relative_error_or_auc(train_, rows, loss_, W);
  }
  void add(Cause cause, std::string text) { model_.evidence.push_back({cause, std::move(text)}); }

  const TaskSet& train_;
  const TaskSet& evaluation_;
  const mtrl::Loss& loss_;
  const mtrl::Options& learner_;
  CleanModel& model_;
};

}  // namespace

std::string_view to_string(Cause cause) {
  static constexpr auto names = name_table<Cause>("cause", {{Cause::Scale, "scale"},
                                                            {Cause::Lambda, "lambda"},
                                                            {Cause::TooFewRows, "too few rows"},
                                                            {Cause::NothingToLearn, "nothing linear to learn"}});
  return names.name_of(cause);
}

double relative_error_or_auc(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss,
                             const Eigen::MatrixXd& weights) {
  if (loss.is_classification()) return mtrl::evaluate(evaluation, loss, weights).mean(0);
  double of_model = 0.0;
  double of_constants = 0.0;
  for (std::size_t i = 0; i < evaluation.size(); ++i) {
    const Task& task = evaluation[i];
    if (task.rows() == 0) continue;
    const Eigen::VectorXd predicted = task.features * weights.col(static_cast<Eigen::Index>(i));
    of_model += (predicted - task.labels).squaredNorm() / static_cast<double>(task.rows());
    of_constants +=
        (task.labels.array() - train[i].labels.mean()).matrix().squaredNorm() / static_cast<double>(task.rows());
  }
  return of_constants > 0.0 ? of_model / of_constants : std::numeric_limits<double>::quiet_NaN();
}

CleanModel judge_clean_model(const TaskSet& train, const TaskSet& evaluation, const mtrl::Loss& loss,
                             const mtrl::Options& learner, const Eigen::MatrixXd& weights,
                             const std::vector<double>& elsewhere) {
  CleanModel model;
  model.metric = loss.is_classification() ? "auc" : "relative_error";
  model.value = model.low = model.high = relative_error_or_auc(train, evaluation, loss, weights);
  for (const double value : elsewhere) {
    if (!std::isfinite(value)) continue;
    model.low = std::min(model.low, value);
    model.high = std::max(model.high, value);
    ++model.splits;
  }
  const double worst = model.metric == "auc" ? model.low : model.high;
  model.no_better_than_constant = skill(model.metric, worst) <= 0.0;
  if (model.no_better_than_constant) Search(train, evaluation, loss, learner, model).run(weights);
  return model;
}

}  // namespace crosstalk::evaluate
