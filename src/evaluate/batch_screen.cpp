#include "crosstalk/evaluate/batch_screen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/defence/mcd_distances.hpp"
#include "crosstalk/defence/row_scores.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/quantile.hpp"
#include "crosstalk/split.hpp"

namespace crosstalk::evaluate {

namespace {

constexpr std::size_t kFolds = 5;        // a model learns from four fifths of the trusted rows
constexpr double kScaleQuantile = 0.95;  // of the rows learned from: a statistic there counts as 1

// Two statistics and the score that they make, a vector a task.
struct Statistics {
  defence::RowScores residual;
  defence::RowScores distance;
  defence::RowScores score;
  std::vector<std::vector<bool>> by_residual;
};

double positive(double scale) {
  return scale > 0.0 ? scale : 1.0;
}

// The larger of the statistics, each over its 95 % quantile among the known rows of all tasks.
void combine(Statistics& statistics, const defence::Rows& known, bool with_residual) {
  const double far = positive(quantile(defence::pooled(statistics.distance, known), kScaleQuantile));
  const double wrong =
      with_residual ? positive(quantile(defence::pooled(statistics.residual, known), kScaleQuantile)) : 1.0;
  for (std::size_t i = 0; i < statistics.distance.size(); ++i) {
    Eigen::VectorXd score = statistics.distance[i] / far;
    std::vector<bool>& by_residual = statistics.by_residual.emplace_back(score.size(), false);
    for (Eigen::Index j = 0; with_residual && j < score.size(); ++j) {
      const double other = statistics.residual[i][j] / wrong;
      by_residual[static_cast<std::size_t>(j)] = other > score[j];
      score[j] = std::max(score[j], other);
    }
    statistics.score.push_back(std::move(score));
  }
}

class Screener {
 public:
  Screener(const TaskSet& trusted, const TaskSet& batch, const Task& strangers, const mtrl::Loss& loss,
           const BatchScreenOptions& options)
      : trusted_(trusted),
        strangers_(strangers),
        loss_(loss),
        options_(options),
        joined_(join_rows(trusted, batch)),
        folds_(assign_folds(trusted, kFolds, options.seed)) {
    for (std::size_t i = 0; i < trusted.size(); ++i) result_.tasks.push_back(blank(batch[i].rows()));
    result_.tasks.push_back(blank(strangers.rows()));
    for (const ScreenedTask& task : result_.tasks) larger_.emplace_back(task.flagged.size(), 0);
    by_residual_ = larger_;
  }

  BatchScreen run(const RunControl& control) {
    for (std::size_t fold = 0; fold < kFolds; ++fold) {
      judge(fold);
      if (control.progress)
        control.progress(static_cast<double>(fold + 1) / static_cast<double>(kFolds), "models of trusted rows");
    }
    decide();
    return std::move(result_);
  }

 private:
  static ScreenedTask blank(Eigen::Index rows) {
    ScreenedTask task;
    for (Eigen::VectorXd* values : {&task.residual, &task.distance, &task.score, &task.p})
      *values = Eigen::VectorXd::Zero(rows);
    task.flagged.assign(static_cast<std::size_t>(rows), false);
    task.rejected = task.residual_decides = task.flagged;
    return task;
  }

  [[nodiscard]] defence::Rows rows_of(std::size_t fold, bool inside) const {
    defence::Rows rows(trusted_.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < folds_[i].size(); ++j)
        if ((folds_[i][j] == fold) == inside) rows[i].push_back(static_cast<Eigen::Index>(j));
    return rows;
  }

  void judge(std::size_t fold) {
    const defence::Rows known = rows_of(fold, false);
    const defence::Rows left_out = rows_of(fold, true);
    const mtrl::Fit fit = mtrl::solve(defence::select(trusted_, known), loss_, options_.learner);
    result_.converged = result_.converged && fit.status == mtrl::Status::Converged;
    Statistics own;
    own.residual = defence::residual_scores(joined_, loss_, fit.weights, known);
    own.distance = roots(defence::mcd_distances(joined_, options_.bias, defence::kSupportFraction, known));
    combine(own, known, true);
    const bool of_all = options_.reference == Reference::All;
    std::vector<double> references;
    if (of_all) references = sorted_references(own.score, left_out);
    for (std::size_t i = 0; i < trusted_.size(); ++i) {
      if (result_.tasks[i].p.size() == 0) continue;
      if (!of_all) references = sorted_references({own.score[i]}, {left_out[i]});
      take(i, own, i, references);
    }
    if (strangers_.rows() > 0) judge_strangers(known, left_out, fit.weights);
  }

