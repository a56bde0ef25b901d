#pragma once

#include <memory>
#include <vector>

#include "crosstalk/image/method.hpp"
#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// What class-wise methods share: which task acts where, and how strongly.
class Classwise : public PerImageMethod {
 public:
  Classwise(const Source& source, const MethodOptions& options);
  void perturb(const Batch& batch, std::size_t row, std::span<float> change) const override;

 protected:
  struct Place {
    const Batch& batch;
    std::size_t row;
    Region region;
    float strength;  ///< levels: epsilon, or its share of the average
  };
  /// Adds what the class says to the change. @param k  position among the protected tasks.
  virtual void add(std::size_t k, std::size_t label, const Place& place, std::span<float> change) const = 0;

  [[nodiscard]] const MethodOptions& options() const { return options_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }
  [[nodiscard]] const TaskInfo& task(std::size_t k) const { return tasks_[k]; }
  [[nodiscard]] const Region& region(std::size_t k) const { return regions_[k]; }

 private:
  MethodOptions options_;
  Shape shape_;
  std::vector<TaskInfo> tasks_;
  std::vector<Region> regions_;
};

std::unique_ptr<Method> make_autoregressive(const Source& source, const MethodOptions& options);
std::unique_ptr<Method> make_one_pixel(const Source& source, const MethodOptions& options, const RunControl& control);

}  // namespace crosstalk::image
