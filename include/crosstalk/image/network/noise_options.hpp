#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/network/backbone_name.hpp"

namespace crosstalk::image {

/// What noise is made for: which loss of a surrogate it lowers.
///   Em   error-minimising: the loss of a surrogate that is trained on the published images         [Huang21]
///   Tap  targeted: the loss to shifted labels of one surrogate, trained on the clean images        [Fowl21]
///   Sep  the same of several checkpoints of one training                                           [Chen23]
enum class Base { Em, Tap, Sep };
/// @throws std::invalid_argument naming the word and those that are known.
Base base_named(std::string_view word);
std::string to_string(Base base);

/// What is done to published images before a learner sees them, which noise can be made to withstand.
enum class Transformation { Jpeg, Grey, Resize, Blur, Noise };
/// By their words: jpeg, grey, resize, blur, noise.
/// @throws std::invalid_argument naming an unknown word and those that are known, or a word that is there twice.
std::vector<Transformation> transformations_named(const std::vector<std::string>& words);
std::string to_string(Transformation transformation);

/// How the generator's output is kept within epsilon: cut off, or by a hyperbolic tangent. Both have slope `gain` at 0.
enum class Squash { Clamp, Tanh };

/// Channels of the generator's layers.
struct GeneratorSize {
  std::size_t stem = 8;         ///< at full size
  std::size_t stem_blocks = 0;  ///< residual blocks there
  std::size_t latent = 16;
  std::size_t latent_blocks = 1;  ///< the first of them, and one more for each halving, has stride 2
  std::size_t embedding = 4;      ///< of each task's maps
  std::size_t decoder = 16;
  std::size_t last = 8;

  /// The paper's: 64, two blocks, 128, two blocks, 16, 64, 32 [Yu25].
  static GeneratorSize paper() { return {64, 2, 128, 2, 16, 64, 32}; }
};

struct GeneratorOptions {
  GeneratorSize size = {};
  Squash squash = Squash::Clamp;
  double gain = 0.05;      ///< of the last layer, > 0
  bool latent = true;      ///< the decoder sees the image
  bool embeddings = true;  ///< the decoder sees the labels
  double intra = 10.0;     ///< weight of the regulariser within a task, >= 0
  double inter = 200.0;    ///< between tasks, >= 0
};

struct NoiseOptions {
  Base base = Base::Tap;
  bool generator = true;                ///< MTL-UE; else one free variable an image
  int epsilon = 8;                      ///< 1 to 255 levels
  std::vector<std::size_t> tasks = {};  ///< to protect, at least one
  int epochs = 40;                      ///< passes over the images
  std::size_t batch = 64;
  double learning_rate = 3e-3;  ///< of the generator's Adam; falls as a training's
  double step = 0.8;            ///< of a free variable, levels a pass
  GeneratorOptions sizes = {};
  BackboneName surrogate = BackboneName::Small;
  int surrogate_epochs = 12;                   ///< Tap, Sep
  std::size_t checkpoints = 6;                 ///< Sep: kept of the surrogate's training, evenly
  std::size_t checkpoints_a_step = 1;          ///< Sep: drawn for each batch
  std::size_t surrogate_batches = 10;          ///< Em: learned between two rounds of noise
  int round = 1;                               ///< Em: passes of the noise a round
  bool flip = false;                           ///< victims may mirror images
  bool luma = false;                           ///< the same change in all channels; see MethodOptions::luma
  std::vector<Transformation> robust_to = {};  ///< each minibatch passes one of these, or none; see transformed()
  double most_seconds = 0.0;                   ///< after which learning ends, with that of surrogates; 0: no limit
  std::uint64_t seed = 1;
  int threads = 1;
  std::string device = "cpu";  ///< cpu or cuda
};

/// Passes that give a network `steps` steps with minibatches of `batch`, and `least` at least: small sets need more.
int passes_for(std::size_t images, std::size_t batch, std::size_t steps, int least);
/// Of surrogates, and of victims without a dense task: 12, or 480 steps of 128 images.
int usual_epochs(std::size_t images);
/// Four times as many for a victim with a dense task: before that it has learned half of what it can
/// (experiments/README.md, "Dense tasks").
int victim_epochs(std::size_t images, const std::vector<TaskInfo>& tasks);

/// Settings that suit a base for so many images, for the generator or for free variables.
NoiseOptions usual_options(Base base, bool generator, std::size_t images);

}  // namespace crosstalk::image