  // All rows as those of one task that is none of the trusted ones.
  void judge_strangers(const defence::Rows& known, const defence::Rows& left_out, const Eigen::MatrixXd& W) {
    Task one{"", Eigen::MatrixXd(trusted_.rows() + strangers_.rows(), strangers_.features.cols()),
             Eigen::VectorXd(trusted_.rows() + strangers_.rows())};
    Eigen::VectorXd z(one.labels.size());
    defence::Rows known_there(1);
    defence::Rows left_out_there(1);
    const Eigen::VectorXd sum = W.rowwise().sum();
    const auto m = static_cast<double>(W.cols());
    Eigen::Index first = 0;
    for (std::size_t i = 0; i < trusted_.size(); ++i) {
      const Task& task = trusted_[i];
      one.features.middleRows(first, task.rows()) = task.features;
      one.labels.segment(first, task.rows()) = task.labels;
      const auto column = W.col(static_cast<Eigen::Index>(i));
      const Eigen::VectorXd others = m > 1.0 ? Eigen::VectorXd((sum - column) / (m - 1.0)) : Eigen::VectorXd(column);
      z.segment(first, task.rows()) = task.features * others;
      for (const Eigen::Index j : known[i]) known_there[0].push_back(first + j);
      for (const Eigen::Index j : left_out[i]) left_out_there[0].push_back(first + j);
      first += task.rows();
    }
    one.features.bottomRows(strangers_.rows()) = strangers_.features;
    one.labels.tail(strangers_.rows()) = strangers_.labels;
    z.tail(strangers_.rows()) = strangers_.features * (sum / m);
    Statistics statistics;
    statistics.distance = roots(defence::mcd_distances({one}, options_.bias, defence::kSupportFraction, known_there));
    // One feature, the prediction, with the weight 1: the residuals as they are of tasks.
    const TaskSet predicted = {Task{"", z, one.labels}};
    statistics.residual = defence::residual_scores(predicted, loss_, Eigen::MatrixXd::Ones(1, 1), known_there);
    combine(statistics, known_there, options_.stranger_labels);
    take(trusted_.size(), statistics, 0, sorted_references(statistics.score, left_out_there));
  }

  static defence::RowScores roots(defence::RowScores squares) {
    for (Eigen::VectorXd& task : squares) task = task.cwiseMax(0.0).cwiseSqrt();
    return squares;
  }

