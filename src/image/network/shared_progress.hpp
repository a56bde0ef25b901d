#pragma once

#include <cstddef>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "crosstalk/run_control.hpp"

namespace crosstalk::image {

/// Progress of parts of one length that are worked on at the same time.
class SharedProgress {
 public:
  SharedProgress(const RunControl& control, std::size_t parts) : control_(control), shares_(parts, 0.0) {}

  /// May be called from several threads. @param share  of this part that is done.
  void report(std::size_t part, double share, const std::string& what) {
    const std::lock_guard lock(mutex_);
    shares_[part] = share;
    if (control_.progress)
      control_.progress(std::accumulate(shares_.begin(), shares_.end(), 0.0) / static_cast<double>(shares_.size()),
                        what);
  }

 private:
  const RunControl& control_;
  std::mutex mutex_;
  std::vector<double> shares_;
};

}  // namespace crosstalk::image
