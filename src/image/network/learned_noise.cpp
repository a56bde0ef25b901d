#include "crosstalk/image/network/learned_noise.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <torch/optim/adam.h>
#include <nlohmann/json.hpp>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/network/generator.hpp"
#include "crosstalk/image/network/transformation.hpp"
#include "image/label_table.hpp"
#include "learning_rate.hpp"
#include "objective.hpp"

namespace crosstalk::image {

namespace {

using torch::serialize::InputArchive;
using torch::serialize::OutputArchive;

void require(bool holds, const std::string& rule) {
  if (!holds) throw std::invalid_argument(rule);
}

// The same change in every channel: their mean.
torch::Tensor in_luma(const torch::Tensor& noise) {
  return noise.mean(1, true).expand_as(noise);
}

// Noise that is being made.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;
  /// n x C x H x W, of 255 levels, in [-epsilon, epsilon] / 255; remembers what to change.
  virtual torch::Tensor noise(const MiniBatch& batch) = 0;
  virtual torch::Tensor penalty() = 0;
  /// Follows the gradient of a loss of the last noise.
  virtual void step(const MiniBatch& batch, const torch::Tensor& loss, int pass) = 0;
  virtual void save(OutputArchive& archive) = 0;
  virtual void load(InputArchive& archive) = 0;
};

nlohmann::json description_of(const Shape& shape, const TaskSpecs& specs, const NoiseOptions& options) {
  const GeneratorSize& size = options.sizes.size;
  auto tasks = nlohmann::json::array();
  for (std::size_t k = 0; k < specs.size(); ++k)
    tasks.push_back({{"name", specs[k].info.name},
                     {"kind", static_cast<int>(specs[k].info.kind)},
                     {"classes", specs[k].info.classes},
                     {"mean", specs[k].mean},
                     {"deviation", specs[k].deviation},
                     {"protected", std::find(options.tasks.begin(), options.tasks.end(), k) != options.tasks.end()}});
  nlohmann::json description = {
      {"format", "crosstalk generator 1"},
      {"shape", {shape.channels, shape.height, shape.width}},
      {"tasks", tasks},
      {"epsilon", options.epsilon},
      {"size", {size.stem, size.stem_blocks, size.latent, size.latent_blocks, size.embedding, size.decoder, size.last}},
      {"squash", options.sizes.squash == Squash::Clamp ? "clamp" : "tanh"},
      {"gain", options.sizes.gain},
      {"latent", options.sizes.latent},
      {"embeddings", options.sizes.embeddings},
      {"luma", options.luma}};
  for (const Transformation each : options.robust_to) description["withstand"].push_back(to_string(each));
  return description;
}

/// Images that go through a generator at a time: its layers need some twenty times as many values as the widest has.
std::int64_t images_at_once(const Shape& shape, const GeneratorSize& size) {
  constexpr std::size_t values = 2'500'000;
  return static_cast<std::int64_t>(
      std::max<std::size_t>(1, values / (shape.plane() * std::max(size.stem, size.decoder))));
}

MiniBatch part_of(const MiniBatch& batch, std::int64_t first, std::int64_t count) {
  MiniBatch part{
      batch.pixels.slice(0, first, first + count), {batch.labels.images.slice(0, first, first + count), {}}, {}};
  for (const auto& map : batch.labels.maps)
    part.labels.maps.push_back(map.defined() ? map.slice(0, first, first + count) : map);
  return part;
}

// Without gradients.
torch::Tensor generated(Generator& net, const MiniBatch& batch, std::int64_t at_once) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts;
  for (std::int64_t first = 0; first < batch.pixels.size(0); first += at_once) {
    const MiniBatch part = part_of(batch, first, at_once);
    parts.push_back(net->forward(part.pixels, part.labels));
  }
  return torch::cat(parts);
}

class GeneratedNoise : public NoiseSource {
 public:
  GeneratedNoise(const Loader& data, const NoiseOptions& options, Rng& rng)
      : options_(options),
        net_(data.source().shape(), data.specs(), options.tasks, options.epsilon, options.sizes, rng),
        adam_(net_->parameters(), torch::optim::AdamOptions(options.learning_rate).weight_decay(1e-4)),
        at_once_(images_at_once(data.source().shape(), options.sizes.size)) {
    net_->to(torch::Device(options.device));
  }

