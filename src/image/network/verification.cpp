#include "crosstalk/image/network/verification.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/image/network/restoration.hpp"
#include "crosstalk/image/network/training.hpp"
#include "crosstalk/image/published_copy.hpp"
#include "crosstalk/parallel.hpp"
#include "locked_parts.hpp"
#include "score_json.hpp"
#include "shared_progress.hpp"

namespace crosstalk::image {

namespace {

std::string name_of(const Victim& victim, const VerificationOptions& options) {
  return fmt::format("{}-{}{}-seed{}", victim.published ? "protected" : "clean",
                     victim.learner == 0 ? "" : options.others[victim.learner - 1].name + "-",
                     victim.mtl ? "mtl" : fmt::format("stl{}", victim.tasks.front()), victim.seed);
}

// The learner that the options describe, or one of the others.
Learner learner_of(const VerificationOptions& options, std::size_t learner) {
  return learner == 0 ? Learner{"usual", options.backbone, options.countermeasure} : options.others[learner - 1];
}

// What victims on the same images share.
struct Images {
  Loader train;
  Loader test;
  std::optional<Loader> validation;  // where training stops early
};

std::vector<TaskScore> train_and_test(const Victim& victim, const Images& images, const VerificationOptions& options,
                                      bool flip, const RunControl& control) {
  const Learner learner = learner_of(options, victim.learner);
  const TaskSpecs& specs = images.train.specs();
  Augmentation augmentation = usual_crop(images.train.source().shape());
  augmentation.flip = flip;
  augmentation.jitter = images.train.source().shape().channels == 3 ? options.jitter : 0.0;
  const Shape seen{images.train.source().shape().channels, augmentation.height, augmentation.width};
  // The images are no part of the key: a victim of clean images starts as its like of published ones does.
  Rng rng = Rng::stream(options.seed, victim.mtl ? "victim/mtl" : fmt::format("victim/stl{}", victim.tasks.front()),
                        victim.seed);
  MultiTaskNet net(learner.backbone, seen, specs, rng);
  net->to(torch::Device(options.device));
  TrainingOptions training;
  training.epochs = options.epochs * (learner.countermeasure.longer ? 4 : 1);
  training.learning_rate = victim_learning_rate(learner.backbone) * learner.countermeasure.learning_rate;
  training.robust_training = learner.countermeasure.robust_training;
  if (images.validation) training.validation = &*images.validation;
  training.augmentation = augmentation;
  training.weighting = options.weighting;
  if (!victim.mtl) {
    training.task_weights.assign(specs.size(), 0.0);
    training.task_weights[victim.tasks.front()] = 1.0;
  }
  if (!train(net, images.train, training, rng, control)) return {};
  const auto all = evaluate(net, images.test, augmentation);
  std::vector<TaskScore> scores;
  for (const std::size_t k : victim.tasks) scores.push_back(all[k]);
  return scores;
}

std::vector<Victim> victims_of(const VerificationData& data, const VerificationOptions& options) {
  std::vector<Victim> victims;
  for (const bool published : {false, true}) {
    if (published ? data.published == nullptr : !options.clean) continue;
    for (std::size_t seed = 0; seed < options.seeds; ++seed) {
      if (options.mtl) victims.push_back({published, true, seed, all_rows(data.clean.tasks().size())});
      if (options.stl)
        for (const std::size_t k : options.stl_tasks) victims.push_back({published, false, seed, {k}});
    }
  }
  if (data.published == nullptr) return victims;
  for (std::size_t learner = 1; learner <= options.others.size(); ++learner)
    for (std::size_t seed = 0; seed < options.seeds; ++seed) {
      if (options.mtl)
        victims.push_back({true, true, seed, all_rows(data.clean.tasks().size()), {}, learner});
      else
        for (const std::size_t k : options.stl_tasks) victims.push_back({true, false, seed, {k}, {}, learner});
    }
  return victims;
}

void require_like(const Source& a, const Source& b, const char* what) {
  if (a.shape() != b.shape())
    throw std::invalid_argument(fmt::format(
        "verify: the {} images have {} x {} x {} values, the clean ones {} x {} x {}", what, b.shape().channels,
        b.shape().height, b.shape().width, a.shape().channels, a.shape().height, a.shape().width));
  if (a.tasks().size() != b.tasks().size())
    throw std::invalid_argument(fmt::format("verify: the {} images have {} tasks, the clean ones {}", what,
                                            b.tasks().size(), a.tasks().size()));
  for (std::size_t k = 0; k < a.tasks().size(); ++k) {
    const TaskInfo& own = a.tasks()[k];
    const TaskInfo& other = b.tasks()[k];
    if (own.name != other.name || own.kind != other.kind || own.classes != other.classes)
      throw std::invalid_argument(
          fmt::format("verify: task \"{}\" of the {} images is not \"{}\" of the clean ones, or has "
                      "other classes",
                      other.name, what, own.name));
  }
}

// The rows to train on; to test on, the share that is held out.
Split rows_of(const VerificationData& data, double held_out, std::uint64_t seed) {
  if (held_out == 0.0) return {data.rows, {}};
  const auto count = static_cast<std::size_t>(held_out * static_cast<double>(data.rows.size()) + 1e-9);
  if (count == 0 || data.rows.size() - count < 2)
    throw std::invalid_argument(
        fmt::format("verify: {} images are too few to hold out {}", data.rows.size(),
                    held_out == 0.1 ? std::string("a tenth") : fmt::format("a share of {:g}", held_out)));
  Split rows = random_split(data.rows.size(), count, Rng::stream(seed, "verify/validation"));
  for (auto* part : {&rows.train, &rows.test})
    for (std::size_t& row : *part) row = data.rows[row];
  return rows;
}

// Whether mirror images teach the network for all tasks more of a fifth of the clean images that it holds out. Half the
// epochs tell.
bool mirror_images_help(const VerificationData& data, const VerificationOptions& options, const TaskSpecs& specs,
                        const LoaderOptions& loading, LockedParts& known, const RunControl& control) {
  constexpr double held_out = 0.2;
  if (data.rows.size() < 10) return true;  // too few to tell
  VerificationOptions trial = options;
  trial.epochs = std::max(1, options.epochs / 2);
  trial.countermeasure = {};
  const Split rows = rows_of(data, held_out, options.seed);
  const Images images{
      Loader(data.clean, rows.train, specs, loading), Loader(data.clean, rows.test, specs, loading), {}};
  SharedProgress progress(control, 2);
  std::vector<double> knowledge(2, 0.0);
  parallel_for(2, options.threads, [&](std::size_t flip) {
    const std::string name = flip == 1 ? "mirror-images" : "no-mirror-images";
    auto scores = known.recall(name);
    if (!scores) {
      const auto report = [&](double done, const std::string&) {
        progress.report(flip, done, "choosing whether to mirror images");
      };
      const Victim victim{false, true, 0, all_rows(specs.size())};
      scores = to_json(train_and_test(victim, images, trial, flip == 1, {report, control.stop}));
      if (!scores->empty()) known.keep(name, *scores);
    }
    knowledge[flip] = mean_knowledge(scores_from(*scores));
  });
  return knowledge[1] >= knowledge[0];
}

double mean_of_known(const LearnerSummary& summary) {
  return std::isnan(summary.mean.mean) ? -std::numeric_limits<double>::infinity() : summary.mean.mean;
}

}  // namespace

double victim_learning_rate(BackboneName backbone) {
  switch (backbone) {
    case BackboneName::Small:
    case BackboneName::SmallVgg:
    case BackboneName::SmallDenseNet:
    case BackboneName::SmallViT: return 3e-3;
    default: return 1e-3;
  }
}

std::vector<std::size_t> sample_of_tasks(std::size_t tasks, std::size_t most) {
  if (tasks <= most) return all_rows(tasks);
  std::vector<std::size_t> sample;
  for (std::size_t i = 0; i < most; ++i) sample.push_back(most == 1 ? 0 : i * (tasks - 1) / (most - 1));
  return sample;
}

Split random_split(std::size_t images, std::size_t tested, Rng rng) {
  const auto order = rng.permutation(images);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(tested);
  Split split{{end, order.end()}, {order.begin(), end}};
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.test.begin(), split.test.end());
  return split;
}

