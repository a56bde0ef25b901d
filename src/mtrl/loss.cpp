#include "crosstalk/mtrl/loss.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/names.hpp"

namespace crosstalk::mtrl {

namespace {

class Squared final : public Loss {
 public:
  [[nodiscard]] std::string_view name() const override { return "squared"; }
  [[nodiscard]] Jet at(double z, double y) const override {
    const double residual = z - y;
    return {residual * residual, 2.0 * residual, 2.0, -2.0};
  }
  [[nodiscard]] bool is_classification() const override { return false; }
  [[nodiscard]] bool is_squared() const override { return true; }
};

class SquaredHinge final : public Loss {
 public:
  [[nodiscard]] std::string_view name() const override { return "squared-hinge"; }
  [[nodiscard]] Jet at(double z, double y) const override {
    const double slack = 1.0 - y * z;
    if (slack <= 0.0) return {0.0, 0.0, 0.0, 0.0};
    return {slack * slack, -2.0 * y * slack, 2.0 * y * y, 2.0 * y * z - 2.0 * slack};
  }
  [[nodiscard]] bool is_classification() const override { return true; }
};

class Logistic final : public Loss {
 public:
  [[nodiscard]] std::string_view name() const override { return "logistic"; }
  [[nodiscard]] Jet at(double z, double y) const override {
    const double margin = y * z;
    // p = 1 / (1 + exp(margin)), with the exponential always of a negative number so that it cannot overflow.
    const double tail = std::exp(-std::abs(margin));
    const double p = margin > 0.0 ? tail / (1.0 + tail) : 1.0 / (1.0 + tail);
    const double value = std::log1p(tail) + std::max(0.0, -margin);
    return {value, -y * p, y * y * p * (1.0 - p), margin * p * (1.0 - p) - p};
  }
  [[nodiscard]] bool is_classification() const override { return true; }
};

const std::array<const Loss*, 3>& all_losses() {
  static const std::array<const Loss*, 3> losses = {&squared_loss(), &squared_hinge_loss(), &logistic_loss()};
  return losses;
}

}  // namespace

const Loss& squared_loss() {
  static const Squared loss;
  return loss;
}

const Loss& squared_hinge_loss() {
  static const SquaredHinge loss;
  return loss;
}

const Loss& logistic_loss() {
  static const Logistic loss;
  return loss;
}

const Loss& loss_named(const std::string& name) {
  for (const Loss* loss : all_losses())
    if (loss->name() == name) return *loss;
  refuse_name("loss", name, loss_names());
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const Loss* loss : all_losses()) names.emplace_back(loss->name());
  return names;
}

}  // namespace crosstalk::mtrl
