#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// A way to change images so that learners pick up the change in place of the picture. None needs a network.
///   Noise  uniform in [-epsilon, epsilon], per image; the baseline: it carries no label
///   Lsp    blocks of +-epsilon, one pattern a class                                  [Yu22]
///   Ar     an autoregressive field, one process a class, one start an image         [Sandoval22]
///   Ops    one pixel a class, moved up to epsilon towards black, white or a colour  [Wu23]
/// docs/methods/images.md says where they differ from the papers.
enum class MethodName { Noise, Lsp, Ar, Ops };

/// How K tasks share an image.
///   Average  the mean of the K tasks' perturbations, each over the whole image
///   Patch    a grid of 2^ceil(log2 ceil(sqrt K)) cells a side, in the middle of the image; cell k is task k's alone
enum class Composition { Average, Patch };

struct MethodOptions {
  MethodName name = MethodName::Lsp;
  Composition composition = Composition::Patch;  ///< not used by Noise
  int epsilon = 8;                               ///< 1 to 255: the largest change of a pixel, in levels
  std::vector<std::size_t> tasks = {};           ///< to protect: positions of tasks with classes; not used by Noise
  std::uint64_t seed = 1;
  /// Noise, Lsp, Ar: the same change in all channels of a colour image, so that a grey copy keeps all of it. The papers
  /// change each channel on its own, and a grey copy averages that away.
  bool luma = false;
};

/// @throws std::invalid_argument naming the word and those that are known.
MethodName method_named(std::string_view word);
Composition composition_named(std::string_view word);

/// A part of an image.
struct Region {
  std::size_t top = 0;
  std::size_t left = 0;
  std::size_t height = 0;
  std::size_t width = 0;
  bool operator==(const Region&) const = default;
};

/// Where each of `tasks` tasks acts.
/// @throws std::invalid_argument when the image has not a pixel for every cell.
std::vector<Region> regions(Composition composition, const Shape& shape, std::size_t tasks);

class Method {
 public:
  virtual ~Method() = default;
  /// The change of each image in levels, before rounding: n x C x H x W, between -epsilon and epsilon. It depends on
  /// the image, its labels, its index in the set and the seed alone.
  [[nodiscard]] virtual std::vector<float> changes(const Batch& batch, int threads) const = 0;
};

/// A method that changes each image on its own, and nothing for a task whose label is missing.
class PerImageMethod : public Method {
 public:
  [[nodiscard]] std::vector<float> changes(const Batch& batch, int threads) const override;
  /// @param change  of one image, C x H x W.
  virtual void perturb(const Batch& batch, std::size_t row, std::span<float> change) const = 0;
};

/// Ops reads the whole set once here; the others look at its size and tasks only.
/// @throws std::invalid_argument when an option is out of range, a task has no classes, or the image (or cell) is too
///         small for the classes of a task; DataError from reading, or for Ops when a class has one image only.
std::unique_ptr<Method> make_method(const Source& source, const MethodOptions& options, const RunControl& control = {});

/// The images with their changes, rounded to the nearest level and kept in 0..255: no pixel moves by more than epsilon.
Batch protect(const Batch& batch, const Method& method, int threads = 1);

/// The same of changes that were made before. @throws std::invalid_argument unless there is one for each pixel.
Batch with_changes(const Batch& batch, std::span<const float> changes);

/// What was changed, over all images that were shown to it.
class ChangeMeter {
 public:
  /// @throws std::invalid_argument when sizes differ.
  void add(std::span<const std::uint8_t> original, std::span<const std::uint8_t> published);
  void add(const ChangeMeter& other);
  [[nodiscard]] int largest() const;  ///< levels
  /// The least change in levels that at least this share of all values, 0 to 1, does not exceed.
  [[nodiscard]] int quantile(double share) const;
  /// Peak signal-to-noise ratio in dB, 10 log10(255^2 / mean squared change); infinite without any change.
  [[nodiscard]] double psnr() const;

 private:
  std::array<std::uint64_t, 256> counts_ = {};  // of values by their change
};

}  // namespace crosstalk::image
