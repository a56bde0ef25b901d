// A label of several words: fit, predict and defend.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/rng.hpp"

using namespace cli;
using testing::HasSubstr;

namespace {

// Flowers of three kinds at two sites, in clouds around centres of their own; the sites have other units of b.
std::string flowers_csv(bool with_site) {
  crosstalk::Rng rng(5);
  std::string text = with_site ? "site,kind,a,b\n" : "kind,a,b\n";
  const std::vector<std::string> kinds = {"iris", "poppy", "tulip"};
  for (int k = 0; k < 180; ++k) {
    const std::size_t kind = rng.below(3);
    const double angle = 2.0 * M_PI * static_cast<double>(kind) / 3.0;
    const std::string site = k % 2 == 0 ? "hill" : "lake";
    if (with_site) text += site + ",";
    text += fmt::format("{},{:.4f},{:.4f}\n", kinds[kind], 2.0 * std::cos(angle) + rng.normal(),
                        2.0 * std::sin(angle) + rng.normal());
  }
  return text;
}

class SeveralClasses : public Command {
 protected:
  void SetUp() override {
    write("flowers.csv", flowers_csv(false));
    write("sites.csv", flowers_csv(true));
  }
  [[nodiscard]] static std::vector<std::string> fit(const std::string& file, const std::vector<std::string>& more) {
    return std::vector<std::string>{"fit", file, "--label", "kind", "--lambda1", "0.02", "--quiet", "--out", "out"} +
           more;
  }
};

// Words in, words out: the class of the largest score, and a score for each.
TEST_F(SeveralClasses, ArePredictedInTheWordsOfTheFile) {
  for (const bool with_site : {false, true}) {
    const std::string file = with_site ? "sites.csv" : "flowers.csv";
    const std::vector<std::string> task =
        with_site ? std::vector<std::string>{"--task", "site"} : std::vector<std::string>{};
    const auto fitted =
        crosstalk(fit(file, task + std::vector<std::string>{"--lambda2", "0.01", "--test-fraction", "0"}));
    ASSERT_TRUE(ended_well(fitted));
    EXPECT_THAT(fitted.out,
                HasSubstr("the label has 3 classes (\"iris\", \"poppy\", \"tulip\"): each is learned against "
                          "the rest"));
    EXPECT_THAT(fitted.out, HasSubstr("mean accuracy of all classes on the training rows: "));
    const auto json = record("out");
    EXPECT_EQ(json.at("data").at("tasks"), with_site ? 6 : 3);
    const double told = json.at("test").at("classes").at("mean").at("accuracy");
    EXPECT_GT(told, 0.8);
    EXPECT_GT(json.at("test").at("classes").at("mean").at("macro_auc"), 0.9);

    const auto predicted = crosstalk({"predict", "out/model.json", file, "--quiet", "--out", "answers"});
    ASSERT_TRUE(ended_well(predicted));
    const Cells input = cells_of(read_file(path(file)));
    const Cells answers = cells_of(read_file(path("answers/predictions.csv")));
    ASSERT_EQ(answers.rows.size(), input.rows.size());
    double right = 0.0;
    for (std::size_t r = 0; r < input.rows.size(); ++r) {
      const auto& row = answers.rows[r];
      const std::string& word = row[answers.column("prediction")];
      EXPECT_EQ(row[answers.column("class")], word);
      double largest = -1e9;
      for (const char* const kind : {"iris", "poppy", "tulip"})
        largest = std::max(largest, number(row[answers.column(std::string("score ") + kind)]));
      EXPECT_EQ(number(row[answers.column("score")]), largest);
      EXPECT_EQ(number(row[answers.column("score " + word)]), largest);
      if (word == input.rows[r][input.column("kind")]) right += 1.0;
    }
    // Both sites have as many rows: the mean over the tasks is that over the rows.
    EXPECT_NEAR(right / static_cast<double>(input.rows.size()), told, 1e-12);
    EXPECT_NEAR(record("answers").at("test").at("mean").at("accuracy").get<double>(), told, 1e-12);
  }
}

// Without coupling the classes are logistic regressions of their own, with a bias that is penalised like the rest.
TEST_F(SeveralClasses, AreOneVsRestLogisticRegressionsWithoutCoupling) {
  if (shell("/usr/bin/python3 -c 'import sklearn'").exit_code != 0) GTEST_SKIP() << "python3-sklearn is not installed";
  ASSERT_TRUE(ended_well(crosstalk(fit("flowers.csv", {"--lambda2", "0", "--loss", "logistic", "--scale", "none",
                                                       "--test-fraction", "0", "--tolerance", "1e-10"}))));
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "flowers.csv", "--quiet", "--out", "answers"})));
  write("ovr.py", R"(
import csv, numpy
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
rows = list(csv.reader(open("flowers.csv")))[1:]
X = numpy.array([[float(a), float(b), 1.0] for _, a, b in rows])
y = [row[0] for row in rows]
model = OneVsRestClassifier(LogisticRegression(C=1 / (0.02 * len(y)), fit_intercept=False, tol=1e-10, max_iter=10000))
model.fit(X, y)
scores = model.decision_function(X)
answers = list(csv.DictReader(open("answers/predictions.csv")))
ours = numpy.array([[float(row["score " + kind]) for kind in model.classes_] for row in answers])
assert [row["class"] for row in answers] == list(model.predict(X))
print(abs(ours - scores).max())
)");
  const auto checked = shell("/usr/bin/python3 ovr.py");
  ASSERT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_LT(number(checked.out.substr(0, checked.out.find('\n'))), 1e-4);
}

