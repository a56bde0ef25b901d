// Problems and fits.
#include <memory>

#include "bindings.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/mtrl/coupling.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/problem/class_problems.hpp"

namespace crosstalk::python {

mtrl::Options learner_of(const py::dict& settings) {
  mtrl::Options options;
  take(settings, "lambda1", options.lambda1);
  take(settings, "lambda2", options.lambda2);
  take(settings, "smoothing", options.smoothing);
  take(settings, "tolerance", options.tolerance);
  take(settings, "max_steps", options.max_steps);
  mtrl::Options::table().require_valid(options);
  return options;
}

mtrl::CrossValidationOptions grid_of(const py::dict& settings, std::size_t folds) {
  mtrl::CrossValidationOptions grid;
  grid.folds = folds;
  take(settings, "lambdas1", grid.lambda1);
  take(settings, "lambdas2", grid.lambda2);
  take(settings, "folds", grid.folds);
  take(settings, "seed", grid.seed);
  grid.threads = thread_count(settings);
  return grid;
}

namespace {

// How rows in memory are read where nobody says: as rows of a file.
data::Dataset dataset_of(TaskSet tasks, const py::dict& settings) {
  data::Dataset dataset;
  dataset.name = "X";
  dataset.train = std::move(tasks);
  dataset.is_file = true;
  dataset.recipe.scale = Scale::Standard;
  dataset.recipe.folds = 5;
  take(settings, "name", dataset.name);
  take(settings, "task_column", dataset.task_column);
  take(settings, "label_column", dataset.label_column);
  take(settings, "loss", dataset.recipe.loss);
  if (!mtrl::loss_named(dataset.recipe.loss).is_classification()) dataset.recipe.labels = LabelScale::Pooled;
  std::optional<std::vector<std::string>> classes;
  take(settings, "classes", classes);
  if (classes) dataset.classes = data::ClassNames{classes->at(0), classes->at(1)};
  return dataset;
}

ProblemOptions options_of(const py::dict& settings) {
  ProblemOptions options;
  take(settings, "seed", options.load.seed);
  take(settings, "loss", options.load.loss);
  take(settings, "test_fraction", options.test_fraction);
  take(settings, "min_rows", options.min_rows);
  take_named(settings, "scale", options.scale, [](const std::string& word) { return scale_named(word); });
  take(settings, "pca", options.pca);
  take_named(settings, "label_scale", options.label_scale,
             [](const std::string& word) { return label_scale_named(word); });
  return options;
}

void take_file_options(const py::dict& settings, ProblemOptions& options) {
  data::CsvOptions& csv = options.load.csv;
  take(settings, "task", csv.task_column);
  take(settings, "label", csv.label_columns);
  take(settings, "ignore", csv.ignore);
  std::string separator;
  take(settings, "separator", separator);
  if (separator.size() > 1) throw std::invalid_argument("separator is \"" + separator + "\"; it must be one character");
  if (!separator.empty()) csv.separator = separator[0];
  std::string decimal;
  take(settings, "decimal", decimal);
  if (!decimal.empty() && decimal != "." && decimal != ",")
    throw std::invalid_argument("decimal is \"" + decimal + "\"; it must be \".\" or \",\"");
  if (!decimal.empty()) csv.decimal = decimal[0];
  take(settings, "header", csv.has_header);
  take(settings, "skip_lines", csv.skip_lines);
  take_named(settings, "missing", csv.missing, [](const std::string& word) { return data::missing_rule_named(word); });
  take(settings, "missing_words", csv.missing_words);
  take(settings, "split_by", csv.split_column);
  take(settings, "test", options.test_file);
  take(settings, "positive", options.load.positive);
}

// Weights and offset of every task in the units of the data: prediction = coef . x + intercept.
struct InUnitsOfData {
  Eigen::MatrixXd coef;  // m x d
  Eigen::VectorXd intercept;
};
InUnitsOfData in_units_of_data(const Preparation& preparation, const Eigen::MatrixXd& W) {
  const Eigen::Index d = preparation.raw_features(W.rows());
  const Eigen::Index m = W.cols();
  const auto prepared = [&](const Eigen::MatrixXd& rows) {
    return Eigen::MatrixXd(preparation.apply(TaskSet{Task{"", rows, Eigen::VectorXd::Zero(rows.rows())}})[0].features);
  };
  const Eigen::RowVectorXd origin = prepared(Eigen::MatrixXd::Zero(1, d));
  InUnitsOfData units{Eigen::MatrixXd(m, d), Eigen::VectorXd(m)};
  if (preparation.options().pca == 0)
    for (Eigen::Index j = 0; j < d; ++j) units.coef.col(j) = preparation.unit_step(j) * W.row(j).transpose();
  else
    units.coef = ((prepared(Eigen::MatrixXd::Identity(d, d)).rowwise() - origin) * W).transpose();
  for (Eigen::Index i = 0; i < m; ++i) {
    if (preparation.label_scales() > 0) units.coef.row(i) *= preparation.label_units()[i];
    units.intercept[i] = preparation.label_in_file_units(static_cast<std::size_t>(i), origin.dot(W.col(i)));
  }
  return units;
}

py::dict record_of(const Preparation& preparation, const mtrl::Fit& fit, const mtrl::Options& learner) {
  const InUnitsOfData units = in_units_of_data(preparation, fit.weights);
  py::dict record;
  record["coef"] = units.coef;
  record["intercept"] = units.intercept;
  record["weights"] = fit.weights;
  record["covariance_diagonal"] = fit.covariance.diagonal;
  record["covariance_factor"] = fit.covariance.factor;
  record["objective"] = fit.objective;
  record["gap"] = fit.gap;
  record["status"] = std::string(to_string(fit.status));
  record["converged"] = fit.status == mtrl::Status::Converged;
  record["steps"] = fit.steps;
  record["lambda1"] = learner.lambda1;
  record["lambda2"] = learner.lambda2;
  return record;
}

py::list trials_record(const Problem& problem) {
  py::list trials;
  if (problem.cross_validation)
    for (const mtrl::CrossValidation::Trial& trial : problem.cross_validation->trials) {
      py::dict one;
      one["lambda1"] = trial.lambda1;
      one["lambda2"] = trial.lambda2;
      one["loss"] = trial.loss;
      one["metric"] = trial.metric;
      trials.append(one);
    }
  return trials;
}

// Estimators: no copy of the rows is kept that the fit does not need.
py::dict fit_rows(const Matrix& X, const Matrix& y, const Codes& codes, std::vector<std::string> names,
                  std::vector<std::string> features, const py::dict& settings, const py::object& grid_settings) {
  const RowsView view(X, y, codes, std::move(names), std::move(features));
  data::Dataset empty = dataset_of({}, settings);
  ProblemOptions options = options_of(settings);
  options.hold_out = false;
  const mtrl::Options learner = learner_of(settings);
  std::optional<mtrl::CrossValidationOptions> grid;
  if (!grid_settings.is_none()) grid = grid_of(grid_settings.cast<py::dict>(), empty.recipe.folds);
  Problem problem;
  double seconds = 0.0;
  const mtrl::Fit fit = without_gil([&](const RunControl& control) {
    empty.train = view.tasks();
    const auto start = std::chrono::steady_clock::now();
    problem = make_problem(std::move(empty), options);
    problem.raw_train = {};
    problem.learner = learner;
    if (grid) choose_lambdas(problem, grid, control);
    const mtrl::EmpiricalRisk risk(std::move(problem.train), *problem.loss);
    mtrl::Fit found = mtrl::solve(risk, problem.learner);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return found;
  });
  py::dict record = record_of(problem.preparation, fit, problem.learner);
  record["trials"] = trials_record(problem);
  record["seconds"] = seconds;  // what a C++ program with these rows spends
  return record;
}

// @param settings  `repeatable`: keep the rows, so that they can be split again.
std::unique_ptr<LoadedProblem> problem_of_rows(const Matrix& X, const Matrix& y, const Codes& codes,
                                               std::vector<std::string> names, std::vector<std::string> features,
                                               const py::dict& settings) {
  const RowsView view(X, y, codes, std::move(names), std::move(features));
  data::Dataset dataset = dataset_of({}, settings);
  const ProblemOptions options = options_of(settings);
  bool repeatable = false;
  take(settings, "repeatable", repeatable);
  return without_gil([&](const RunControl&) {
    dataset.train = view.tasks();
    auto problem = std::make_unique<LoadedProblem>();
    if (repeatable)
      problem->with_seed = [options, rows = std::make_shared<const data::Dataset>(dataset)](std::uint64_t seed) {
        ProblemOptions other = options;
        other.load.seed = seed;
        return make_problem(*rows, other);
      };
    static_cast<Problem&>(*problem) = make_problem(std::move(dataset), options);
    return problem;
  });
}

std::unique_ptr<LoadedProblem> problem_of_file(const std::string& path, const py::dict& settings) {
  ProblemOptions options = options_of(settings);
  take_file_options(settings, options);
  return without_gil([&](const RunControl&) {
    auto problem = std::make_unique<LoadedProblem>();
    static_cast<Problem&>(*problem) = load_problem(path, options);
    require_two_classes(problem->dataset, "it must have two classes, or be numbers");
    problem->with_seed = [options, path](std::uint64_t seed) {
      ProblemOptions other = options;
      other.load.seed = seed;
      return load_problem(path, other);
    };
    return problem;
  });
}

}  // namespace

py::dict fit_record(const Problem& problem, const mtrl::Fit& fit) {
  py::dict record = record_of(problem.preparation, fit, problem.learner);
  record["trials"] = trials_record(problem);
  return record;
}

py::dict metrics_record(const mtrl::Metrics& metrics) {
  py::dict record;
  for (std::size_t k = 0; k < metrics.names.size(); ++k)
    record[py::str(metrics.names[k])] = Eigen::VectorXd(metrics.values.col(static_cast<Eigen::Index>(k)));
  return record;
}

void bind_learning(py::module_& module, py::class_<LoadedProblem>& problem) {
  problem.def_property_readonly("name", [](const LoadedProblem& self) { return self.dataset.name; })
      .def_property_readonly("task_names", [](const LoadedProblem& self) { return self.raw_train.names(); })
      .def_property_readonly("feature_names", [](const LoadedProblem& self) { return self.raw_train.feature_names; })
      .def_property_readonly("loss", [](const LoadedProblem& self) { return std::string(self.loss->name()); })
      .def_property_readonly("is_classification",
                             [](const LoadedProblem& self) { return self.loss->is_classification(); })
      .def_property_readonly("notes", [](const LoadedProblem& self) { return self.dataset.notes; })
      .def_property_readonly("task_column", [](const LoadedProblem& self) { return self.dataset.task_column; })
      .def_property_readonly("label_column", [](const LoadedProblem& self) { return self.dataset.label_column; })
      .def_property_readonly(
          "scale", [](const LoadedProblem& self) { return std::string(to_string(self.preparation.options().scale)); })
      .def_property_readonly("pca", [](const LoadedProblem& self) { return self.preparation.options().pca; })
      .def_property_readonly(
          "label_scale",
          [](const LoadedProblem& self) { return std::string(to_string(self.preparation.options().labels)); })
      .def_property_readonly("classes",
                             [](const LoadedProblem& self) -> std::optional<std::vector<std::string>> {
                               if (!self.dataset.classes) return std::nullopt;
                               return std::vector{self.dataset.classes->negative, self.dataset.classes->positive};
                             })
      .def("train", [](const LoadedProblem& self) { return rows_of(self.raw_train); })
      .def("test", [](const LoadedProblem& self) { return rows_of(self.raw_test); })
      .def("set_learner", [](LoadedProblem& self, const py::dict& settings) { self.learner = learner_of(settings); })
      .def("choose_lambdas", [](LoadedProblem& self, const py::dict& settings) {
        const mtrl::CrossValidationOptions grid = grid_of(settings, self.dataset.recipe.folds);
        without_gil([&](const RunControl& control) {
          choose_lambdas(self, grid, control);
          return true;
        });
      });
  module.def("fit", &fit_rows, py::arg("X"), py::arg("y"), py::arg("codes"), py::arg("names"), py::arg("features"),
             py::arg("settings"), py::arg("grid") = py::none());
  module.def("problem", &problem_of_rows, py::arg("X"), py::arg("y"), py::arg("codes"), py::arg("names"),
             py::arg("features"), py::arg("settings"));
  module.def("load_problem", &problem_of_file, py::arg("path"), py::arg("settings"));
  module.def("defaults", [] {
    const mtrl::Options learner;
    const mtrl::CrossValidationOptions grid;
    py::dict all;
    all["lambda1"] = learner.lambda1;
    all["lambda2"] = learner.lambda2;
    all["smoothing"] = learner.smoothing;
    all["tolerance"] = learner.tolerance;
    all["max_steps"] = learner.max_steps;
    all["lambdas1"] = grid.lambda1;
    all["lambdas2"] = grid.lambda2;
    return all;
  });
  module.def("covariance", [](double diagonal, const Eigen::MatrixXd& factor) {
    return mtrl::Covariance{diagonal, factor}.dense();
  });
  module.def("correlation", [](double diagonal, const Eigen::MatrixXd& factor) {
    return mtrl::Covariance{diagonal, factor}.correlation();
  });
}

}  // namespace crosstalk::python