  torch::Tensor noise(const MiniBatch& batch) override {
    in_parts_ = torch::Tensor();
    if (batch.pixels.size(0) <= at_once_) return net_->forward(batch.pixels, batch.labels);
    in_parts_ = generated(net_, batch, at_once_).requires_grad_(torch::GradMode::is_enabled());
    return in_parts_;
  }
  torch::Tensor penalty() override { return net_->penalty(); }
  // Of a batch too large to keep all layers of, each part is generated once more and led along the gradient of its
  // noise: the generator looks at each image alone, so the sum over parts is the whole gradient.
  void step(const MiniBatch& batch, const torch::Tensor& loss, int pass) override {
    set_learning_rate(adam_, options_.learning_rate * decay(pass, options_.epochs));
    adam_.zero_grad();
    loss.backward();
    for (std::int64_t first = 0; in_parts_.defined() && first < batch.pixels.size(0); first += at_once_) {
      const MiniBatch part = part_of(batch, first, at_once_);
      net_->forward(part.pixels, part.labels).backward(in_parts_.grad().slice(0, first, first + at_once_));
    }
    adam_.step();
  }
  void save(OutputArchive& archive) override { write_part(archive, "generator", *net_, adam_); }
  void load(InputArchive& archive) override { read_part(archive, "generator", *net_, adam_); }
  [[nodiscard]] Generator net() const { return net_; }

 private:
  NoiseOptions options_;
  Generator net_;
  torch::optim::Adam adam_;
  std::int64_t at_once_;
  torch::Tensor in_parts_;  // the last noise, when it was made in parts
};

// One variable a pixel of each image, changed by steps of a fixed size against the sign of the gradient.
class FreeNoise : public NoiseSource {
 public:
  FreeNoise(const Loader& data, const NoiseOptions& options) : options_(options) {
    constexpr double most = 4e9;
    const Shape shape = data.source().shape();
    const double bytes = 2.0 * static_cast<double>(data.size()) * static_cast<double>(shape.values());
    if (bytes > most)
      throw DataError(fmt::format("{} images of {} values need {:.1f} GB of free variables, 4 GB at most; take mtl-ue",
                                  data.size(), shape.values(), bytes / 1e9));
    levels_ = torch::zeros({static_cast<std::int64_t>(data.size()), static_cast<std::int64_t>(shape.channels),
                            static_cast<std::int64_t>(shape.height), static_cast<std::int64_t>(shape.width)},
                           torch::kHalf);
  }

  torch::Tensor noise(const MiniBatch& batch) override {
    variable_ = levels_.index_select(0, positions(batch)).to(torch::Device(options_.device), torch::kFloat).div_(255.0);
    variable_.requires_grad_(torch::GradMode::is_enabled());
    return variable_;
  }
  torch::Tensor penalty() override { return torch::zeros({}); }
  void step(const MiniBatch& batch, const torch::Tensor& loss, int) override {
    loss.backward();
    const torch::NoGradGuard no_grad;
    const auto moved = (variable_ * 255.0 - options_.step * variable_.grad().sign())
                           .clamp(-static_cast<double>(options_.epsilon), static_cast<double>(options_.epsilon));
    levels_.index_copy_(0, positions(batch), moved.to(torch::kCPU, torch::kHalf));
  }
  void save(OutputArchive& archive) override { archive.write("levels", levels_); }
  void load(InputArchive& archive) override {
    const auto sizes = levels_.sizes().vec();
    archive.read("levels", levels_);
    require(levels_.sizes().vec() == sizes, "the noise is of other images");
  }
  [[nodiscard]] const torch::Tensor& levels() const { return levels_; }

 private:
  static torch::Tensor positions(const MiniBatch& batch) {
    return torch::tensor(std::vector<std::int64_t>(batch.rows.begin(), batch.rows.end()));
  }

  NoiseOptions options_;
  torch::Tensor levels_;    // N x C x H x W
  torch::Tensor variable_;  // of the last batch
};

std::vector<float> values_of(const torch::Tensor& levels) {
  const auto flat = levels.to(torch::kCPU, torch::kFloat).contiguous();
  const float* begin = flat.data_ptr<float>();
  return {begin, begin + flat.numel()};
}

// Where a task that a generator knows is among the tasks of other images.
struct KnownTask {
  std::optional<std::size_t> column = {};  // none: these images lack it
  std::vector<double> label_of = {};       // by their class: the generator's label
};

