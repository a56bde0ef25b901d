// Defences, certificates and screens, set up as the commands `defend`, `certify` and `screen` do.
#include <memory>

#include "bindings.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/defence/group_certificate.hpp"
#include "crosstalk/defence/trim.hpp"
#include "crosstalk/evaluate/batch_screen.hpp"
#include "crosstalk/evaluate/cleaned_model.hpp"

namespace crosstalk::python {

namespace {

defence::Options defence_options_of(const Problem& problem, const py::dict& settings) {
  defence::Options options;
  take_named(settings, "method", options.method, [](const std::string& word) { return defence::method_named(word); });
  take(settings, "alpha", options.alpha);
  take(settings, "share", options.share);
  take(settings, "margin", options.margin);
  options.bias = problem.preparation.options().bias;
  options.learner = problem.learner;
  if (options.share && options.method != defence::Method::Trim)
    throw std::invalid_argument("share goes with the method \"trim\"");
  defence::require_valid(options);
  return options;
}

// One entry a row, the rows of all tasks one task behind the other, as in rows_of.
py::dict rows_record(const Problem& problem, const defence::Defended& defended) {
  std::vector<std::size_t> origin;
  std::vector<double> score;
  std::vector<double> p;
  std::vector<bool> flagged;
  std::vector<bool> kept;
  std::vector<std::vector<std::pair<std::string, double>>> reasons;
  const defence::Rows cleaned = defence::cleaned_rows(defended);
  for (std::size_t t = 0; t < defended.rows.size(); ++t) {
    const defence::RowScreen& screen = defended.rows[t];
    std::vector<bool> stays(static_cast<std::size_t>(problem.raw_train[t].rows()), false);
    for (const Eigen::Index j : cleaned[t]) stays[static_cast<std::size_t>(j)] = true;
    for (std::size_t j = 0; j < stays.size(); ++j) {
      origin.push_back(problem.raw_train[t].origin.empty() ? origin.size() : problem.raw_train[t].origin[j]);
      score.push_back(screen.score[static_cast<Eigen::Index>(j)]);
      p.push_back(screen.p[static_cast<Eigen::Index>(j)]);
      flagged.push_back(screen.flagged[j]);
      kept.push_back(stays[j]);
      reasons.emplace_back();
      if (j < screen.reasons.size())
        for (const defence::Reason& reason : screen.reasons[j]) reasons.back().emplace_back(reason.detector, reason.p);
    }
  }
  py::dict record;
  record["origin"] = py::array(py::cast(origin));
  record["score"] = py::array(py::cast(score));
  record["p"] = py::array(py::cast(p));
  record["flagged"] = py::array(py::cast(flagged));
  record["kept"] = py::array(py::cast(kept));
  record["reasons"] = reasons;
  return record;
}

py::dict defend(const LoadedProblem& problem, const py::dict& settings, bool relearn, const py::object& grid_settings) {
  const defence::Options options = defence_options_of(problem, settings);
  std::optional<mtrl::CrossValidationOptions> grid;
  if (!grid_settings.is_none()) grid = grid_of(grid_settings.cast<py::dict>(), problem.dataset.recipe.folds);
  defence::Defended defended;
  std::optional<evaluate::CleanedModel> learned;
  without_gil([&](const RunControl& control) {
    defended = defence::defend(problem.train, *problem.loss, options);
    if (!relearn) return true;
    learned = evaluate::learn_cleaned(problem, defended, [&](Problem& kept) {
      if (grid) choose_lambdas(kept, grid, control);
    });
    learned->fit.weights = learned->weights;
    return true;
  });
  py::dict record;
  record["rows"] = rows_record(problem, defended);
  record["left_out"] = defended.left_out;
  py::list tasks;
  for (const defence::TaskScreen& task : defended.tasks) {
    py::dict one;
    one["flagged_share"] = task.flagged_share;
    one["left_out"] = task.left_out;
    one["left_out_whole"] = task.left_out_whole;
    one["outlyingness"] = task.outlyingness;
    one["score"] = task.score;
    one["flagged"] = task.flagged;
    one["learned_alone"] = task.alone;
    tasks.append(one);
  }
  record["tasks"] = tasks;
  if (learned) record["fit"] = fit_record(learned->problem, learned->fit);
  return record;
}

py::dict screen(const LoadedProblem& trusted, const Matrix& X, const Matrix& y, const Codes& codes,
                const py::dict& settings) {
  std::vector<std::string> names = trusted.raw_train.names();
  names.emplace_back("");  // of strangers
  const RowsView view(X, y, codes, std::move(names), trusted.raw_train.feature_names);
  evaluate::BatchScreenOptions options;
  options.learner = trusted.learner;
  options.bias = trusted.preparation.options().bias;
  options.stranger_labels = trusted.preparation.options().labels != LabelScale::Task;
  take(settings, "alpha", options.alpha);
  take(settings, "any_dependence", options.any_dependence);
  take_named(settings, "reference", options.reference, [](const std::string& word) {
    if (word != "all" && word != "task")
      throw std::invalid_argument("reference is \"" + word + "\"; it must be \"all\" or \"task\"");
    return word == "all" ? evaluate::Reference::All : evaluate::Reference::Task;
  });
  take(settings, "seed", options.seed);
  evaluate::require_valid(options);
  TaskSet batch;
  const evaluate::BatchScreen done = without_gil([&](const RunControl& control) {
    batch = view.tasks();
    TaskSet known = batch;
    known.tasks.pop_back();
    const TaskSet strangers = {batch.tasks.back()};
    return evaluate::screen_batch(trusted.train, trusted.preparation.apply(known),
                                  trusted.preparation.apply(strangers)[0], *trusted.loss, options, control);
  });
  std::vector<std::size_t> origin;
  std::vector<double> score, p, residual, distance;
  std::vector<bool> flagged, rejected;
  for (std::size_t t = 0; t < done.tasks.size(); ++t) {
    const evaluate::ScreenedTask& task = done.tasks[t];
    for (std::size_t j = 0; j < task.flagged.size(); ++j) {
      const auto row = static_cast<Eigen::Index>(j);
      origin.push_back(batch[t].origin[j]);
      score.push_back(task.score[row]);
      p.push_back(task.p[row]);
      residual.push_back(task.residual[row]);
      distance.push_back(task.distance[row]);
      flagged.push_back(task.flagged[j]);
      rejected.push_back(task.rejected[j]);
    }
  }
  py::dict record;
  record["origin"] = py::array(py::cast(origin));
  record["score"] = py::array(py::cast(score));
  record["p"] = py::array(py::cast(p));
  record["residual"] = py::array(py::cast(residual));
  record["distance"] = py::array(py::cast(distance));
  record["flagged"] = py::array(py::cast(flagged));
  record["rejected"] = py::array(py::cast(rejected));
  record["converged"] = done.converged;
  return record;
}

// The voting predictor of raw rows, and the units of nothing else: the proof needs each vote to know its own tasks.
struct Voting {
  defence::VotingModel model;
  const mtrl::Loss* loss;
};

std::unique_ptr<Voting> learn_votes(const Matrix& X, const Matrix& y, const Codes& codes,
                                    std::vector<std::string> names, std::vector<std::string> features,
                                    const py::dict& settings) {
  const RowsView view(X, y, codes, std::move(names), std::move(features));
  std::string loss_name = "squared";
  take(settings, "loss", loss_name);
  const mtrl::Loss& loss = mtrl::loss_named(loss_name);
  defence::GroupOptions options;
  take(settings, "groups", options.groups);
  take(settings, "seed", options.seed);
  take(settings, "lambda1", options.learner.lambda1);
  take(settings, "lambda2", options.learner.lambda2);
  take(settings, "smoothing", options.learner.smoothing);
  take(settings, "tolerance", options.learner.tolerance);
  take_named(settings, "scale", options.preparation.scale, [](const std::string& word) { return scale_named(word); });
  std::optional<LabelScale> labels;
  take_named(settings, "label_scale", labels, [](const std::string& word) { return label_scale_named(word); });
  options.preparation.labels = label_scale_for(labels, options.preparation.labels, loss);
  options.threads = thread_count(settings);
  defence::require_valid(options);
  return without_gil([&](const RunControl& control) {
    return std::make_unique<Voting>(Voting{defence::learn_votes(view.tasks(), loss, options, control), &loss});
  });
}

}  // namespace

void bind_defences(py::module_& module, py::class_<LoadedProblem>& problem) {
  problem.def("defend", &defend, py::arg("settings"), py::arg("relearn") = false, py::arg("grid") = py::none())
      .def("screen", &screen);
  module.def("learn_votes", &learn_votes);
  py::class_<Voting>(module, "Voting", "A voting predictor with a certificate.")
      .def_property_readonly("most_malicious", [](const Voting& self) { return self.model.most_malicious(); })
      .def("votes",
           [](const Voting& self, std::size_t target, const Eigen::MatrixXd& features,
              const std::vector<std::size_t>& k) {
             if (target >= self.model.targets.size()) throw std::invalid_argument("there is no such task");
             const defence::Votes votes = self.model.votes(target, features);
             py::dict record;
             record["prediction"] = votes.prediction();
             py::list low;
             py::list high;
             for (const std::size_t one : k) {
               low.append(votes.lower(one));
               high.append(votes.upper(one));
             }
             record["low"] = low;
             record["high"] = high;
             return record;
           })
      .def("certify", [](const Voting& self, const Matrix& X, const Matrix& y, const Codes& codes, std::size_t most) {
        std::vector<std::string> names;
        for (const defence::VotingModel::Target& target : self.model.targets) names.push_back(target.name);
        const TaskSet rows = RowsView(X, y, codes, std::move(names), {}).tasks();
        std::vector<defence::Votes> votes;
        for (std::size_t i = 0; i < rows.size(); ++i) votes.push_back(self.model.votes(i, rows[i].features));
        const defence::GroupCertificate proven = defence::certify_votes(votes, rows, *self.loss, most);
        py::dict record;
        record["losses"] = proven.losses;
        record["correct"] = proven.correct;
        record["total_losses"] = proven.total_losses;
        record["total_correct"] = proven.total_correct;
        return record;
      });
}

}  // namespace crosstalk::python
