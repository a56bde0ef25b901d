#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <omp.h>
#include <pybind11/eigen.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/limits.hpp"
#include "crosstalk/attack/screen.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/interruption.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/report/table.hpp"
#include "crosstalk/run_control.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::python {

namespace py = pybind11;

using Matrix = py::array_t<double>;
using Codes = py::array_t<std::int64_t, py::array::c_style>;

/// What a value of a type is called in a message.
template <class Value>
constexpr const char* kind_name() {
  if constexpr (std::is_same_v<Value, bool>)
    return "True or False";
  else if constexpr (std::is_floating_point_v<Value>)
    return "a number";
  else if constexpr (std::is_integral_v<Value>)
    return std::is_unsigned_v<Value> ? "a whole number >= 0" : "a whole number";
  else if constexpr (std::is_same_v<Value, std::string>)
    return "a text";
  else
    return "a list";
}

/// Puts settings[key] where it is given and not None.
/// @throws std::invalid_argument naming the setting when it has another type.
template <class Value>
void take(const py::dict& settings, const char* key, Value& value) {
  if (!settings.contains(key)) return;
  const py::object given = settings[key];
  if (given.is_none()) return;
  try {
    value = given.cast<Value>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument(std::string(key) + " is " + py::repr(given).cast<std::string>() + "; it must be " +
                                kind_name<Value>());
  }
}
template <class Value>
void take(const py::dict& settings, const char* key, std::optional<Value>& value) {
  Value given{};
  if (!settings.contains(key) || settings[key].is_none()) return;
  take(settings, key, given);
  value = std::move(given);
}
/// The same for an enum: `named` makes a value of a word.
template <class Value, class Named>
void take_named(const py::dict& settings, const char* key, Value& value, const Named& named) {
  std::optional<std::string> word;
  take(settings, key, word);
  if (word) value = named(*word);
}

/// Ctrl-C while the library works: asks the interpreter for signals now and then, on the thread that called.
class Interruption {
 public:
  Interruption() : owner_(std::this_thread::get_id()), next_(Clock::now() + kEvery) {}

  /// Whether the user wants the work to end.
  bool operator()() {
    if (wanted_.load(std::memory_order_relaxed)) return true;
    if (std::this_thread::get_id() != owner_ || Clock::now() < next_) return false;
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) {
      wanted_ = true;
      raised_ = true;
      stop_.request_stop();
    }
    next_ = Clock::now() + kEvery;
    return wanted_;
  }
  /// For work that is done in parts: stops at the next one, or sooner.
  RunControl control() {
    return {[this](double, const std::string&) { static_cast<void>((*this)()); }, stop_.get_token()};
  }
  /// Whether an exception of Python waits to be thrown.
  [[nodiscard]] bool raised() const { return raised_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kEvery{50};
  std::thread::id owner_;
  Clock::time_point next_;  // only the owner touches it
  std::atomic<bool> wanted_ = false;
  bool raised_ = false;
  std::stop_source stop_;
};

/// work(control) without the GIL, with BLAS on one thread as in the command: parts of the work have the others. Ctrl-C
/// ends it. What it takes from Python must have been taken before.
template <class Work>
auto without_gil(const Work& work) {
  Interruption interruption;
  const std::function<bool()> wanted = std::ref(interruption);
  using Result = std::invoke_result_t<Work, const RunControl&>;
  std::optional<Result> result;
  {
    const py::gil_scoped_release release;
    const InterruptionScope scope(&wanted);
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    try {
      result.emplace(work(interruption.control()));
    } catch (const Interrupted&) {
    } catch (...) {
      omp_set_num_threads(threads);
      throw;
    }
    omp_set_num_threads(threads);
  }
  if (interruption.raised()) throw py::error_already_set();
  return std::move(*result);
}

/// A problem, and how it is made again.
struct LoadedProblem : Problem {
  /// The same rows split by another seed; may be empty.
  std::function<Problem(std::uint64_t seed)> with_seed = {};
};

/// Rows from Python as tasks, each with its rows in the order that they came in; Task::origin says where. Without the
/// GIL.
/// @param X      n x d, of any memory layout.  @param y  n.
/// @param codes  n positions in the names.
class RowsView {
 public:
  RowsView(const Matrix& X, const Matrix& y, const Codes& codes, std::vector<std::string> names,
           std::vector<std::string> features);
  [[nodiscard]] TaskSet tasks() const;

 private:
  const char* x_;
  py::ssize_t rows_;
  py::ssize_t columns_;
  py::ssize_t row_stride_;
  py::ssize_t column_stride_;
  const char* y_;
  py::ssize_t y_stride_;
  const std::int64_t* codes_;
  std::vector<std::string> names_;
  std::vector<std::string> features_;
};

/// The rows of all tasks, one task behind the other: X, y, codes.
py::tuple rows_of(const TaskSet& tasks);

/// Columns and rows.
py::dict table_record(const report::Table& table);

mtrl::Options learner_of(const py::dict& settings);
/// The grid of a cross-validation.
mtrl::CrossValidationOptions grid_of(const py::dict& settings, std::size_t folds);
py::dict fit_record(const Problem& problem, const mtrl::Fit& fit);
py::dict metrics_record(const mtrl::Metrics& metrics);
int thread_count(const py::dict& settings);

attack::PatomOptions patom_of(const py::dict& settings);
/// Starts and iterations.
void take_exact(const py::dict& settings, attack::ExactOptions& exact);
/// @param screened  the rows must pass a screen.
attack::LimitOptions limit_options_of(const Problem& problem, const py::dict& settings, bool screened);
std::optional<attack::ScreenOptions> stealth_of(const py::dict& settings);

void bind_learning(py::module_& module, py::class_<LoadedProblem>& problem);
void bind_attacks(py::class_<LoadedProblem>& problem);
void bind_audit(py::module_& module, py::class_<LoadedProblem>& problem);
void bind_defences(py::module_& module, py::class_<LoadedProblem>& problem);

}  // namespace crosstalk::python
