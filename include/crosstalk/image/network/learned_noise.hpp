#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosstalk/image/method.hpp"
#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// Where a long training keeps what it needs to go on after a stop; both may be empty.
struct Checkpoints {
  std::function<std::optional<std::string>(const std::string& name)> recall;
  std::function<void(const std::string& name, const std::string& content)> keep;
};

struct LearnedNoise {
  std::unique_ptr<Method> method;  ///< null when it ended before the first pass was whole
  std::string generator;           ///< content of a generator file; empty for free variables
  std::vector<double> losses;      ///< the objective's mean in each pass
  bool complete = true;            ///< no limit of time ended it
};

/// Trains the surrogates that the base needs, then the noise against them: one loop for all, in which each pass takes
///   min over phi of  mean over images of  L(F'(T(round(x + noise))), y)  + intra + inter       (24)          [Yu25]
/// with T a crop an image, after one of options.withstand a minibatch. Rounding to levels passes its gradient on. State
/// is kept after every pass, of the surrogate's training too; with the same seed the result is the same whether or not
/// it was interrupted.
/// @throws std::invalid_argument for options out of range or tasks that cannot be protected; DataError when free
///         variables need more than 4 GB, a class of a task has one image only, there is one image only, or a
///         checkpoint is damaged or not this run's.
LearnedNoise learn_noise(const Source& source, const NoiseOptions& options, const Checkpoints& checkpoints = {},
                         const RunControl& control = {});

/// What a generator file was made for.
struct GeneratorFacts {
  Shape shape = {};
  std::vector<TaskInfo> tasks = {};
  std::vector<bool> is_protected = {};  ///< one a task
  int epsilon = 0;                      ///< levels
};
/// @param name  of the file, for messages. @throws DataError when it is no generator file, or is damaged.
GeneratorFacts generator_facts(const std::string& content, const std::string& name);

/// The noise of a generator file for other images of the same size. Tasks and classes are found by their names: the
/// images may lack some of them, whose labels are missing then, and may have other tasks, which are not protected.
/// @param name  of the file, for messages.
/// @throws DataError when it is no generator file, is damaged, was made for another size, or does not know a class, or
///         the kind, of a task that it protects.
std::unique_ptr<Method> open_generator(const std::string& content, const std::string& name, const Source& source);

}  // namespace crosstalk::image