class GeneratorMethod : public Method {
 public:
  /// @param tasks  one for each of specs; empty: the images have the generator's own tasks.
  GeneratorMethod(Generator net, TaskSpecs specs, std::int64_t at_once, bool luma, std::vector<KnownTask> tasks = {})
      : net_(std::move(net)), specs_(std::move(specs)), at_once_(at_once), luma_(luma), tasks_(std::move(tasks)) {
    net_->eval();
  }

  [[nodiscard]] std::vector<float> changes(const Batch& batch, int) const override {
    Generator net = net_;
    const auto device = net->parameters().front().device();
    MiniBatch tensors = to_tensors(tasks_.empty() ? batch : relabelled(batch), specs_);
    tensors.pixels = tensors.pixels.to(device);
    tensors.labels.images = tensors.labels.images.to(device);
    for (auto& map : tensors.labels.maps)
      if (map.defined()) map = map.to(device);
    const auto noise = generated(net, tensors, at_once_) * 255.0;
    return values_of(luma_ ? in_luma(noise) : noise);
  }

 private:
  // The images with the generator's tasks.
  [[nodiscard]] Batch relabelled(const Batch& batch) const {
    Batch result{batch.first, batch.shape, batch.pixels, {}, {}};
    result.labels.setConstant(batch.labels.rows(), static_cast<Eigen::Index>(specs_.size()), kMissing);
    const bool dense =
        std::any_of(specs_.begin(), specs_.end(), [](const TaskSpec& spec) { return spec.info.is_dense(); });
    if (dense) result.maps.resize(specs_.size());
    for (std::size_t k = 0; k < specs_.size(); ++k) {
      const KnownTask& task = tasks_[k];
      if (specs_[k].info.is_dense()) {
        if (task.column)
          result.maps[k] = batch.maps.at(*task.column);
        else
          result.maps[k].assign(batch.size() * map_values(specs_[k].info, batch.shape), static_cast<float>(kMissing));
        continue;
      }
      for (std::size_t row = 0; task.column && row < batch.size(); ++row) {
        const double label = batch.label(row, *task.column);
        if (is_missing(label)) continue;
        result.labels(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) =
            task.label_of.empty() ? label : task.label_of[static_cast<std::size_t>(label)];
      }
    }
    return result;
  }

  Generator net_;
  TaskSpecs specs_;
  std::int64_t at_once_;
  bool luma_;
  std::vector<KnownTask> tasks_;
};

class FreeMethod : public Method {
 public:
  explicit FreeMethod(torch::Tensor levels) : levels_(std::move(levels)) {}

  [[nodiscard]] std::vector<float> changes(const Batch& batch, int) const override {
    const auto first = static_cast<std::int64_t>(batch.first);
    return values_of(levels_.slice(0, first, first + static_cast<std::int64_t>(batch.size())));
  }

 private:
  torch::Tensor levels_;
};

// x + noise on levels and between black and white. The gradient passes the rounding as if it were not there.
torch::Tensor published(const torch::Tensor& pixels, const torch::Tensor& noise) {
  const auto levels = (pixels + noise) * 255.0;
  const auto bytes = levels.detach().round().clamp(0.0, 255.0);
  return (levels + (bytes - levels.detach())) / 255.0;
}

void check(const Source& source, const NoiseOptions& options) {
  require(options.epsilon >= 1 && options.epsilon <= 255,
          fmt::format("epsilon is {}; it must be between 1 and 255 levels", options.epsilon));
  require(!options.tasks.empty(), "learn_noise: no task to protect");
  for (const std::size_t k : options.tasks)
    require(k < source.tasks().size(), fmt::format("learn_noise: there is no task {}", k));
  require(options.epochs >= 1, fmt::format("epochs is {}; it must be at least 1", options.epochs));
  require(options.batch >= 2, fmt::format("batch is {}; it must be at least 2", options.batch));
  require(options.round >= 1, fmt::format("round is {}; it must be at least 1", options.round));
  require(options.sizes.gain > 0, fmt::format("gain is {}; it must be above 0", options.sizes.gain));
  require(options.surrogate_epochs >= 1 && options.checkpoints >= 1 && options.checkpoints_a_step >= 1 &&
              options.checkpoints <= static_cast<std::size_t>(options.surrogate_epochs),
          fmt::format("checkpoints is {}; it must be between 1 and the surrogate's epochs, {}", options.checkpoints,
                      options.surrogate_epochs));
}

