#pragma once

#include <cstddef>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/part_store.hpp"

namespace crosstalk::evaluate {

/// The same memory, but a recalled part of an audit must have the sizes that an audit of so many tasks gives it.
/// Whoever edits a part, or has one of another audit, gets a message and no read past an end.
/// @throws DataError, from recall, naming the part.
PartStore checked_parts(PartStore store, std::size_t tasks, const mtrl::Loss& loss);

}  // namespace crosstalk::evaluate
