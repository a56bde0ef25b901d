#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <Eigen/Eigenvalues>

#include "cli/command.hpp"
#include "data/gzip.hpp"

using namespace cli;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

// (W'W + e^2 I)^(1/2)
Eigen::MatrixXd root_of(const Eigen::MatrixXd& W, double e) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spectrum(W.transpose() * W);
  const Eigen::VectorXd roots = (spectrum.eigenvalues().array().max(0.0) + e * e).sqrt();
  return spectrum.eigenvectors() * roots.asDiagonal() * spectrum.eigenvectors().transpose();
}

std::vector<std::string> names_in(const std::string& csv) {
  std::vector<std::string> names;
  for (const auto& row : cells_of(csv).rows) names.push_back(row[0]);
  return names;
}

double loss_of(const std::string& name, double z, double y) {
  if (name == "squared") return (z - y) * (z - y);
  if (name == "squared-hinge") return std::pow(std::max(0.0, 1.0 - y * z), 2);
  return std::log1p(std::exp(-y * z));
}

// sum_i 1/n_i sum_j loss + l1/2 |W|^2 + l2/2 tau^2 by plain loops over the rows of the file, the bias penalised.
double objective_of(const std::vector<Row>& rows, const std::vector<std::string>& tasks, const Eigen::MatrixXd& W,
                    const std::string& loss, double lambda1, double lambda2, double e) {
  double objective = 0.0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    double sum = 0.0;
    double count = 0.0;
    for (const Row& row : rows) {
      if (row.task != tasks[i]) continue;
      double z = W(W.rows() - 1, static_cast<Eigen::Index>(i));
      for (std::size_t k = 0; k < row.features.size(); ++k)
        z += row.features[k] * W(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(i));
      sum += loss_of(loss, z, row.label);
      count += 1.0;
    }
    objective += sum / count;
  }
  const double tau = root_of(W, e).trace();
  return objective + 0.5 * lambda1 * W.squaredNorm() + 0.5 * lambda2 * tau * tau;
}

class FitCommand : public Command {
 protected:
  void SetUp() override {
    write("ratings.csv", ratings_csv());
    write("signs.csv", signs_csv());
  }
};

TEST_F(FitCommand, TheObjectiveIsThatOfTheFormulaAtTheWeightsItWrote) {
  for (const std::string loss : {"squared", "squared-hinge", "logistic"}) {
    SCOPED_TRACE(loss);
    const std::string file = loss == "squared" ? "ratings.csv" : "signs.csv";
    const auto ended =
        crosstalk({"fit",         file,    "--task",    "shop", "--label",         "stars",
                   "--loss",      loss,    "--lambda1", "0.02", "--lambda2",       "0.3",
                   "--smoothing", "0.05",  "--scale",   "none", "--test-fraction", "0",
                   "--tolerance", "1e-12", "--out",     "out",  "--json",          "--standardise-labels",
                   "none"});
    ASSERT_TRUE(ended_well(ended));
    const auto fit = nlohmann::json::parse(ended.out).at("fit");
    const std::string weights = read_file(path(fit.at("weights_file")));
    const auto tasks = names_in(weights);
    ASSERT_THAT(tasks, ElementsAre("alpha", "beta", "gamma", "delta"));
    EXPECT_EQ(cells_of(weights).header, (std::vector<std::string>{"task", "a", "b", "c", "(bias)"}));
    const Eigen::MatrixXd W = weights_in(weights);

    const auto rows = rows_of(cells_of(read_file(path(file))));
    const double expected = objective_of(rows, tasks, W, loss, 0.02, 0.3, 0.05);
    EXPECT_NEAR(fit.at("objective").get<double>(), expected, 1e-12 * expected);  // the same sum in another order
    EXPECT_EQ(fit.at("status"), "converged");
    EXPECT_LE(fit.at("gap").get<double>(), 1e-12 * expected);
    EXPECT_LE(fit.at("gradient_norm").get<double>(), std::sqrt(2.0 * 0.02 * 1e-12 * expected));
    EXPECT_GE(fit.at("seconds").get<double>(), 0.0);
    EXPECT_GT(fit.at("peak_mb").get<double>(), 1.0);

    // It is the minimum: a step in any weight costs at least l1/2 step^2, less what the gap leaves open.
    for (Eigen::Index k = 0; k < W.size(); ++k)
      for (const double step : {-1e-3, 1e-3}) {
        Eigen::MatrixXd moved = W;
        moved.data()[k] += step;
        EXPECT_GT(objective_of(rows, tasks, moved, loss, 0.02, 0.3, 0.05), expected + 0.4 * 0.02 * step * step);
      }
  }
}

