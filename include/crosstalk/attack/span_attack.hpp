#pragma once

#include <memory>

#include "crosstalk/attack/patom.hpp"
#include "crosstalk/row_space.hpp"

namespace crosstalk::attack {

/// An attack with more features than rows in coordinates of a row space: that of the clean rows and those it starts
/// from, the bias a coordinate of its own.
///
/// Weights, adjoints and derivatives of rows lie in that span, and so does what the projection on a ball makes of rows
/// in it: the attack in r coordinates is one in d features. Only lengths that come from the largest entry of a gradient
/// depend on the basis.
class SpanAttack {
 public:
  /// Whether rows stay in the span: a ball alone, and a risk laid out by RowSpace.
  [[nodiscard]] static bool suits(const mtrl::EmpiricalRisk& clean, const FeasibleSet& feasible);
  /// The span of the clean rows, shared by all starts.
  [[nodiscard]] static RowSpace clean_space(const mtrl::EmpiricalRisk& clean, const FeasibleSet& feasible);

  /// @param clean_space  as made by clean_space().
  /// @param start  rows in d features, m tasks.
  SpanAttack(const RowSpace& clean_space, const mtrl::EmpiricalRisk& clean, const Utility& utility,
             const TaskSet& start, const mtrl::Fit& near);

  [[nodiscard]] const mtrl::EmpiricalRisk& clean() const { return clean_; }
  [[nodiscard]] const Utility& utility() const { return *utility_; }
  [[nodiscard]] const TaskSet& start() const { return start_; }
  [[nodiscard]] const mtrl::Fit& near() const { return near_; }

  [[nodiscard]] Iterate in_features(Iterate iterate) const;
  [[nodiscard]] AttackResult in_features(AttackResult result) const;

 private:
  RowSpace space_;
  mtrl::EmpiricalRisk clean_;
  std::unique_ptr<const Utility> utility_;
  TaskSet start_;
  mtrl::Fit near_;
};

}  // namespace crosstalk::attack
