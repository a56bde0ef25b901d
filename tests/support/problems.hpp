#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/task_set.hpp"

/// Small synthetic problems, the same for one seed on every machine.
namespace crosstalk::problems {

struct Size {
  Eigen::Index tasks = 4;
  Eigen::Index rows = 30;
  Eigen::Index features = 6;
  double noise = 0.1;
  std::uint64_t seed = 1;
};

/// Standard normal numbers.
Eigen::MatrixXd normal_matrix(Eigen::Index rows, Eigen::Index cols, std::uint64_t seed);

/// One regression task with its own random weights; the last feature is the constant 1.
Task linear_task(const Size& size);

/// Regression tasks that share one direction with the signs +, +, -, -, +, +, ... and have a tenth of their own:
/// tasks of one sign are positively related, tasks of different signs negatively. Task i has `rows` + i rows.
TaskSet related_regression(const Size& size);

/// The same tasks with the label replaced by its sign, one label in ten flipped.
TaskSet related_classification(const Size& size);

/// Related regression tasks that all have the same rows.
TaskSet shared_rows(const Size& size);

/// Regression tasks whose labels are, up to noise, multiples of one function: with a strong pull between the tasks
/// (lambda2 = 1, lambda1 = 0.01) and e = 0 the solution has rank 1.
TaskSet rank_one(const Size& size);

/// related_regression or related_classification, whichever the loss needs.
TaskSet related_for(const mtrl::Loss& loss, const Size& size);

/// Rows to add to the problem: `rows[i]` for task i, random, with labels that suit the loss.
TaskSet injected_for(const TaskSet& clean, const mtrl::Loss& loss, const std::vector<Eigen::Index>& rows,
                     std::uint64_t seed);

struct Named {
  std::string name;
  TaskSet tasks;
  const mtrl::Loss* loss;
};
/// All losses on wide (d < m), square and tall (d > m) weight matrices, and shared rows on both sides.
std::vector<Named> battery();

}  // namespace crosstalk::problems
