#include "crosstalk/pages/audit_page.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/evaluate/audit_summary.hpp"
#include "evaluate/record_numbers.hpp"
#include "evaluate/small_audit.hpp"
#include "report/matches.hpp"
#include "report/sample.hpp"
#include "src/evaluate/audit_json.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using namespace crosstalk::pages;
using small_audit::Story;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSubsetOf;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

namespace {

constexpr const char* kSpace = "\xC2\xA0";  // no-break, between a number and its %

std::string html_of(const AuditResult& result, const AuditFacts& facts = small_audit::facts()) {
  return report::to_html(audit_page(result, facts, {}));
}

std::string answer_to(const AuditResult& result, const AuditFacts& facts = small_audit::facts()) {
  return std::regex_replace(audit_page(result, facts, {}).answer, std::regex(kSpace), " ");
}

const report::Table& table_named(const std::vector<std::pair<std::string, report::Table>>& tables,
                                 std::string_view name) {
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.first == name; });
  if (found == tables.end()) throw std::runtime_error(fmt::format("no table {}", name));
  return found->second;
}

const AuditFigure* figure_named(const std::vector<AuditFigure>& figures, const std::string& name) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&](const AuditFigure& f) { return f.name == name; });
  return found == figures.end() ? nullptr : &*found;
}

std::set<double> numbers_allowed(const AuditResult& result, const AuditFacts& facts) {
  std::set<double> allowed = record_numbers(to_json(result));
  allowed.merge(record_numbers(to_json(summarise(result), result.task_names)));
  for (const Outcome& outcome : result.outcomes)  // an iteration's number is its place in the record
    for (Eigen::Index t = 0; t < outcome.utility_curve.size(); ++t) allowed.insert(static_cast<double>(t));
  if (facts.cross_validation)
    for (const auto& trial : facts.cross_validation->trials)
      allowed.insert({trial.lambda1, trial.lambda2, trial.loss, trial.metric});
  return allowed;
}

AuditFacts facts_with_trials() {
  AuditFacts facts = small_audit::facts();
  facts.cross_validation = mtrl::CrossValidation{
      {{0.001, 0.01, 0.51, 0.61}, {0.01, 0.1, 0.41, 0.71}, {0.01, 0.2, 0.45, 0.7}}, 4, facts.options.learner};
  return facts;
}

TEST(AuditPage, EveryNumberOfItsTablesAndCardsStandsInTheRecord) {
  AuditOptions options = small_audit::options();
  options.defence = defence::Method::Screen;
  const AuditResult result = small_audit::run(options);
  AuditFacts facts = facts_with_trials();
  facts.options = options;
  const std::set<double> allowed = numbers_allowed(result, facts);
  const std::string html = html_of(result, facts);
  EXPECT_THAT(html, AllOf(HasSubstr("How bad can it get at most?"), HasSubstr("defend --method screen"),
                          HasSubstr("after the defence, attacker knows it")));
  const auto values = matches(html, " data-value=\"([^\"]*)\"");
  EXPECT_GT(values.size(), 300U);
  for (const std::string& value : values) EXPECT_TRUE(allowed.contains(std::stod(value))) << value;
}

TEST(AuditTables, HoldEveryLossAndMetricOfTheRecord) {
  const AuditResult result = small_audit::run(small_audit::options());
  const auto tables = audit_tables(result, small_audit::facts());
  const nlohmann::json record = to_json(result);
  const report::Table& table = table_named(tables, "attacks-by-task");
  ASSERT_EQ(table.columns.size(), 6U + 3U);
  std::size_t row = 0;
  for (const nlohmann::json& attack : record.at("attacks"))
    for (const std::string task : record.at("tasks")) {
      const auto& cells = table.rows.at(row++);
      EXPECT_EQ(std::get<std::string>(cells[1]), attack.at("kind").get<std::string>());
      EXPECT_EQ(std::get<std::string>(cells[2]), attack.at("method").get<std::string>());
      EXPECT_EQ(std::get<double>(cells[3]), attack.at("budget"));
      EXPECT_EQ(std::get<std::string>(cells[4]), task);
      EXPECT_EQ(std::get<double>(cells[5]), attack.at("loss").at(task));
      EXPECT_EQ(std::get<double>(cells[6]), attack.at("test").at("tasks").at(task).at("nmse"));
      EXPECT_EQ(std::get<double>(cells[7]), attack.at("test").at("tasks").at(task).at("rmse"));
      EXPECT_EQ(std::get<double>(cells[8]), attack.at("test").at("tasks").at(task).at("explained_variance"));
    }
  EXPECT_EQ(row, table.rows.size());
}

