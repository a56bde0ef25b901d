#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/report/page.hpp"
#include "report/matches.hpp"
#include "report/sample_page.hpp"
#include "support/browser.hpp"
#include "support/process.hpp"

using namespace crosstalk::report;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class PageInChromium : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_support::has_browser()) GTEST_SKIP() << "chromium is not installed";
  }

  std::filesystem::path saved(const std::string& html) {
    test_support::write_file(folder_.path() / "page.html", html);
    return folder_.path() / "page.html";
  }

 private:
  test_support::TemporaryFolder folder_;
};

// The checker must see what it is there to find.
TEST_F(PageInChromium, ABadPageIsFoundOut) {
  const auto page = saved(R"(<!DOCTYPE html><title>bad</title><link rel="preconnect" href="http://two.invalid">
<img src="http://one.invalid/a.png"><p style="width:900px">wide</p><script>console.error("one"); missing();</script>)");
  const auto seen = test_support::visit(page);
  ASSERT_TRUE(seen.finished);
  EXPECT_THAT(seen.requests, testing::IsSupersetOf({"http://one.invalid/a.png", "http://two.invalid/"}));
  EXPECT_THAT(seen.console, ElementsAre(HasSubstr("one"), HasSubstr("missing is not defined")));
  EXPECT_GT(test_support::wanted_width(page, 360), 900);
}

TEST_F(PageInChromium, OpensWithoutAMessageOrARequest) {
  for (const auto& names : {sample::garments, sample::nasty}) {
    const auto seen = test_support::visit(saved(to_html(sample::page(names))));
    ASSERT_TRUE(seen.finished);
    EXPECT_THAT(seen.console, IsEmpty());
    EXPECT_THAT(seen.requests, IsEmpty());
    EXPECT_THAT(seen.dom, testing::Not(HasSubstr("<script")));
    EXPECT_THAT(seen.dom, HasSubstr("id=\"section-6\""));
  }
}

TEST_F(PageInChromium, DoesNotScrollSidewaysOnAPhone) {
  const auto page = sample::page(sample::nasty);
  for (const int width : {320, 360, 390, 768, 1280})
    EXPECT_EQ(test_support::wanted_width(saved(to_html(page)), width), width);
}

TEST_F(PageInChromium, LongWordsDoNotWidenAPhone) {
  const std::string word(400, 'w');
  const Table table{.caption = word, .columns = {{.name = word}}, .rows = {{word}}};
  const Page page{
      .title = word,
      .subtitle = word,
      .answer = word,
      .cards = {{word, word}},
      .facts = {{word, word}},
      .sections = {{word, {Paragraph{word}, TableBlock{table}, Code{word, word}, Fold{word, {List{{word}}}}}},
                   {word, {Callout{Callout::Kind::Note, word, word}}}}};
  EXPECT_EQ(test_support::wanted_width(saved(to_html(page)), 360), 360);
}

TEST_F(PageInChromium, TheTablesHoldTheNumbersOfTheRecord) {
  const Table table = sample::exposure_table();
  std::vector<double> expected;
  for (const auto& row : table.rows)
    for (const Cell& cell : row)
      if (const auto* number = std::get_if<double>(&cell)) expected.push_back(*number);
  const Page page{.title = "t", .facts = {}, .sections = {{"s", {TableBlock{table}}}}};

  const auto seen = test_support::visit(saved(to_html(page)));

  std::vector<double> shown;
  for (const std::string& value : matches(seen.dom, "<td[^>]* data-value=\"([^\"]*)\""))
    shown.push_back(std::strtod(value.c_str(), nullptr));
  EXPECT_EQ(shown, expected);
}

}  // namespace
