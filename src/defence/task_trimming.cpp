#include "task_trimming.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/quantile.hpp"
#include "normal_median.hpp"

namespace crosstalk::defence {

namespace {

using Statistics = std::vector<Eigen::VectorXd>;  // m numbers for every task detector

// In median deviations of the tasks that share; 0 for a statistic that does not differ between them.
Eigen::VectorXd standardised(const Eigen::VectorXd& values, const std::vector<Eigen::Index>& sharing) {
  const Eigen::VectorXd usual = values(sharing);
  const double centre = median(usual);
  const double scale = normal_scale(usual.array() - centre);
  const double floor = 1e-9 * (1.0 + usual.cwiseAbs().maxCoeff());
  return (values.array() - centre) / std::max(scale, floor);
}

class TaskRounds {
 public:
  TaskRounds(const TaskSet& tasks, bool is_classification, const HeldOutTest& test, const Rows& kept,
             const RowScores& row_scores, const Calibration& calibration)
      : tasks_(tasks),
        is_classification_(is_classification),
        test_(test),
        kept_(kept),
        sharing_(kept),
        calibration_(calibration),
        unusual_(Eigen::VectorXd::Zero(static_cast<Eigen::Index>(tasks.size()))) {
    const RowScores p = p_values(row_scores, kept);
    for (std::size_t i = 0; i < tasks.size(); ++i)
      unusual_[static_cast<Eigen::Index>(i)] = -p[i](kept[i]).array().log().mean();
    result_.left_out.assign(tasks.size(), false);
  }

  TaskTrimming run(const mtrl::Options& learner, bool leave_out) {
    own_ = test_.fits(sharing_, learner, {});
    HeldOutTest::Models joint = own_;
    measure(joint);
    result_.outlyingness = total_.back();
    for (std::size_t round = 0; leave_out && round < calibration_.rounds; ++round) {
      const std::vector<Candidate> candidates = tried(round == 0 ? learner : test_.chosen_learner(sharing_), joint);
      if (candidates.empty()) break;
      const Candidate* best = chosen(candidates);
      const bool accepted = best != nullptr;
      if (!accepted) best = &*std::ranges::min_element(candidates, {}, &Candidate::p);
      Decision decision{std::string(best->detector), 0, best->relative_gain(), best->p, accepted};
      decision.tasks = best->tasks.size();
      for (const std::size_t i : best->tasks) decision.rows += sharing_[i].size();
      result_.decisions.push_back(decision);
      if (!accepted) break;
      for (const std::size_t i : best->tasks) {
        result_.left_out[i] = true;
        sharing_[i].clear();
      }
      joint = test_.fits(sharing_, learner, {});
      measure(joint);
    }
    return std::move(result_);
  }

 private:
  struct Candidate {
    std::string_view detector;
    std::vector<std::size_t> tasks;
    Comparison comparison;
    double p = 1.0;

    [[nodiscard]] double total() const { return comparison.gain * comparison.rows; }
    [[nodiscard]] double relative_gain() const {
      return comparison.before > 0.0 ? comparison.gain / comparison.before : 0.0;
    }
  };

  [[nodiscard]] std::vector<Eigen::Index> sharing() const {
    std::vector<Eigen::Index> tasks;
    for (std::size_t i = 0; i < sharing_.size(); ++i)
      if (!sharing_[i].empty()) tasks.push_back(static_cast<Eigen::Index>(i));
    return tasks;
  }

  // How badly others predict the rows of a task: the log of the scale of the residuals around their median; for signs
  // 1 - AUC. Of a task with few rows much nearer to that of all tasks.
  [[nodiscard]] Eigen::VectorXd misfits(const Rows& rows, const Eigen::MatrixXd& W) const {
    Eigen::VectorXd result(static_cast<Eigen::Index>(tasks_.size()));
    std::vector<double> counts;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const auto column = static_cast<Eigen::Index>(i);
      const Task task = select_rows(tasks_[i], rows[i]);
      const Eigen::VectorXd z = task.features * W.col(column);
      if (is_classification_) {
        const double auc = mtrl::auc(z, task.labels);
        result[column] = std::isnan(auc) ? 0.5 : 1.0 - auc;
        continue;
      }
      const Eigen::VectorXd r = task.labels - z;
      result[column] = normal_scale(r.array() - median(r));
    }
    if (is_classification_) return result;
    const double pooled = std::max(median(result), std::numeric_limits<double>::min());
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const auto n = static_cast<double>(rows[i].size());
      double& value = result[static_cast<Eigen::Index>(i)];
      value = std::log((n * value + calibration_.shrinkage_rows * pooled) / (n + calibration_.shrinkage_rows));
    }
    return result;
  }

