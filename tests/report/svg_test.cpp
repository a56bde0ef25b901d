#include "crosstalk/report/svg.hpp"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "report/drawing.hpp"
#include "report/matches.hpp"
#include "report/sample.hpp"

using crosstalk::DataError;
using crosstalk::report::inline_svg;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::ThrowsMessage;

namespace {

std::string wrapped(const std::string& inside) {
  return "<?xml version=\"1.0\"?><!DOCTYPE svg><svg width='3' height='2' viewBox='0 0 3 2' "
         "xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' onload='alert(1)'>" +
         inside + "</svg>";
}

std::string cleaned(const std::string& inside) {
  return inline_svg(wrapped(inside), "t", "d", "p-");
}

TEST(InlineSvg, HasNoPrologueAndIsAnImageWithANameAndADescription) {
  const std::string svg = inline_svg(wrapped("<title>old</title>"), "Loss <b>", "rises & falls", "p-");
  EXPECT_THAT(svg, StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 3 2\" role=\"img\" "
                              "aria-labelledby=\"p-title p-description\""));
  EXPECT_THAT(svg, HasSubstr("<title id=\"p-title\">Loss &lt;b&gt;</title>"));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"p-description\">rises &amp; falls</desc>"));
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("old")), Not(HasSubstr("alert")), Not(HasSubstr(" height="))));
}

TEST(InlineSvg, NothingInItRunsOrLoads) {
  const std::string svg = cleaned(
      "<script>alert(2)</script><style>@import 'http://evil'</style><foreignObject><b>evil</b></foreignObject>"
      "<a href='javascript:evil()'><text>evil</text></a><set attributeName='href' to='evil'/>"
      "<rect onclick='evil()' fill='url(http://evil/x)' width='1'/><rect fill='u\\72l(evil)'/><rect fill='URL(evil)'/>"
      "<rect style='fill:url(http://evil); stroke:red; background:url(evil)'/>"
      "<use href='http://evil/x.svg#a'/><image href='http://evil/x.png'/><image xlink:href='data:image/svg+xml,evil'/>"
      "<x:script xmlns:x='http://www.w3.org/2000/svg'>evil()</x:script><iframe src='evil'/><text>fine</text>");
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("evil")), Not(HasSubstr("alert")), Not(HasSubstr("<script"))));
  EXPECT_THAT(svg, HasSubstr("<rect width=\"1\""));
  EXPECT_THAT(svg, HasSubstr("<rect stroke=\"red\""));
  EXPECT_THAT(svg, HasSubstr("<text>fine</text>"));
}

TEST(InlineSvg, IdsAndReferencesGetThePrefix) {
  const std::string svg = cleaned("<defs><circle id='c' r='1'/></defs><use xlink:href='#c'/><rect fill='url(#c)'/>");
  EXPECT_THAT(svg, HasSubstr("<circle id=\"p-c\" r=\"1\""));
  EXPECT_THAT(svg, HasSubstr("<use href=\"#p-c\""));
  EXPECT_THAT(svg, HasSubstr("fill=\"url(#p-c)\""));
}

TEST(InlineSvg, EmbeddedPicturesStay) {
  EXPECT_THAT(cleaned("<image xlink:href='data:image/png;base64,AAAA'/>"),
              HasSubstr("<image href=\"data:image/png;base64,AAAA\""));
}

TEST(InlineSvg, TextStaysEscaped) {
  EXPECT_THAT(cleaned("<text>a &lt;script&gt; &amp; <![CDATA[<b>]]></text>"),
              HasSubstr("<text>a &lt;script&gt; &amp; &lt;b&gt;</text>"));
}

TEST(InlineSvg, DrawingsOfGnuplotSharePageAndKeepTheirReferences) {
  if (!test_support::is_installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  std::string page;
  int number = 0;
  for (const crosstalk::report::Figure& figure :
       {crosstalk::report::Figure(sample::exposure(sample::nasty)), crosstalk::report::Figure(sample::exposure()),
        crosstalk::report::Figure(sample::harm_by_task(sample::nasty)),
        crosstalk::report::Figure(sample::correlations(sample::nasty))})
    page += inline_svg(draw(figure).image, "t", "d", fmt::format("f{}-", ++number));
  const auto list = matches(page, " id=\"([^\"]*)\"");
  const std::set<std::string> ids(list.begin(), list.end());
  EXPECT_EQ(ids.size(), list.size());
  auto references = matches(page, "href=\"#([^\"]*)\"");
  const auto urls = matches(page, "url\\(#([^)]*)\\)");
  EXPECT_GT(references.size(), 10U);
  EXPECT_GT(urls.size(), 10U);
  references.insert(references.end(), urls.begin(), urls.end());
  for (const std::string& reference : references) EXPECT_TRUE(ids.contains(reference)) << reference;
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("font-family")), Not(HasSubstr("<?xml")),
                          Not(HasSubstr("<!DOCTYPE")), Not(HasSubstr(" on"))));
}

TEST(InlineSvg, RefusesWhatIsNoSvg) {
  EXPECT_THAT([] { inline_svg("<svg viewBox='0 0 1 1'><g>", "", "", "p"); },
              ThrowsMessage<DataError>(StartsWith("inline_svg: not well-formed at byte ")));
  EXPECT_THAT([] { inline_svg("", "", "", "p"); },
              ThrowsMessage<DataError>(StartsWith("inline_svg: not well-formed at byte 0: ")));
  EXPECT_THAT([] { inline_svg("<html/>", "", "", "p"); },
              ThrowsMessage<DataError>("inline_svg: the outer element is <html>; it must be <svg>"));
  for (const char* box : {"", "0 0 x 1", "0 0 0 5", "0 0 5", "0 0 -1 2"})
    EXPECT_THAT([&] { inline_svg(fmt::format("<svg viewBox='{}'/>", box), "", "", "p"); },
                ThrowsMessage<DataError>(
                    fmt::format("inline_svg: the viewBox is \"{}\"; it must have a width and a height above 0", box)));
}

TEST(InlineSvg, RefusesElementsNestedTooDeep) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<g>";
  for (int i = 0; i < 100000; ++i) deep += "</g>";
  EXPECT_THAT([&] { cleaned(deep); }, ThrowsMessage<DataError>("inline_svg: elements are nested more than 64 deep"));
}

TEST(InlineSvg, RefusesAPrefixThatIsNoName) {
  for (const char* prefix : {"", "1a", "a b", "a\"b"})
    EXPECT_THAT(
        [&] { inline_svg(wrapped(""), "", "", prefix); },
        ThrowsMessage<std::invalid_argument>(fmt::format(
            "inline_svg: the id prefix is \"{}\"; it must begin with a letter and hold letters, digits, - and _",
            prefix)));
}

}  // namespace
