#include "crosstalk/image/network/comparison.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/image/network/tasks.hpp"
#include "crosstalk/image/network/verification.hpp"
#include "crosstalk/json_number.hpp"
#include "crosstalk/parallel.hpp"
#include "locked_parts.hpp"
#include "score_json.hpp"
#include "shared_progress.hpp"

namespace crosstalk::image {

namespace {

constexpr double kTestShare = 0.2;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

// One setting of learned noise: gain=0.1
void apply(NoiseOptions& options, const std::string& setting) {
  const auto at = std::min(setting.find('='), setting.size());
  const std::string key = setting.substr(0, at);
  double value = 0.0;
  const char* const begin = setting.data() + std::min(at + 1, setting.size());
  const char* const end = setting.data() + setting.size();
  if (const auto [stop, error] = std::from_chars(begin, end, value);
      error != std::errc() || stop != end || !(value >= 0.0) || value > 1e6)
    throw std::invalid_argument(fmt::format("\"{}\": a setting is a name, = and a number from 0 to 1000000", setting));
  const auto count = static_cast<std::size_t>(value);
  if (key == "gain")
    options.sizes.gain = value;
  else if (key == "tanh")
    options.sizes.squash = value != 0 ? Squash::Tanh : Squash::Clamp;
  else if (key == "intra")
    options.sizes.intra = value;
  else if (key == "inter")
    options.sizes.inter = value;
  else if (key == "latent")
    options.sizes.latent = value != 0;
  else if (key == "embeddings")
    options.sizes.embeddings = value != 0;
  else if (key == "maps")
    options.sizes.size.embedding = count;
  else if (key == "epochs")
    options.epochs = static_cast<int>(value);
  else if (key == "rate")
    options.learning_rate = value;
  else if (key == "step")
    options.step = value;
  else if (key == "round")
    options.round = static_cast<int>(value);
  else if (key == "batches")
    options.surrogate_batches = count;
  else if (key == "nets")
    options.checkpoints_a_step = count;
  else if (key == "epsilon")
    options.epsilon = static_cast<int>(value);
  else
    throw std::invalid_argument(
        fmt::format("\"{}\" is no setting; there are gain, tanh, intra, inter, latent, embeddings, maps, epochs, rate, "
                    "step, round, batches, nets and epsilon",
                    key));
}

bool is_class_wise(const std::string& kind) {
  const std::string name = kind.substr(0, kind.find('-'));
  return kind == "noise" || name == "lsp" || name == "ar" || name == "ops";
}

MethodOptions class_wise_options(const std::string& kind) {
  MethodOptions options;
  const auto dash = kind.find('-');
  options.name = method_named(kind.substr(0, dash));
  if (dash != std::string::npos) options.composition = composition_named(kind.substr(dash + 1));
  return options;
}

NoiseOptions learned_options(const std::vector<std::string>& words, std::size_t images) {
  const std::string generator = "mtl-ue+";
  const bool has_generator = words.front().starts_with(generator);
  NoiseOptions options =
      usual_options(base_named(words.front().substr(has_generator ? generator.size() : 0)), has_generator, images);
  for (std::size_t i = 1; i < words.size(); ++i) apply(options, words[i]);
  return options;
}

// Refuses an unknown word at once, not after an hour.
void require_method(const std::string& word) {
  const auto words = split(word, ':');
  if (words.empty()) throw std::invalid_argument("a method has no name");
  if (words.front() != "clean" && !is_class_wise(words.front()))
    static_cast<void>(learned_options(words, 1));
  else if (words.size() > 1)
    throw std::invalid_argument(fmt::format("\"{}\": {} has no settings", word, words.front()));
  else if (words.front() != "clean")
    static_cast<void>(class_wise_options(words.front()));
}

VerificationOptions victim_options(const std::string& word) {
  const auto dash = word.find('-');
  const std::string learner = word.substr(0, dash);
  if (learner != "mtl" && learner != "stl")
    throw std::invalid_argument(fmt::format("victim \"{}\" is neither mtl nor stl", word));
  VerificationOptions options;
  options.mtl = learner == "mtl";
  options.stl = !options.mtl;
  if (dash != std::string::npos) options.backbone = backbone_named(word.substr(dash + 1));
  return options;
}

// Processor time of this thread, in seconds: other work on the machine does not count.
double own_seconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

nlohmann::json to_json(const ComparisonTrial& trial) {
  return {{"tasks", trial.tasks},
          {"scores", to_json(trial.scores)},
          {"largest_change", trial.largest_change},
          {"psnr", json_number(trial.psnr)},
          {"noise_seconds", trial.noise_seconds},
          {"victim_seconds", trial.victim_seconds}};
}

void recall(ComparisonTrial& trial, const nlohmann::json& json) {
  trial.tasks = json.at("tasks").get<std::vector<std::string>>();
  trial.scores = scores_from(json.at("scores"));
  trial.largest_change = json.at("largest_change").get<int>();
  trial.psnr = trial.largest_change == 0 ? std::numeric_limits<double>::infinity() : json.at("psnr").get<double>();
  trial.noise_seconds = json.at("noise_seconds").get<double>();
  trial.victim_seconds = json.at("victim_seconds").get<double>();
}

std::string key_of(const ComparisonTrial& trial, bool validation) {
  return fmt::format("{}{}-{}-seed{}-{}", trial.set, validation ? "-validation" : "", trial.method, trial.seed,
                     trial.victim);
}

double mean_of(const std::vector<TaskScore>& scores, double TaskScore::*number) {
  double sum = 0;
  double count = 0;
  for (const TaskScore& score : scores) {
    if (!score.more_is_better()) continue;
    sum += score.*number;
    count += 1;
  }
  return count > 0 ? sum / count : std::nan("");
}

// A set as one part of the work sees it.
struct Opened {
  std::shared_ptr<const Source> train;
  std::shared_ptr<const Source> test;
  Split split;

