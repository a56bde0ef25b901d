#include "crosstalk/defence/group_certificate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Eigenvalues>
#include <nlohmann/json.hpp>

#include "crosstalk/rng.hpp"
#include "src/defence/voting_model_json.hpp"
#include "support/problems.hpp"

using namespace crosstalk;
using defence::GroupOptions;
using defence::Votes;
using defence::VotingModel;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Tasks without the constant feature of the samples, named "task 0", "task 1", ...
TaskSet raw_tasks(const mtrl::Loss& loss, Eigen::Index count, std::uint64_t seed) {
  TaskSet tasks = problems::related_for(loss, {.tasks = count, .rows = 12, .features = 5, .noise = 0.3, .seed = seed});
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].name = fmt::format("task {}", i);
    tasks[i].features.conservativeResize(Eigen::NoChange, 4);
  }
  return tasks;
}

GroupOptions options_for(const mtrl::Loss& loss, std::size_t groups = 5) {
  GroupOptions options;
  options.groups = groups;
  if (loss.is_classification()) options.preparation.labels = LabelScale::None;
  return options;
}

// So many malicious sets a loss: more where the environment asks for them.
std::size_t malicious_sets() {
  const char* const count = std::getenv("CROSSTALK_MALICIOUS_SETS");
  return count == nullptr ? 30 : std::stoul(count);
}

std::vector<Votes> votes_of(const VotingModel& model, const TaskSet& rows) {
  std::vector<Votes> votes;
  for (std::size_t i = 0; i < rows.size(); ++i) votes.push_back(model.votes(i, rows[i].features));
  return votes;
}

void add_column(TaskSet& tasks, double value) {
  for (Task& task : tasks) {
    task.features.conservativeResize(Eigen::NoChange, task.features.cols() + 1);
    task.features.rightCols(1).setConstant(value);
  }
}

// Any rows, any number of them, labels that the loss takes; every third has rows 10^6 times as long, some 10^200 times.
Task malicious_task(std::string name, Eigen::Index features, bool classes, Rng& rng) {
  const auto rows = static_cast<Eigen::Index>(1 + rng.below(40));
  Task task{std::move(name), Eigen::MatrixXd(rows, features), Eigen::VectorXd(rows)};
  const double power = std::vector<double>{0.0, 2.0, 6.0, 200.0, -6.0}[rng.below(5)];
  const double label_power = std::vector<double>{0.0, 2.0, 6.0, 300.0}[rng.below(4)];
  const double shift = 10.0 * rng.normal();
  for (double& x : task.features.reshaped()) x = rng.normal() * std::pow(10.0, power);
  for (double& y : task.labels)
    y = classes ? (rng.uniform() < 0.5 ? -1.0 : 1.0) : (shift + rng.normal()) * std::pow(10.0, label_power);
  return task;
}

struct Poisoned {
  TaskSet tasks;
  std::vector<bool> honest;  // of the clean tasks
  bool new_column = false;
};

// k malicious tasks: in the place of clean ones, with new names, or gone; some with a column of their own.
Poisoned poison(const TaskSet& clean, std::size_t k, bool classes, Rng& rng) {
  Poisoned poisoned{clean, std::vector<bool>(clean.size(), true)};
  poisoned.new_column = rng.uniform() < 0.3;
  if (poisoned.new_column) add_column(poisoned.tasks, 0.0);
  const Eigen::Index features = poisoned.tasks.features();
  for (std::size_t n = 0; n < k; ++n) {
    const std::size_t place = rng.below(clean.size() + 3);
    if (place < clean.size() && poisoned.honest[place]) {
      poisoned.honest[place] = false;
      poisoned.tasks[place] = malicious_task(clean[place].name, features, classes, rng);
    } else {
      poisoned.tasks.tasks.push_back(
          malicious_task(fmt::format("new {} {}", n, rng.below(1000)), features, classes, rng));
    }
  }
  return poisoned;
}

