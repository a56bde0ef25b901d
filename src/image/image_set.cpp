#include "crosstalk/image/image_set.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/names.hpp"

namespace crosstalk::image {

std::span<const std::uint8_t> Batch::image(std::size_t row) const {
  return std::span(pixels).subspan(row * shape.values(), shape.values());
}

std::span<std::uint8_t> Batch::image(std::size_t row) {
  return std::span(pixels).subspan(row * shape.values(), shape.values());
}

std::size_t map_values(const TaskInfo& task, const Shape& shape) {
  return task.is_dense() ? task.map_channels() * shape.plane() : 0;
}

std::size_t images_at_a_time(const Shape& shape) {
  constexpr std::size_t bytes = 16'000'000;
  return std::clamp<std::size_t>(bytes / std::max<std::size_t>(shape.values(), 1), 1, 1024);
}

MemorySet::MemorySet(std::vector<TaskInfo> tasks, Batch images) : tasks_(std::move(tasks)), images_(std::move(images)) {
  const std::size_t n = images_.size();
  if (images_.pixels.size() != n * images_.shape.values())
    throw std::invalid_argument(fmt::format("MemorySet: {} labels, but {} pixels of {} an image", n,
                                            images_.pixels.size(), images_.shape.values()));
  if (static_cast<std::size_t>(images_.labels.cols()) != tasks_.size())
    throw std::invalid_argument(
        fmt::format("MemorySet: {} columns of labels for {} tasks", images_.labels.cols(), tasks_.size()));
  const bool dense = std::any_of(tasks_.begin(), tasks_.end(), [](const TaskInfo& task) { return task.is_dense(); });
  if (images_.maps.size() != (dense ? tasks_.size() : 0))
    throw std::invalid_argument(
        fmt::format("MemorySet: maps of {} tasks, {} tasks", images_.maps.size(), tasks_.size()));
  for (std::size_t k = 0; k < images_.maps.size(); ++k)
    if (images_.maps[k].size() != n * map_values(tasks_[k], images_.shape))
      throw std::invalid_argument(fmt::format("MemorySet: {} values in the maps of task \"{}\"; {} images have {} each",
                                              images_.maps[k].size(), tasks_[k].name, n,
                                              map_values(tasks_[k], images_.shape)));
  for (std::size_t k = 0; k < tasks_.size(); ++k)
    for (std::size_t i = 0; i < n; ++i) {
      const double label = images_.label(i, k);
      if (!tasks_[k].has_classes() || is_missing(label)) continue;
      if (label < 0 || label >= static_cast<double>(tasks_[k].classes.size()) || label != std::floor(label))
        throw std::invalid_argument(fmt::format("MemorySet: image {} has the label {} in task \"{}\" of {} classes", i,
                                                label, tasks_[k].name, tasks_[k].classes.size()));
    }
}

Batch MemorySet::read(std::size_t first, std::size_t count) const {
  require_range(*this, first, count);
  const auto begin = images_.pixels.begin() + static_cast<std::ptrdiff_t>(first * images_.shape.values());
  const auto end = begin + static_cast<std::ptrdiff_t>(count * images_.shape.values());
  Batch batch = {first,
                 images_.shape,
                 {begin, end},
                 images_.labels.middleRows(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count))};
  for (std::size_t k = 0; k < images_.maps.size(); ++k) {
    const auto values = static_cast<std::ptrdiff_t>(map_values(tasks_[k], images_.shape));
    const auto from = images_.maps[k].begin() + static_cast<std::ptrdiff_t>(first) * values;
    batch.maps.emplace_back(from, from + static_cast<std::ptrdiff_t>(count) * values);
  }
  return batch;
}

std::string MemorySet::stem(std::size_t index) const {
  return fmt::format("{:06}", index);
}

std::vector<std::size_t> tasks_to_protect(const std::vector<TaskInfo>& tasks, const std::vector<std::string>& names) {
  std::vector<std::size_t> chosen;
  for (std::size_t k = 0; names.empty() && k < tasks.size(); ++k) chosen.push_back(k);
  for (const std::string& name : names) {
    const auto found =
        std::find_if(tasks.begin(), tasks.end(), [&](const TaskInfo& task) { return task.name == name; });
    if (found == tasks.end()) {
      std::vector<std::string> known;
      for (const TaskInfo& task : tasks) known.push_back(task.name);
      throw std::invalid_argument(fmt::format("unknown task \"{}\"{}", name, did_you_mean(name, known)));
    }
    const auto position = static_cast<std::size_t>(found - tasks.begin());
    if (std::find(chosen.begin(), chosen.end(), position) != chosen.end())
      throw std::invalid_argument(fmt::format("task \"{}\" is named twice", name));
    chosen.push_back(position);
  }
  return chosen;
}

std::vector<std::size_t> tasks_with_classes(const std::vector<TaskInfo>& tasks, const std::vector<std::string>& names) {
  std::vector<std::size_t> chosen = tasks_to_protect(tasks, names);
  if (names.empty()) std::erase_if(chosen, [&](std::size_t k) { return !tasks[k].has_classes(); });
  if (chosen.empty()) throw std::invalid_argument("no task of the set has classes to protect");
  for (const std::size_t k : chosen)
    if (!tasks[k].has_classes())
      throw std::invalid_argument(fmt::format(
          "task \"{}\" has no class an image; this method protects only tasks with classes", tasks[k].name));
  return chosen;
}

void require_range(const Source& source, std::size_t first, std::size_t count) {
  if (count > source.size() || first > source.size() - count)
    throw std::invalid_argument(
        fmt::format("read: images {} to {} of a set of {}", first, first + count, source.size()));
}

}  // namespace crosstalk::image