// A class with one image cannot be told from that image.
void require_company(const Loader& data, const std::vector<std::size_t>& tasks) {
  if (data.size() < 2) throw DataError("noise is learned from two or more images");
  std::vector<std::vector<std::size_t>> images(data.specs().size());
  for (std::size_t k = 0; k < images.size(); ++k) images[k].resize(data.specs()[k].info.classes.size());
  data.pass(nullptr, [&](const MiniBatch& batch) {
    const auto labels = batch.labels.images.to(torch::kCPU);
    const auto label = labels.accessor<float, 2>();
    for (const std::size_t k : tasks)
      if (data.specs()[k].info.has_classes())
        for (std::int64_t i = 0; i < labels.size(0); ++i)
          if (const float c = label[i][static_cast<std::int64_t>(k)]; !std::isnan(c))
            ++images[k][static_cast<std::size_t>(c)];
    return true;
  });
  for (const std::size_t k : tasks)
    for (std::size_t c = 0; c < images[k].size(); ++c)
      if (data.specs()[k].info.has_classes() && images[k][c] == 1)
        throw DataError(
            fmt::format("class \"{}\" of task \"{}\" has one image only; noise is learned from two or more: "
                        "merge rare classes (`merge_rare=2`), or protect other tasks",
                        data.specs()[k].info.classes[c], data.specs()[k].info.name));
}

// FNV-1a over the bytes of all weights: a flipped byte would be another generator, and would pass for a good one.
std::int64_t hash_of(const Generator& net) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const auto& parameter : net->parameters()) {
    const auto values = parameter.detach().to(torch::kCPU).contiguous();
    const auto* bytes = static_cast<const unsigned char*>(values.data_ptr());
    for (std::size_t i = 0; i < values.nbytes(); ++i) hash = (hash ^ bytes[i]) * 1099511628211ULL;
  }
  return static_cast<std::int64_t>(hash);
}

nlohmann::json description_in(InputArchive& archive, const std::string& name) {
  nlohmann::json description;
  c10::IValue text;
  if (archive.try_read("description", text) && text.isString())
    description = nlohmann::json::parse(text.toStringRef(), nullptr, false);
  if (!description.is_object() || description["format"] != "crosstalk generator 1")
    throw DataError(name + ": is no generator of crosstalk");
  return description;
}

GeneratorFacts facts_in(const nlohmann::json& description) {
  GeneratorFacts facts;
  const auto shape = description.at("shape").get<std::vector<std::size_t>>();
  facts.shape = {shape.at(0), shape.at(1), shape.at(2)};
  facts.epsilon = description.at("epsilon").get<int>();
  constexpr std::size_t longest = 8192;  // as of --size
  require((facts.shape.channels == 1 || facts.shape.channels == 3) && std::min(shape[1], shape[2]) >= 1 &&
              std::max(shape[1], shape[2]) <= longest && facts.epsilon >= 1 && facts.epsilon <= 255,
          "shape or epsilon out of range");
  for (const auto& task : description.at("tasks")) {
    const int kind = task.at("kind").get<int>();
    require(kind >= 0 && kind <= static_cast<int>(Kind::Normals), "no such kind of task");
    facts.tasks.push_back({task.at("name").get<std::string>(), static_cast<Kind>(kind),
                           task.at("classes").get<std::vector<std::string>>()});
    facts.is_protected.push_back(task.at("protected").get<bool>());
  }
  return facts;
}

// The number of a class by its name; as numbers, 1 and 1.0 are one.
std::optional<std::size_t> class_named(const std::vector<std::string>& classes, const std::string& name) {
  const auto number = number_in(name);
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (classes[c] == name || (number && number_in(classes[c]) == number)) return c;
  return std::nullopt;
}

// Where a task of the generator is among those of the images. A few numbers look like classes, so those of a regression
// are taken for what they say.
KnownTask find_task(const TaskInfo& known, bool is_protected, const std::vector<TaskInfo>& tasks,
                    const std::string& name) {
  KnownTask result;
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskInfo& t) { return t.name == known.name; });
  if (found == tasks.end() || !is_protected) return result;
  const bool numbers = known.kind == Kind::Regression && found->has_classes();
  if (found->kind != known.kind && !numbers && !(found->has_classes() && known.has_classes()))
    throw DataError(
        fmt::format("{}: knows task \"{}\" as another kind of label than the images have", name, known.name));
  result.column = static_cast<std::size_t>(found - tasks.begin());
  for (const std::string& word : found->classes) {
    const auto label = numbers ? number_in(word) : [&]() -> std::optional<double> {
      const auto c = class_named(known.classes, word);
      return c ? std::optional(static_cast<double>(*c)) : std::nullopt;
    }();
    if (!label)
      throw DataError(fmt::format("{}: does not know class \"{}\" of task \"{}\"; it was made for {}", name, word,
                                  known.name, numbers ? "numbers" : data::listed(known.classes)));
    result.label_of.push_back(*label);
  }
  if (known.kind == Kind::Segmentation) {  // its maps hold the numbers themselves
    for (std::size_t c = 0; c < result.label_of.size(); ++c)
      if (result.label_of[c] != static_cast<double>(c))
        throw DataError(
            fmt::format("{}: knows the classes of task \"{}\" in another order than the images", name, known.name));
    result.label_of.clear();
  }
  return result;
}

