#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;

namespace {

// Four tasks y = +-sin(2 x), x evenly spaced, which no line explains.
std::string waves_csv() {
  std::string text = "shop,x,stars\n";
  for (int j = 0; j < 40; ++j)
    for (int i = 0; i < 4; ++i) {
      const double x = -3.0 + 0.15 * j + 0.03 * i;
      text += fmt::format("s{},{},{}\n", i, x, (i % 2 == 0 ? 1.0 : -1.0) * std::sin(2.0 * x));
    }
  return text;
}

class KernelCommand : public Command {
 protected:
  void SetUp() override {
    write("ratings.csv", waves_csv());
    write("new.csv", "shop,x\ns0,0.5\ns1,0.5\n");
  }
  [[nodiscard]] Finished run(const std::string& command, const std::vector<std::string>& more,
                             const std::string& out = "out") const {
    return crosstalk(std::vector<std::string>{command, "ratings.csv", "--task", "shop", "--label", "stars", "--lambda1",
                                              "1e-4", "--lambda2", "1e-3", "--quiet", "--out", out} +
                     more);
  }
};

const std::vector<std::string> rbf = {"--kernel", "rbf", "--width", "0.5"};

TEST_F(KernelCommand, FitLearnsWhatNoLineExplainsAndPredictSaysIt) {
  ASSERT_TRUE(ended_well(run("fit", {})));
  EXPECT_GT(record("out").at("test").at("mean").at("nmse"), 0.9);
  EXPECT_FALSE(record("out").at("learner").contains("kernel"));
  const Finished fitted = run("fit", rbf);
  ASSERT_TRUE(ended_well(fitted));
  EXPECT_THAT(fitted.out, testing::HasSubstr(" landmarks of 112 training rows, trace(K - L L') "));
  const auto fit = record("out");
  EXPECT_LT(fit.at("test").at("mean").at("nmse"), 0.01);
  EXPECT_EQ(fit.at("learner").at("kernel").at("width"), 0.5);
  EXPECT_LT(fit.at("learner").at("kernel").at("trace_error"), 1e-9);
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "new.csv", "--quiet", "--out", "predicted"})));
  const Cells cells = cells_of(files("predicted").at("predictions.csv"));
  EXPECT_NEAR(number(cells.rows[0][cells.column("prediction")]), std::sin(1.0), 0.05);
  EXPECT_NEAR(number(cells.rows[1][cells.column("prediction")]), -std::sin(1.0), 0.05);
}

TEST_F(KernelCommand, PredictGivesTheNumbersThatFitMeasured) {
  for (const char* const kernel : {"rbf", "polynomial", "laplacian"}) {
    ASSERT_TRUE(ended_well(run("fit", {"--kernel", kernel, "--landmarks", "20", "--test-fraction", "0"})));
    ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "ratings.csv", "--quiet", "--out", "predicted"})));
    EXPECT_NEAR(record("predicted").at("test").at("mean").at("rmse").get<double>(),
                record("out").at("train").at("mean").at("rmse").get<double>(), 1e-8)
        << kernel;
  }
}

TEST_F(KernelCommand, CrossValidationChoosesTheWidth) {
  ASSERT_TRUE(ended_well(crosstalk({"fit", "ratings.csv", "--task", "shop", "--label", "stars", "--cv", "--folds", "2",
                                    "--kernel", "rbf", "--quiet", "--out", "out"})));
  const auto learner = record("out").at("learner");
  const auto& trials = learner.at("kernel").at("width_trials");
  ASSERT_EQ(trials.size(), 4U);
  double least = trials[0].at("loss");
  for (const auto& trial : trials) least = std::min(least, trial.at("loss").get<double>());
  for (const auto& trial : trials)
    if (trial.at("width") == learner.at("kernel").at("width")) {
      EXPECT_EQ(trial.at("loss"), least);
      EXPECT_EQ(trial.at("lambda1"), learner.at("lambda1"));
    }
  EXPECT_LT(record("out").at("test").at("mean").at("nmse"), 0.01);
  // The record repeats the run.
  EXPECT_EQ(record("out").at("configuration").at("width"), learner.at("kernel").at("width"));
}

TEST_F(KernelCommand, GradientsInInputSpaceAgreeWithDifferences) {
  ASSERT_TRUE(ended_well(run("check-gradient", {"--kernel", "rbf", "--landmarks", "12", "--targets", "s0", "--budget",
                                                "0.1", "--entries", "3", "--spacing", "1e-3"})));
  EXPECT_LE(record("out").at("gradients").at("exact").at("relative_error").get<double>(), 1e-6);
}

