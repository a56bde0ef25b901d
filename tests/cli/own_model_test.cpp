// `crosstalk audit --victim`: the user's own model beside MTRL.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "support/browser.hpp"

using namespace cli;
using testing::HasSubstr;

namespace {

// Says the mean of all labels.
constexpr const char* kMeanOfLabels = R"(
awk -F, 'NR == FNR { if (FNR == 1) { for (i = 1; i <= NF; ++i) if ($i == "stars") k = i; print "prediction"; next }
                     sum += $k; ++n; next }
         FNR > 1 { print sum / n }' "$CROSSTALK_TRAIN" "$CROSSTALK_TEST" > "$CROSSTALK_PREDICTIONS"
)";

class OwnModel : public Command {
 protected:
  void SetUp() override {
    write("ratings.csv", ratings_csv());
    write("signs.csv", signs_csv());
    write("mean.sh", kMeanOfLabels);
  }
  // Targets alpha and beta, one kind of attack: clean, random, patom and defended are four runs of the command.
  [[nodiscard]] std::vector<std::string> audit(const std::string& victim, const std::string& out = "out") const {
    return on_ratings("audit") +
           std::vector<std::string>{"--targets", "alpha,beta", "--attackers",  "alpha,beta", "--method", "random,patom",
                                    "--budgets", "0.4",        "--iterations", "2",          "--step",   "1",
                                    "--repeats", "1",          "--quiet",      "--out",      out,        "--victim",
                                    victim};
  }
  [[nodiscard]] std::string script(const std::string& name) const { return "sh " + path(name).string(); }
  [[nodiscard]] nlohmann::json runs(const std::string& out = "out") const {
    return record(out).at("audit").at("own_model");
  }
};

// A second way to the same numbers: the command is crosstalk itself with the same lambdas.
TEST_F(OwnModel, CrosstalkAsTheCommandGivesItsOwnNumbers) {
  write("fit.sh", R"(
"$CROSSTALK" fit "$CROSSTALK_TRAIN" --task shop --label stars --lambda1 0.01 --lambda2 0.05 --test-fraction 0 \
  --loss "$LOSS" --quiet --out fit >/dev/null &&
"$CROSSTALK" predict fit/model.json "$CROSSTALK_TEST" --quiet --out predict >/dev/null &&
cp predict/predictions.csv "$CROSSTALK_PREDICTIONS"
)");
  for (const std::string loss : {"squared", "logistic"}) {
    std::string words;
    auto flags = audit(script("fit.sh"), loss);
    if (loss == "logistic") flags[1] = "signs.csv";
    for (const std::string& word : flags + std::vector<std::string>{"--loss", loss}) words += " '" + word + "'";
    const auto ended = shell("export CROSSTALK LOSS=" + loss + "; \"$CROSSTALK\"" + words);
    ASSERT_TRUE(ended_well(ended));
    EXPECT_EQ(ended.out.find("your model: its mean AUC") != std::string::npos,
              loss == "logistic");  // NMSE is undefined
    const std::string metric = loss == "squared" ? "rmse" : "auc";
    ASSERT_EQ(runs(loss).size(), 4U);
    const auto clean = runs(loss)[0];
    EXPECT_EQ(clean.at("run"), "clean");
    for (const auto& [task, values] : clean.at("mtrl").at("tasks").items())
      EXPECT_NEAR(clean.at("your_model").at("tasks").at(task).at(metric).get<double>(), values.at(metric).get<double>(),
                  1e-6)
          << loss << ": " << task;
    // What the audit says of a learner that is prepared anew, squared losses in units of its own: in proportion.
    if (loss == "logistic") continue;
    const auto json = record(loss).at("audit");
    const auto& refit = json.at("attacks").back().at("refit_loss");
    const auto attacked = runs(loss)[2];
    EXPECT_EQ(attacked.at("run"), "scenario-1-patom");
    for (const auto& [task, before] : json.at("clean").at("loss").items()) {
      const auto rmse = [&](const nlohmann::json& run) {
        return run.at("your_model").at("tasks").at(task).at("rmse").get<double>();
      };
      EXPECT_NEAR(std::pow(rmse(attacked) / rmse(clean), 2), refit.at(task).get<double>() / before.get<double>(), 1e-5)
          << task;
    }
  }
}

