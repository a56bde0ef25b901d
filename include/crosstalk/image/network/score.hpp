#pragma once

#include <limits>
#include <string>

namespace crosstalk::image {

/// What a network knows of a task on a test set.
struct TaskScore {
  /// accuracy (share of right classes), mIoU (mean intersection over union of the classes that occur), error (mean
  /// absolute error in units of the label) or angle (mean, degrees). The first two are in [0, 1] and more is better, of
  /// the others less.
  std::string metric;
  double value = 0.0;
  /// What an answer that does not look at the image gets: always the commonest class, the median's stand-in mean, or a
  /// normal towards the viewer.
  double baseline = 0.0;
  /// Mean over the classes that occur of the share of right answers; NaN where there are no classes.
  double balanced = std::numeric_limits<double>::quiet_NaN();

  [[nodiscard]] bool more_is_better() const { return metric == "accuracy" || metric == "mIoU"; }
};

}  // namespace crosstalk::image
