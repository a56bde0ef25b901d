#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/image/image_set.hpp"
#include "crosstalk/image/method.hpp"
#include "crosstalk/image/network/score.hpp"
#include "crosstalk/part_store.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// A set that is another with every seed.
struct ComparedSet {
  struct Parts {
    std::shared_ptr<const Source> train;
    /// None: a fifth of the images, drawn with the seed, is for testing alone.
    std::shared_ptr<const Source> test = nullptr;
  };
  std::string name;
  std::function<Parts(std::uint64_t seed)> open;  ///< may be called from several threads
};

/// Words for methods: clean, noise, lsp, ar or ops with -patch or -average, em, tap, sep, mtl-ue+em, mtl-ue+tap,
/// mtl-ue+sep. Settings of learned noise may follow after colons: mtl-ue+tap:embeddings=0:epochs=20. Words for victims:
/// mtl or stl, and the backbone where it is not the small one: mtl-vgg16.
struct ComparisonOptions {
  std::vector<std::string> methods;
  std::vector<std::string> victims = {"mtl", "stl"};
  std::size_t seeds = 3;
  std::uint64_t seed = 1;          ///< the first; the others follow
  std::optional<int> epochs = {};  ///< of victims; victim_epochs when there is none
  int threads = 1;                 ///< parts at a time: one set, method and seed each
  bool validation = false;         ///< test on the last fifth of the training images, unprotected: to choose settings
};

/// What one kind of victim learned of one set that was protected in one way, with one seed.
struct ComparisonTrial {
  std::string set;
  std::string method;
  std::string victim;
  std::uint64_t seed = 0;
  std::vector<std::string> tasks;  ///< those that were tested
  std::vector<TaskScore> scores;
  int largest_change = 0;      ///< levels
  double psnr = 0.0;           ///< infinite for clean
  double noise_seconds = 0.0;  ///< of one processor, to make the noise
  double victim_seconds = 0.0;

  /// Mean over the tasks measured by accuracy or mIoU, and the same of the majority baseline; NaN without any.
  [[nodiscard]] double mean() const;
  [[nodiscard]] double baseline() const;
};

/// Noise of a method in the words above.
/// @throws std::invalid_argument naming the word or setting that is none.
std::unique_ptr<Method> protection_named(const std::string& word, const Source& source, std::uint64_t seed,
                                         const RunControl& control = {});

/// Protects, trains and tests: every set, seed, method and victim, in this order.
/// @param memory  parts by set, method, seed and victim.
/// @return those that were finished before a stop was requested.
/// @throws std::invalid_argument for an unknown word, before anything is trained.
std::vector<ComparisonTrial> compare(const std::vector<ComparedSet>& sets, const ComparisonOptions& options,
                                     const PartStore& store = {}, const RunControl& control = {});

}  // namespace crosstalk::image