TEST_F(FitCommand, TheCovarianceIsTheScaledRootOfTheWeights) {
  ASSERT_TRUE(
      ended_well(crosstalk(on_ratings("fit") + std::vector<std::string>{"--smoothing", "0.1", "--out", "out"})));
  const Eigen::MatrixXd W = weights_in(read_file(path("out/weights.csv")));
  const std::string csv = read_file(path("out/covariance.csv"));
  const Eigen::MatrixXd covariance = covariance_in(csv);

  EXPECT_EQ(cells_of(csv).header, (std::vector<std::string>{"task", "alpha", "beta", "gamma", "delta"}));
  EXPECT_THAT(names_in(csv), ElementsAre("alpha", "beta", "gamma", "delta"));
  EXPECT_NEAR(covariance.trace(), 1.0, 1e-13);
  const Eigen::MatrixXd root = root_of(W, 0.1);
  EXPECT_LT((covariance - root / root.trace()).norm(), 1e-12);  // eigenvalues to 1e-16 relative to the largest, above e
  EXPECT_GT(covariance(0, 1), 0.0);
  EXPECT_LT(covariance(0, 2), 0.0);
}

TEST_F(FitCommand, HoldsOutTheShareItIsTold) {
  ASSERT_TRUE(
      ended_well(crosstalk(on_ratings("fit") + std::vector<std::string>{"--test-fraction", "0.3", "--out", "out"})));
  const auto json = record("out");
  // round(0.3 n) of 9, 12, 15, 10 rows: 3 + 4 + 5 + 3 (halves up)
  EXPECT_EQ(json.at("data").at("test_rows"), 15);
  EXPECT_EQ(json.at("data").at("training_rows"), 31);
  EXPECT_EQ(json.at("test").at("rows"), "held-out");
  EXPECT_LT(json.at("train").at("mean").at("rmse"), json.at("test").at("mean").at("rmse"));
  double sum = 0.0;
  for (const char* task : {"alpha", "beta", "gamma", "delta"})
    sum += json.at("test").at("tasks").at(task).at("rmse").get<double>();
  EXPECT_NEAR(json.at("test").at("mean").at("rmse").get<double>(), sum / 4.0, 1e-14);
  // Three to five rows a task are too few to divide by the variance of their labels.
  EXPECT_TRUE(json.at("test").at("mean").at("nmse").is_null());
  EXPECT_TRUE(json.at("train").at("mean").at("nmse").is_number());
}

TEST_F(FitCommand, WithNothingHeldOutTheTestIsOnTheTrainingRowsAndSaysSo) {
  const auto ended =
      crosstalk(on_ratings("fit") + std::vector<std::string>{"--test-fraction", "0", "--out", "out", "--json"});
  ASSERT_TRUE(ended_well(ended));
  const auto json = nlohmann::json::parse(ended.out);
  EXPECT_EQ(json.at("test").at("rows"), "training");
  EXPECT_TRUE(json.at("test").at("mean").at("rmse").is_number());
  EXPECT_EQ(json.at("test").at("mean"), json.at("train").at("mean"));
  EXPECT_EQ(json.at("test").at("tasks"), json.at("train").at("tasks"));
  EXPECT_THAT(crosstalk({"fit", "--help"}).out, HasSubstr("test.rows"));
}

TEST_F(FitCommand, AClassificationLossIsMeasuredByAucAndAccuracy) {
  ASSERT_TRUE(ended_well(
      crosstalk({"fit", "signs.csv", "--task", "shop", "--label", "stars", "--lambda1", "0.01", "--out", "out"})));
  const auto json = record("out");
  EXPECT_EQ(json.at("learner").at("loss"), "squared-hinge");
  EXPECT_GT(json.at("test").at("mean").at("auc").get<double>(), 0.8);
  EXPECT_GT(json.at("test").at("mean").at("accuracy").get<double>(), 0.7);
}

