#include "crosstalk/problem/class_problems.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk {

ClassProblems::ClassProblems(const data::CsvCoding& coding, const std::vector<std::string>& problems)
    : classes_(coding.label_words) {
  const bool classes_are_tasks = coding.task_column.empty();
  for (std::size_t k = 0; k < problems.size(); ++k) {
    const std::size_t slash = problems[k].rfind('/');
    const std::string task = classes_are_tasks ? "all" : problems[k].substr(0, slash == std::string::npos ? 0 : slash);
    const std::string word = classes_are_tasks            ? problems[k]
                             : slash == std::string::npos ? std::string()
                                                          : problems[k].substr(slash + 1);
    auto at = std::find(tasks_.begin(), tasks_.end(), task);
    if (at == tasks_.end()) {
      at = tasks_.insert(at, task);
      problems_.emplace_back(classes_.size());
    }
    const auto found = std::find(classes_.begin(), classes_.end(), word);
    if (found == classes_.end())
      throw DataError(fmt::format("the task {} is of none of the classes {}", data::in_quotes(problems[k]),
                                  data::listed(classes_)));
    problems_[static_cast<std::size_t>(at - tasks_.begin())][static_cast<std::size_t>(found - classes_.begin())] = k;
  }
}

std::optional<std::size_t> ClassProblems::problem(std::size_t task, std::size_t class_position) const {
  return problems_[task][class_position];
}

Eigen::MatrixXd ClassProblems::scores(std::size_t task, const Eigen::MatrixXd& X, const Eigen::MatrixXd& W) const {
  Eigen::MatrixXd z = Eigen::MatrixXd::Constant(X.rows(), static_cast<Eigen::Index>(classes_.size()),
                                                -std::numeric_limits<double>::infinity());
  for (std::size_t c = 0; c < classes_.size(); ++c)
    if (const auto k = problem(task, c); k && X.rows() > 0)
      z.col(static_cast<Eigen::Index>(c)) = X * W.col(static_cast<Eigen::Index>(*k));
  return z;
}

Eigen::MatrixXd ClassProblems::mean_scores(const Eigen::MatrixXd& X, const Eigen::MatrixXd& W) const {
  Eigen::MatrixXd mean = Eigen::MatrixXd::Constant(X.rows(), static_cast<Eigen::Index>(classes_.size()),
                                                   -std::numeric_limits<double>::infinity());
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(X.rows());
    double count = 0.0;
    for (std::size_t t = 0; t < tasks_.size(); ++t)
      if (const auto k = problem(t, c)) {
        sum += X * W.col(static_cast<Eigen::Index>(*k));
        count += 1.0;
      }
    if (count > 0.0) mean.col(static_cast<Eigen::Index>(c)) = sum / count;
  }
  return mean;
}

std::vector<std::vector<Eigen::Index>> ClassProblems::kept_together(std::vector<std::vector<Eigen::Index>> kept) const {
  for (const auto& of_task : problems_) {
    std::optional<std::vector<Eigen::Index>> together;
    for (const auto& k : of_task) {
      if (!k) continue;
      if (!together) {
        together = kept[*k];
        continue;
      }
      std::vector<Eigen::Index> both;
      std::set_intersection(together->begin(), together->end(), kept[*k].begin(), kept[*k].end(),
                            std::back_inserter(both));
      together = std::move(both);
    }
    for (const auto& k : of_task)
      if (k) kept[*k] = *together;
  }
  return kept;
}

mtrl::Metrics ClassProblems::metrics(const TaskSet& rows, const Eigen::MatrixXd& W) const {
  constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
  mtrl::Metrics result{{"accuracy", "macro_auc"},
                       Eigen::MatrixXd::Constant(static_cast<Eigen::Index>(tasks_.size()), 2, undefined)};
  for (std::size_t t = 0; t < tasks_.size(); ++t) {
    double right = 0.0;
    double auc_sum = 0.0;
    double auc_count = 0.0;
    Eigen::Index n = 0;
    Eigen::MatrixXd z;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const auto k = problem(t, c);
      if (!k || rows[*k].rows() == 0) continue;
      if (n == 0) z = scores(t, rows[*k].features, W);  // the same rows in all of them
      n = rows[*k].rows();
      const Eigen::VectorXd& labels = rows[*k].labels;
      for (Eigen::Index j = 0; j < n; ++j) {
        Eigen::Index chosen = 0;
        z.row(j).maxCoeff(&chosen);
        if (labels[j] > 0.0 && chosen == static_cast<Eigen::Index>(c)) right += 1.0;
      }
      const double auc = mtrl::auc(z.col(static_cast<Eigen::Index>(c)), labels);
      if (auc != auc) continue;
      auc_sum += auc;
      auc_count += 1.0;
    }
    const auto row = static_cast<Eigen::Index>(t);
    if (n > 0) result.values(row, 0) = right / static_cast<double>(n);
    if (auc_count > 0.0) result.values(row, 1) = auc_sum / auc_count;
  }
  return result;
}

void require_two_classes(const data::Dataset& dataset, const std::string& advice) {
  if (!dataset.csv || !ClassProblems::has_several_classes(dataset.csv->coding)) return;
  const std::vector<std::string>& words = dataset.csv->coding.label_words;
  throw DataError(fmt::format("{}: the label {} has {} words ({}); {}", dataset.name,
                              data::in_quotes(dataset.label_column), words.size(), data::listed(words), advice));
}

TaskSet one_against_rest(const TaskSet& tasks, const data::CsvCoding& coding, const std::string& name) {
  const bool classes_are_tasks = coding.task_column.empty();
  TaskSet problems;
  problems.feature_names = tasks.feature_names;
  for (const Task& task : tasks)
    for (std::size_t c = 0; c < coding.label_words.size(); ++c) {
      const std::string& word = coding.label_words[c];
      if (!classes_are_tasks && word.find('/') != std::string::npos)
        throw DataError(fmt::format("{}: the class {} holds a /, which stands between task and class; write it without",
                                    name, data::in_quotes(word)));
      Task problem = task;
      problem.name = classes_are_tasks ? word : task.name + "/" + word;
      for (double& label : problem.labels) label = label == static_cast<double>(c) ? 1.0 : -1.0;
      problems.tasks.push_back(std::move(problem));
    }
  return problems;
}

}  // namespace crosstalk