TEST_F(KernelCommand, TheRefitOfAnAttackIsAFitOfItsFile) {
  const std::vector<std::string> words = {"--targets",     "s0,s1", "--budget", "0.2",  "--method", "exact",
                                          "--starts",      "2",     "--labels", "free", "--schema", "none",
                                          "--exact-steps", "6",     "--step",   "0.1"};
  ASSERT_TRUE(ended_well(run("attack", rbf + words, "attacked")));
  const auto attack = record("attacked").at("attack");
  EXPECT_GT(attack.at("utility").get<double>(), 2.0 * attack.at("utility_clean").get<double>());
  EXPECT_GT(attack.at("refit").at("nmse").at("attacked").get<double>(),
            2.0 * attack.at("refit").at("nmse").at("clean").get<double>());
  ASSERT_TRUE(ended_well(
      crosstalk({"fit", "attacked/poisoned.csv", "--config", "attacked/run.json", "--quiet", "--out", "refitted"})));
  EXPECT_NEAR(record("refitted").at("fit").at("objective").get<double>(), attack.at("refit").at("objective"), 1e-8);
}

TEST_F(KernelCommand, NamesWhatCannotBe) {
  const auto refused = [&](const std::vector<std::string>& words, const std::string& text) {
    return was_refused(run("fit", words), 2, {text});
  };
  EXPECT_TRUE(refused({"--kernel", "rbf", "--width", "0"}, "--width is 0; it must be from 1e-09 to 1000000000"));
  EXPECT_TRUE(refused({"--kernel", "polynomial", "--degree", "1.5"}, "--degree = 1.5; it must be a whole number"));
  EXPECT_TRUE(refused({"--kernel", "polynomial", "--degree", "0"}, "--degree is 0; it must be from 1 to 20"));
  EXPECT_TRUE(refused({"--kernel", "rbf", "--landmarks", "0"}, "--landmarks is 0; it must be >= 1"));
  EXPECT_TRUE(refused({"--kernel", "rbf", "--landmarks", "113"},
                      "--landmarks is 113; it must be at most 112, the number of training rows"));
  EXPECT_TRUE(refused({"--kernel", "gauss"}, "gauss"));
  EXPECT_TRUE(refused({"--width", "2"}, "--width is 2, but the kernel is linear; it must be rbf, polynomial or "));
  EXPECT_TRUE(refused({"--kernel", "rbf", "--degree", "2"}, "--degree is 2, but the kernel is rbf; it must be polyn"));
  EXPECT_TRUE(refused({"--kernel", "polynomial", "--degree", "20", "--width", "1e-9"}, "too large for a double"));
  EXPECT_TRUE(was_refused(run("attack", rbf + std::vector<std::string>{"--stealth", "distance"}), 2,
                          {"--stealth: it does not go with --kernel rbf"}));
  EXPECT_TRUE(was_refused(run("attack", rbf + std::vector<std::string>{"--money", "5"}), 2,
                          {"--money: it does not go with --kernel rbf"}));
  for (const char* const command : {"audit", "defend", "certify", "screen"})
    EXPECT_TRUE(was_refused(run(command, rbf), 2, {"--kernel"})) << command;
  write("equal.csv", "shop,x,stars\na,1,1\na,1,2\na,1,3\na,1,2\na,1,1\na,2,3\n");
  EXPECT_TRUE(was_refused(crosstalk({"fit", "equal.csv", "--task", "shop", "--label", "stars", "--test-fraction", "0",
                                     "--kernel", "rbf", "--loss", "squared", "--out", "out"}),
                          1, {"the median distance of two training rows is 0", "--width"}));
}

TEST_F(KernelCommand, AModelThatWasChangedIsRefused) {
  ASSERT_TRUE(ended_well(run("fit", rbf)));
  const auto model = nlohmann::json::parse(files("out").at("model.json"));
  EXPECT_EQ(model.at("format"), "crosstalk kernel model 1");
  const auto refused = [&](const char* pointer, const nlohmann::json& value, const std::string& text) {
    nlohmann::json changed = model;
    changed[nlohmann::json::json_pointer(pointer)] = value;
    write("changed.json", changed.dump());
    return was_refused(crosstalk({"predict", "changed.json", "new.csv", "--quiet", "--out", "predicted"}), 1,
                       {"changed.json", text});
  };
  EXPECT_TRUE(refused("/format", "crosstalk kernel model 2", "another version of crosstalk"));
  EXPECT_TRUE(refused("/kernel/width", 0.0, "width is 0; it must be"));
  EXPECT_TRUE(refused("/kernel/degree", 0, "degree is 0; it must be"));
  EXPECT_TRUE(refused("/kernel/name", "gauss", "gauss"));
  EXPECT_TRUE(refused("/kernel/landmarks", nlohmann::json::array({nlohmann::json::array({1.0})}), "for 1 landmarks"));
}

}  // namespace
