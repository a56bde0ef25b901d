#pragma once

#include <functional>
#include <vector>

#include <torch/optim/adam.h>

#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/image/network/score.hpp"
#include "crosstalk/image/network/weighting.hpp"
#include "crosstalk/rng.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

struct TrainingOptions {
  int epochs = 12;
  double learning_rate = 1e-3;    ///< of Adam; a tenth from 60 % and a hundredth from 80 % of the epochs on
  double weight_decay = 1e-4;     ///< times the weights, added to the gradient
  double largest_gradient = 5.0;  ///< Euclidean norm at which the gradient is cut
  Augmentation augmentation = {};
  std::vector<double> task_weights = {};  ///< of the losses; empty: all 1
  RobustTraining robust_training = {};
  /// Images held out: the weights of the epoch that knows most of them are kept, by the mean over the tasks that have a
  /// weight of the share of right answers, or of 1 - error / the error of the majority baseline. Null: the last.
  const Loader* validation = nullptr;
  /// How the tasks' losses are combined.
  Weighting weighting = Weighting::Equal;
  std::function<void(int)> after_epoch = {};
  /// To go on with a training that was kept: called before the first epoch, loads the state of the weights and the
  /// optimiser, and returns how many epochs are done. Null: none are.
  std::function<int(torch::optim::Adam&)> resume = {};
  /// Called after each epoch, and after `after_epoch`, to keep that state.
  std::function<void(int epoch, torch::optim::Adam&)> keep = {};
};

/// Minimises the weighted mean of the tasks' losses, or combines them as the weighting says. All randomness comes from
/// `rng`.
/// @return whether it came to its end before a stop was requested.
bool train(MultiTaskNet& net, const Loader& data, const TrainingOptions& options, Rng& rng,
           const RunControl& control = {});

/// The mean over the tasks that have a weight (empty: all) of the share of right answers, the mean overlap, or 1 -
/// error / the error of the majority baseline; tasks without a label do not count.
double mean_knowledge(const std::vector<TaskScore>& scores, const std::vector<double>& task_weights = {});

/// What the network knows of the images, by task, on the middle part of each image that training saw parts of.
std::vector<TaskScore> evaluate(MultiTaskNet& net, const Loader& data, const Augmentation& augmentation);

}  // namespace crosstalk::image