// Predictions of honest tasks outside their clean intervals for k.
std::size_t violations(const std::vector<Votes>& clean, const VotingModel& poisoned_model, const TaskSet& rows,
                       const Poisoned& poisoned, std::size_t k) {
  TaskSet wide = rows;
  if (poisoned.new_column) add_column(wide, 0.0);
  std::size_t count = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!poisoned.honest[i]) continue;
    const Eigen::VectorXd z = poisoned_model.votes(i, wide[i].features).prediction();
    const Eigen::VectorXd low = clean[i].lower(k);
    const Eigen::VectorXd high = clean[i].upper(k);
    for (Eigen::Index r = 0; r < z.size(); ++r) count += z[r] >= low[r] && z[r] <= high[r] ? 0 : 1;
  }
  return count;
}

TEST(Votes, NoChoiceOfSpoiltVotesMovesTheMedianBeyondTheOrderStatistics) {
  Rng rng(4);
  for (const Eigen::Index T : {3, 5, 7})
    for (int trial = 0; trial < 20; ++trial) {
      std::vector<double> clean(static_cast<std::size_t>(T));
      for (double& vote : clean) vote = std::floor(4.0 * rng.normal());  // with ties
      std::vector<double> sorted = clean;
      std::sort(sorted.begin(), sorted.end());
      const Votes votes{Eigen::Map<const Eigen::RowVectorXd>(sorted.data(), T),
                        Eigen::VectorXd::Constant(1, -kInfinity), Eigen::VectorXd::Constant(1, kInfinity)};
      EXPECT_EQ(votes.prediction()[0], sorted[static_cast<std::size_t>(T / 2)]);
      for (unsigned spoilt = 0; spoilt < (1U << static_cast<unsigned>(T)); ++spoilt) {
        const auto k = static_cast<std::size_t>(__builtin_popcount(spoilt));
        if (2 * k >= static_cast<std::size_t>(T)) continue;
        double least = kInfinity;
        double most = -kInfinity;
        for (const double value : {-1e9, -1.0, 0.0, 1.0, 1e9}) {
          std::vector<double> changed = clean;
          for (std::size_t g = 0; g < changed.size(); ++g)
            if ((spoilt >> g) % 2 == 1) changed[g] = value;
          std::sort(changed.begin(), changed.end());
          least = std::min(least, changed[changed.size() / 2]);
          most = std::max(most, changed[changed.size() / 2]);
        }
        EXPECT_GE(least, votes.lower(k)[0]);
        EXPECT_LE(most, votes.upper(k)[0]);
      }
      // Both ends are reached, by spoiling the k votes on the far side.
      for (std::size_t k = 1; 2 * k < static_cast<std::size_t>(T); ++k) {
        std::vector<double> up = sorted;
        for (std::size_t g = 0; g < k; ++g) up[g] = 1e9;
        std::sort(up.begin(), up.end());
        EXPECT_EQ(up[up.size() / 2], votes.upper(k)[0]);
      }
    }
}

TEST(Votes, BeyondHalfOfTheGroupsTheClipIsWhatIsLeft) {
  const Votes votes{Eigen::RowVector3d(1.0, 2.0, 3.0), Eigen::VectorXd::Constant(1, -7.0),
                    Eigen::VectorXd::Constant(1, kInfinity)};
  EXPECT_EQ(votes.lower(1)[0], 1.0);
  EXPECT_EQ(votes.lower(2)[0], -7.0);
  EXPECT_EQ(votes.upper(2)[0], kInfinity);
}

