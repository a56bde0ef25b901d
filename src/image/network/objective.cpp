#include "objective.hpp"

#include <cstring>
#include <sstream>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "crosstalk/error.hpp"
#include "crosstalk/image/network/task_loss.hpp"
#include "crosstalk/image/network/training.hpp"

namespace crosstalk::image {

namespace {

std::vector<double> weights_of(const Loader& data, const NoiseOptions& options) {
  std::vector<double> weights(data.specs().size(), 0.0);
  for (const std::size_t k : options.tasks) weights.at(k) = 1.0;
  return weights;
}

MultiTaskNet new_net(const Loader& data, const NoiseOptions& options, const Augmentation& augmentation, Rng& rng) {
  const Shape seen{data.source().shape().channels, augmentation.height, augmentation.width};
  MultiTaskNet net(options.surrogate, seen, data.specs(), rng);
  net->to(torch::Device(options.device));
  return net;
}

// A generator gives a whole batch something in common, which would mislead a network that is frozen altogether and is
// gone when a victim sees it: batches are normalised by their own statistics then, as they are while a victim learns.
// Variables of one image do better against the statistics of clean images (experiments/README.md).
void freeze(MultiTaskNet& net, bool own_statistics) {
  net->train(own_statistics);
  for (auto& parameter : net->parameters()) parameter.requires_grad_(false);
}

void thaw(MultiTaskNet& net) {
  for (auto& parameter : net->parameters()) parameter.requires_grad_(true);
}

// Frozen networks that are to be led to shifted labels.
class Targeted : public Objective {
 public:
  Targeted(std::vector<MultiTaskNet> nets, const NoiseOptions& options, std::vector<double> weights)
      : nets_(std::move(nets)),
        a_step_(std::min(options.checkpoints_a_step, nets_.size())),
        weights_(std::move(weights)) {
    for (MultiTaskNet& net : nets_) freeze(net, options.generator);
  }

  torch::Tensor loss(const View& published, Rng& rng) override {
    const TaskSpecs& specs = nets_.front()->specs();
    const Labels targets = shifted(published.labels, specs);
    const auto order = rng.permutation(nets_.size());
    torch::Tensor sum = torch::zeros({}, published.pixels.options());
    for (std::size_t i = 0; i < a_step_; ++i)
      sum = sum + mean_loss(task_losses(nets_[order[i]]->forward(published.pixels), targets, specs), weights_);
    return sum / static_cast<double>(a_step_);
  }

  void save(torch::serialize::OutputArchive&) override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  std::vector<MultiTaskNet> nets_;
  std::size_t a_step_;
  std::vector<double> weights_;
};

// A network that learns the published images while the noise makes them easy for it.
class ErrorMinimising : public Objective {
 public:
  ErrorMinimising(const Loader& data, MultiTaskNet net, const NoiseOptions& options, const Augmentation& augmentation,
                  std::vector<double> weights)
      : data_(data),
        net_(std::move(net)),
        adam_(net_->parameters(), torch::optim::AdamOptions(1e-3).weight_decay(1e-4)),
        options_(options),
        augmentation_(augmentation),
        weights_(std::move(weights)) {
    freeze(net_, true);
  }

  torch::Tensor loss(const View& published, Rng&) override {
    return mean_loss(task_losses(net_->forward(published.pixels), published.labels, net_->specs()), weights_);
  }

  void before_pass(int pass, const Publish& publish, Rng& rng) override {
    if (pass % options_.round != 0) return;
    thaw(net_);
    std::size_t left = options_.surrogate_batches;
    while (left > 0)
      data_.pass(&rng, [&](const MiniBatch& batch) {
        if (batch.size() < 2) return data_.size() > 1;
        torch::Tensor pixels;
        {
          const torch::NoGradGuard no_grad;
          pixels = publish(batch);
        }
        const View view = augment(pixels, batch.labels, net_->specs(), augmentation_, &rng);
        const auto all = mean_loss(task_losses(net_->forward(view.pixels), view.labels, net_->specs()), {});
        adam_.zero_grad();
        all.backward();
        torch::nn::utils::clip_grad_norm_(net_->parameters(), 5.0);
        adam_.step();
        return --left > 0;
      });
    freeze(net_, true);
  }

  void save(torch::serialize::OutputArchive& archive) override { write_part(archive, "surrogate", *net_, adam_); }
  void load(torch::serialize::InputArchive& archive) override { read_part(archive, "surrogate", *net_, adam_); }

