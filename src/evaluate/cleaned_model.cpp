#include "crosstalk/evaluate/cleaned_model.hpp"

#include <vector>

namespace crosstalk::evaluate {

CleanedModel learn_cleaned(const Problem& problem, const defence::Defended& defended,
                           const std::function<void(Problem&)>& choose_lambdas) {
  CleanedModel learned{problem, defended.fit, defended.weights};
  if (defended.left_out == 0.0) return learned;
  Problem& cleaned = learned.problem;
  cleaned.raw_train = defence::select(problem.raw_train, defended.kept);
  cleaned.preparation = Preparation::fit(cleaned.raw_train, problem.preparation.options());
  cleaned.train = cleaned.preparation.apply(cleaned.raw_train);
  cleaned.test = cleaned.preparation.apply(problem.raw_test);
  std::vector<bool> left_out;
  Problem sharing = cleaned;
  sharing.train.tasks.clear();
  for (std::size_t i = 0; i < cleaned.train.size(); ++i) {
    left_out.push_back(defended.tasks[i].left_out_whole);
    if (!left_out[i]) sharing.train.tasks.push_back(cleaned.train[i]);
  }
  choose_lambdas(sharing);
  cleaned.learner = sharing.learner;
  cleaned.cross_validation = sharing.cross_validation;
  cleaned.dataset.notes = sharing.dataset.notes;
  learned.fit = defence::fit_shared(cleaned.train, left_out, *cleaned.loss, cleaned.learner);
  learned.weights = learned.fit.weights;
  for (std::size_t i = 0; i < cleaned.train.size(); ++i)
    if (defended.tasks[i].alone)
      learned.weights.col(static_cast<Eigen::Index>(i)) =
          mtrl::solve({cleaned.train[i]}, *cleaned.loss, cleaned.learner).weights;
  return learned;
}

}  // namespace crosstalk::evaluate
