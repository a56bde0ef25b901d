#pragma once

#include <exception>
#include <functional>

namespace crosstalk {

/// Thrown out of long work whose caller wants it to end.
struct Interrupted : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }
};

/// While it lives, fits of this thread, and of the threads that parallel_for starts from it, end with Interrupted soon
/// after `wanted` says true. It is asked at every Newton step and every product with the Hessian, from several threads
/// at once, and must be quick. For callers that cannot end a process, such as an interpreter; RunControl::stop ends
/// work between its parts and keeps what was done.
class InterruptionScope {
 public:
  explicit InterruptionScope(const std::function<bool()>* wanted);
  ~InterruptionScope();
  InterruptionScope(const InterruptionScope&) = delete;
  InterruptionScope& operator=(const InterruptionScope&) = delete;

 private:
  const std::function<bool()>* outer_;
};

/// What the innermost scope of this thread asks; null without one.
const std::function<bool()>* interruption_wanted();

/// @throws Interrupted when that says true.
inline void end_if_interrupted() {
  if (const std::function<bool()>* wanted = interruption_wanted(); wanted != nullptr && (*wanted)())
    throw Interrupted();
}

}  // namespace crosstalk
