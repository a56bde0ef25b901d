#include <algorithm>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "evaluate/record_numbers.hpp"
#include "evaluate/small_audit.hpp"
#include "report/drawing.hpp"
#include "report/matches.hpp"
#include "report/sample.hpp"
#include "src/evaluate/audit_json.hpp"
#include "support/browser.hpp"
#include "support/process.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using namespace crosstalk::pages;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

class AuditPageInChromium : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
    if (!test_support::is_installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  }

  // The whole report with all its plots, as the command writes it.
  std::filesystem::path saved(const AuditResult& result) {
    std::map<std::string, std::string> svgs;
    for (const AuditFigure& figure : audit_figures(result, small_audit::facts())) {
      const Drawing drawing = draw(figure.figure);
      EXPECT_EQ(drawing.gnuplot.exit_code, 0) << figure.name << drawing.gnuplot.err;
      EXPECT_THAT(drawing.gnuplot.err, IsEmpty()) << figure.name;
      svgs[figure.name] = drawing.image;
    }
    const auto file = folder_.path() / "report.html";
    test_support::write_file(file, report::to_html(audit_page(result, small_audit::facts(), svgs)));
    return file;
  }

 private:
  test_support::TemporaryFolder folder_;
};

TEST_F(AuditPageInChromium, OpensQuietlyWithTheNumbersOfTheRecord) {
  const AuditResult result = small_audit::run(small_audit::options());
  const auto page = saved(result);

  const auto seen = test_support::visit(page);

  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, IsEmpty());
  EXPECT_THAT(seen.requests, IsEmpty());
  EXPECT_THAT(seen.dom, Not(HasSubstr("class=\"missing\"")));
  EXPECT_EQ(matches(seen.dom, "(<svg)").size(), 9U);
  for (const int width : {360, 1280}) EXPECT_EQ(test_support::wanted_width(page, width), width);

  std::set<double> allowed = record_numbers(to_json(result));
  allowed.merge(record_numbers(to_json(summarise(result), result.task_names)));
  const AuditOptions options = small_audit::options();
  for (int t = 0; t <= std::max(options.patom.iterations, options.exact.iterations + 1); ++t) allowed.insert(t);
  const auto values = matches(seen.dom, "<td[^>]* data-value=\"([^\"]*)\"");
  EXPECT_GT(values.size(), 200U);
  for (const std::string& value : values) EXPECT_TRUE(allowed.contains(std::stod(value))) << value;
}

TEST_F(AuditPageInChromium, HostileNamesAndMissingNumbersDoNoHarm) {
  AuditResult result = small_audit::told({.tasks = 10});
  result.task_names = sample::nasty;
  result.clean.values(0, 0) = std::numeric_limits<double>::quiet_NaN();
  result.clean_loss[1] = 0.0;
  for (Outcome& outcome : result.outcomes) outcome.metrics(0, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto page = saved(result);

  const auto seen = test_support::visit(page);

  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, IsEmpty());
  EXPECT_THAT(seen.requests, IsEmpty());
  EXPECT_THAT(seen.dom, Not(HasSubstr("<script")));
  for (const int width : {360, 1280}) EXPECT_EQ(test_support::wanted_width(page, width), width);
}

TEST_F(AuditPageInChromium, ManyTasksStillOpen) {
  const auto page = saved(small_audit::told({.tasks = 610}));
  const auto seen = test_support::visit(page);
  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, IsEmpty());
  EXPECT_EQ(test_support::wanted_width(page, 360), 360);
}

}  // namespace
