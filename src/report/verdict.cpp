#include "crosstalk/report/verdict.hpp"

#include "crosstalk/names.hpp"

namespace crosstalk::report {

std::string_view to_string(Verdict verdict) {
  static constexpr auto names = name_table<Verdict>(
      "verdict",
      {{Verdict::Holds, "holds"}, {Verdict::InPart, "holds in part"}, {Verdict::DoesNotHold, "does not hold"}});
  return names.name_of(verdict);
}

Verdict verdict_of(bool holds, bool in_part) {
  return holds ? Verdict::Holds : in_part ? Verdict::InPart : Verdict::DoesNotHold;
}

}  // namespace crosstalk::report
