#include "crosstalk/parallel.hpp"

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>

#include "crosstalk/interruption.hpp"

namespace crosstalk {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  if (threads <= 1 || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  std::exception_ptr error;
  std::size_t error_index = std::numeric_limits<std::size_t>::max();
  std::mutex error_mutex;
  std::atomic<bool> failed{false};
  const std::function<bool()>* const interruption = interruption_wanted();
  // OpenMP, not std::jthread: OpenBLAS shares its run time and stays single-threaded inside the region.
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (std::size_t i = 0; i < count; ++i) {
    if (failed.load(std::memory_order_relaxed)) continue;
    try {
      const InterruptionScope scope(interruption);
      work(i);
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (i < error_index) {
        error_index = i;
        error = std::current_exception();
      }
      failed = true;
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace crosstalk
