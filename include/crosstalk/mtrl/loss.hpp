#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crosstalk::mtrl {

/// A convex loss of a score z = w'x and a label y, twice differentiable in z (almost everywhere).
/// A new loss is one class: its name, its value and its derivatives.
class Loss {
 public:
  struct Jet {
    double value;
    double first;   ///< d loss / dz
    double second;  ///< d^2 loss / dz^2 >= 0
    double mixed;   ///< d^2 loss / dz dy: how the slope moves with the label
  };

  virtual ~Loss() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual Jet at(double z, double y) const = 0;
  /// Labels must be -1 or +1.
  [[nodiscard]] virtual bool is_classification() const = 0;
  /// The loss is (y - z)^2, so that the data enters the learner through Gram matrices only.
  [[nodiscard]] virtual bool is_squared() const { return false; }
};

/// (y - z)^2
const Loss& squared_loss();
/// max(0, 1 - y z)^2. The paper prints it without the max; without it and for y = +-1 it would be the squared loss.
const Loss& squared_hinge_loss();
/// log(1 + exp(-y z))
const Loss& logistic_loss();

/// @throws std::invalid_argument for a name that is not in loss_names().
const Loss& loss_named(const std::string& name);
std::vector<std::string> loss_names();

}  // namespace crosstalk::mtrl