TEST_F(OwnModel, TheFilesHaveTheColumnsOfTheInputAndNothingTellsInjectedRows) {
  write("keep.sh", "cp \"$CROSSTALK_TRAIN\" ../$(basename \"$PWD\")-train\ncp \"$CROSSTALK_TEST\" ../test\n" +
                       std::string(kMeanOfLabels));
  const auto ended = crosstalk(audit("sh " + path("keep.sh").string() + " # {train} {test} {predictions}"));
  ASSERT_TRUE(ended_well(ended));
  const Cells input = cells_of(read_file(path("ratings.csv")));
  const auto sorted = [](std::vector<std::vector<std::string>> rows) {
    std::sort(rows.begin(), rows.end());
    return rows;
  };
  const Cells clean = cells_of(read_file(path("out/victim/clean-train")));
  const Cells poisoned = cells_of(read_file(path("out/victim/scenario-1-patom-train")));
  const Cells test = cells_of(read_file(path("out/victim/test")));
  EXPECT_EQ(clean.header, input.header);
  EXPECT_EQ(poisoned.header, input.header);
  EXPECT_EQ(test.header, (std::vector<std::string>{"shop", "a", "b", "c"}));
  EXPECT_EQ(clean.rows.size() + test.rows.size(), input.rows.size());
  // The clean rows are among the poisoned ones as they stand in the file, and the injected ones not behind them.
  std::vector<std::vector<std::string>> injected;
  const auto before = sorted(clean.rows);
  const auto after = sorted(poisoned.rows);
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(injected));
  EXPECT_EQ(injected.size(), poisoned.rows.size() - clean.rows.size());
  EXPECT_EQ(static_cast<double>(injected.size()), record("out").at("audit").at("attacks").back().at("rows"));
  for (const auto& row : injected) EXPECT_TRUE(row[0] == "alpha" || row[0] == "beta") << row[0];
  std::size_t first_injected = poisoned.rows.size();
  for (std::size_t k = poisoned.rows.size(); k-- > 0;)
    if (std::find(injected.begin(), injected.end(), poisoned.rows[k]) != injected.end()) first_injected = k;
  EXPECT_LT(first_injected, poisoned.rows.size() / 2);
  // The mean of all labels is what the command answers: its errors are known.
  double sum = 0.0;
  for (const auto& row : clean.rows) sum += number(row[input.column("stars")]);
  const double mean = sum / static_cast<double>(clean.rows.size());
  std::map<std::string, std::vector<double>> errors;
  for (const auto& row : input.rows)
    if (std::find(clean.rows.begin(), clean.rows.end(), row) == clean.rows.end())
      errors[row[0]].push_back(number(row[input.column("stars")]) - mean);
  for (const auto& [task, all] : errors) {
    double squares = 0.0;
    for (const double error : all) squares += error * error;
    EXPECT_NEAR(runs()[0].at("your_model").at("tasks").at(task).at("rmse").get<double>(),
                std::sqrt(squares / static_cast<double>(all.size())), 1e-4)
        << task;
  }
  const auto written = files("out");
  EXPECT_TRUE(written.contains("own-model.csv") && written.contains("own-model-by-task.csv"));
  EXPECT_FALSE(written.contains("victim/clean/train.csv"));  // a command that succeeded has no use for them
  EXPECT_TRUE(written.contains("victim/clean/predictions.csv") && written.contains("victim/clean/log.txt"));
}