TEST(AuditTables, PutEachTaskBesideItsOwnAttack) {
  const AuditResult result = small_audit::run(small_audit::options());
  const auto tables = audit_tables(result, small_audit::facts());
  const report::Table& table = table_named(tables, "task-losses");
  const nlohmann::json record = to_json(result);
  ASSERT_EQ(table.rows.size(), 4U);
  const std::vector<std::string> kinds = {"direct", "indirect", "hybrid"};
  const std::vector<std::string> methods = {"random", "patom", "exact"};
  for (const auto& row : table.rows) {
    const std::string& task = std::get<std::string>(row[0]);
    std::size_t found = 0;
    for (const nlohmann::json& attack : record.at("attacks")) {
      const nlohmann::json& targets = record.at("scenarios").at(attack.at("scenario").get<std::size_t>()).at("targets");
      if (attack.at("budget") != 0.3 || std::find(targets.begin(), targets.end(), task) == targets.end()) continue;
      const auto kind = static_cast<std::size_t>(
          std::find(kinds.begin(), kinds.end(), attack.at("kind").get<std::string>()) - kinds.begin());
      const auto method = static_cast<std::size_t>(
          std::find(methods.begin(), methods.end(), attack.at("method").get<std::string>()) - methods.begin());
      const std::size_t column = 2 + methods.size() * kind + method;
      EXPECT_EQ(std::get<double>(row[column]), attack.at("loss").at(task)) << task << " column " << column;
      ++found;
    }
    EXPECT_EQ(found, 9U);
  }
}

TEST(AuditTables, HaveStemsThatNoFigureHas) {
  const AuditResult result = small_audit::run(small_audit::options());
  std::set<std::string> names;
  for (const auto& [stem, table] : audit_tables(result, facts_with_trials())) {
    EXPECT_TRUE(names.insert(stem).second) << stem;
    EXPECT_GT(report::to_csv(table).size(), 20U) << stem;
  }
  EXPECT_THAT(names, Contains("lambda"));
  const auto figures = audit_figures(result, small_audit::facts());
  EXPECT_EQ(figures.size(), 9U);
  for (const AuditFigure& figure : figures) {
    EXPECT_THAT(figure.name, StartsWith("figure-"));
    EXPECT_TRUE(names.insert(figure.name).second) << figure.name;
    EXPECT_GT(report::csv(figure.figure).size(), 20U);
    EXPECT_FALSE(figure.title.empty() || figure.caption.empty() || figure.description.empty()) << figure.name;
  }
}

TEST(AuditAnswer, SaysPlainlyWhenNothingHappens) {
  const AuditResult result =
      small_audit::told({.direct = 0.01, .indirect = 0.0, .hybrid = 0.002, .random = 0.0, .drop = 0.1});
  const std::string answer = answer_to(result);
  EXPECT_THAT(answer, StartsWith("Injected rows did next to no harm here."));
  EXPECT_THAT(answer, AllOf(HasSubstr("by +1.0 %;"), HasSubstr("mean AUC falls from 0.900 to 0.899")));
}

TEST(AuditAnswer, AHarmlessMeanDoesNotHideATaskThatSuffers) {
  AuditResult result =
      small_audit::told({.tasks = 60, .direct = 0.01, .indirect = 0.0, .hybrid = 0.0, .random = 0.0, .drop = 0.0});
  EXPECT_THAT(answer_to(result), Not(HasSubstr("Single tasks")));
  const double mean = result.clean_loss.head(30).mean();  // of the targets
  for (Outcome& outcome : result.outcomes)
    if (outcome.scenario == 0 && outcome.method == Method::Patom) outcome.loss[2] = result.clean_loss[2] + 0.5 * mean;
  EXPECT_THAT(
      answer_to(result),
      AllOf(StartsWith("Injected rows did next to no harm"),
            HasSubstr("Single tasks can still suffer: the loss of \"task 3\" rises by 50 % of the targets' mean "
                      "clean loss (direct attack).")));
}