Split random_split(std::size_t images, double test_share, std::uint64_t seed) {
  return random_split(images, static_cast<std::size_t>(test_share * static_cast<double>(images)),
                      Rng::stream(seed, "verify/split"));
}

std::vector<Victim> verify(const VerificationData& data, const VerificationOptions& options, const PartStore& store,
                           const RunControl& control) {
  return verify_all(data, options, store, control).victims;
}

Verification verify_all(const VerificationData& data, const VerificationOptions& options, const PartStore& store,
                        const RunControl& control) {
  if (!(options.hold_out >= 0.0 && options.hold_out < 1.0))
    throw std::invalid_argument(
        fmt::format("verify: the share to hold out is {}; it must be at least 0 and below 1", options.hold_out));
  require_like(data.clean, data.test, "test");
  if (data.published != nullptr) {
    require_like(data.clean, *data.published, "published");
    if (data.published->size() != data.clean.size())
      throw std::invalid_argument(
          fmt::format("verify: {} published images of {}", data.published->size(), data.clean.size()));
  }
  for (const std::size_t k : options.stl_tasks)
    if (k >= data.clean.tasks().size()) throw std::invalid_argument(fmt::format("verify: there is no task {}", k));

  std::vector<Victim> victims = victims_of(data, options);
  const TaskSpecs specs = task_specs(data.clean, data.rows);
  const LoaderOptions loading{.batch = options.batch, .device = torch::Device(options.device)};
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::array<std::optional<Images>, 2>> images;  // by learner: clean, published; none that nobody learns
  for (std::size_t l = 0; l <= options.others.size(); ++l) {
    const Learner learner = learner_of(options, l);
    const auto seen = [&](const Source& source) -> const Source& {
      if (learner.countermeasure.processing.empty()) return source;
      return *sources.emplace_back(processed_images(source, learner.countermeasure.processing));
    };
    // A learner that stops early by clean images has them from somewhere; else it holds out some of those that it has.
    const bool knows_clean = learner.countermeasure.stops_early;
    const Split rows = rows_of(data, knows_clean ? 0.1 : options.hold_out, options.seed);
    const Loader test(seen(data.test), data.test_rows, specs, loading);
    const auto of = [&](const Source& source, const Source& held_out) {
      Images result{Loader(source, rows.train, specs, loading), test, {}};
      if (!rows.test.empty()) result.validation.emplace(held_out, rows.test, specs, loading);
      return result;
    };
    auto& own = images.emplace_back();
    const Source& clean = seen(data.clean);
    if (l == 0 && options.clean) own[0].emplace(of(clean, clean));
    if (data.published == nullptr) continue;
    const auto leaked = leaked_rows(rows.train, options.leak, options.seed);
    const Source* published = data.published;
    if (!leaked.empty()) published = sources.emplace_back(partly_clean(*published, data.clean, leaked)).get();
    if (const Restoration& restoration = learner.countermeasure.restoration; restoration.does_something())
      published = sources
                      .emplace_back(restored_images(*published, data.clean, rows.train, restoration, options.seed,
                                                    options.device, control.stop))
                      .get();
    const Source& seen_published = seen(*published);
    own[1].emplace(of(seen_published, knows_clean ? clean : seen_published));
  }

  LockedParts known(store);
  const bool can_choose = options.clean && options.mtl;
  const bool flip =
      options.flip ? *options.flip : !can_choose || mirror_images_help(data, options, specs, loading, known, control);
  SharedProgress progress(control, victims.size());
  parallel_for(victims.size(), options.threads, [&](std::size_t v) {
    Victim& victim = victims[v];
    if (control.stop.stop_requested()) return;
    if (const auto scores = known.recall(name_of(victim, options))) victim.scores = scores_from(*scores);
    const auto report = [&](double done, const std::string&) {
      progress.report(v, done, fmt::format("training {} victims", victims.size()));
    };
    if (victim.scores.empty()) {
      victim.scores = train_and_test(victim, *images[victim.learner][victim.published ? 1 : 0], options, flip,
                                     {report, control.stop});
      if (!victim.scores.empty()) known.keep(name_of(victim, options), to_json(victim.scores));
    }
    report(1.0, {});
  });
  std::erase_if(victims, [](const Victim& victim) { return victim.scores.empty(); });
  return {std::move(victims), flip};
}