TEST_F(FitCommand, WithoutATaskColumnThereIsOneTask) {
  ASSERT_TRUE(ended_well(
      crosstalk({"fit", "ratings.csv", "--ignore", "shop", "--label", "stars", "--lambda1", "0.1", "--out", "out"})));
  EXPECT_EQ(record("out").at("data").at("tasks"), 1);
  EXPECT_THAT(names_in(read_file(path("out/weights.csv"))), ElementsAre("all"));
  EXPECT_DOUBLE_EQ(covariance_in(read_file(path("out/covariance.csv")))(0, 0), 1.0);
}

TEST_F(FitCommand, UnitBallDividesByTheLargestTrainingRow) {
  double largest = 0.0;
  for (const Row& row : rows_of(cells_of(ratings_csv())))
    largest = std::max(largest, Eigen::Map<const Eigen::VectorXd>(row.features.data(), 3).norm());
  const auto whole = on_ratings("fit") + std::vector<std::string>{"--test-fraction", "0"};
  ASSERT_TRUE(ended_well(crosstalk(whole + std::vector<std::string>{"--scale", "unit-ball", "--out", "scaled"})));
  EXPECT_NEAR(record("scaled").at("data").at("preparation").at("divisor").get<double>(), largest, 1e-14 * largest);
  // What it learned is what it learns without a scale from features divided by hand.
  std::string divided = "shop,stars,a,b,c\n";
  for (const Row& row : rows_of(cells_of(ratings_csv())))
    divided += fmt::format("{},{},{},{},{}\n", row.task, row.label, row.features[0] / largest,
                           row.features[1] / largest, row.features[2] / largest);
  write("ratings.csv", divided);
  ASSERT_TRUE(ended_well(crosstalk(whole + std::vector<std::string>{"--scale", "none", "--out", "none"})));
  const Eigen::MatrixXd scaled = weights_in(read_file(path("scaled/weights.csv")));
  EXPECT_LT((scaled - weights_in(read_file(path("none/weights.csv")))).norm(), 1e-9 * scaled.norm());
}

// Whatever the units of a column, its zero, and those of a number label: the file says the same, lambdas included.
TEST_F(FitCommand, PredictionsDoNotDependOnTheUnitsOfTheFile) {
  const auto predictions = [&](const std::string& csv, const std::function<void(Row&)>& change) {
    std::string text = "shop,stars,a,b,c\n";
    for (Row row : rows_of(cells_of(csv))) {
      change(row);
      text += fmt::format("{},{:.17g},{:.17g},{:.17g},{:.17g}\n", row.task, row.label, row.features[0], row.features[1],
                          row.features[2]);
    }
    write("moved.csv", text);
    const std::vector<std::string> columns = {"--task", "shop", "--label", "stars", "--quiet"};
    EXPECT_TRUE(ended_well(crosstalk(std::vector<std::string>{"fit", "moved.csv", "--out", "moved"} + columns)));
    EXPECT_TRUE(ended_well(crosstalk(
        std::vector<std::string>{"predict", "moved/model.json", "moved.csv", "--out", "predicted"} + columns)));
    const Cells cells = cells_of(read_file(path("predicted/predictions.csv")));
    Eigen::VectorXd values(static_cast<Eigen::Index>(cells.rows.size()));
    for (std::size_t j = 0; j < cells.rows.size(); ++j)
      values[static_cast<Eigen::Index>(j)] = number(cells.rows[j][cells.column("prediction")]);
    return values;
  };
  for (const std::string& csv : {ratings_csv(), signs_csv()}) {
    const Eigen::VectorXd plain = predictions(csv, [](Row&) {});
    const double scale = (plain.array() - plain.mean()).matrix().norm() / std::sqrt(static_cast<double>(plain.size()));
    const auto expect_same = [&](const Eigen::VectorXd& moved) {
      EXPECT_LT((moved - plain).cwiseAbs().maxCoeff(), 1e-6 * scale);
    };
    for (std::size_t k = 0; k < 3; ++k) {
      SCOPED_TRACE(k);
      expect_same(predictions(csv, [&](Row& row) { row.features[k] *= 1e6; }));
      expect_same(predictions(csv, [&](Row& row) { row.features[k] *= -1e-6; }));
      expect_same(predictions(csv, [&](Row& row) { row.features[k] += 1e6; }));  // deviations are near 1
    }
    if (csv != ratings_csv()) continue;
    expect_same(predictions(csv, [](Row& row) { row.label *= 1e6; }) / 1e6);
    expect_same(predictions(csv, [](Row& row) { row.label += 1e3; }).array() - 1e3);
  }
}