TEST(LargestMean, IsTheLargestOfAllChoices) {
  Rng rng(9);
  for (int trial = 0; trial < 50; ++trial) {
    const Eigen::Index m = 6;
    Eigen::VectorXd sums(m);
    Eigen::VectorXd counts(m);
    for (Eigen::Index i = 0; i < m; ++i) {
      counts[i] = static_cast<double>(rng.below(4));
      sums[i] = counts[i] * 3.0 * rng.uniform();
    }
    const auto with_rows = (counts.array() > 0.0).count();
    for (std::size_t left_out = 0; left_out < 6; ++left_out) {
      double largest = std::nan("");
      for (unsigned kept = 0; kept < 64; ++kept) {
        double sum = 0.0;
        double count = 0.0;
        Eigen::Index chosen = 0;
        for (Eigen::Index i = 0; i < m; ++i)
          if ((kept >> static_cast<unsigned>(i)) % 2 == 1 && counts[i] > 0.0) {
            sum += sums[i];
            count += counts[i];
            ++chosen;
          }
        if (chosen != with_rows - static_cast<Eigen::Index>(left_out) || count == 0.0) continue;
        if (!(sum / count <= largest)) largest = sum / count;
      }
      const double found = defence::largest_mean(sums, counts, left_out);
      if (std::isnan(largest))
        EXPECT_TRUE(std::isnan(found));
      else
        EXPECT_NEAR(found, largest, 1e-12);
    }
  }
}

TEST(GroupOf, DependsOnTheNameAndTheSeedAlone) {
  // Fixed numbers: a certificate of today must speak of the groups of tomorrow.
  EXPECT_EQ(defence::group_of("alpha", 21, 1), defence::group_of("alpha", 21, 1));
  std::vector<std::size_t> groups;
  for (const char* name : {"alpha", "beta", "gamma", "delta"}) groups.push_back(defence::group_of(name, 21, 1));
  EXPECT_THAT(groups, testing::ElementsAre(5, 9, 6, 3));
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 7000; ++i) ++counts[defence::group_of(fmt::format("shop {}", i), 7, 3)];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

// Direct: the joint learner for targets inside the group; (H + l1 I + l2 tau T^-1) w = c with a dense T outside.
TEST(LearnVotes, TheFastWayGivesTheDirectAnswer) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  for (const Eigen::Index count : {Eigen::Index{6}, Eigen::Index{40}}) {  // groups smaller, and larger, than d
    const TaskSet tasks = raw_tasks(loss, count, 2);
    GroupOptions options = options_for(loss, 3);
    options.learner.tolerance = 1e-14;
    const VotingModel model = defence::learn_votes(tasks, loss, options);
    for (std::size_t g = 0; g < 3; ++g) {
      TaskSet members;
      for (const Task& task : tasks)
        if (defence::group_of(task.name, 3, options.seed) == g) members.tasks.push_back(task);
      ASSERT_GT(members.size(), 0U);
      const Preparation preparation = Preparation::fit(members, options.preparation);
      const TaskSet prepared = preparation.apply(members);
      const Eigen::MatrixXd W = mtrl::solve(prepared, loss, options.learner).weights;
      const double e = options.learner.smoothing;
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(W * W.transpose());
      const Eigen::VectorXd t = (spectrum.eigenvalues().array().max(0.0) + e * e).sqrt();
      Eigen::VectorXd largest = t.reverse();
      const double tau =
          W.cols() <= W.rows() ? largest.head(W.cols()).sum() : t.sum() + e * static_cast<double>(W.cols() - W.rows());
      const Eigen::MatrixXd P = options.learner.lambda1 * Eigen::MatrixXd::Identity(W.rows(), W.rows()) +
                                options.learner.lambda2 * tau * spectrum.eigenvectors() *
                                    t.cwiseInverse().asDiagonal() * spectrum.eigenvectors().transpose();
      Eigen::Index member = 0;
      for (std::size_t i = 0; i < tasks.size(); ++i) {
        const TaskSet one = preparation.apply(TaskSet{tasks[i]});  // pooled labels: the same scale for every task
        const Eigen::MatrixXd& X = one[0].features;
        const double n = static_cast<double>(X.rows());
        Eigen::VectorXd w = (2.0 / n * X.transpose() * X + P).llt().solve(2.0 / n * X.transpose() * one[0].labels);
        if (defence::group_of(tasks[i].name, 3, options.seed) == g) {
          EXPECT_LT((w - W.col(member)).norm(), 1e-6 * W.col(member).norm());
          w = W.col(member++);
        }
        Eigen::VectorXd in_file_units = w * preparation.label_units()[0];
        in_file_units[in_file_units.size() - 1] += preparation.label_in_file_units(0, 0.0);
        EXPECT_LT((model.targets[i].under[g] - in_file_units).norm(), 1e-6 * in_file_units.norm());
      }
    }
  }
}