  static std::vector<double> sorted_references(const defence::RowScores& scores, const defence::Rows& rows) {
    const Eigen::VectorXd values = defence::pooled(scores, rows);
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  // What a fold says of the new rows, which stand behind the trusted ones.
  void take(std::size_t task, const Statistics& statistics, std::size_t among, const std::vector<double>& references) {
    ScreenedTask& rows = result_.tasks[task];
    const Eigen::Index n = rows.p.size();
    const Eigen::Index first = statistics.score[among].size() - n;
    rows.residual += statistics.residual[among].tail(n) / static_cast<double>(kFolds);
    rows.distance += statistics.distance[among].tail(n) / static_cast<double>(kFolds);
    rows.score += statistics.score[among].tail(n) / static_cast<double>(kFolds);
    rows.references += references.size();
    for (Eigen::Index j = 0; j < n; ++j) {
      const double own = statistics.score[among][first + j];
      const auto k = static_cast<std::size_t>(j);
      larger_[task][k] +=
          static_cast<std::size_t>(references.end() - std::lower_bound(references.begin(), references.end(), own));
      by_residual_[task][k] += statistics.by_residual[among][static_cast<std::size_t>(first + j)] ? 1 : 0;
    }
  }

  void decide() {
    std::vector<double> all;
    std::vector<double> of_tasks;
    for (std::size_t i = 0; i < result_.tasks.size(); ++i) {
      ScreenedTask& task = result_.tasks[i];
      std::vector<double> ordered;
      for (std::size_t j = 0; j < task.flagged.size(); ++j) {
        const double p = (1.0 + static_cast<double>(larger_[i][j])) / (1.0 + static_cast<double>(task.references));
        task.p[static_cast<Eigen::Index>(j)] = p;
        task.flagged[j] = p <= options_.alpha;
        task.residual_decides[j] = 2 * by_residual_[i][j] > kFolds;
        ordered.push_back(p);
      }
      result_.rows += ordered.size();
      if (ordered.empty()) continue;
      all.insert(all.end(), ordered.begin(), ordered.end());
      std::sort(ordered.begin(), ordered.end());
      for (std::size_t k = 0; k < ordered.size(); ++k)
        task.task_p =
            std::min(task.task_p, ordered[k] * static_cast<double>(ordered.size()) / static_cast<double>(k + 1));
      of_tasks.push_back(task.task_p);
    }
    const std::vector<bool> rejected = rejected_at(all, options_.alpha, options_.any_dependence);
    const std::vector<bool> tasks_rejected = rejected_at(of_tasks, options_.alpha, options_.any_dependence);
    std::size_t row = 0;
    std::size_t at = 0;
    for (ScreenedTask& task : result_.tasks) {
      if (task.flagged.empty()) continue;
      task.task_rejected = tasks_rejected[at++];
      for (std::size_t j = 0; j < task.rejected.size(); ++j) {
        task.rejected[j] = rejected[row++];
        result_.rejected += task.rejected[j] ? 1 : 0;
      }
    }
  }

  const TaskSet& trusted_;
  const Task& strangers_;
  const mtrl::Loss& loss_;
  const BatchScreenOptions& options_;
  TaskSet joined_;  // every task with its new rows behind the trusted ones
  std::vector<std::vector<std::size_t>> folds_;
  BatchScreen result_;
  std::vector<std::vector<std::size_t>> larger_;       // references with the row's score or more
  std::vector<std::vector<std::size_t>> by_residual_;  // folds in which the score is from the residual
};

// 1 + 1/2 + ... + 1/n
double harmonic(std::size_t n) {
  double sum = 0.0;
  for (std::size_t k = n; k > 0; --k) sum += 1.0 / static_cast<double>(k);
  return sum;
}

double step(std::size_t k, std::size_t hypotheses, double alpha, bool any_dependence) {
  return alpha * static_cast<double>(k) /
         (static_cast<double>(hypotheses) * (any_dependence ? harmonic(hypotheses) : 1.0));
}

}  // namespace

void require_valid(const BatchScreenOptions& options) {
  BatchScreenOptions::table().require_valid(options);
}

const OptionTable<BatchScreenOptions>& BatchScreenOptions::table() {
  static const auto table =
      OptionTable<BatchScreenOptions>("")
          .add(&BatchScreenOptions::alpha,
               {.key = "alpha",
                .meaning = "False discovery rate: the expected share of honest rows among the rejected ones",
                .range = Range{.low = 0, .high = 0.5, .low_is_open = true, .high_is_open = true}})
          .add(&BatchScreenOptions::tolerate,
               {.key = "tolerate",
                .meaning = "End with exit code 5 when more than this share of the new rows is rejected",
                .range = Range{.low = 0, .high = 1, .high_is_open = true}});
  return table;
}

BatchScreen screen_batch(const TaskSet& trusted, const TaskSet& batch, const Task& strangers, const mtrl::Loss& loss,
                         const BatchScreenOptions& options, const RunControl& control) {
  require_valid(options);
  require_valid(trusted, "screen");
  if (batch.size() != trusted.size())
    throw std::invalid_argument(fmt::format("screen: new rows of {} tasks for {}", batch.size(), trusted.size()));
  for (const Task& task : trusted)
    if (task.rows() < 2)
      throw std::invalid_argument(
          fmt::format("screen: task \"{}\" has 1 trusted row; it must have at least 2", task.name));
  if (strangers.rows() > 0 && strangers.features.cols() != trusted.features())
    throw std::invalid_argument(
        fmt::format("screen: new rows of {} features for {}", strangers.features.cols(), trusted.features()));
  return Screener(trusted, batch, strangers, loss, options).run(control);
}

std::vector<bool> rejected_at(const std::vector<double>& p, double alpha, bool any_dependence) {
  std::vector<double> sorted = p;
  std::sort(sorted.begin(), sorted.end());
  double threshold = -1.0;
  const double all = step(1, std::max<std::size_t>(1, p.size()), alpha, any_dependence);
  for (std::size_t k = 0; k < sorted.size(); ++k)
    if (sorted[k] <= all * static_cast<double>(k + 1)) threshold = sorted[k];
  std::vector<bool> rejected(p.size());
  std::transform(p.begin(), p.end(), rejected.begin(), [&](double value) { return value <= threshold; });
  return rejected;
}

std::size_t fewest_rejections(std::size_t hypotheses, double smallest, double alpha, bool any_dependence) {
  if (hypotheses == 0) return 1;
  const double least = std::ceil(smallest / step(1, hypotheses, alpha, any_dependence) - 1e-9);
  return least > static_cast<double>(hypotheses) ? hypotheses + 1 : static_cast<std::size_t>(std::max(1.0, least));
}

}  // namespace crosstalk::evaluate
