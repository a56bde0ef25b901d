#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// A task as a network learns it: numbers (Regression, Depth) are learned as (value - mean) / deviation.
struct TaskSpec {
  TaskInfo info;
  double mean = 0.0;
  double deviation = 1.0;

  /// Outputs of a head, an image or a pixel.
  [[nodiscard]] std::size_t outputs() const;
};
using TaskSpecs = std::vector<TaskSpec>;

/// The tasks of a set, with mean and deviation of its labels; reads the set only where a task holds numbers.
/// @param rows  of the set that count.
TaskSpecs task_specs(const Source& source, std::span<const std::size_t> rows);

/// 0, 1, ..., count - 1.
std::vector<std::size_t> all_rows(std::size_t count);

}  // namespace crosstalk::image