TEST(LearnVotes, ClassesAreAtTheMinimumOfTheirProblem) {
  for (const auto* const loss : {&mtrl::squared_hinge_loss(), &mtrl::logistic_loss()}) {
    const TaskSet tasks = raw_tasks(*loss, 12, 5);
    const GroupOptions options = options_for(*loss, 3);
    const VotingModel model = defence::learn_votes(tasks, *loss, options);
    const double lambda = options.learner.lambda1 + options.learner.lambda2;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const Eigen::MatrixXd Z = model.targets[i].own.apply(tasks[i].features);
      const Eigen::VectorXd& w = model.targets[i].alone;
      Eigen::VectorXd gradient = lambda * w;
      for (Eigen::Index r = 0; r < Z.rows(); ++r)
        gradient +=
            loss->at(Z.row(r) * w, tasks[i].labels[r]).first / static_cast<double>(Z.rows()) * Z.row(r).transpose();
      EXPECT_LT(gradient.norm(), 1e-8);
    }
  }
}

TEST(LearnVotes, NoMaliciousSetViolatesAnInterval) {
  for (const auto* const loss : {&mtrl::squared_loss(), &mtrl::squared_hinge_loss(), &mtrl::logistic_loss()}) {
    SCOPED_TRACE(loss->name());
    const bool classes = loss->is_classification();
    const TaskSet clean = raw_tasks(*loss, 14, 3);
    const TaskSet rows = raw_tasks(*loss, 14, 4);
    const GroupOptions options = options_for(*loss, 7);
    const std::vector<Votes> votes = votes_of(defence::learn_votes(clean, *loss, options), rows);
    for (std::size_t n = 0; n < malicious_sets(); ++n) {
      Rng rng = Rng::stream(11, "malicious", n);
      const std::size_t k = 1 + n % 3;
      const Poisoned poisoned = poison(clean, k, classes, rng);
      const VotingModel model = defence::learn_votes(poisoned.tasks, *loss, options);
      EXPECT_EQ(violations(votes, model, rows, poisoned, k), 0U) << "set " << n;
    }
  }
}

// The clip holds however many tasks are malicious.
TEST(LearnVotes, TheClipHoldsBeyondHalfOfTheGroups) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet clean = raw_tasks(loss, 10, 3);
  const TaskSet rows = raw_tasks(loss, 10, 4);
  const GroupOptions options = options_for(loss, 3);
  const std::vector<Votes> votes = votes_of(defence::learn_votes(clean, loss, options), rows);
  for (std::size_t n = 0; n < 10; ++n) {
    Rng rng = Rng::stream(12, "malicious", n);
    const Poisoned poisoned = poison(clean, 9, false, rng);
    EXPECT_EQ(violations(votes, defence::learn_votes(poisoned.tasks, loss, options), rows, poisoned, 9), 0U);
  }
}

// x'(A + P)^-1 c for random positive semidefinite P stays in the interval, and P = 0 and P = infinity bound it.
TEST(LearnVotes, TheClipIsWhereEveryFurtherPenaltyLeads) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet tasks = raw_tasks(loss, 3, 8);
  const GroupOptions options = options_for(loss, 3);
  const VotingModel model = defence::learn_votes(tasks, loss, options);
  const Task& task = tasks[0];
  const Eigen::MatrixXd Z = model.targets[0].own.apply(task.features);
  const double mean = task.labels.mean();
  const double n = static_cast<double>(Z.rows());
  const double unit = std::sqrt((task.labels.array() - mean).square().sum() / n);
  const Eigen::Index d = Z.cols();
  const Eigen::MatrixXd A = 2.0 / n * Z.transpose() * Z +
                            (options.learner.lambda1 + options.learner.lambda2) * Eigen::MatrixXd::Identity(d, d);
  const Eigen::VectorXd c = 2.0 / n * Z.transpose() * ((task.labels.array() - mean) / unit).matrix();
  const Votes votes = model.votes(0, task.features);
  Rng rng(3);
  for (int trial = 0; trial < 200; ++trial) {
    Eigen::MatrixXd root(d, 1 + static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(d))));
    for (double& entry : root.reshaped()) entry = rng.normal() * std::pow(10.0, rng.uniform(-2.0, 2.0));
    const Eigen::VectorXd z = mean + unit * (Z * (A + root * root.transpose()).llt().solve(c)).array();
    EXPECT_TRUE((z.array() >= votes.low.array() - 1e-9).all() && (z.array() <= votes.high.array() + 1e-9).all());
  }
}

