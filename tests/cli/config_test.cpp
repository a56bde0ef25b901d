#include <gtest/gtest.h>

#include "apps/crosstalk/options.hpp"
#include "cli/command.hpp"

using namespace cli;

namespace {

class Config : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }
  [[nodiscard]] Finished fit(const std::vector<std::string>& more = {}) const {
    return crosstalk(std::vector<std::string>{"fit", "ratings.csv", "--config", "run.toml", "--out", "out"} + more);
  }
};

TEST_F(Config, TakesKeysAtTheTopAndInTheCommandsTable) {
  write("run.toml",
        "# a comment\ntask = 'shop'\nlabel = 'stars'\nlambda1 = 0.25\n[fit]\nlambda2 = 0.125\nstandardise-labels = "
        "true\n");
  ASSERT_TRUE(ended_well(fit()));
  EXPECT_EQ(record("out").at("learner").at("lambda1"), 0.25);
  EXPECT_EQ(record("out").at("learner").at("lambda2"), 0.125);
  EXPECT_EQ(record("out").at("data").at("preparation").at("standardise_labels"), "task");
}

TEST_F(Config, TheCommandLineWins) {
  write("run.toml", "task = 'shop'\nlabel = 'stars'\nlambda1 = 0.25\ndata = 'nothing.csv'\n[fit]\nlambda2 = 0.125\n");
  ASSERT_TRUE(ended_well(fit({"--lambda1", "0.5"})));
  EXPECT_EQ(record("out").at("learner").at("lambda1"), 0.5);
  EXPECT_EQ(record("out").at("learner").at("lambda2"), 0.125);
  EXPECT_EQ(record("out").at("data").at("name"), "ratings.csv");
  EXPECT_EQ(record("out").at("configuration").at("lambda1"), 0.5);
  EXPECT_EQ(record("out").at("configuration").at("data"), "ratings.csv");
}

TEST_F(Config, AnEmptyTextIsNotGiven) {
  write("run.toml", "task = 'shop'\nlabel = 'stars'\npositive = ''\nignore = []\nlambda1 = 0.25\n");
  ASSERT_TRUE(ended_well(fit()));
  EXPECT_EQ(record("out").at("learner").at("lambda1"), 0.25);
  EXPECT_EQ(record("out").at("configuration").at("positive"), nullptr);
  write("run.json", R"({"command": "fit", "configuration": {"positive": "", "task": "shop", "label": "stars"}})");
  ASSERT_TRUE(
      ended_well(crosstalk({"fit", "ratings.csv", "--config", "run.json", "--lambda1", "0.25", "--out", "again"})));
  EXPECT_EQ(record("again").at("configuration").at("positive"), nullptr);
}

TEST_F(Config, MayNameTheData) {
  write("run.toml", "data = 'ratings.csv'\ntask = 'shop'\nlabel = 'stars'\nlambda1 = 0.1\n");
  ASSERT_TRUE(ended_well(crosstalk({"fit", "--config=run.toml", "--out", "out"})));
  EXPECT_EQ(record("out").at("data").at("name"), "ratings.csv");
}

TEST_F(Config, TakesListsOfNumbersAndNames) {
  write("run.toml",
        "task = 'shop'\nlabel = 'stars'\nlambda1 = 0.1\n[attack]\ntargets = ['alpha', 'beta']\nattackers = [3, "
        "4]\nbudget = 0.5\n");
  ASSERT_TRUE(ended_well(
      crosstalk({"attack", "ratings.csv", "--config", "run.toml", "--iterations", "1", "--quiet", "--out", "out"})));
  EXPECT_EQ(record("out").at("attack").at("targets"), nlohmann::json({"alpha", "beta"}));
  EXPECT_EQ(record("out").at("attack").at("attackers"), nlohmann::json({"gamma", "delta"}));
}

TEST_F(Config, ARecordRepeatsItsRun) {
  ASSERT_TRUE(ended_well(crosstalk({"fit", "ratings.csv", "--task", "shop", "--label", "stars", "--lambda1", ".02",
                                    "--seed", "9", "--standardise-labels", "true", "--out", "out"})));
  ASSERT_TRUE(ended_well(crosstalk({"fit", "--config", "out/run.json", "--out", "again"})));
  EXPECT_EQ(files("again").at("weights.csv"), files("out").at("weights.csv"));
  EXPECT_EQ(record("again").at("test"), record("out").at("test"));
  EXPECT_EQ(record("again").at("configuration"), record("out").at("configuration"));

  ASSERT_TRUE(
      ended_well(crosstalk({"predict", "out/model.json", "ratings.csv", "--task", "shop", "--out", "predicted"})));
  ASSERT_TRUE(ended_well(crosstalk({"predict", "--config", "predicted/run.json", "--out", "twice"})));
  EXPECT_EQ(files("twice").at("predictions.csv"), files("predicted").at("predictions.csv"));
}