LearnerSummary summarise(const std::vector<Victim>& victims, bool published, bool mtl,
                         const std::vector<std::size_t>& without, std::size_t learner) {
  std::vector<std::vector<TaskScore>> scores;  // by task, seed
  for (const Victim& victim : victims) {
    if (victim.published != published || victim.mtl != mtl || victim.learner != learner) continue;
    for (std::size_t i = 0; i < victim.tasks.size(); ++i) {
      if (scores.size() <= victim.tasks[i]) scores.resize(victim.tasks[i] + 1);
      scores[victim.tasks[i]].push_back(victim.scores[i]);
    }
  }
  LearnerSummary summary;
  std::vector<double> by_seed;
  double tasks = 0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (scores[k].empty() || std::find(without.begin(), without.end(), k) != without.end()) continue;
    std::vector<double> values;
    std::vector<double> balanced;
    for (const TaskScore& score : scores[k]) {
      values.push_back(score.value);
      balanced.push_back(score.balanced);
    }
    summary.tasks.push_back(
        {k, scores[k].front().metric, mean_with_ci(values), mean_with_ci(balanced), scores[k].front().baseline});
    if (!scores[k].front().more_is_better()) continue;
    tasks += 1;
    summary.baseline += scores[k].front().baseline;
    by_seed.resize(values.size());
    for (std::size_t seed = 0; seed < values.size(); ++seed) by_seed[seed] += values[seed];
  }
  for (double& value : by_seed) value /= tasks;
  summary.baseline = tasks > 0 ? summary.baseline / tasks : std::nan("");
  summary.mean = mean_with_ci(by_seed);
  return summary;
}