TEST_F(OwnModel, ACommandThatFailsIsNamedAndTheAuditGoesOn) {
  const std::vector<std::pair<std::string, std::string>> commands = {
      {"echo broken >&2; exit 3", "exit status 3; its last line: broken"},
      {"true", "it wrote no predictions.csv"},
      {": > {predictions}", "its predictions.csv is empty"},
      {"echo 1,2 >> {train}", "it changed its inputs: train.csv"},
      {"echo prediction > {predictions}", "it has 0 rows of answers; it must be 15"},
      {"echo guess > {predictions}", "no column \"prediction\""},
      {"sed 's/.*/x/; 1s/.*/prediction/' {test} > {predictions}", "predictions.csv:2: prediction is \"x\""},
      {"sleep 30", "it took longer than 0.06 s"}};
  for (const auto& [command, why] : commands) {
    auto words = audit(command) + std::vector<std::string>{"--jobs", "2"};
    if (command == "sleep 30") words = words + std::vector<std::string>{"--victim-minutes", "0.001"};
    const auto ended = crosstalk(words);
    EXPECT_EQ(ended.exit_code, 1) << command;
    EXPECT_THAT(ended.err, HasSubstr("crosstalk: --victim on clean: ")) << command;
    EXPECT_THAT(ended.err, HasSubstr(why)) << command;
    EXPECT_THAT(ended.err, HasSubstr("(out/victim/clean/log.txt)")) << command;
    EXPECT_THAT(ended.out, HasSubstr("report: out/report.html")) << command;
    EXPECT_THAT(read_file(path("out/report.html")), HasSubstr("was not run again")) << command;
    EXPECT_EQ(runs().size(), 1U) << command;
    EXPECT_TRUE(files("out").contains("attacks.csv")) << command;
  }
  // One that fails on injected rows only.
  write("fails.sh", "test $(wc -l < \"$CROSSTALK_TRAIN\") -lt 34 || exit 4\n" + std::string(kMeanOfLabels));
  const auto ended = crosstalk(audit(script("fails.sh")));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("--victim on scenario-1-random: exit status 4"));
  EXPECT_EQ(runs().size(), 4U);
  EXPECT_TRUE(runs()[0].at("your_model").is_object());
  EXPECT_TRUE(runs()[1].at("your_model").is_null());
  EXPECT_TRUE(files("out").contains("victim/scenario-1-random/train.csv"));  // to try it by hand
}

TEST_F(OwnModel, WhatHasEndedIsNotRunAgain) {
  write("stops.sh", fmt::format("cd '{}'\necho run >> runs\n"
                                "if [ $(wc -l < runs) = 3 ]; then kill -INT $(cat pid); sleep 20; fi\n",
                                path("").string()) +
                        kMeanOfLabels);
  std::string words;
  for (const std::string& word : audit(script("stops.sh")) + std::vector<std::string>{"--jobs", "1"})
    words += " '" + word + "'";
  EXPECT_EQ(shell("echo $$ > pid; exec \"$CROSSTALK\"" + words).exit_code, 130);
  ASSERT_TRUE(ended_well(shell("exec \"$CROSSTALK\"" + words + " --resume")));
  EXPECT_EQ(cells_of(read_file(path("runs"))).rows.size() + 1, 5U);  // the third is the one that was stopped
  ASSERT_TRUE(ended_well(crosstalk(audit(script("mean.sh"), "whole"))));
  auto resumed = files("out");
  auto whole = files("whole");
  EXPECT_EQ(resumed.at("own-model.csv"), whole.at("own-model.csv"));
  EXPECT_EQ(resumed.at("own-model-by-task.csv"), whole.at("own-model-by-task.csv"));
}

