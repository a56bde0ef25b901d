#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace crosstalk::image {

/// What the label of a task is. Of an image: one of several classes, one of two, or any number. Of every pixel (dense):
/// one of several classes, a depth, or a unit normal.
enum class Kind { Classes, Binary, Regression, Segmentation, Depth, Normals };

struct TaskInfo {
  std::string name;
  Kind kind = Kind::Classes;
  std::vector<std::string> classes = {};  ///< names of the labels 0, 1, ... of Classes, Binary and Segmentation

  /// One class an image.
  [[nodiscard]] bool has_classes() const { return kind == Kind::Classes || kind == Kind::Binary; }
  /// One label a pixel.
  [[nodiscard]] bool is_dense() const { return kind >= Kind::Segmentation; }
  /// Values of one pixel of a dense label: 3 for Normals, else 1.
  [[nodiscard]] std::size_t map_channels() const { return kind == Kind::Normals ? 3 : 1; }
};

/// Size of one image.
struct Shape {
  std::size_t channels = 1;  ///< 1 grey, 3 red, green, blue
  std::size_t height = 0;
  std::size_t width = 0;

  [[nodiscard]] std::size_t plane() const { return height * width; }
  [[nodiscard]] std::size_t values() const { return channels * plane(); }
  bool operator==(const Shape&) const = default;
};

/// The label that an image does not have.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
inline bool is_missing(double label) {
  return std::isnan(label);
}

/// The dense labels of consecutive images, n x map_channels x H x W: the number of a class, a depth, or x, y, z of a
/// normal; NaN where a pixel has none. Empty for a task that is not dense.
using Maps = std::vector<float>;

/// Consecutive images of a set, n x C x H x W, and their labels.
struct Batch {
  std::size_t first = 0;  ///< index of the first image in its set
  Shape shape = {};
  std::vector<std::uint8_t> pixels = {};
  Eigen::MatrixXd labels = {};  ///< n x K; the number of a class, a value, or kMissing, as for all dense tasks
  std::vector<Maps> maps = {};  ///< K of them, or none where no task is dense

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(labels.rows()); }
  [[nodiscard]] std::span<const std::uint8_t> image(std::size_t row) const;
  [[nodiscard]] std::span<std::uint8_t> image(std::size_t row);
  [[nodiscard]] double label(std::size_t row, std::size_t task) const {
    return labels(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(task));
  }
};

class Container;

/// A set of images of one size with K labels each, read piece by piece, so that it need not be in memory.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual Shape shape() const = 0;
  [[nodiscard]] virtual const std::vector<TaskInfo>& tasks() const = 0;
  /// Images first, ..., first + count - 1: the same whatever else was read before. May be called from several threads.
  /// @throws std::invalid_argument beyond the end; DataError when a file has changed since the set was opened.
  [[nodiscard]] virtual Batch read(std::size_t first, std::size_t count) const = 0;
  /// Name of the image's file, unique in the set, without extension; may begin with folders.
  [[nodiscard]] virtual std::string stem(std::size_t index) const = 0;
  /// The one file that the set is stored in, and is published as; null where each image is a file.
  [[nodiscard]] virtual const Container* container() const { return nullptr; }
};

/// Values of one image's map for this task; 0 unless it is dense.
std::size_t map_values(const TaskInfo& task, const Shape& shape);

/// How many images of this size to read at a time: about 16 MB.
std::size_t images_at_a_time(const Shape& shape);

/// A set in memory. Its images are called 000000, 000001, ...
class MemorySet : public Source {
 public:
  /// @param images  all of them, first = 0.
  /// @throws std::invalid_argument when sizes disagree, or a label is no class of its task.
  MemorySet(std::vector<TaskInfo> tasks, Batch images);

  [[nodiscard]] std::size_t size() const override { return images_.size(); }
  [[nodiscard]] Shape shape() const override { return images_.shape; }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return tasks_; }
  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override;
  [[nodiscard]] std::string stem(std::size_t index) const override;

 private:
  std::vector<TaskInfo> tasks_;
  Batch images_;
};

/// The tasks of these names, as positions; with no names all.
/// @throws std::invalid_argument naming an unknown task and the nearest, or a task named twice.
std::vector<std::size_t> tasks_to_protect(const std::vector<TaskInfo>& tasks, const std::vector<std::string>& names);

/// The same for methods that need a class an image; with no names all tasks that have classes.
/// @throws std::invalid_argument also for a task without classes, or when no task has any.
std::vector<std::size_t> tasks_with_classes(const std::vector<TaskInfo>& tasks, const std::vector<std::string>& names);

/// @throws std::invalid_argument when the set has no image first + count - 1.
void require_range(const Source& source, std::size_t first, std::size_t count);

}  // namespace crosstalk::image