  // Every column the median of the others' columns, of those that share.
  [[nodiscard]] Eigen::MatrixXd others(const Eigen::MatrixXd& W) const {
    Eigen::MatrixXd result(W.rows(), W.cols());
    const std::vector<Eigen::Index> all = sharing();
    for (Eigen::Index i = 0; i < W.cols(); ++i) {
      std::vector<Eigen::Index> rest = all;
      std::erase(rest, i);
      for (Eigen::Index k = 0; k < W.rows(); ++k)
        result(k, i) = rest.empty() ? 0.0 : median(Eigen::VectorXd(W.row(k)(rest).transpose()));
    }
    return result;
  }

  // The statistics by the rows that each fold learns from, and their mean over the folds.
  void measure(const HeldOutTest::Models& joint) {
    const std::vector<Eigen::Index> all = sharing();
    of_fold_.clear();
    total_.clear();
    for (std::size_t fold = 0; fold < test_.folds(); ++fold) {
      const Rows rows = test_.learned_rows(kept_, fold);
      const Eigen::VectorXd by_others = misfits(rows, others(joint[fold]));
      const Eigen::VectorXd by_own = misfits(rows, own_[fold]);
      Statistics statistics = {standardised(by_others, all), standardised(by_others - by_own, all),
                               standardised(unusual_, all)};
      statistics.push_back(statistics[0].cwiseMax(statistics[1]).cwiseMax(statistics[2]));
      for (std::size_t k = 0; k < statistics.size(); ++k) {
        if (total_.size() <= k) total_.emplace_back(Eigen::VectorXd::Zero(by_own.size()));
        total_[k] += statistics[k] / static_cast<double>(test_.folds());
      }
      of_fold_.push_back(std::move(statistics));
    }
  }

