#pragma once

#include <memory>
#include <mutex>

namespace crosstalk {

/// A value made when it is first asked for, once, whichever thread asks.
template <class T>
class Lazy {
 public:
  /// @param make  () -> T.
  template <class Make>
  const T& get(const Make& make) {
    std::call_once(once_, [&] { value_ = std::make_unique<const T>(make()); });
    return *value_;
  }

 private:
  std::once_flag once_;
  std::unique_ptr<const T> value_;
};

}  // namespace crosstalk