  [[nodiscard]] const Source& tested() const { return test ? *test : *train; }
};

Opened open(const ComparedSet& set, std::uint64_t seed, bool validation) {
  ComparedSet::Parts parts = set.open(seed);
  if (parts.train == nullptr) throw std::invalid_argument(fmt::format("compare: {} has no images", set.name));
  Opened opened{std::move(parts.train), std::move(parts.test), {}};
  const std::size_t images = opened.train->size();
  if (validation) {
    opened.test = nullptr;
    opened.split.train = all_rows(images - images / 5);
    for (std::size_t row = opened.split.train.size(); row < images; ++row) opened.split.test.push_back(row);
  } else if (opened.test) {
    opened.split = {all_rows(images), all_rows(opened.test->size())};
  } else {
    opened.split = random_split(images, kTestShare, seed);
  }
  return opened;
}

}  // namespace

double ComparisonTrial::mean() const {
  return mean_of(scores, &TaskScore::value);
}

double ComparisonTrial::baseline() const {
  return mean_of(scores, &TaskScore::baseline);
}

std::unique_ptr<Method> protection_named(const std::string& word, const Source& source, std::uint64_t seed,
                                         const RunControl& control) {
  require_method(word);
  const auto words = split(word, ':');
  if (is_class_wise(words.front())) {
    MethodOptions options = class_wise_options(words.front());
    if (options.name != MethodName::Noise) options.tasks = tasks_with_classes(source.tasks(), {});
    options.seed = seed;
    return make_method(source, options, control);
  }
  NoiseOptions options = learned_options(words, source.size());
  options.tasks = tasks_to_protect(source.tasks(), {});
  options.seed = seed;
  LearnedNoise learned = learn_noise(source, options, {}, control);
  return learned.complete ? std::move(learned.method) : nullptr;
}

std::vector<ComparisonTrial> compare(const std::vector<ComparedSet>& sets, const ComparisonOptions& options,
                                     const PartStore& store, const RunControl& control) {
  for (const std::string& method : options.methods) require_method(method);
  for (const std::string& victim : options.victims) static_cast<void>(victim_options(victim));
  struct Part {
    const ComparedSet* set;
    std::vector<ComparisonTrial> trials;  // one a victim
  };
  std::vector<Part> parts;
  for (const ComparedSet& set : sets)
    for (std::size_t i = 0; i < options.seeds; ++i)
      for (const std::string& method : options.methods) {
        parts.push_back({&set, {}});
        for (const std::string& victim : options.victims)
          parts.back().trials.push_back({set.name, method, victim, options.seed + i, {}, {}});
      }

  LockedParts known(store);
  SharedProgress progress(control, parts.size());
  const auto report = [&](std::size_t part, double share) {
    const ComparisonTrial& first = parts[part].trials.front();
    progress.report(part, share, fmt::format("{} with seed {} by {}", first.set, first.seed, first.method));
  };
  parallel_for(parts.size(), options.threads, [&](std::size_t p) {
    std::vector<ComparisonTrial*> left;
    for (ComparisonTrial& trial : parts[p].trials) {
      if (const auto found = known.recall(key_of(trial, options.validation)))
        recall(trial, *found);
      else
        left.push_back(&trial);
    }
    if (left.empty()) return report(p, 1.0);
    if (control.stop.stop_requested()) return;
    const ComparisonTrial& first = *left.front();
    const Opened images = open(*parts[p].set, first.seed, options.validation);
    constexpr double noise_share = 0.5;
    const double start = own_seconds();
    std::unique_ptr<Source> published;
    ChangeMeter meter;
    if (first.method != "clean") {
      const RunControl making{[&](double done, const std::string&) { report(p, noise_share * done); }, control.stop};
      if (is_class_wise(first.method) && first.method != "noise" &&
          std::none_of(images.train->tasks().begin(), images.train->tasks().end(),
                       [](const TaskInfo& task) { return task.has_classes(); }))
        return report(p, 1.0);  // it has no class to speak of
      const auto method = protection_named(first.method, *images.train, first.seed, making);
      if (method == nullptr) return;  // stopped
      const Batch before = images.train->read(0, images.train->size());
      Batch after = protect(before, *method);
      meter.add(before.pixels, after.pixels);
      published = std::make_unique<MemorySet>(images.train->tasks(), std::move(after));
    }
    const double noise_seconds = own_seconds() - start;
    for (std::size_t v = 0; v < left.size(); ++v) {
      ComparisonTrial& trial = *left[v];
      const double begin = own_seconds();
      VerificationOptions victim = victim_options(trial.victim);
      victim.clean = published == nullptr;
      victim.stl_tasks = sample_of_tasks(images.train->tasks().size(), 3);
      victim.epochs = options.epochs.value_or(victim_epochs(images.split.train.size(), images.train->tasks()));
      victim.seed = trial.seed;
      const VerificationData data{*images.train, published.get(), images.split.train, images.tested(),
                                  images.split.test};
      const RunControl training{[&](double done, const std::string&) {
                                  report(p, noise_share + (1.0 - noise_share) * (static_cast<double>(v) + done) /
                                                              static_cast<double>(left.size()));
                                },
                                control.stop};
      const auto victims = verify(data, victim, {}, training);
      if (control.stop.stop_requested()) return;
      for (const Victim& one : victims)
        for (std::size_t i = 0; i < one.tasks.size(); ++i) {
          trial.tasks.push_back(images.train->tasks()[one.tasks[i]].name);
          trial.scores.push_back(one.scores[i]);
        }
      trial.largest_change = meter.largest();
      trial.psnr = published ? meter.psnr() : std::numeric_limits<double>::infinity();
      trial.noise_seconds = noise_seconds;
      trial.victim_seconds = own_seconds() - begin;
      known.keep(key_of(trial, options.validation), to_json(trial));
    }
    report(p, 1.0);
  });
  std::vector<ComparisonTrial> trials;
  for (const Part& part : parts)
    for (const ComparisonTrial& trial : part.trials)
      if (!trial.scores.empty()) trials.push_back(trial);
  return trials;
}

}  // namespace crosstalk::image
