#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/pages/reproduction_page.hpp"
#include "evaluate/small_reproduction.hpp"
#include "report/drawing.hpp"
#include "report/matches.hpp"
#include "support/browser.hpp"
#include "support/process.hpp"

using namespace crosstalk;
using namespace crosstalk::evaluate;
using namespace crosstalk::pages;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

namespace {

// The whole report with all its plots, as the command writes it.
TEST(ReproductionPageInChromium, OpensQuietlyWithAllItsPlots) {
  if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
  if (!test_support::is_installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  ReproductionFacts facts = small_reproduction::facts();
  facts.missing_sets = {"data set \"<b>none</b>\" is not on this machine"};
  const auto result =
      reproduce({small_reproduction::set("sarcos", 2), small_reproduction::set("mnist", 0)}, facts.options);
  std::map<std::string, std::string> svgs;
  const auto figures = reproduction_figures(result, facts);
  for (const AuditFigure& figure : figures) {
    const Drawing drawing = draw(figure.figure);
    EXPECT_EQ(drawing.gnuplot.exit_code, 0) << figure.name << drawing.gnuplot.err;
    EXPECT_THAT(drawing.gnuplot.err, IsEmpty()) << figure.name;
    EXPECT_TRUE(svgs.emplace(figure.name, drawing.image).second) << figure.name << " twice";
  }
  const test_support::TemporaryFolder folder;
  const auto file = folder.path() / "report.html";
  test_support::write_file(file, report::to_html(reproduction_page(result, facts, svgs)));

  const auto seen = test_support::visit(file);

  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.console, IsEmpty());
  EXPECT_THAT(seen.requests, IsEmpty());
  EXPECT_THAT(seen.dom, Not(HasSubstr("class=\"missing\"")));
  EXPECT_THAT(seen.dom, Not(HasSubstr("<b>none")));
  EXPECT_EQ(matches(seen.dom, "(<svg)").size(), figures.size());  // each one once
  for (const int width : {360, 1280}) EXPECT_EQ(test_support::wanted_width(file, width), width);
}

}  // namespace
