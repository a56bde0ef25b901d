#include "crosstalk/attack/span_attack.hpp"

#include <utility>

namespace crosstalk::attack {

bool SpanAttack::suits(const mtrl::EmpiricalRisk& clean, const FeasibleSet& feasible) {
  return clean.layout() == mtrl::EmpiricalRisk::Layout::RowSpace && feasible.box.empty() && feasible.fixed.empty() &&
         !feasible.screen;
}

RowSpace SpanAttack::clean_space(const mtrl::EmpiricalRisk& clean, const FeasibleSet& feasible) {
  return RowSpace(clean.clean(), feasible.bias ? RowSpace::LastFeature::Apart : RowSpace::LastFeature::LikeOthers);
}

SpanAttack::SpanAttack(const RowSpace& clean_space, const mtrl::EmpiricalRisk& clean, const Utility& utility,
                       const TaskSet& start, const mtrl::Fit& near)
    : space_(clean_space.extended(start)),
      clean_(clean.mapped(space_, mtrl::EmpiricalRisk::Layout::Rows)),
      utility_(utility.in(space_)),
      start_(space_.map(start)),
      near_(near) {
  near_.weights = space_.coordinates(near.weights);
}

Iterate SpanAttack::in_features(Iterate iterate) const {
  iterate.fit.weights = space_.weights(iterate.fit.weights);
  return iterate;
}

AttackResult SpanAttack::in_features(AttackResult result) const {
  result.injected = space_.rows_at(result.injected);
  for (Iterate& iterate : result.iterates) iterate = in_features(std::move(iterate));
  return result;
}

}  // namespace crosstalk::attack
