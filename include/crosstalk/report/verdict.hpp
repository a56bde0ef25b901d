#pragma once

#include <string_view>

namespace crosstalk::report {

/// What became of a paper's claim.
enum class Verdict { Holds, InPart, DoesNotHold };

/// "holds", "holds in part", "does not hold"
std::string_view to_string(Verdict verdict);

/// Holds, or else InPart where that much is true.
Verdict verdict_of(bool holds, bool in_part);

}  // namespace crosstalk::report