  // Of the tasks that share and stand out more than the farthest of so many honest ones does in 1 of 20 cases, as many
  // with the largest of one statistic.
  [[nodiscard]] std::vector<std::size_t> largest(const Statistics& statistics, std::size_t which,
                                                 std::size_t most) const {
    const double by_chance = largest_by_chance(tasks_.size());
    std::vector<std::size_t> order;
    for (const Eigen::Index i : sharing())
      if (statistics.back()[i] > by_chance) order.push_back(static_cast<std::size_t>(i));
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
      return statistics[which][static_cast<Eigen::Index>(a)] > statistics[which][static_cast<Eigen::Index>(b)];
    });
    order.resize(std::min(order.size(), most));
    return order;
  }

  [[nodiscard]] Rows without(const std::vector<std::size_t>& tasks) const {
    Rows rows = sharing_;
    for (const std::size_t i : tasks) rows[i].clear();
    return rows;
  }

  std::vector<Candidate> tried(const mtrl::Options& learner, const HeldOutTest::Models& joint) const {
    const std::size_t count = sharing().size();
    const auto most = static_cast<std::size_t>(calibration_.most_of_tasks * static_cast<double>(tasks_.size()));
    const std::size_t gone = tasks_.size() - count;
    std::vector<std::size_t> counts;
    for (const double share : calibration_.task_shares) {
      const auto k = static_cast<std::size_t>(std::max(1L, std::lround(share * static_cast<double>(count))));
      if (gone + k <= most && k + 2 <= count && (counts.empty() || counts.back() != k)) counts.push_back(k);
    }
    std::vector<Candidate> candidates;
    if (counts.empty()) return candidates;
    const std::vector<std::size_t> outliers = largest(total_, total_.size() - 1, counts.back());
    if (outliers.empty()) return candidates;

    const Rows fewer = without(outliers);
    const mtrl::Options trimmed = test_.chosen_learner(fewer);
    const std::vector<mtrl::Options> learners = distinct_lambdas(learner, trimmed);
    std::vector<HeldOutTest::Models> before;
    for (const mtrl::Options& one : learners)
      before.push_back(&one == &learners[0] ? joint : test_.fits(sharing_, one, {joint}));
    std::vector<HeldOutTest::Models> starts = before;
    starts.push_back(test_.fits(fewer, trimmed, {}));
    if (!is_classification_) before.push_back(test_.huber_fits(sharing_, learner, joint));

    const auto tests =
        static_cast<double>(2 * task_detectors().size() * calibration_.task_shares.size() * calibration_.rounds);
    for (std::size_t d = 0; d < task_detectors().size(); ++d)
      for (const std::size_t k : counts) {
        Candidate candidate{task_detectors()[d].name, largest(total_, d, k), {}, 1.0};
        if (k != counts.front() && candidate.tasks.size() == candidates.back().tasks.size()) continue;
        std::vector<Rows> learned;
        Rows judged(tasks_.size());
        for (std::size_t fold = 0; fold < test_.folds(); ++fold) {
          learned.push_back(without(largest(of_fold_[fold], d, k)));
          const Rows of_fold = test_.judged_rows(learned.back(), fold);
          for (std::size_t i = 0; i < judged.size(); ++i)
            judged[i].insert(judged[i].end(), of_fold[i].begin(), of_fold[i].end());
        }
        for (std::size_t l = 0; l < learners.size(); ++l) {
          const HeldOutTest::Models after = test_.fits(learned, learners[l], starts);
          const Comparison worst = test_.compare_with_best(judged, before, after);
          if (l == 0 || worst.p() < candidate.comparison.p()) candidate.comparison = worst;
        }
        candidate.p = std::min(1.0, tests * candidate.comparison.p());
        candidates.push_back(std::move(candidate));
      }
    return candidates;
  }

  // Of the candidates that pass the test, the one with the largest gain.
  [[nodiscard]] const Candidate* chosen(const std::vector<Candidate>& candidates) const {
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates)
      if (candidate.p <= calibration_.level && candidate.relative_gain() >= calibration_.least_gain &&
          (best == nullptr || candidate.total() > best->total()))
        best = &candidate;
    return best;
  }

  const TaskSet& tasks_;
  bool is_classification_;
  const HeldOutTest& test_;
  const Rows& kept_;
  Rows sharing_;  // the kept rows of the tasks that share; none of the others
  const Calibration& calibration_;
  Eigen::VectorXd unusual_;  // how much the features of a task's rows stand out
  HeldOutTest::Models own_;  // with every task
  std::vector<Statistics> of_fold_;
  Statistics total_;
  TaskTrimming result_;
};

}  // namespace

const std::vector<TaskDetector>& task_detectors() {
  static const std::vector<TaskDetector> table = {
      {"misfit", "how badly the median weights of the other tasks predict the task's rows: log scale of the residuals",
       "Hampel, Ronchetti, Rousseeuw and Stahel 1986 (scale)"},
      {"transfer", "the same less the log scale of the residuals of the task's own weights",
       "Ben-David et al., Machine Learning 2010 (discrepancy of domains)"},
      {"unusual rows", "mean of -ln p of the task's rows by their features", "Fisher 1932"},
      {"outlyingness", "the largest of these, each in median deviations of the tasks", "Stahel 1981; Donoho 1982"},
  };
  return table;
}

TaskTrimming trim_tasks(const TaskSet& tasks, bool is_classification, const HeldOutTest& test, const Rows& kept,
                        const RowScores& row_scores, const mtrl::Options& learner, const Calibration& calibration,
                        bool leave_out) {
  return TaskRounds(tasks, is_classification, test, kept, row_scores, calibration).run(learner, leave_out);
}

}  // namespace crosstalk::defence
