#include "crosstalk/report/verdict.hpp"

namespace crosstalk::report {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Holds: return "holds";
    case Verdict::InPart: return "holds in part";
    default: return "does not hold";
  }
}

Verdict verdict_of(bool holds, bool in_part) {
  return holds ? Verdict::Holds : in_part ? Verdict::InPart : Verdict::DoesNotHold;
}

}  // namespace crosstalk::report
