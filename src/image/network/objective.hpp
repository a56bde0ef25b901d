#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <torch/optim/adam.h>
#include <torch/serialize.h>

#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// A minibatch as it is published, pixels plus noise, rounded, and transformed as it may be; differentiable in the
/// noise.
using Publish = std::function<torch::Tensor(const MiniBatch&)>;

/// What the noise is made to lower.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual torch::Tensor loss(const View& published, Rng& rng) = 0;
  /// Called before each pass of the noise over the images.
  virtual void before_pass(int, const Publish&, Rng&) {}
  virtual void save(torch::serialize::OutputArchive& archive) = 0;
  virtual void load(torch::serialize::InputArchive& archive) = 0;
};

/// The objective of options.base for these images.
/// What has to be trained first is kept after each epoch, as "surrogates", and goes on from there.
/// @return null when a stop was requested before its end.
std::unique_ptr<Objective> make_objective(const Loader& data, const NoiseOptions& options,
                                          const Augmentation& augmentation, const Checkpoints& checkpoints,
                                          const RunControl& control);

/// The bytes of an archive, and back. @throws DataError naming `name` when they are none.
std::string bytes_of(torch::serialize::OutputArchive& archive);
torch::serialize::InputArchive archive_of(const std::string& bytes, const std::string& name);

/// Calls `read`. @throws DataError naming `name` when what it looks for is missing or has another form.
void read_or_refuse(const std::string& name, const std::function<void()>& read);
/// Loads weights, which must be finite and have the sizes that the module has. @throws std::invalid_argument
void load_weights(torch::nn::Module& module, torch::serialize::InputArchive& archive);

/// A network and its optimiser as parts of an archive, the second as NAME_adam.
void write_part(torch::serialize::OutputArchive& archive, const std::string& name, const torch::nn::Module& net,
                const torch::optim::Adam& adam);
/// @throws what load_weights and the archive throw
void read_part(torch::serialize::InputArchive& archive, const std::string& name, torch::nn::Module& net,
               torch::optim::Adam& adam);

/// A checkpoint says which run it belongs to. @throws DataError naming `name` when that is another one.
void write_run(torch::serialize::OutputArchive& archive, const Loader& data, const NoiseOptions& options);
void require_run(torch::serialize::InputArchive& archive, const Loader& data, const NoiseOptions& options,
                 const std::string& name);

}  // namespace crosstalk::image
