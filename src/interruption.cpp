#include "crosstalk/interruption.hpp"

namespace crosstalk {

namespace {

thread_local const std::function<bool()>* wanted_here = nullptr;

}  // namespace

InterruptionScope::InterruptionScope(const std::function<bool()>* wanted) : outer_(wanted_here) {
  wanted_here = wanted;
}

InterruptionScope::~InterruptionScope() {
  wanted_here = outer_;
}

const std::function<bool()>* interruption_wanted() {
  return wanted_here;
}

}  // namespace crosstalk