TEST_F(FitCommand, TheFormOfTheFileDoesNotMatter) {
  const auto words = [](const std::string& file, const std::string& out) {
    return std::vector<std::string>{"fit",   file,        "--task", "shop",  "--label",
                                    "stars", "--lambda1", "0.1",    "--out", out};
  };
  std::string semicolons = ratings_csv();
  std::replace(semicolons.begin(), semicolons.end(), ',', ';');
  write("semicolons.csv", semicolons);
  write("packed.csv.gz", crosstalk::data::deflated(ratings_csv()));
  ASSERT_TRUE(ended_well(crosstalk(words("ratings.csv", "plain"))));
  for (const auto& [file, out] :
       {std::pair<std::string, std::string>{"semicolons.csv", "two"}, {"packed.csv.gz", "three"}}) {
    ASSERT_TRUE(ended_well(crosstalk(words(file, out)))) << file;
    EXPECT_EQ(read_file(path("plain/weights.csv")), read_file(path(out) / "weights.csv")) << file;
  }
}

// Whether asked for or not, unless a lambda is given.
TEST_F(FitCommand, CrossValidationChoosesLambdasOfTheLeastLossThatPullHardest) {
  ASSERT_TRUE(ended_well(
      crosstalk({"fit", "ratings.csv", "--task", "shop", "--label", "stars", "--cv", "--quiet", "--out", "asked"})));
  ASSERT_TRUE(
      ended_well(crosstalk({"fit", "ratings.csv", "--task", "shop", "--label", "stars", "--quiet", "--out", "out"})));
  EXPECT_EQ(record("out").at("learner"), record("asked").at("learner"));
  const auto learner = record("out").at("learner");
  EXPECT_EQ(learner.at("chosen_by_cross_validation"), true);
  ASSERT_GT(learner.at("trials").size(), 3U);
  double least = std::numeric_limits<double>::infinity();
  for (const auto& trial : learner.at("trials")) least = std::min(least, trial.at("loss").get<double>());
  const auto pull = [](const nlohmann::json& of) {
    return std::pair(of.at("lambda1").get<double>(), of.at("lambda2").get<double>());
  };
  std::pair<double, double> hardest = {0.0, 0.0};
  for (const auto& trial : learner.at("trials"))
    if (trial.at("loss").get<double>() <= least * (1.0 + 1e-4)) hardest = std::max(hardest, pull(trial));
  EXPECT_EQ(pull(learner), hardest);
}

TEST_F(FitCommand, PrintsTheRecordOrASummaryAndWritesTheRecordEitherWay) {
  const auto json = crosstalk(on_ratings("fit") + std::vector<std::string>{"--out", "one", "--json"});
  ASSERT_TRUE(ended_well(json));
  EXPECT_EQ(json.out, read_file(path("one/run.json")));
  const auto summary = crosstalk(on_ratings("fit") + std::vector<std::string>{"--out", "two"});
  ASSERT_TRUE(ended_well(summary));
  EXPECT_THAT(summary.out, testing::AllOf(HasSubstr("4 tasks"), HasSubstr("converged"), HasSubstr("two/model.json")));
  auto one = without_timings(record("one"));
  auto two = without_timings(record("two"));
  for (auto* r : {&one, &two})
    for (const char* file : {"weights_file", "covariance_file", "model_file"}) r->at("fit").erase(file);
  EXPECT_EQ(one, two);
}

// An accuracy that no arithmetic reaches: the answer is written, and the exit code says that it is not certified.
TEST_F(FitCommand, SaysWhenItDidNotConverge) {
  const auto ended = crosstalk(on_ratings("fit") + std::vector<std::string>{"--tolerance", "1e-300", "--out", "out"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_NE(record("out").at("fit").at("status"), "converged");
}

}  // namespace