 private:
  const Loader& data_;
  MultiTaskNet net_;
  torch::optim::Adam adam_;
  NoiseOptions options_;
  Augmentation augmentation_;
  std::vector<double> weights_;
};

// Everything that the noise depends on but the pixels and labels.
std::string run_of(const Loader& data, const NoiseOptions& options) {
  const Shape shape = data.source().shape();
  const GeneratorOptions& sizes = options.sizes;
  const GeneratorSize& size = sizes.size;
  auto tasks = nlohmann::json::array();
  for (const TaskSpec& spec : data.specs())
    tasks.push_back({spec.info.name, static_cast<int>(spec.info.kind), spec.info.classes, spec.mean, spec.deviation});
  nlohmann::json run = {
      {"images", {data.size(), shape.channels, shape.height, shape.width}},
      {"tasks", tasks},
      {"noise",
       {to_string(options.base), options.generator, options.epsilon, options.tasks, options.epochs, options.batch,
        options.learning_rate, options.step, options.flip, options.seed}},
      {"size", {size.stem, size.stem_blocks, size.latent, size.latent_blocks, size.embedding, size.decoder, size.last}},
      {"generator",
       {static_cast<int>(sizes.squash), sizes.gain, sizes.latent, sizes.embeddings, sizes.intra, sizes.inter}},
      {"surrogate",
       {to_string(options.surrogate), options.surrogate_epochs, options.checkpoints, options.checkpoints_a_step,
        options.surrogate_batches, options.round}}};
  run["luma"] = options.luma;
  for (const Transformation each : options.robust_to) run["withstand"].push_back(to_string(each));
  return run.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void read_or_refuse(const std::string& name, const std::function<void()>& read) {
  try {
    read();
  } catch (const DataError&) {
    throw;
  } catch (const std::exception&) {  // of LibTorch, or for a wrong number of values
    throw DataError(name + ": is damaged, or of another kind");
  }
}

void load_weights(torch::nn::Module& module, torch::serialize::InputArchive& archive) {
  const auto sizes_of = [&] {
    std::vector<std::vector<std::int64_t>> sizes;
    for (const auto& parameter : module.parameters()) sizes.push_back(parameter.sizes().vec());
    for (const auto& buffer : module.buffers()) sizes.push_back(buffer.sizes().vec());
    return sizes;
  };
  const auto before = sizes_of();
  module.load(archive);
  if (sizes_of() != before) throw std::invalid_argument("load_weights: the weights are of another network");
  for (const auto& parameter : module.parameters())
    if (!parameter.isfinite().all().item<bool>()) throw std::invalid_argument("load_weights: a weight is no number");
}

void write_part(torch::serialize::OutputArchive& archive, const std::string& name, const torch::nn::Module& net,
                const torch::optim::Adam& adam) {
  torch::serialize::OutputArchive weights;
  torch::serialize::OutputArchive steps;
  net.save(weights);
  adam.save(steps);
  archive.write(name, weights);
  archive.write(name + "_adam", steps);
}

void read_part(torch::serialize::InputArchive& archive, const std::string& name, torch::nn::Module& net,
               torch::optim::Adam& adam) {
  torch::serialize::InputArchive weights;
  torch::serialize::InputArchive steps;
  archive.read(name, weights);
  archive.read(name + "_adam", steps);
  load_weights(net, weights);
  adam.load(steps);
}

void write_run(torch::serialize::OutputArchive& archive, const Loader& data, const NoiseOptions& options) {
  archive.write("run", c10::IValue(run_of(data, options)));
}

void require_run(torch::serialize::InputArchive& archive, const Loader& data, const NoiseOptions& options,
                 const std::string& name) {
  c10::IValue run;
  if (!archive.try_read("run", run) || !run.isString() || run.toStringRef() != run_of(data, options))
    throw DataError(name + ": is a checkpoint of another run");
}

std::string bytes_of(torch::serialize::OutputArchive& archive) {
  std::ostringstream stream;
  archive.save_to(stream);
  return stream.str();
}

torch::serialize::InputArchive archive_of(const std::string& bytes, const std::string& name) {
  try {
    std::istringstream stream(bytes);
    torch::serialize::InputArchive archive;
    archive.load_from(stream);
    return archive;
  } catch (const std::exception&) {
    throw DataError(name + ": is no file of crosstalk's networks, or is damaged");
  }
}

namespace {

// The random numbers of a training as they stand: they are a standard engine and nothing else.
torch::Tensor tensor_of(const Rng& rng) {
  static_assert(std::is_trivially_copyable_v<Rng>);
  auto bytes = torch::empty({static_cast<std::int64_t>(sizeof rng)}, torch::kUInt8);
  std::memcpy(bytes.data_ptr(), &rng, sizeof rng);
  return bytes;
}

void restore(Rng& rng, const torch::Tensor& bytes) {
  if (bytes.scalar_type() != torch::kUInt8 || bytes.numel() != static_cast<std::int64_t>(sizeof rng))
    throw std::invalid_argument("restore: no random numbers");
  std::memcpy(&rng, bytes.contiguous().data_ptr(), sizeof rng);
}

// The surrogates of a targeted objective, while they are trained.
class Surrogates {
 public:
  Surrogates(const Loader& data, const NoiseOptions& options, const Augmentation& augmentation,
             const Checkpoints& checkpoints)
      : data_(data),
        options_(options),
        augmentation_(augmentation),
        checkpoints_(checkpoints),
        count_(options.base == Base::Tap ? 1 : options.checkpoints) {}

  // False when a stop was requested.
  bool train_all(const RunControl& control) {
    Rng rng = Rng::stream(options_.seed, "noise/surrogate");
    MultiTaskNet net = new_net(data_, options_, augmentation_, rng);
    TrainingOptions training;
    training.epochs = options_.surrogate_epochs;
    training.augmentation = augmentation_;
    // The i-th of `count` checkpoints is taken after a share of (i + 1) / count of the epochs.
    training.after_epoch = [&](int epoch) {
      while (nets_.size() < due(epoch + 1)) nets_.push_back(copy_of(net));
    };
    training.resume = [&](torch::optim::Adam& adam) { return recall(net, adam, rng); };
    training.keep = [&](int epoch, torch::optim::Adam& adam) { keep(epoch + 1, net, adam, rng); };
    return train(net, data_, training, rng, control);
  }
  std::vector<MultiTaskNet> take() { return std::move(nets_); }

 private:
  [[nodiscard]] std::size_t due(int epochs) const {
    return static_cast<std::size_t>(epochs) * count_ / static_cast<std::size_t>(options_.surrogate_epochs);
  }
  MultiTaskNet copy_of(MultiTaskNet& net) const {
    Rng unused(0);
    MultiTaskNet copy = new_net(data_, options_, augmentation_, unused);
    const torch::NoGradGuard no_grad;
    for (const auto& parameter : net->named_parameters()) copy->named_parameters()[parameter.key()].copy_(*parameter);
    for (const auto& buffer : net->named_buffers()) copy->named_buffers()[buffer.key()].copy_(*buffer);
    return copy;
  }

  void keep(int epochs, MultiTaskNet& net, torch::optim::Adam& adam, const Rng& rng) {
    if (!checkpoints_.keep) return;
    torch::serialize::OutputArchive archive;
    for (std::size_t i = 0; i < nets_.size(); ++i) {
      torch::serialize::OutputArchive part;
      nets_[i]->save(part);
      archive.write(fmt::format("net{}", i), part);
    }
    if (epochs < options_.surrogate_epochs) {
      torch::serialize::OutputArchive own;
      torch::serialize::OutputArchive steps;
      net->save(own);
      adam.save(steps);
      archive.write("net", own);
      archive.write("adam", steps);
      archive.write("random", tensor_of(rng));
    }
    archive.write("epochs", c10::IValue(static_cast<std::int64_t>(epochs)));
    write_run(archive, data_, options_);
    checkpoints_.keep("surrogates", bytes_of(archive));
  }

  // The epochs that are done.
  int recall(MultiTaskNet& net, torch::optim::Adam& adam, Rng& rng) {
    const std::string kept = checkpoints_.recall ? checkpoints_.recall("surrogates").value_or("") : "";
    if (kept.empty()) return 0;
    auto archive = archive_of(kept, "surrogates");
    require_run(archive, data_, options_, "surrogates");
    int epochs = 0;
    read_or_refuse("surrogates", [&] {
      c10::IValue number;
      archive.read("epochs", number);
      if (number.toInt() < 1 || number.toInt() > options_.surrogate_epochs)
        throw std::invalid_argument("surrogates: no such epoch");
      epochs = static_cast<int>(number.toInt());
      const auto load = [&](const std::string& name, MultiTaskNet& into) {
        torch::serialize::InputArchive part;
        archive.read(name, part);
        load_weights(*into, part);
      };
      Rng unused(0);
      for (std::size_t i = 0; i < due(epochs); ++i) {
        nets_.push_back(new_net(data_, options_, augmentation_, unused));
        load(fmt::format("net{}", i), nets_.back());
      }
      if (epochs == options_.surrogate_epochs) return;
      load("net", net);
      torch::serialize::InputArchive steps;
      archive.read("adam", steps);
      adam.load(steps);
      torch::Tensor random;
      archive.read("random", random);
      restore(rng, random);
    });
    return epochs;
  }

  const Loader& data_;
  const NoiseOptions& options_;
  const Augmentation& augmentation_;
  const Checkpoints& checkpoints_;
  std::size_t count_;
  std::vector<MultiTaskNet> nets_;
};

}  // namespace

std::unique_ptr<Objective> make_objective(const Loader& data, const NoiseOptions& options,
                                          const Augmentation& augmentation, const Checkpoints& checkpoints,
                                          const RunControl& control) {
  const auto weights = weights_of(data, options);
  if (options.base == Base::Em) {
    Rng rng = Rng::stream(options.seed, "noise/surrogate");
    return std::make_unique<ErrorMinimising>(data, new_net(data, options, augmentation, rng), options, augmentation,
                                             weights);
  }
  Surrogates surrogates(data, options, augmentation, checkpoints);
  if (!surrogates.train_all(control)) return nullptr;
  return std::make_unique<Targeted>(surrogates.take(), options, weights);
}

}  // namespace crosstalk::image
