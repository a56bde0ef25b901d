#include "crosstalk/mtrl/sparse_rows.hpp"

#include <gmock/gmock.h>

#include "crosstalk/rng.hpp"
#include "support/problems.hpp"

namespace crosstalk::mtrl {
namespace {

// One-hot like rows: a few entries each, the last column the same in all rows, one column without entries.
SparseTaskSet sparse_tasks(Eigen::Index features, Eigen::Index rows) {
  Rng rng(3);
  SparseTaskSet tasks;
  for (int i = 0; i < 4; ++i) {
    SparseTask task{"task " + std::to_string(i), SparseRows(rows + i, features), Eigen::VectorXd(rows + i)};
    for (Eigen::Index j = 0; j < rows + i; ++j) {
      for (int k = 0; k < 6; ++k)
        task.features.coeffRef(j, static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(features - 2)))) =
            rng.uniform(0.5, 2.0);
      task.features.coeffRef(j, features - 1) = 3.0;
      task.labels[j] = rng.normal() < 0.0 ? -1.0 : 1.0;
    }
    task.features.makeCompressed();
    tasks.tasks.push_back(std::move(task));
  }
  return tasks;
}

// ((x - shift) scale, 1), written out.
TaskSet dense(const SparseTaskSet& tasks, const ColumnScale& columns) {
  TaskSet result = tasks.dense();
  for (Task& task : result) {
    Eigen::MatrixXd X = (task.features.rowwise() - columns.shift.transpose()) * columns.scale.asDiagonal();
    task.features = Eigen::MatrixXd::Ones(X.rows(), columns.outputs());
    task.features.leftCols(X.cols()) = X;
  }
  return result;
}

TEST(SparseRows, FitsAndScoresEqualThoseOfDenseRows) {
  constexpr Options kOptions = {.lambda1 = 0.05, .lambda2 = 0.1, .smoothing = 0.05, .tolerance = 1e-20};
  for (const Eigen::Index rows : {12, 80})  // fewer and more than features
    for (const std::string& name : loss_names())
      for (const bool bias : {true, false}) {
        const SparseTaskSet tasks = sparse_tasks(150, rows);
        for (const ColumnScale& columns : {ColumnScale::standard(tasks, bias), ColumnScale::none(150, bias)}) {
          const Fit fit = solve(tasks, loss_named(name), kOptions, columns);
          const TaskSet written_out = dense(tasks, columns);
          const Fit wanted =
              solve(EmpiricalRisk(written_out, loss_named(name), EmpiricalRisk::Layout::Moments), kOptions);
          EXPECT_LT((fit.weights - wanted.weights).norm(), 1e-8 * wanted.weights.norm()) << name << ", " << rows;
          const Eigen::VectorXd z = scores(tasks.tasks[1].features, columns, fit.weights.col(1));
          EXPECT_LT((z - written_out[1].features * wanted.weights.col(1)).norm(), 1e-7 * z.norm()) << name;
        }
      }
}

TEST(SparseRows, StandardColumnsHaveMeanZeroAndDeviationOne) {
  const SparseTaskSet tasks = sparse_tasks(30, 20);
  const ColumnScale columns = ColumnScale::standard(tasks, false);
  const TaskSet scaled = dense(tasks, columns);
  Eigen::MatrixXd X(tasks.rows(), 30);
  X << scaled[0].features, scaled[1].features, scaled[2].features, scaled[3].features;
  const Eigen::RowVectorXd mean = X.colwise().mean();
  EXPECT_LT(mean.cwiseAbs().maxCoeff(), 1e-13);
  const Eigen::RowVectorXd square = X.array().square().colwise().mean();
  EXPECT_LT((square.head(28).array() - 1.0).abs().maxCoeff(), 1e-12);
  EXPECT_EQ(columns.scale[28], 0.0);  // no entries
  EXPECT_EQ(columns.scale[29], 0.0);  // the same in all rows
}

// 10^5 columns: dense rows would take 640 MB, and their Gram matrix of columns 80 GB.
TEST(SparseRows, AHundredThousandColumnsAreLearned) {
  const SparseTaskSet tasks = sparse_tasks(100000, 200);
  const ColumnScale columns = ColumnScale::none(100000);
  const Fit fit = solve(tasks, squared_loss(), {}, columns);
  EXPECT_EQ(fit.status, Status::Converged);
  // Optimal in the columns that are used: W = -grad R(W) (l1 I + l2 tau S^-1)^-1, checked by scores alone.
  const Coupling coupling(fit.weights, Options().smoothing);
  Eigen::MatrixXd gradient = Options().lambda1 * fit.weights + Options().lambda2 * coupling.gradient();
  for (Eigen::Index i = 0; i < 4; ++i) {
    const SparseTask& task = tasks.tasks[static_cast<std::size_t>(i)];
    const Eigen::VectorXd off = 2.0 / static_cast<double>(task.labels.size()) *
                                (scores(task.features, columns, fit.weights.col(i)) - task.labels);
    gradient.col(i).head(100000) += task.features.transpose() * off;
    gradient(100000, i) += off.sum();
  }
  EXPECT_NEAR(gradient.norm(), fit.gradient_norm, 1e-7);
  EXPECT_LT(gradient.squaredNorm() / (2.0 * Options().lambda1), 1e-9 * fit.objective);
}

TEST(SparseRows, RefuseWhatTheyCannotHold) {
  const SparseTaskSet tasks = sparse_tasks(30, 20);
  const auto expect = [](const SparseTaskSet& rows, const ColumnScale& columns, const std::string& message) {
    EXPECT_THAT([&] { SparseRowSpace(rows, columns); }, testing::ThrowsMessage<std::invalid_argument>(message));
  };
  expect({}, ColumnScale::none(0), "sparse rows: there are none");
  expect(tasks, ColumnScale::none(29), "sparse rows: scales of 29 columns for 30 features");
  expect({{{"many", SparseRows(20001, 3), Eigen::VectorXd(20001)}}}, ColumnScale::none(3),
         "sparse rows: 20001 rows; their inner products are stored for at most 20000");
  expect({{{"zero", SparseRows(2, 3), Eigen::VectorXd(2)}}}, ColumnScale::none(3, false),
         "sparse rows: all of them are 0");
  expect({{{"short", SparseRows(2, 3), Eigen::VectorXd(1)}}}, ColumnScale::none(3),
         "sparse rows: task \"short\" has 1 labels for 2 rows");
  expect({{{"a", SparseRows(2, 3), Eigen::VectorXd(2)}, {"b", SparseRows(2, 4), Eigen::VectorXd(2)}}},
         ColumnScale::none(3), "sparse rows: task \"b\" has 4 features, the first has 3");
  EXPECT_THAT([&] { scores(tasks.tasks[0].features, ColumnScale::none(30), Eigen::VectorXd(30)); },
              testing::ThrowsMessage<std::invalid_argument>("sparse rows: 30 features and 30 weights for 30 columns"));
}

}  // namespace
}  // namespace crosstalk::mtrl
