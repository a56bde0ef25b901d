#pragma once

#include <cstddef>
#include <functional>

namespace crosstalk {

/// Calls work(0), ..., work(count-1), each once, on up to `threads` threads.
///
/// Results must depend on the index alone: then they do not depend on the number of threads.
/// The first exception (lowest index that threw) is thrown again after all threads have stopped; indices not yet
/// begun are then skipped.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

}  // namespace crosstalk