TEST_F(Config, TheRecordHoldsEveryFlagAndItsDefault) {
  ASSERT_TRUE(ended_well(
      crosstalk(on_ratings("attack") + std::vector<std::string>{"--targets", "alpha", "--quiet", "--out", "out"})));
  const auto configuration = record("out").at("configuration");
  const nlohmann::json expected = {{"data", "ratings.csv"},
                                   {"task", "shop"},
                                   {"label", "stars"},
                                   {"ignore", nullptr},
                                   {"separator", nullptr},
                                   {"scale", "standard"},
                                   {"test-fraction", nullptr},
                                   {"pca", 0},
                                   {"standardise-labels", "all"},
                                   {"targets", "alpha"},
                                   {"attackers", nullptr},
                                   {"fictitious", nullptr},
                                   {"rows-each", nullptr},
                                   {"budget", 0.3},
                                   {"method", "patom"},
                                   {"labels", "uniform"},
                                   {"radius", nullptr},
                                   {"step", 100},
                                   {"iterations", 10},
                                   {"batch-share", 3},
                                   {"full-batch", false},
                                   {"starts", 8},
                                   {"exact-steps", 100},
                                   {"objective", "training"},
                                   {"loss", "squared"},
                                   {"lambda1", 0.01},
                                   {"lambda2", 0.05},
                                   {"smoothing", 0.001},
                                   {"tolerance", 1e-10},
                                   {"schema", nullptr},
                                   {"money", nullptr},
                                   {"prices", nullptr},
                                   {"stealth", nullptr},
                                   {"stealth-quantile", 0.95},
                                   {"wanted", nullptr},
                                   {"relation", nullptr},
                                   {"kernel", "linear"},
                                   {"width", nullptr},
                                   {"degree", nullptr},
                                   {"landmarks", nullptr},
                                   {"cv", false},
                                   {"folds", 5},
                                   {"decimal", nullptr},
                                   {"min-rows", nullptr},
                                   {"missing", "refuse"},
                                   {"missing-words", nullptr},
                                   {"no-header", false},
                                   {"positive", nullptr},
                                   {"skip-lines", 0},
                                   {"split-by", nullptr},
                                   {"test", nullptr},
                                   {"seed", 1}};
  EXPECT_EQ(configuration, expected);
}

TEST_F(Config, ARecordOfChosenLambdasHoldsThemAndChoosesThemAgain) {
  const std::vector<std::string> words = {"fit",     "ratings.csv", "--task", "shop",
                                          "--label", "stars",       "--cv",   "--quiet"};
  ASSERT_TRUE(ended_well(crosstalk(words + std::vector<std::string>{"--out", "out"})));
  const auto first = record("out");
  EXPECT_EQ(first.at("configuration").at("cv"), true);
  EXPECT_EQ(first.at("configuration").at("lambda1"), first.at("learner").at("lambda1"));
  EXPECT_EQ(first.at("configuration").at("lambda2"), first.at("learner").at("lambda2"));
  ASSERT_TRUE(ended_well(crosstalk({"fit", "--config", "out/run.json", "--quiet", "--out", "again"})));
  EXPECT_EQ(record("again").at("learner"), first.at("learner"));
  EXPECT_EQ(record("again").at("configuration"), first.at("configuration"));
  // Typed lambdas stand for the choice, and the other way round.
  ASSERT_TRUE(
      ended_well(crosstalk({"fit", "--config", "out/run.json", "--lambda1", "0.5", "--quiet", "--out", "given"})));
  EXPECT_EQ(record("given").at("learner").at("lambda1"), 0.5);
  EXPECT_EQ(record("given").at("configuration").at("cv"), false);
  ASSERT_TRUE(ended_well(crosstalk({"fit", "--config", "given/run.json", "--cv", "--quiet", "--out", "chosen"})));
  EXPECT_EQ(record("chosen").at("learner"), first.at("learner"));
}