// @throws DataError when it was made for other images; anything else when it says something impossible.
std::unique_ptr<Method> generator_of(InputArchive& archive, const std::string& name, const Source& source) {
  const nlohmann::json description = description_in(archive, name);
  const GeneratorFacts facts = facts_in(description);
  const Shape shape = source.shape();
  if (facts.shape != shape)
    throw DataError(fmt::format("{}: was made for images of {} x {} pixels and {} channels, these have {} x {} and {}",
                                name, facts.shape.width, facts.shape.height, facts.shape.channels, shape.width,
                                shape.height, shape.channels));
  TaskSpecs specs;
  NoiseOptions options;
  options.epsilon = facts.epsilon;
  std::vector<KnownTask> known;
  for (std::size_t k = 0; k < facts.tasks.size(); ++k) {
    const auto& task = description.at("tasks").at(k);
    if (facts.is_protected[k]) options.tasks.push_back(k);
    specs.push_back({facts.tasks[k], task.at("mean").get<double>(), task.at("deviation").get<double>()});
    known.push_back(find_task(facts.tasks[k], facts.is_protected[k], source.tasks(), name));
  }
  const auto size = description.at("size").get<std::vector<std::size_t>>();
  options.sizes.size = {size.at(0), size.at(1), size.at(2), size.at(3), size.at(4), size.at(5), size.at(6)};
  options.sizes.squash = description.at("squash") == "clamp" ? Squash::Clamp : Squash::Tanh;
  options.sizes.gain = description.at("gain").get<double>();
  require(options.sizes.gain > 0, "gain out of range");
  options.sizes.latent = description.at("latent").get<bool>();
  options.sizes.embeddings = description.at("embeddings").get<bool>();
  Rng rng(0);
  Generator net(shape, specs, options.tasks, options.epsilon, options.sizes, rng);
  InputArchive weights;
  if (!archive.try_read("generator", weights)) throw DataError(name + ": holds no weights");
  load_weights(*net, weights);
  c10::IValue hash;
  archive.read("hash", hash);
  require(hash.toInt() == hash_of(net), "the weights are not those that were written");
  return std::make_unique<GeneratorMethod>(net, std::move(specs), images_at_once(shape, options.sizes.size),
                                           description.value("luma", false), std::move(known));
}