TEST_F(OwnModel, DataThatTheFilesCannotHoldAreRefused) {
  write(
      "words.csv", "shop,stars,kind,a\n" + [] {
        std::string rows;
        for (int k = 0; k < 40; ++k)
          rows += fmt::format("{},{},{},{}\n", k % 2 == 0 ? "alpha" : "beta", k * k % 17 + 0.5, k % 3 == 0 ? "x" : "y",
                              k % 7);
        return rows;
      }());
  const auto on = [&](const std::string& file, const std::vector<std::string>& more) {
    auto words = audit("true");
    words[1] = file;
    return crosstalk(words + more);
  };
  EXPECT_TRUE(was_refused(on("words.csv", {"--schema", "none"}), 1, {"words.csv", "--victim needs a schema"}));
  EXPECT_TRUE(was_refused(
      crosstalk({"audit", "ratings.csv", "--label", "stars,a", "--ignore", "shop", "--victim", "true", "--quiet"}), 1,
      {"ratings.csv", "--victim takes one label column; here are 2"}));
  write("test.csv", ratings_csv());
  EXPECT_TRUE(was_refused(on("ratings.csv", {"--test", "test.csv"}), 1, {"--victim needs the rows to test on"}));
  EXPECT_TRUE(was_refused(on("ratings.csv", {"--victim-minutes", "0"}), 2, {"--victim-minutes is 0; it must be"}));
  EXPECT_TRUE(was_refused(on("ratings.csv", {"--jobs", "-1"}), 2, {"--jobs"}));
  // With a schema words are words.
  EXPECT_EQ(on("words.csv", {"--victim", "sed 's/.*/1/; 1s/.*/prediction/' {test} > {predictions}"}).exit_code, 0);
}

TEST_F(OwnModel, TheReportShowsItInABrowser) {
  if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
  ASSERT_TRUE(ended_well(crosstalk(audit(script("mean.sh")))));
  const auto seen = test_support::visit(path("out") / "report.html");
  ASSERT_TRUE(seen.finished);
  EXPECT_TRUE(seen.console.empty() && seen.requests.empty());
  EXPECT_THAT(seen.dom, HasSubstr("Do the same rows hurt your own model?"));
  EXPECT_THAT(seen.dom, HasSubstr("PATOM, after defend"));
  const auto tasks = runs()[0].at("your_model").at("tasks");
  const double clean = (tasks.at("alpha").at("rmse").get<double>() + tasks.at("beta").at("rmse").get<double>()) / 2.0;
  EXPECT_THAT(seen.dom, HasSubstr(fmt::format("data-value=\"{}\"", clean)));
  EXPECT_EQ(test_support::wanted_width(path("out") / "report.html", 360), 360);
}

// The learners of examples/victims.
class ExampleVictims : public OwnModel {
 protected:
  void try_out(const std::string& file, const std::string& command, const std::string& metric) {
    auto words = audit(command) + std::vector<std::string>{"--method", "random"};
    words[1] = file;
    ASSERT_TRUE(ended_well(crosstalk(words))) << command;
    ASSERT_EQ(runs().size(), 3U);
    for (const auto& run : runs())
      EXPECT_TRUE(run.at("your_model").at("mean").at(metric).is_number()) << command << ": " << run.at("run");
  }
  const std::filesystem::path folder_ = std::filesystem::path(CROSSTALK_SOURCE) / "examples" / "victims";
};

TEST_F(ExampleVictims, OfPythonAnswer) {
  // Debian's own: another one in PATH does not see its packages.
  if (shell("/usr/bin/python3 -c 'import sklearn'").exit_code != 0) GTEST_SKIP() << "python3-sklearn is not installed";
  for (const std::string kind : {"ridge", "boosting", "network"}) {
    const std::string command =
        fmt::format("OMP_NUM_THREADS=1 /usr/bin/python3 {} {} --task shop {{train}} {{test}} {{predictions}}",
                    (folder_ / "table_learner.py").string(), kind);
    const bool classes = kind == "boosting";
    try_out(classes ? "signs.csv" : "ratings.csv", command, classes ? "accuracy" : "rmse");
  }
}

TEST_F(ExampleVictims, OfRAnswers) {
  if (!test_support::is_installed("Rscript")) GTEST_SKIP() << "r-base-core is not installed";
  try_out("ratings.csv",
          fmt::format("Rscript {} shop {{train}} {{test}} {{predictions}}", (folder_ / "table_learner.R").string()),
          "rmse");
}

}  // namespace
