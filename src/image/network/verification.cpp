#include "crosstalk/image/network/verification.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/image/network/training.hpp"
#include "crosstalk/image/published_copy.hpp"
#include "crosstalk/parallel.hpp"
#include "locked_parts.hpp"
#include "score_json.hpp"
#include "shared_progress.hpp"

namespace crosstalk::image {

namespace {

std::string name_of(const Victim& victim) {
  return fmt::format("{}-{}-seed{}", victim.published ? "protected" : "clean",
                     victim.mtl ? "mtl" : fmt::format("stl{}", victim.tasks.front()), victim.seed);
}

// What victims on the same images share.
struct Images {
  Loader train;
  Loader test;
  std::optional<Loader> validation;  // clean; where training stops early
};

std::vector<TaskScore> train_and_test(const Victim& victim, const Images& images, const VerificationOptions& options,
                                      const RunControl& control) {
  const TaskSpecs& specs = images.train.specs();
  Augmentation augmentation = usual_crop(images.train.source().shape());
  augmentation.flip = options.flip;
  const Shape seen{images.train.source().shape().channels, augmentation.height, augmentation.width};
  // The images are no part of the key: a victim of clean images starts as its like of published ones does.
  Rng rng = Rng::stream(options.seed, victim.mtl ? "victim/mtl" : fmt::format("victim/stl{}", victim.tasks.front()),
                        victim.seed);
  MultiTaskNet net(options.backbone, seen, specs, rng);
  net->to(torch::Device(options.device));
  TrainingOptions training;
  training.epochs = options.epochs * (options.countermeasure.longer ? 4 : 1);
  training.learning_rate = victim_learning_rate(options.backbone) * options.countermeasure.learning_rate;
  training.robust_training = options.countermeasure.robust_training;
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

// The rows to train on; to test on, a tenth that an unauthorised learner that stops early holds out.
Split rows_of(const VerificationData& data, const VerificationOptions& options) {
  if (!options.countermeasure.stops_early) return {data.rows, {}};
  const std::size_t held_out = data.rows.size() / 10;
  if (held_out == 0)
    throw std::invalid_argument(fmt::format("verify: {} images are too few to hold out a tenth", data.rows.size()));
  Split rows = random_split(data.rows.size(), held_out, Rng::stream(options.seed, "verify/validation"));
  for (auto* part : {&rows.train, &rows.test})
    for (std::size_t& row : *part) row = data.rows[row];
  return rows;
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
  const Split rows = rows_of(data, options);
  std::vector<std::unique_ptr<Source>> sources;
  const auto seen = [&](const Source& source) -> const Source& {
    if (options.countermeasure.processing.empty()) return source;
    return *sources.emplace_back(processed_images(source, options.countermeasure.processing));
  };
  const Source& clean = seen(data.clean);
  const Loader test(seen(data.test), data.test_rows, specs, loading);
  std::optional<Loader> validation;
  if (!rows.test.empty()) validation.emplace(clean, rows.test, specs, loading);
  std::vector<Images> images;  // clean, published
  images.push_back({Loader(clean, rows.train, specs, loading), test, validation});
  if (data.published != nullptr) {
    const auto leaked = leaked_rows(rows.train, options.leak, options.seed);
    const Source* published = data.published;
    if (!leaked.empty()) published = sources.emplace_back(partly_clean(*published, data.clean, leaked)).get();
    images.push_back({Loader(seen(*published), rows.train, specs, loading), test, validation});
  }

  LockedParts known(store);
  SharedProgress progress(control, victims.size());
  parallel_for(victims.size(), options.threads, [&](std::size_t v) {
    Victim& victim = victims[v];
    if (control.stop.stop_requested()) return;
    if (const auto scores = known.recall(name_of(victim))) victim.scores = scores_from(*scores);
    const auto report = [&](double done, const std::string&) {
      progress.report(v, done, fmt::format("training {} victims", victims.size()));
    };
    if (victim.scores.empty()) {
      victim.scores = train_and_test(victim, images[victim.published ? 1 : 0], options, {report, control.stop});
      if (!victim.scores.empty()) known.keep(name_of(victim), to_json(victim.scores));
    }
    report(1.0, {});
  });
  std::erase_if(victims, [](const Victim& victim) { return victim.scores.empty(); });
  return victims;
}

LearnerSummary summarise(const std::vector<Victim>& victims, bool published, bool mtl,
                         const std::vector<std::size_t>& without) {
  std::vector<std::vector<TaskScore>> scores;  // by task, seed
  for (const Victim& victim : victims) {
    if (victim.published != published || victim.mtl != mtl) continue;
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

std::vector<std::size_t> tasks_not_learned(const std::vector<Victim>& victims, bool mtl, std::size_t test_images) {
  std::vector<std::size_t> tasks;
  for (const TaskSummary& task : summarise(victims, false, mtl).tasks) {
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

}  // namespace crosstalk::image