TEST(AuditAnswer, SaysHowLargeTheDamageIs) {
  const AuditResult result =
      small_audit::told({.direct = 1.5, .indirect = 0.3, .hybrid = 0.6, .random = 0.02, .drop = 0.3});
  const std::string answer = answer_to(result);
  EXPECT_THAT(
      answer,
      StartsWith("When an attacker adds 30 % injected rows to the tasks under attack (direct attack), the summed "
                 "loss of these tasks rises by 150 % (to 2.5 times)."));
  EXPECT_THAT(answer, HasSubstr("mean AUC falls from 0.900 to 0.450, worse than guessing"));
  EXPECT_THAT(answer, HasSubstr("The same rows placed at random: loss +2.0 %, AUC 0.894."));
  EXPECT_THAT(
      answer,
      HasSubstr("(indirect attack) do harm as well: loss +30 %, AUC 0.810 (at random: loss +2.0 %, AUC 0.894)."));
}

TEST(AuditAnswer, NamesTheKindThatIsWorst) {
  EXPECT_THAT(answer_to(small_audit::told({.direct = 0.1, .indirect = 0.8, .hybrid = 0.2})),
              StartsWith("When an attacker adds 30 % injected rows to other tasks only (indirect attack), the summed "
                         "loss of the tasks "
                         "under attack rises by 80 %"));
  EXPECT_THAT(answer_to(small_audit::told({.direct = 0.1, .indirect = 0.2, .hybrid = 0.8})),
              HasSubstr("(hybrid attack)"));
}

TEST(AuditAnswer, ASmallRiseOfTheLossWithABadMetricIsDamage) {
  EXPECT_THAT(
      answer_to(small_audit::told({.direct = 0.02, .indirect = 0.0, .hybrid = 0.0, .random = 0.0, .drop = 10.0})),
      AllOf(StartsWith("When an attacker"), HasSubstr("AUC falls from 0.900 to 0.700")));
}

TEST(AuditAnswer, ARisingLossWithTheSameMetricIsDamage) {
  EXPECT_THAT(answer_to(small_audit::told({.direct = 0.5, .hybrid = 0.2, .drop = 0.0})),
              AllOf(StartsWith("When an attacker"), HasSubstr("rises by 50 %. Their mean AUC stays at 0.900.")));
}

TEST(AuditAnswer, SaysWhenRandomRowsDoAsMuchOrMore) {
  EXPECT_THAT(answer_to(small_audit::told({.direct = 0.5, .hybrid = 0.2, .random = 0.5})),
              HasSubstr("Planning the rows adds nothing"));
  EXPECT_THAT(answer_to(small_audit::told({.direct = 0.7, .hybrid = 0.2, .random = 0.9})),
              HasSubstr("do even more harm: loss +90 %"));
}

TEST(AuditAnswer, SaysWhenRowsInOtherTasksDoNothing) {
  EXPECT_THAT(answer_to(small_audit::told({.direct = 1.0, .indirect = 0.0})),
              HasSubstr("Rows injected only into other tasks (indirect attack) do next to nothing: loss 0.0 %"));
}

TEST(AuditAnswer, SaysWhenTheTasksAreLearnedApart) {
  AuditFacts facts = small_audit::facts();
  facts.options.learner.lambda2 = 0.0;
  EXPECT_THAT(answer_to(small_audit::told({}), facts), HasSubstr("lambda2 is 0"));
  EXPECT_THAT(answer_to(small_audit::told({})), Not(HasSubstr("lambda2")));
  EXPECT_THAT(html_of(small_audit::told({}), facts), HasSubstr("Note: The tasks are learned apart"));
}

TEST(AuditAnswer, AnErrorThatGrowsIsWorse) {
  AuditResult result = small_audit::told({.direct = 1.0, .clean_metric = 0.4, .drop = -0.8});
  result.clean.names = {"nmse", "rmse"};
  EXPECT_THAT(answer_to(result), HasSubstr("mean NMSE rises from 0.400 to 1.20, worse than predicting the mean"));
}

