#include "crosstalk/report/page.hpp"

#include <set>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/matches.hpp"
#include "report/sample_page.hpp"

using namespace crosstalk::report;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string with(Block block) {
  return to_html(Page{.title = "t", .facts = {}, .sections = {{"s", {std::move(block)}}}});
}

constexpr const char* tiny_svg = "<svg viewBox='0 0 4 3'><rect id='r' width='4'/></svg>";

TEST(PageHtml, SaysItsLanguageTitleAndPolicy) {
  const std::string html = to_html(Page{.title = "A & B", .facts = {}, .sections = {}, .language = "en-GB"});
  EXPECT_THAT(html, StartsWith("<!DOCTYPE html>\n<html lang=\"en-GB\">"));
  EXPECT_THAT(html, HasSubstr("<title>A &amp; B</title>"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
  EXPECT_THAT(html, HasSubstr("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"));
}

TEST(PageHtml, HasOneHeadingOfTheFirstRankAndALinkToEverySection) {
  const std::string html = to_html(sample::page());
  EXPECT_EQ(count(html, "<h1>"), 1U);
  EXPECT_EQ(count(html, "<main>"), 1U);
  const std::size_t sections = count(html, "<section id=\"section-");
  EXPECT_EQ(sections, 6U);
  EXPECT_EQ(count(html, "<a href=\"#section-"), sections);
}

TEST(PageHtml, EveryIdIsThereOnce) {
  const std::string html = to_html(sample::page());
  const auto list = matches(html, " id=\"([^\"]*)\"");
  const std::set<std::string> seen(list.begin(), list.end());
  EXPECT_EQ(seen.size(), list.size());
  EXPECT_GT(seen.size(), 12U);
}

TEST(PageHtml, IsTheSameForTheSamePage) {
  EXPECT_EQ(to_html(sample::page()), to_html(sample::page()));
}

TEST(PageHtml, EveryTextIsEscaped) {
  const std::string evil = "<img src=x onerror=alert(1)>\"'&";
  const NumberFormat number;
  const Table table{
      .caption = evil, .columns = {{evil, evil, number}, {evil, evil, {}}}, .rows = {{1.0, evil}, {evil, evil}}};
  const FigureBlock figure{tiny_svg, evil, evil, evil, evil, evil};
  const FigureBlock missing{"", evil, evil, evil, evil, evil};
  const std::string html =
      to_html(Page{.title = evil,
                   .subtitle = evil,
                   .answer = evil,
                   .cards = {{evil, evil, 1.0}},
                   .facts = {{evil, evil}},
                   .sections = {{evil,
                                 {Paragraph{evil}, List{{evil}}, Cards{{{evil, evil}}}, TableBlock{table},
                                  TableBlock{table, evil}, figure, FigureRow{{missing}}, Code{evil, evil},
                                  Callout{Callout::Kind::Note, evil, evil}, Fold{evil, {Paragraph{evil}}}}},
                                {evil, {}}},
                   .footer = evil});
  EXPECT_EQ(count(html, "<img"), 0U);
  EXPECT_GE(count(html, "&lt;img src=x onerror=alert(1)&gt;"), 30U);
}

TEST(PageHtml, ACardHoldsItsExactNumber) {
  EXPECT_THAT(with(Cards{{{"+9.1 points", "more errors", 0.0912345678901}}}),
              HasSubstr("<strong class=\"value\" data-value=\"0.0912345678901\">+9.1 points</strong>"));
}

TEST(PageHtml, FiguresAreNumberedAndCarryCaptionAndHint) {
  const std::string html =
      with(FigureRow{{FigureBlock{tiny_svg, "First.", "Cap.", "look up."}, FigureBlock{tiny_svg, "Second."}}});
  EXPECT_THAT(
      html,
      HasSubstr(
          "<figcaption><strong>Figure 1. First.</strong> Cap. <span class=\"how\">How to read it: look up.</span>"));
  EXPECT_THAT(html, HasSubstr("<strong>Figure 2. Second.</strong></figcaption>"));
  EXPECT_THAT(html, AllOf(HasSubstr("id=\"f1-r\""), HasSubstr("id=\"f2-r\"")));
}

TEST(PageHtml, AFigureThatCouldNotBeDrawnSaysSo) {
  const std::string html = with(FigureBlock{.svg = "", .title = "Gone.", .missing = "Needs gnuplot; see loss.csv."});
  EXPECT_THAT(html, AllOf(HasSubstr("<p class=\"missing\">Needs gnuplot; see loss.csv.</p>"), Not(HasSubstr("<svg"))));
  EXPECT_THAT(with(FigureBlock{.svg = "", .title = "Gone."}), HasSubstr("This figure could not be drawn."));
}

TEST(PageHtml, LongTablesFoldAway) {
  const Table table{.caption = "c", .columns = {{.name = "a"}}, .rows = {{"x"}}};
  EXPECT_THAT(with(TableBlock{table, "All rows"}), HasSubstr("<details><summary>All rows</summary>"));
  EXPECT_THAT(with(TableBlock{table}), Not(HasSubstr("<details>")));
}

TEST(PageHtml, CalloutsSayTheirKindInWords) {
  EXPECT_THAT(with(Callout{Callout::Kind::Warning, "Hot", "Do not touch."}),
              HasSubstr(">Warning: Hot</p><p>Do not touch.</p>"));
  EXPECT_THAT(with(Callout{Callout::Kind::Limit, "One seed"}), HasSubstr(">Limit: One seed</p></div>"));
  EXPECT_THAT(with(Callout{Callout::Kind::Note, "Read on"}), HasSubstr(">Note: Read on</p></div>"));
}

TEST(PageHtml, RefusesALanguageThatIsNoTag) {
  EXPECT_THAT([] { to_html(Page{.title = "t", .facts = {}, .sections = {}, .language = "en\" onload=\""}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "to_html: the language is \"en\" onload=\"\"; it must be a tag like en"));
}

}  // namespace