TEST_F(Config, PassesOverTheTablesOfOtherCommands) {
  write("run.toml",
        "task = 'shop'\nlabel = 'stars'\n[attack]\nbudget = 0.25\nlambda1 = 7\n[fit]\nlambda1 = 0.25\n[audit]\nbudgets "
        "= [0.1]\n");
  ASSERT_TRUE(ended_well(fit()));
  EXPECT_EQ(record("out").at("learner").at("lambda1"), 0.25);
}

TEST_F(Config, AMistakeIsNamedWithItsLine) {
  const auto refused = [&](const std::string& toml, int exit_code, const std::vector<std::string>& parts) {
    write("run.toml", toml);
    const auto ended = fit({"--task", "shop", "--label", "stars"});
    EXPECT_TRUE(files("out").empty());
    return was_refused(ended, exit_code, parts);
  };
  EXPECT_TRUE(refused("\n\nlamda1 = 1\n", 1, {"run.toml:3:", "\"lamda1\"", "did you mean \"lambda1\"?"}));
  EXPECT_TRUE(refused("[fit]\nsmothing = 1\n", 1, {"run.toml:2:", "\"fit.smothing\"", "\"fit.smoothing\""}));
  EXPECT_TRUE(refused("seed = 1\n[fitt]\nlambda1 = 1\n", 1, {"run.toml:2:", "\"fitt\"", "\"fit\""}));
  EXPECT_TRUE(refused("budget = 0.1\n", 1, {"run.toml:1:", "\"budget\""}));  // of another command
  EXPECT_TRUE(refused("seed = 1\nlambda1 = \n", 1, {"run.toml:2:"}));
  EXPECT_TRUE(refused("lambda1 = 1\nlambda1 = 2\n", 1, {"run.toml:2:", "lambda1"}));
  EXPECT_TRUE(refused("lambda1 = 1979-05-27\n", 1, {"run.toml:1:", "\"lambda1\"", "must be a number"}));
  EXPECT_TRUE(refused("lambda1 = {a = 1}\n", 1, {"run.toml:1:", "\"lambda1\"", "must be a number"}));
  EXPECT_TRUE(refused("lambda1 = 'much'\n", 2, {"--lambda1", "much", "must be a number"}));
  EXPECT_TRUE(refused("lambda1 = [1, 2]\n", 2, {"--lambda1", "1,2"}));
  EXPECT_TRUE(refused("cv = 'maybe'\n", 2, {"--cv", "maybe", "true or false"}));
  EXPECT_TRUE(refused("loss = 3\n", 2, {"--loss", "3", "logistic"}));
}

TEST_F(Config, AFileThatIsNoConfigurationIsNamed) {
  EXPECT_TRUE(was_refused(fit(), 1, {"run.toml", "No such file"}));
  const auto refused = [&](const std::string& json, const std::vector<std::string>& parts) {
    write("run.json", json);
    return was_refused(crosstalk({"fit", "ratings.csv", "--config", "run.json", "--out", "out"}), 1, parts);
  };
  EXPECT_TRUE(refused("{", {"run.json", "not JSON"}));
  for (const std::string json : {"[]", "3", "{}", "{\"configuration\": 3}"})
    EXPECT_TRUE(refused(json, {"run.json", "not the run.json of an earlier run"})) << json;
  EXPECT_TRUE(refused("{\"configuration\": {\"budgets\": 1}}", {"run.json", "\"budgets\"", "fit"}));
  EXPECT_TRUE(files("out").empty());
}

// The library names options; who types flags reads flags.
TEST(InFlags, PutsTheCommandsFlagsInPlaceOfOptions) {
  using crosstalk::app::in_flags;
  EXPECT_EQ(in_flags("f.csv:3: a missing value; `missing=drop` leaves such rows out"),
            "f.csv:3: a missing value; --missing drop leaves such rows out");
  EXPECT_EQ(in_flags("`min_rows`: give it"), "--min-rows: give it");
  EXPECT_EQ(in_flags("`ignore=\"a b\"` or `min_rows=2`."), "--ignore \"a b\" or --min-rows 2.");
  EXPECT_EQ(in_flags("the column `price` of `f`"), "the column `price` of `f`");
  EXPECT_EQ(in_flags(""), "");
}

}  // namespace