TEST(AuditCards, HoldTheNumbersOfTheAnswer) {
  const AuditResult result = small_audit::told({.direct = 1.5, .indirect = 0.3, .drop = 0.3});
  const report::Page page = audit_page(result, small_audit::facts(), {});
  ASSERT_THAT(page.cards, SizeIs(4));
  const AuditSummary summary = summarise(result);
  EXPECT_EQ(page.cards[0].exact, summary.worst->loss_rise);
  EXPECT_EQ(page.cards[0].value, std::string("+150") + kSpace + "%");
  EXPECT_EQ(page.cards[1].exact, summary.worst->metric);
  EXPECT_EQ(page.cards[1].value, "0.450");
  EXPECT_EQ(page.cards[3].value, "task 1");
  EXPECT_THAT(page.cards[3].sentence, HasSubstr("most dangerous"));
}

TEST(AuditCards, NameNoDangerousTaskWhenThereIsNone) {
  const report::Page page = audit_page(small_audit::told({.direct = 1.5, .indirect = 0.001}), small_audit::facts(), {});
  ASSERT_THAT(page.cards, SizeIs(4));
  EXPECT_EQ(page.cards[3].value, std::string("+0.1") + kSpace + "%");
  EXPECT_THAT(html_of(small_audit::told({.direct = 1.5, .indirect = 0.001})),
              HasSubstr("No single task is a danger to the rest"));
}

TEST(AuditPage, CallsOutWhatMakesItsNumbersLess) {
  const Story story;
  EXPECT_THAT(html_of(small_audit::told(story)), Not(HasSubstr("Before you rely on this")));

  AuditResult stopped = small_audit::told(story);
  stopped.stopped = true;
  stopped.outcomes[3].loss.resize(0);
  EXPECT_THAT(html_of(stopped),
              AllOf(HasSubstr("Warning: This audit is incomplete"), HasSubstr("11 of 12 attacks and 4 of 4")));
  EXPECT_THAT(answer_to(stopped), StartsWith("Incomplete: the audit was stopped after 15 of 16 attacks."));

  AuditResult unconverged = small_audit::told(story);
  unconverged.outcomes[1].converged = false;
  EXPECT_THAT(html_of(unconverged),
              AllOf(HasSubstr("Warning: Not every model was fitted to the end"), HasSubstr("1 of 17 parts")));

  AuditFacts facts = small_audit::facts();
  facts.held_out = false;
  EXPECT_THAT(html_of(small_audit::told(story), facts), HasSubstr("Warning: No rows were held out"));

  AuditResult free = small_audit::told(story);
  free.clean_loss[0] = 0.0;
  EXPECT_THAT(html_of(free), Not(HasSubstr("No clean loss")));
  free.clean_loss.setZero();
  EXPECT_THAT(html_of(free), HasSubstr("Note: No clean loss"));
  EXPECT_THAT(answer_to(free), HasSubstr("have no clean loss, so its rise cannot be stated"));

  EXPECT_THAT(html_of(small_audit::told({.clean_metric = 0.54})),
              HasSubstr("Warning: The clean model has learned little"));
  EXPECT_THAT(answer_to(small_audit::told({.clean_metric = 0.54})), HasSubstr("has learned little (mean AUC 0.540)"));

  AuditResult partial = small_audit::told(story);
  partial.harm_is_partial = true;
  partial.harms.resize(2);
  EXPECT_THAT(html_of(partial), HasSubstr("Only 2 of the 4 tasks were tried as attackers"));
}

TEST(AuditPage, StandsWhenNothingRan) {
  AuditResult result = small_audit::told({});
  result.stopped = true;
  for (Outcome& outcome : result.outcomes) {
    outcome.loss.resize(0);
    outcome.utility_curve.resize(0);
    outcome.correlation.resize(0, 0);
  }
  for (Harm& harm : result.harms) harm.loss.resize(0);
  EXPECT_THAT(answer_to(result), HasSubstr("there is no answer yet"));
  EXPECT_THAT(html_of(result), HasSubstr("None of these attacks has run."));
  for (const auto& [stem, table] : audit_tables(result, small_audit::facts())) report::to_csv(table);
}