std::vector<std::size_t> tasks_not_learned(const std::vector<Victim>& victims, bool mtl, std::size_t test_images,
                                           std::size_t learner) {
  std::vector<std::size_t> tasks;
  for (const TaskSummary& task : summarise(victims, false, mtl, {}, learner).tasks) {
    const double value = task.value.mean;
    double half_width = std::isnan(task.value.high) ? 0.0 : task.value.high - value;
    if (task.metric == "accuracy" && test_images > 0)
      half_width = std::max(half_width, 1.96 * std::sqrt(value * (1.0 - value) / static_cast<double>(test_images)));
    const double lead =
        TaskScore{task.metric, value, task.baseline}.more_is_better() ? value - task.baseline : task.baseline - value;
    if (!(lead > half_width)) tasks.push_back(task.task);
  }
  return tasks;
}

std::vector<LearnerOutcome> learner_outcomes(const std::vector<Victim>& victims, std::size_t test_images) {
  const auto any = [&](std::size_t learner, bool mtl, bool published) {
    return std::any_of(victims.begin(), victims.end(), [&](const Victim& victim) {
      return victim.learner == learner && victim.mtl == mtl && victim.published == published;
    });
  };
  std::size_t learners = 0;
  for (const Victim& victim : victims) learners = std::max(learners, victim.learner + 1);
  std::vector<LearnerOutcome> outcomes;
  for (std::size_t learner = 0; learner < learners; ++learner)
    for (const bool mtl : {true, false}) {
      if (!any(learner, mtl, true)) continue;
      const std::size_t reference = any(learner, mtl, false) ? learner : 0;
      LearnerOutcome outcome{learner, mtl, tasks_not_learned(victims, mtl, test_images, reference),
                             {},      {},  std::nan("")};
      outcome.clean = summarise(victims, false, mtl, outcome.unmeasured, reference);
      outcome.published = summarise(victims, true, mtl, outcome.unmeasured, learner);
      if (!outcome.clean.tasks.empty())
        outcome.left =
            (outcome.published.mean.mean - outcome.clean.baseline) / (outcome.clean.mean.mean - outcome.clean.baseline);
      outcomes.push_back(std::move(outcome));
    }
  return outcomes;
}

const LearnerOutcome* strongest(const std::vector<LearnerOutcome>& outcomes) {
  const LearnerOutcome* best = nullptr;
  for (const LearnerOutcome& outcome : outcomes)
    if (!std::isnan(outcome.left) && (best == nullptr || outcome.left > best->left)) best = &outcome;
  if (best != nullptr) return best;
  for (const LearnerOutcome& outcome : outcomes)
    if (best == nullptr || mean_of_known(outcome.published) > mean_of_known(best->published)) best = &outcome;
  return best;
}

Verdict verdict_of(const std::vector<LearnerOutcome>& outcomes, bool complete) {
  const LearnerOutcome* const best = strongest(outcomes);
  if (best == nullptr || std::isnan(best->left)) return Verdict::NotMeasured;
  if (best->left > kProtectedShare) return Verdict::NotProtected;
  const bool several = std::any_of(outcomes.begin(), outcomes.end(),
                                   [&](const LearnerOutcome& other) { return other.learner != outcomes[0].learner; });
  const bool all_known = std::none_of(outcomes.begin(), outcomes.end(),
                                      [](const LearnerOutcome& outcome) { return std::isnan(outcome.left); });
  return complete && several && all_known ? Verdict::Protected : Verdict::NotMeasured;
}

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Protected: return "protected";
    case Verdict::NotProtected: return "not protected";
    default: return "not measured";
  }
}

}  // namespace crosstalk::image