// Whatever a task does, the models of all other groups stay the same in every bit.
TEST(LearnVotes, AModelKnowsItsTargetAndItsGroupAlone) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet clean = raw_tasks(loss, 14, 3);
  const GroupOptions options = options_for(loss, 5);
  const VotingModel before = defence::learn_votes(clean, loss, options);
  TaskSet changed = clean;
  add_column(changed, 0.0);
  Rng rng(21);
  changed[6] = malicious_task(clean[6].name, 5, false, rng);
  changed.tasks.push_back(malicious_task("a new name", 5, false, rng));
  const VotingModel after = defence::learn_votes(changed, loss, options);
  const std::size_t touched = defence::group_of(clean[6].name, 5, options.seed);
  const std::size_t also = defence::group_of("a new name", 5, options.seed);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    if (i == 6) continue;
    EXPECT_EQ(before.targets[i].alone, after.targets[i].alone);
    EXPECT_EQ(before.targets[i].clip_reach, after.targets[i].clip_reach);
    for (std::size_t g = 0; g < 5; ++g)
      if (g != touched && g != also) {
        EXPECT_EQ(before.targets[i].under[g], after.targets[i].under[g]);
      }
  }
}

// The argument broken on purpose: features standardised on the rows of all tasks, everything else as it is.
TEST(LearnVotes, ScalesOfAllTasksTogetherWouldVoidTheBound) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet clean = raw_tasks(loss, 14, 3);
  const TaskSet rows = raw_tasks(loss, 14, 4);
  GroupOptions options = options_for(loss, 7);
  options.preparation.scale = Scale::None;
  const PreparationOptions together = {.scale = Scale::Standard, .labels = LabelScale::None, .pca = 0, .bias = false};
  const auto voted = [&](const TaskSet& tasks, const TaskSet& on) {
    const Preparation preparation = Preparation::fit(tasks, together);
    TaskSet prepared = preparation.apply(tasks);
    return votes_of(defence::learn_votes(prepared, loss, options), preparation.apply(on));
  };
  const std::vector<Votes> before = voted(clean, rows);
  Rng rng(5);
  Poisoned poisoned{clean, std::vector<bool>(clean.size(), true)};
  poisoned.honest[0] = false;
  poisoned.tasks[0].features *= 1e6;
  const std::vector<Votes> after = voted(poisoned.tasks, rows);
  std::size_t violated = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const Eigen::VectorXd z = after[i].prediction();
    violated += static_cast<std::size_t>(
        (z.array() < before[i].lower(1).array() || z.array() > before[i].upper(1).array()).count());
  }
  EXPECT_GT(violated, 0U);
}

TEST(LearnVotes, HostileAndEmptyGroupsLeaveTheTargetToItself) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  TaskSet tasks = raw_tasks(loss, 3, 2);
  tasks[0].labels *= 1e200;  // their squares are beyond the doubles
  const VotingModel model = defence::learn_votes(tasks, loss, options_for(loss, 51));
  const std::size_t own = defence::group_of(tasks[1].name, 51, 1);
  for (std::size_t g = 0; g < 51; ++g) {
    const bool learned = model.targets[1].under[g].size() > 0;
    EXPECT_EQ(learned, g == own || g == defence::group_of(tasks[2].name, 51, 1)) << g;
  }
  const Votes votes = model.votes(1, tasks[1].features);
  EXPECT_TRUE(votes.sorted.allFinite());
}