TEST(AuditPage, AMetricThatIsNotDefinedIsADash) {
  AuditResult result = small_audit::told({});
  result.clean.values(0, 0) = std::numeric_limits<double>::quiet_NaN();
  for (Outcome& outcome : result.outcomes) outcome.metrics(0, 0) = std::numeric_limits<double>::quiet_NaN();
  const std::string html = html_of(result);
  EXPECT_THAT(html, HasSubstr("Note: Tasks without AUC"));
  EXPECT_THAT(html, HasSubstr("data-value=\"nan\">\xE2\x80\x93</td>"));
  EXPECT_THAT(report::to_csv(table_named(audit_tables(result, small_audit::facts()), "task-metrics")),
              HasSubstr("task 1,nan,nan"));
}

TEST(AuditPage, ShowsTheFirstTwentyOfManyTasks) {
  const AuditResult result = small_audit::told({.tasks = 60});
  const auto figures = audit_figures(result, small_audit::facts());
  const AuditFigure* const tasks = figure_named(figures, "figure-exposure-by-task");
  ASSERT_NE(tasks, nullptr);
  EXPECT_THAT(std::get<report::BarChart>(tasks->figure).categories, SizeIs(20));
  EXPECT_THAT(tasks->caption, HasSubstr("The 20 most exposed of 30"));
  const AuditFigure* const harm = figure_named(figures, "figure-harm-by-attacker");
  ASSERT_NE(harm, nullptr);
  EXPECT_THAT(std::get<report::BarChart>(harm->figure).categories, SizeIs(20));
  EXPECT_THAT(harm->caption, HasSubstr("The 20 most harmful of 60"));
  EXPECT_EQ(figure_named(figures, "figure-correlation-clean"), nullptr);
  const std::string html = html_of(result);
  EXPECT_THAT(html,
              AllOf(HasSubstr("<summary>AUC of all tasks</summary>"), HasSubstr("more than 40 tasks are not drawn")));
  EXPECT_THAT(html, HasSubstr("task 30</th>"));
}

TEST(AuditFigures, DrawOneMatrixACleanModelAndAKindOfTheFirstTargets) {
  const auto figures = audit_figures(small_audit::run(small_audit::options()), small_audit::facts());
  for (const char* name : {"clean", "direct", "indirect", "hybrid"}) {
    const AuditFigure* const figure = figure_named(figures, std::string("figure-correlation-") + name);
    ASSERT_NE(figure, nullptr) << name;
    EXPECT_EQ(std::get<report::HeatMap>(figure->figure).values.rows(), 4);
  }
}

TEST(AuditFigures, LeaveOutAPlotOfNothing) {
  const AuditResult result = small_audit::told({.direct = 1e-9, .indirect = -1e-9, .hybrid = 0.0, .random = 0.0});
  for (const AuditFigure& figure : audit_figures(result, small_audit::facts()))
    EXPECT_THAT(figure.name, StartsWith("figure-correlation-"));
}

TEST(AuditFigures, StartFromTheCleanModel) {
  const AuditResult result = small_audit::told({.direct = 1.0, .drop = 0.2});
  const auto figures = audit_figures(result, small_audit::facts());
  const auto& chart = std::get<report::LineChart>(figure_named(figures, "figure-exposure-metric")->figure);
  ASSERT_THAT(chart.series, SizeIs(4));
  EXPECT_THAT(chart.series[0].x, testing::ElementsAre(0.0, 0.15, 0.3));
  EXPECT_THAT(chart.series[0].y,
              testing::ElementsAre(testing::DoubleEq(0.9), testing::DoubleEq(0.8), testing::DoubleEq(0.7)));
  EXPECT_TRUE(chart.series[3].baseline);
  EXPECT_THAT(chart.series[3].low, SizeIs(3));
}