// The time that learning may take, from now on.
class Deadline {
 public:
  explicit Deadline(double seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
  /// 0 to 1; 0 without a limit.
  [[nodiscard]] double share() const {
    if (seconds_ <= 0.0) return 0.0;
    const double used = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return std::min(1.0, used / seconds_);
  }
  [[nodiscard]] bool passed() const { return share() >= 1.0; }

 private:
  double seconds_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

LearnedNoise learn_noise(const Source& source, const NoiseOptions& options, const Checkpoints& checkpoints,
                         const RunControl& control) {
  check(source, options);
  const Deadline deadline(options.most_seconds);
  const auto rows = all_rows(source.size());
  const Loader data(source, rows, task_specs(source, rows),
                    {.batch = options.batch, .device = torch::Device(options.device)});
  require_company(data, options.tasks);
  Augmentation augmentation = usual_crop(source.shape());
  augmentation.flip = options.flip;

  const auto recall = [&](const char* name) {
    return checkpoints.recall ? checkpoints.recall(name).value_or("") : std::string();
  };
  // What is done of the work, or of the time that there is for it.
  const auto tell = [&](double done, const std::string& what) {
    if (control.progress) control.progress(std::max(done, deadline.share()), what);
  };
  constexpr double surrogate_share = 0.2;  // of the progress shown
  const bool trains_first = options.base != Base::Em;
  std::stop_source late;
  const std::stop_callback stopped(control.stop, [&] { late.request_stop(); });
  const RunControl first{.progress =
                             [&](double done, const std::string&) {
                               if (deadline.passed()) late.request_stop();
                               tell(surrogate_share * done, "training the surrogate");
                             },
                         .stop = late.get_token()};
  const auto objective = make_objective(data, options, augmentation, checkpoints, first);
  LearnedNoise result;
  if (!objective) {
    result.complete = false;
    return result;
  }

  Rng start_rng = Rng::stream(options.seed, "noise/start");
  std::unique_ptr<NoiseSource> noise;
  if (options.generator)
    noise = std::make_unique<GeneratedNoise>(data, options, start_rng);
  else
    noise = std::make_unique<FreeNoise>(data, options);

  if (const std::string state = recall("noise"); !state.empty()) {
    auto archive = archive_of(state, "noise");
    require_run(archive, data, options, "noise");
    read_or_refuse("noise", [&] {
      noise->load(archive);
      objective->load(archive);
      c10::IValue losses;
      archive.read("losses", losses);
      for (const double loss : losses.toDoubleVector()) result.losses.push_back(loss);
    });
  }
  for (int pass = static_cast<int>(result.losses.size()); pass < options.epochs; ++pass) {
    const auto is_over = [&] { return control.stop.stop_requested() || deadline.passed(); };
    if (is_over()) {
      result.complete = false;
      break;
    }
    Rng rng = Rng::stream(options.seed, "noise/pass", static_cast<std::uint64_t>(pass));
    const Publish publish = [&](const MiniBatch& batch) {
      const auto change = noise->noise(batch);
      return transformed(published(batch.pixels, options.luma ? in_luma(change) : change), options.robust_to, rng);
    };
    objective->before_pass(pass, publish, rng);
    double sum = 0;
    std::size_t done = 0;
    bool cut_short = false;
    data.pass(&rng, [&](const MiniBatch& batch) {
      if (batch.size() < 2 && data.size() > 1)
        return true;  // batch normalisation needs two; another one is left next time
      const View view = augment(publish(batch), batch.labels, data.specs(), augmentation, &rng);
      const auto loss = objective->loss(view, rng);
      noise->step(batch, loss + noise->penalty().to(loss.device()), pass);
      sum += loss.item<double>() * static_cast<double>(batch.size());
      done += batch.size();
      const double share = (pass + static_cast<double>(done) / static_cast<double>(data.size())) / options.epochs;
      tell(trains_first ? surrogate_share + (1 - surrogate_share) * share : share,
           fmt::format("learning noise, loss {:.3f}", loss.item<double>()));
      cut_short = is_over();
      return !cut_short;
    });
    if (cut_short) {
      result.complete = false;
      break;
    }
    result.losses.push_back(sum / static_cast<double>(done));
    if (checkpoints.keep) {
      OutputArchive archive;
      noise->save(archive);
      objective->save(archive);
      archive.write("losses", c10::IValue(std::vector<double>(result.losses)));
      write_run(archive, data, options);
      checkpoints.keep("noise", bytes_of(archive));
    }
  }

  if (result.losses.empty()) return result;
  if (const auto* free = dynamic_cast<const FreeNoise*>(noise.get())) {
    result.method = std::make_unique<FreeMethod>(free->levels());
    return result;
  }
  const Generator net = dynamic_cast<const GeneratedNoise&>(*noise).net();
  OutputArchive archive;
  OutputArchive weights;
  net->save(weights);
  archive.write("description", c10::IValue(description_of(source.shape(), data.specs(), options).dump()));
  archive.write("generator", weights);
  archive.write("hash", c10::IValue(hash_of(net)));
  result.generator = bytes_of(archive);
  result.method = std::make_unique<GeneratorMethod>(net, data.specs(),
                                                    images_at_once(source.shape(), options.sizes.size), options.luma);
  return result;
}

GeneratorFacts generator_facts(const std::string& content, const std::string& name) {
  auto archive = archive_of(content, name);
  GeneratorFacts facts;
  read_or_refuse(name, [&] { facts = facts_in(description_in(archive, name)); });
  return facts;
}

std::unique_ptr<Method> open_generator(const std::string& content, const std::string& name, const Source& source) {
  auto archive = archive_of(content, name);
  std::unique_ptr<Method> method;
  read_or_refuse(name, [&] { method = generator_of(archive, name, source); });
  return method;
}

}  // namespace crosstalk::image
