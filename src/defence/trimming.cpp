#include "trimming.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "cross_validator.hpp"
#include "crosstalk/defence/detectors.hpp"
#include "crosstalk/quantile.hpp"
#include "held_out_test.hpp"
#include "task_trimming.hpp"

namespace crosstalk::defence {

namespace {

std::size_t count_of(const Rows& rows) {
  std::size_t count = 0;
  for (const auto& of_task : rows) count += of_task.size();
  return count;
}

// Features divided by a quantile of the norms, which a few far rows do not move, so that lambdas mean the same.
TaskSet scaled(TaskSet tasks, bool bias, double norm_quantile) {
  const Eigen::Index d = tasks.features() - (bias ? 1 : 0);
  std::vector<double> norms;
  for (const Task& task : tasks)
    for (Eigen::Index j = 0; j < task.rows(); ++j) norms.push_back(task.features.row(j).head(d).norm());
  const double unit =
      quantile(Eigen::VectorXd::Map(norms.data(), static_cast<Eigen::Index>(norms.size())), norm_quantile);
  if (unit > 0.0)
    for (Task& task : tasks) task.features.leftCols(d) /= unit;
  return tasks;
}

// Without the share of the rows with the largest scores. Rows with one score go or stay together; a task keeps its
// part.
Rows without_largest(const Rows& rows, const RowScores& scores, double share, double most_of_a_task) {
  std::vector<std::tuple<double, std::size_t, Eigen::Index>> order;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const Eigen::Index j : rows[i]) order.emplace_back(-scores[i][j], i, j);
  std::ranges::sort(order);
  const auto score = [&](std::size_t k) { return std::get<0>(order[k]); };
  auto cut = static_cast<std::size_t>(std::lround(share * static_cast<double>(order.size())));
  while (cut > 0 && cut < order.size() && score(cut - 1) == score(cut)) --cut;
  std::vector<std::vector<bool>> goes;
  std::vector<std::size_t> allowed;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    goes.emplace_back(static_cast<std::size_t>(scores[i].size()), false);
    const auto n = static_cast<double>(scores[i].size());
    const auto gone = static_cast<std::size_t>(scores[i].size()) - rows[i].size();
    const auto most = static_cast<std::size_t>(most_of_a_task * n);
    allowed.push_back(most > gone ? most - gone : 0);
  }
  for (std::size_t k = 0; k < cut; ++k) {
    const auto [value, i, j] = order[k];
    if (allowed[i] == 0) continue;
    --allowed[i];
    goes[i][static_cast<std::size_t>(j)] = true;
  }
  Rows result(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const Eigen::Index j : rows[i])
      if (!goes[i][static_cast<std::size_t>(j)]) result[i].push_back(j);
  return result;
}

// Folds dealt out in the order of label (signs) and distance, so that they do not depend on the order of the file.
Rows fair_folds(const TaskSet& tasks, bool is_classification, const RowScores& distances) {
  RowScores order = distances;
  if (is_classification)
    for (std::size_t i = 0; i < tasks.size(); ++i)
      order[i] += (tasks[i].labels.array() > 0.0).select(1.0 + 2.0 * distances[i].maxCoeff(), 0.0 * distances[i]);
  return folds_of(order);
}

// One way to leave out rows, and what it gains.
struct Candidate {
  const Detector* detector = nullptr;
  Rows kept;
  Comparison comparison;
  double p = 1.0;

  [[nodiscard]] double total() const { return comparison.gain * static_cast<double>(count_of(kept)); }
  [[nodiscard]] double total_error() const { return comparison.standard_error * static_cast<double>(count_of(kept)); }
  [[nodiscard]] double relative_gain() const {
    return comparison.before > 0.0 ? comparison.gain / comparison.before : 0.0;
  }
};

class Rounds {
 public:
  Rounds(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options)
      : calibration_(options.calibration),
        bias_(options.bias),
        whole_tasks_(options.whole_tasks),
        tasks_(scaled(tasks, options.bias, calibration_.norm_quantile)),
        is_classification_(loss.is_classification()),
        learner_(options.learner),
        test_(tasks_, loss, options.learner,
              fair_folds(tasks_, is_classification_, detectors()[0].score(tasks_, bias_, all_rows(tasks_))),
              calibration_) {
    result_.kept = all_rows(tasks_);
    for (const Task& task : tasks_) result_.causes.emplace_back(static_cast<std::size_t>(task.rows()));
  }

  Trimming run(bool leave_out) {
    measure();
    for (std::size_t round = 0; leave_out && round < calibration_.rounds; ++round) {
      const std::vector<Candidate> candidates = tried();
      if (candidates.empty()) break;
      const Candidate* best = chosen(candidates);
      const bool accepted = best != nullptr;
      if (!accepted)
        best = &*std::ranges::min_element(candidates, {}, [](const Candidate& candidate) { return candidate.p; });
      result_.decisions.push_back({std::string(best->detector->name), count_of(result_.kept) - count_of(best->kept),
                                   best->relative_gain(), best->p, accepted});
      if (!accepted) break;
      note_causes(*best);
      result_.kept = best->kept;
      measure();
    }
    TaskTrimming of_tasks = trim_tasks(tasks_, is_classification_, test_, result_.kept, result_.statistics.back(),
                                       test_.chosen_learner(result_.kept), calibration_, leave_out && whole_tasks_);
    result_.tasks_left_out = std::move(of_tasks.left_out);
    result_.outlyingness = std::move(of_tasks.outlyingness);
    std::ranges::move(of_tasks.decisions, std::back_inserter(result_.decisions));
    result_.statistics.push_back(test_.residuals(result_.kept, test_.fits(result_.kept, learner_, {})));
    return std::move(result_);
  }