TEST(AuditPage, SaysHowFarTheAttackHadCome) {
  EXPECT_THAT(html_of(small_audit::told({})), HasSubstr("Some attacks were still gaining"));
  AuditResult level = small_audit::told({});
  for (Outcome& outcome : level.outcomes) outcome.utility_curve.setConstant(outcome.utility);
  EXPECT_THAT(html_of(level), HasSubstr("The attacks had levelled off"));
  AuditResult lost = level;
  for (Outcome& outcome : lost.outcomes) outcome.utility_curve[0] = 40.0;
  EXPECT_THAT(html_of(lost),
              HasSubstr("Some ended below the random rows they began with (direct, indirect and hybrid)"));
}

TEST(AuditPage, OfRandomRowsAloneSpeaksOfNoPlanning) {
  AuditOptions options = small_audit::options();
  options.methods = {Method::Random};
  const std::string html = html_of(small_audit::run(options), small_audit::facts(options));
  EXPECT_THAT(html, AllOf(HasSubstr("The rows are random."), HasSubstr("rise of the summed loss, random rows")));
  for (const char* words : {"Had the attacks converged?", "placed at random", "PATOM", "3 iterations</dd>"})
    EXPECT_THAT(html, Not(HasSubstr(words)));
}

TEST(AuditPage, SaysHowTheLambdasWereChosen) {
  EXPECT_THAT(html_of(small_audit::told({}), facts_with_trials()),
              AllOf(HasSubstr("lambda1 0.01, lambda2 0.1; the pair with the least held-out loss of 3 tried"),
                    HasSubstr("How the lambdas were chosen")));
  EXPECT_THAT(html_of(small_audit::told({})), HasSubstr("lambda1 0.01, lambda2 0.1; as given"));
  AuditFacts smallest = facts_with_trials();
  smallest.options.learner.lambda2 = 0.01;
  EXPECT_THAT(html_of(small_audit::told({}), smallest), HasSubstr("chose the smallest lambda2, 0.01"));
  EXPECT_THAT(html_of(small_audit::told({}), facts_with_trials()), Not(HasSubstr("chose the smallest lambda2")));
}

TEST(AuditPage, NamesOfTasksAreInert) {
  AuditResult result = small_audit::told({.tasks = 10});
  result.task_names = sample::nasty;
  AuditFacts facts = small_audit::facts();
  facts.data_name = facts.command = facts.preparation = facts.loss = facts.version = sample::nasty[0];
  facts.notes = facts.sources = sample::nasty;
  const std::string html = html_of(result, facts);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

TEST(AuditPage, IsTheSameForTheSameAuditOnAnyNumberOfThreads) {
  AuditOptions options = small_audit::options();
  const std::string one = html_of(small_audit::run(options), small_audit::facts(options));
  options.threads = 4;
  EXPECT_EQ(html_of(small_audit::run(options), small_audit::facts(options)), one);
}

TEST(AuditReport, TheHeadlineHasItsRangeOverSplits) {
  AuditResult result = small_audit::told({});
  for (const double rise : {0.48, 1.2, 0.75, 0.8})
    result.repeats.push_back({.metric = 0.5, .loss_rise = rise, .converged = true, .ran = true});
  EXPECT_THAT(answer_to(result), HasSubstr(" (48 to 120 % over five splits)."));
  for (Repeat& repeat : result.repeats) repeat.bootstrap = true;
  EXPECT_THAT(answer_to(result), HasSubstr("over five bootstraps of the rows it is measured on"));
}

// It says so first, why, and nothing of exposure.
TEST(AuditReport, AModelWithoutSkillIsSaidFirst) {
  AuditResult result = small_audit::told({.direct = 0.01, .indirect = 0.0, .hybrid = 0.0, .clean_metric = 0.5});
  result.clean_model = {true, "auc", 0.51, 0.49, 0.53, 5, {{Cause::TooFewRows, "Too few rows: 3 a task."}}};
  const std::string answer = answer_to(result);
  EXPECT_THAT(answer, StartsWith("The clean model is no better than a constant: its mean AUC is 0.51"));
  EXPECT_THAT(answer, HasSubstr("over five splits), where a constant has 0.5. Too few rows: 3 a task."));
  EXPECT_THAT(answer, Not(HasSubstr("harm")));
  const report::Page page = audit_page(result, small_audit::facts(), {});
  EXPECT_TRUE(page.cards.empty());
  EXPECT_EQ(page.sections.front().heading, "Before you rely on this");
}

}  // namespace
