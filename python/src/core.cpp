// crosstalk._core: the library's public headers for the Python package, which gives them their names. Nothing is
// computed here.
#include <algorithm>
#include <cstring>
#include <exception>

#include "bindings.hpp"

namespace crosstalk::python {

RowsView::RowsView(const Matrix& X, const Matrix& y, const Codes& codes, std::vector<std::string> names,
                   std::vector<std::string> features)
    : x_(reinterpret_cast<const char*>(X.data())),
      rows_(X.ndim() == 2 ? X.shape(0) : -1),
      columns_(X.ndim() == 2 ? X.shape(1) : -1),
      row_stride_(X.ndim() == 2 ? X.strides(0) : 0),
      column_stride_(X.ndim() == 2 ? X.strides(1) : 0),
      y_(reinterpret_cast<const char*>(y.data())),
      y_stride_(y.ndim() == 1 ? y.strides(0) : 0),
      codes_(codes.data()),
      names_(std::move(names)),
      features_(std::move(features)) {
  if (rows_ < 0 || y.ndim() != 1 || codes.ndim() != 1)
    throw std::invalid_argument("X must have two dimensions, y and the tasks one");
  if (y.shape(0) != rows_ || codes.shape(0) != rows_)
    throw std::invalid_argument("X, y and the tasks must have as many rows");
  if (!features_.empty() && static_cast<py::ssize_t>(features_.size()) != columns_)
    throw std::invalid_argument("X must have as many columns as there are names");
  for (py::ssize_t i = 0; i < rows_; ++i)
    if (codes_[i] < 0 || codes_[i] >= static_cast<std::int64_t>(names_.size()))
      throw std::invalid_argument("a row is of a task without a name");
}

TaskSet RowsView::tasks() const {
  std::vector<std::vector<std::size_t>> rows(names_.size());
  for (py::ssize_t i = 0; i < rows_; ++i)
    rows[static_cast<std::size_t>(codes_[i])].push_back(static_cast<std::size_t>(i));
  const auto number = [](const char* at) {
    double value;
    std::memcpy(&value, at, sizeof value);  // an array of NumPy need not be aligned
    return value;
  };
  TaskSet tasks;
  tasks.feature_names = features_;
  for (std::size_t t = 0; t < names_.size(); ++t) {
    const auto n = static_cast<Eigen::Index>(rows[t].size());
    Task task{names_[t], Eigen::MatrixXd(n, columns_), Eigen::VectorXd(n)};
    for (Eigen::Index r = 0; r < n; ++r) {
      const auto i = static_cast<py::ssize_t>(rows[t][static_cast<std::size_t>(r)]);
      task.labels[r] = number(y_ + i * y_stride_);
    }
    // A cache line of a C-contiguous row at a time.
    constexpr py::ssize_t block = 8;
    for (py::ssize_t first = 0; first < columns_; first += block)
      for (Eigen::Index r = 0; r < n; ++r) {
        const char* const row = x_ + static_cast<py::ssize_t>(rows[t][static_cast<std::size_t>(r)]) * row_stride_;
        for (py::ssize_t j = first; j < std::min(first + block, columns_); ++j)
          task.features(r, j) = number(row + j * column_stride_);
      }
    task.origin = std::move(rows[t]);
    tasks.tasks.push_back(std::move(task));
  }
  return tasks;
}

py::tuple rows_of(const TaskSet& tasks) {
  const auto n = static_cast<py::ssize_t>(tasks.rows());
  const auto d = static_cast<py::ssize_t>(tasks.features());
  py::array_t<double> X(std::vector<py::ssize_t>{n, d});
  py::array_t<double> y(n);
  py::array_t<std::int64_t> codes(n);
  Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> rows(X.mutable_data(), n, d);
  Eigen::Index next = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Task& task = tasks[t];
    rows.middleRows(next, task.rows()) = task.features;
    std::copy(task.labels.begin(), task.labels.end(), y.mutable_data() + next);
    std::fill_n(codes.mutable_data() + next, task.rows(), static_cast<std::int64_t>(t));
    next += task.rows();
  }
  return py::make_tuple(X, y, codes);
}

int thread_count(const py::dict& settings) {
  int threads = 1;
  take(settings, "threads", threads);
  return threads > 0 ? threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace crosstalk::python

PYBIND11_MODULE(_core, module) {
  using namespace crosstalk;
  namespace py = pybind11;
  module.doc() = "The C++ library behind the package crosstalk. Use the package: names and arguments here may change.";
  module.attr("__version__") = CROSSTALK_VERSION;
  // What is wrong with the data is what is wrong with an argument.
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const DataError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
  py::class_<python::LoadedProblem> problem(module, "Problem",
                                            "A learning problem: rows, their preparation, and the learner.");
  python::bind_learning(module, problem);
  python::bind_attacks(problem);
  python::bind_audit(module, problem);
  python::bind_defences(module, problem);
}