 private:
  void measure() { result_.statistics = measured(tasks_, bias_, result_.kept); }

  [[nodiscard]] Rows without(const RowScores& scores, double share) const {
    return without_largest(result_.kept, scores, share, calibration_.most_of_a_task);
  }

  // All shares of the detectors for which one of the coarse shares comes near to passing.
  std::vector<Candidate> tried() const {
    constexpr double kWorthASearch = 0.05;
    const Models models = models_before();
    std::vector<Candidate> candidates;
    for (std::size_t k = 0; k < detectors().size(); ++k) {
      std::vector<Candidate> own;
      for (const double share : calibration_.coarse_shares) try_share(own, k, share, models);
      if (std::ranges::any_of(own, [](const Candidate& candidate) { return candidate.comparison.p() < kWorthASearch; }))
        for (const double share : calibration_.shares) try_share(own, k, share, models);
      std::ranges::move(own, std::back_inserter(candidates));
    }
    const auto tests = static_cast<double>(2 * detectors().size() * calibration_.shares.size() * calibration_.rounds);
    for (Candidate& candidate : candidates) candidate.p = std::min(1.0, tests * candidate.comparison.p());
    return candidates;
  }

  // What the candidates are compared with, and the lambdas that they are learned with.
  struct Models {
    std::vector<mtrl::Options> learners;  // chosen with all kept rows, and without those that stand out most
    // Of all kept rows: with each of the learners, so that none gains by its lambdas alone; for numbers also Huber's,
    // which need not leave out a row for a large residual.
    std::vector<HeldOutTest::Models> before;
    HeldOutTest::Models fewer;  // without the rows that stand out most
  };

  [[nodiscard]] Models models_before() const {
    Models models;
    const Rows fewer = without(result_.statistics.back(), calibration_.trimmed_share);
    const mtrl::Options trimmed = test_.chosen_learner(fewer);
    models.learners = distinct_lambdas(test_.chosen_learner(result_.kept), trimmed);
    for (const mtrl::Options& learner : models.learners) models.before.push_back(test_.fits(result_.kept, learner, {}));
    if (!is_classification_)
      models.before.push_back(test_.huber_fits(result_.kept, models.learners[0], models.before[0]));
    models.fewer = test_.fits(fewer, trimmed, {});
    return models;
  }

  // Adds what the share is worth, unless it is tried already or leaves out nothing: against the best of the models
  // before, with the better of the learners.
  void try_share(std::vector<Candidate>& candidates, std::size_t detector, double share, const Models& models) const {
    Candidate candidate{&detectors()[detector], without(result_.statistics[detector], share), {}, 1.0};
    const auto same = [&](const Rows& rows) { return count_of(rows) == count_of(candidate.kept); };
    if (same(result_.kept) || std::ranges::any_of(candidates, [&](const Candidate& old) { return same(old.kept); }))
      return;
    for (std::size_t k = 0; k < models.learners.size(); ++k) {
      const HeldOutTest::Models after =
          test_.fits(candidate.kept, models.learners[k], {models.before[k], models.fewer});
      const Comparison worst = test_.compare_with_best(candidate.kept, models.before, after);
      if (k == 0 || worst.p() < candidate.comparison.p()) candidate.comparison = worst;
    }
    candidates.push_back(std::move(candidate));
  }

  // Of the candidates that pass the test, the one that leaves out least among those within a standard error of the
  // largest gain. To leave out a share of the rows must save as large a share of the others' loss: an honest region
  // with a law of its own bends the model less than rows that were made for it.
  [[nodiscard]] const Candidate* chosen(const std::vector<Candidate>& candidates) const {
    const auto passes = [&](const Candidate& candidate) {
      const double share =
          1.0 - static_cast<double>(count_of(candidate.kept)) / static_cast<double>(count_of(result_.kept));
      return candidate.p <= calibration_.level && candidate.relative_gain() >= std::max(calibration_.least_gain, share);
    };
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates)
      if (passes(candidate) && (best == nullptr || candidate.total() > best->total())) best = &candidate;
    if (best == nullptr) return nullptr;
    const double enough = best->total() - best->total_error();
    for (const Candidate& candidate : candidates)
      if (passes(candidate) && candidate.total() >= enough && count_of(candidate.kept) > count_of(best->kept))
        best = &candidate;
    return best;
  }

  void note_causes(const Candidate& candidate) {
    for (std::size_t i = 0; i < tasks_.size(); ++i)
      for (const Eigen::Index j : result_.kept[i])
        if (!std::ranges::binary_search(candidate.kept[i], j))
          result_.causes[i][static_cast<std::size_t>(j)] = candidate.detector->name;
  }

  const Calibration& calibration_;
  bool bias_;
  bool whole_tasks_;
  TaskSet tasks_;
  bool is_classification_;
  mtrl::Options learner_;
  HeldOutTest test_;
  Trimming result_;
};

}  // namespace

RowScores smallest_p(const std::vector<RowScores>& statistics, const Rows& kept) {
  RowScores smallest;
  for (const RowScores& scores : statistics) {
    const RowScores p = p_values(scores, kept);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (smallest.size() <= i) smallest.push_back(p[i]);
      smallest[i] = smallest[i].cwiseMin(p[i]);
    }
  }
  for (Eigen::VectorXd& task : smallest) task = -task.array().log10();
  return smallest;
}

Trimming trim_by_held_out_loss(const TaskSet& tasks, const mtrl::Loss& loss, const Options& options) {
  Trimming result = Rounds(tasks, loss, options).run(!options.share);
  if (options.share)
    result.kept = trim_fraction(result.kept, smallest_p(result.statistics, result.kept), *options.share);
  return result;
}

}  // namespace crosstalk::defence