// A row that one of its problems leaves out goes from all of them, and from the file.
TEST_F(SeveralClasses, ARowLeftOutByDefendLeavesAllProblemsOfItsTask) {
  std::string poisoned = read_file(path("sites.csv"));
  for (int k = 0; k < 25; ++k) poisoned += fmt::format("hill,iris,{:.3f},{:.3f}\n", -9.0 - 0.01 * k, 9.0 + 0.01 * k);
  write("sites.csv", poisoned);
  ASSERT_TRUE(ended_well(crosstalk({"defend", "sites.csv", "--task", "site", "--label", "kind", "--lambda1", "0.02",
                                    "--lambda2", "0.01", "--share", "0.12", "--quiet", "--out", "out"})));
  const auto tasks = record("out").at("defend").at("tasks");
  EXPECT_GT(tasks.at("hill/iris").at("share"), 0.0);
  for (const std::string site : {"hill", "lake"})
    for (const std::string kind : {"poppy", "tulip"})
      EXPECT_EQ(tasks.at(site + "/" + kind).at("share"), tasks.at(site + "/iris").at("share")) << site << " " << kind;
  const std::size_t before = cells_of(poisoned).rows.size();
  const Cells cleaned = cells_of(read_file(path("out/cleaned.csv")));
  double left_out = 0.0;  // of the rows of each site, by its share
  for (const std::string site : {"hill", "lake"})
    left_out += tasks.at(site + "/iris").at("share").get<double>() * (site == "hill" ? 115.0 : 90.0);
  EXPECT_NEAR(static_cast<double>(before - cleaned.rows.size()), left_out, 1e-6);
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "sites.csv", "--quiet", "--out", "answers"})));
}

TEST_F(SeveralClasses, OtherCommandsTakeTwoAndSayWhatToDo) {
  for (const std::string command : {"attack", "audit", "check-gradient"})
    EXPECT_TRUE(was_refused(crosstalk({command, "sites.csv", "--task", "site", "--label", "kind", "--quiet"}), 1,
                            {"sites.csv: the label \"kind\" has 3 words", "this command takes two"}))
        << command;
  EXPECT_TRUE(was_refused(crosstalk({"certify", "sites.csv", "--task", "site", "--label", "kind", "--quiet"}), 1,
                          {"sites.csv", "a bound by groups of tasks takes two"}));
  EXPECT_TRUE(was_refused(crosstalk(fit("sites.csv", {"--task", "site", "--positive", "iris"})), 1,
                          {"--positive needs a label of two values", "has 3"}));
  EXPECT_TRUE(was_refused(crosstalk(fit("sites.csv", {"--task", "site", "--loss", "squared"})), 1, {"holds words"}));
  write(
      "slash.csv", "site,kind,a\n" + [] {
        std::string rows;
        for (int k = 0; k < 30; ++k)
          rows += fmt::format("s{},{},{}\n", k % 2, k % 3 == 0 ? "x/y" : k % 3 == 1 ? "y" : "z", k * 7 % 11);
        return rows;
      }());
  EXPECT_TRUE(was_refused(crosstalk(fit("slash.csv", {"--task", "site"})), 1, {"slash.csv", "\"x/y\" holds a /"}));
}

// A class that a task does not have is not learned there, and is never its answer.
TEST_F(SeveralClasses, AClassThatATaskLacksIsNotItsAnswer) {
  std::string text = "site,kind,a\n";
  for (int k = 0; k < 40; ++k)
    text +=
        fmt::format("{},{},{}\n", k % 2 == 0 ? "hill" : "lake",
                    k % 2 == 0 ? (k % 4 == 0 ? "x" : "y") : std::string(1, "xyz"[k % 3]), k * 13 % 17 + 5 * (k % 3));
  write("few.csv", text);
  const auto fitted = crosstalk(fit("few.csv", {"--task", "site", "--lambda2", "0.1", "--test-fraction", "0"}));
  ASSERT_TRUE(ended_well(fitted));
  EXPECT_THAT(fitted.out, HasSubstr("of 6 class problems 1 were left out, whose training rows have one class: "
                                    "\"hill/z\""));
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "few.csv", "--quiet", "--out", "answers"})));
  const Cells answers = cells_of(read_file(path("answers/predictions.csv")));
  for (const auto& row : answers.rows)
    if (row[answers.column("task")] == "hill") {
      EXPECT_NE(row[answers.column("class")], "z");
      EXPECT_EQ(row.size(), answers.column("score z"));  // the last cell is empty
    }
}

TEST_F(SeveralClasses, GoWithNoKernel) {
  std::string text = "site,kind,a\n";
  for (int k = 0; k < 40; ++k) text += fmt::format("s{},{},{}\n", k % 2, std::string(1, "xyz"[k % 3]), k * 13 % 17);
  write("three.csv", text);
  EXPECT_TRUE(was_refused(crosstalk(fit("three.csv", {"--task", "site", "--kernel", "rbf"})), 1,
                          {"three.csv", "the kernel is rbf", "3 words", "it must be linear for several classes"}));
}

}  // namespace