TEST(LearnVotes, ReadsBackFromJsonInEveryBit) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet tasks = raw_tasks(loss, 8, 2);
  const VotingModel model = defence::learn_votes(tasks, loss, options_for(loss));
  const nlohmann::json json = nlohmann::json::parse(to_json(model).dump());
  const VotingModel read = defence::voting_model_from_json(json, 4);
  EXPECT_EQ(read.votes(3, tasks[3].features).sorted, model.votes(3, tasks[3].features).sorted);
  EXPECT_EQ(read.votes(3, tasks[3].features).low, model.votes(3, tasks[3].features).low);
  EXPECT_THROW(defence::voting_model_from_json(json, 3), std::invalid_argument);
  for (const char* field : {"groups", "targets"}) {
    nlohmann::json broken = json;
    broken.erase(field);
    EXPECT_THROW(defence::voting_model_from_json(broken, 4), std::invalid_argument) << field;
  }
  nlohmann::json broken = json;
  broken["targets"][0]["alone"].push_back(1.0);
  EXPECT_THROW(defence::voting_model_from_json(broken, 4), std::invalid_argument);
}

TEST(LearnVotes, RefusesOptionsOutsideTheirRange) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet tasks = raw_tasks(loss, 4, 2);
  const auto refused = [&](auto change) {
    GroupOptions options = options_for(loss);
    change(options);
    EXPECT_THROW(defence::learn_votes(tasks, loss, options), std::invalid_argument);
  };
  refused([](GroupOptions& o) { o.groups = 4; });
  refused([](GroupOptions& o) { o.groups = 1; });
  refused([](GroupOptions& o) { o.learner.lambda1 = 0.0; });
  refused([](GroupOptions& o) { o.learner.lambda2 = -1.0; });
  refused([](GroupOptions& o) { o.learner.smoothing = 0.0; });
  refused([](GroupOptions& o) { o.preparation.bias = false; });
}

// By plain loops over rows and k.
TEST(CertifyVotes, TellsTheWorstLossOfTheWorstHonestTasks) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet tasks = raw_tasks(loss, 8, 2);
  const TaskSet rows = raw_tasks(loss, 8, 6);
  const std::vector<Votes> votes = votes_of(defence::learn_votes(tasks, loss, options_for(loss)), rows);
  const auto certificate = defence::certify_votes(votes, rows, loss, 2);
  for (std::size_t k = 0; k <= 2; ++k) {
    Eigen::VectorXd sums = Eigen::VectorXd::Zero(8);
    for (std::size_t i = 0; i < 8; ++i)
      for (Eigen::Index r = 0; r < rows[i].rows(); ++r) {
        const double y = rows[i].labels[r];
        const double low = votes[i].lower(k)[r] - y;
        const double high = votes[i].upper(k)[r] - y;
        sums[static_cast<Eigen::Index>(i)] += std::max(low * low, high * high);
      }
    for (Eigen::Index i = 0; i < 8; ++i)
      EXPECT_NEAR(certificate.losses(i, static_cast<Eigen::Index>(k)), sums[i] / certificate.rows[i], 1e-9);
    EXPECT_NEAR(certificate.total_losses[static_cast<Eigen::Index>(k)],
                defence::largest_mean(sums, certificate.rows, k), 1e-9);
  }
}

TEST(LearnAlone, TakesTheLambdaOfLeastHeldOutLoss) {
  const mtrl::Loss& loss = mtrl::squared_loss();
  const TaskSet tasks = raw_tasks(loss, 6, 2);
  const auto single = defence::learn_alone(tasks, tasks, loss, options_for(loss), 3, 1);
  ASSERT_EQ(single.predictions.size(), 6U);
  EXPECT_GT(single.lambda, 0.0);
  for (std::size_t i = 0; i < 6; ++i)  // better than always saying the mean
    EXPECT_LT((single.predictions[i] - tasks[i].labels).squaredNorm(),
              (tasks[i].labels.array() - tasks[i].labels.mean()).square().sum());
}

}  // namespace
