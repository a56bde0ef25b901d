#include "objective.hpp"

#include <sstream>

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

  void save(torch::serialize::OutputArchive& archive) override {
    torch::serialize::OutputArchive net;
    torch::serialize::OutputArchive adam;
    net_->save(net);
    adam_.save(adam);
    archive.write("surrogate", net);
    archive.write("surrogate_adam", adam);
  }
  void load(torch::serialize::InputArchive& archive) override {
    torch::serialize::InputArchive net;
    torch::serialize::InputArchive adam;
    archive.read("surrogate", net);
    archive.read("surrogate_adam", adam);
    load_weights(*net_, net);
    adam_.load(adam);
  }

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

PreparedObjective make_objective(const Loader& data, const NoiseOptions& options, const Augmentation& augmentation,
                                 const std::string& surrogates, const RunControl& control) {
  Rng rng = Rng::stream(options.seed, "noise/surrogate");
  const auto weights = weights_of(data, options);
  if (options.base == Base::Em)
    return {std::make_unique<ErrorMinimising>(data, new_net(data, options, augmentation, rng), options, augmentation,
                                              weights),
            {}};

  const std::size_t count = options.base == Base::Tap ? 1 : options.checkpoints;
  std::vector<MultiTaskNet> nets;
  torch::serialize::OutputArchive kept;
  if (surrogates.empty()) {
    MultiTaskNet net = new_net(data, options, augmentation, rng);
    TrainingOptions training;
    training.epochs = options.surrogate_epochs;
    training.augmentation = augmentation;
    const auto keep = [&] {
      Rng unused(0);
      nets.push_back(new_net(data, options, augmentation, unused));
      torch::NoGradGuard no_grad;
      for (const auto& parameter : net->named_parameters())
        nets.back()->named_parameters()[parameter.key()].copy_(*parameter);
      for (const auto& buffer : net->named_buffers()) nets.back()->named_buffers()[buffer.key()].copy_(*buffer);
      // Of the copy: an archive refers to tensors, and those of `net` are still to change.
      torch::serialize::OutputArchive archive;
      nets.back()->save(archive);
      kept.write(fmt::format("net{}", nets.size() - 1), archive);
    };
    // The i-th of `count` checkpoints is taken after a share of (i + 1) / count of the epochs.
    training.after_epoch = [&](int epoch) {
      const auto due = static_cast<std::size_t>(epoch + 1) * count / static_cast<std::size_t>(options.surrogate_epochs);
      while (nets.size() < due) keep();
    };
    if (!train(net, data, training, rng, control)) return {};
    write_run(kept, data, options);
    return {std::make_unique<Targeted>(std::move(nets), options, weights), bytes_of(kept)};
  }
  auto archive = archive_of(surrogates, "surrogates");
  require_run(archive, data, options, "surrogates");
  read_or_refuse("surrogates", [&] {
    for (std::size_t i = 0; i < count; ++i) {
      Rng unused(0);
      nets.push_back(new_net(data, options, augmentation, unused));
      torch::serialize::InputArchive part;
      archive.read(fmt::format("net{}", i), part);
      load_weights(*nets.back(), part);
    }
  });
  return {std::make_unique<Targeted>(std::move(nets), options, weights), {}};
}

}  // namespace crosstalk::image
