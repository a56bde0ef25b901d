#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/confidence_interval.hpp"
#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/network/backbone_name.hpp"
#include "crosstalk/image/network/learner.hpp"
#include "crosstalk/image/network/score.hpp"
#include "crosstalk/image/network/weighting.hpp"
#include "crosstalk/part_store.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// Images to train on and others to test on, in the order of the set.
struct Split {
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
};
/// Draws so many of the images for testing; each list ascends.
Split random_split(std::size_t images, std::size_t tested, Rng rng);
/// The same of floor(test_share * images), as `crosstalk verify` does it.
Split random_split(std::size_t images, double test_share, std::uint64_t seed);

/// A set, its published copy and images to test on, which were never published.
struct VerificationData {
  const Source& clean;
  const Source* published = nullptr;  ///< the same images in the same order; none: only clean victims
  std::vector<std::size_t> rows;      ///< of both, to train on
  const Source& test;
  std::vector<std::size_t> test_rows;
};

/// Learning rate of a victim's Adam, before countermeasures: 3e-3 of small networks, which learn more of clean images
/// with it than with 1e-3 in as many passes (experiments/README.md); 1e-3 of the others.
double victim_learning_rate(BackboneName backbone);

struct VerificationOptions {
  BackboneName backbone = BackboneName::Small;
  /// Of the losses of a network for all tasks.
  Weighting weighting = Weighting::Equal;
  bool clean = true;  ///< train on clean images
  bool mtl = true;    ///< one network for all tasks
  bool stl = true;    ///< one network for each of stl_tasks
  std::vector<std::size_t> stl_tasks = {};
  int epochs = 12;
  std::size_t batch = 128;
  /// Whether victims see mirror images. None: what teaches the network for all tasks more of the clean images, judged
  /// by those that it holds out; yes without clean victims or without such a network.
  std::optional<bool> flip = false;
  double jitter = 0.0;                 ///< of colours; see Augmentation
  double hold_out = 0.0;               ///< share of its own images by which a victim chooses its best epoch; 0: none
  Countermeasure countermeasure = {};  ///< of all victims, those on clean images too
  /// Learners beside this one. They learn the published images alone, as one network for all tasks (or a task, where
  /// there is no other), and are measured by what this one learns of the clean images.
  std::vector<Learner> others = {};
  double leak = 0.0;  ///< percent of the published images to train on whose clean originals are known
  std::size_t seeds = 1;
  std::uint64_t seed = 1;
  int threads = 1;  ///< victims trained at a time
  std::string device = "cpu";
};

/// One network that was trained from nothing and tested on clean images.
struct Victim {
  bool published = false;  ///< trained on the published images
  bool mtl = true;
  std::size_t seed = 0;  ///< 0, 1, ...
  std::vector<std::size_t> tasks = {};
  std::vector<TaskScore> scores = {};  ///< of the tasks
  std::size_t learner = 0;             ///< 0 for the one that the options describe, i + 1 for others[i]
};

/// The tasks that stand for all where one network a task is too much: at most `most`, evenly from the first to the
/// last.
std::vector<std::size_t> sample_of_tasks(std::size_t tasks, std::size_t most);

/// Trains victims on the clean and on the published images and tests them on clean ones. A victim depends on the seed,
/// its number and its images alone.
/// @return clean ones first; less than all when a stop was requested.
/// @throws std::invalid_argument when the sets do not fit together, a leak or a share to hold out is no share, or there
///         are too few images to hold one out.
std::vector<Victim> verify(const VerificationData& data, const VerificationOptions& options,
                           const PartStore& store = {}, const RunControl& control = {});
/// The same, and whether mirror images were seen (VerificationOptions::flip).
struct Verification {
  std::vector<Victim> victims;
  bool flip = false;
};
Verification verify_all(const VerificationData& data, const VerificationOptions& options, const PartStore& store = {},
                        const RunControl& control = {});

struct TaskSummary {
  std::size_t task = 0;
  std::string metric;
  ConfidenceInterval value;  ///< over the seeds
  ConfidenceInterval balanced;
  double baseline = 0.0;
};

/// What the victims of one kind learned.
struct LearnerSummary {
  std::vector<TaskSummary> tasks;
  ConfidenceInterval mean;  ///< over seeds, of the mean over the tasks measured by accuracy or mIoU
  double baseline = 0.0;    ///< the same of the majority baseline; NaN without such tasks
};

/// Of the victims with this `published`, `mtl` and `learner`.
/// @param without  tasks that are left out, of the mean and of the list.
LearnerSummary summarise(const std::vector<Victim>& victims, bool published, bool mtl,
                         const std::vector<std::size_t>& without = {}, std::size_t learner = 0);

/// Tasks of which the victims of the clean images learned nothing that can be told from the majority baseline: what
/// the protected images teach there says nothing about the protection. A victim has learned a task when it is better
/// than the baseline by more than the half width of its 95 % interval, over the seeds or, for an accuracy p of n test
/// images, by 1.96 sqrt(p (1 - p) / n), whichever is wider. None where no clean victim was trained.
std::vector<std::size_t> tasks_not_learned(const std::vector<Victim>& victims, bool mtl, std::size_t test_images,
                                           std::size_t learner = 0);

/// What one learner got of the published images, beside what was to be learned.
struct LearnerOutcome {
  std::size_t learner = 0;
  bool mtl = true;
  std::vector<std::size_t> unmeasured = {};  ///< tasks that are left out, since the clean images did not teach them
  LearnerSummary clean = {};                 ///< of this learner where it learned clean images, else of learner 0
  LearnerSummary published = {};
  /// (published - baseline) / (clean - baseline) of the means; NaN where nothing was learned of clean images.
  double left = 0.0;
};

/// Of every learner that has learned the published images, in the order of the learners, networks for all tasks first.
std::vector<LearnerOutcome> learner_outcomes(const std::vector<Victim>& victims, std::size_t test_images);

/// The one with the largest share left; where no share is known the one with the largest mean. Null without any.
const LearnerOutcome* strongest(const std::vector<LearnerOutcome>& outcomes);

/// What a verdict says. Protected: at most kProtectedShare is left to the strongest of several learners.
enum class Verdict { Protected, NotProtected, NotMeasured };
/// A share of 0 to 1, by convention: about a third of what clean images teach beyond the majority baseline.
inline constexpr double kProtectedShare = 0.35;
/// NotMeasured when no share is known, and when one learner alone, or one that failed, leaves it open.
/// @param complete  all learners that were asked for came to their end
Verdict verdict_of(const std::vector<LearnerOutcome>& outcomes, bool complete);
std::string to_string(Verdict verdict);

}  // namespace crosstalk::image
