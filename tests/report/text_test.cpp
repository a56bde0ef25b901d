#include "crosstalk/report/text.hpp"

#include <gtest/gtest.h>

using namespace crosstalk::report;

namespace {

constexpr const char* replaced = "\xEF\xBF\xBD";

TEST(Text, EscapesEverythingThatHtmlReads) {
  EXPECT_EQ(escape_html("<a href=\"x\" id='y'>&amp;"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
}

TEST(Text, EscapedTextKeepsLinesAndDropsOtherControls) {
  EXPECT_EQ(escape_html(std::string("a\nb\tc\0d\x1B\x7F", 9)),
            std::string("a\nb\tc") + replaced + "d" + replaced + replaced);
}

TEST(Text, ValidUtf8StaysAsItIs) {
  // One to four bytes, and the last code points before and after the surrogates.
  const std::string text = "a\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(Text, EveryBrokenSequenceIsReplaced) {
  for (const char* broken : {"\x80", "\xFF", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                             "\xF0\x8F\xBF\xBF", "\xE6\xBC", "\xE6\xBC<"}) {
    const std::string repaired = valid_utf8(std::string("x") + broken + "y");
    EXPECT_NE(repaired.find(replaced), std::string::npos) << testing::PrintToString(broken);
    EXPECT_EQ(repaired, valid_utf8(repaired));
    EXPECT_EQ(repaired.back(), 'y');
  }
  EXPECT_EQ(valid_utf8("\xE6\xBC<"), std::string(replaced) + replaced + "<");
}

TEST(Text, OneLineHasNoLineBreaks) {
  EXPECT_EQ(one_line("a\r\nb\tc"), "a  b c");
}

TEST(Text, ShortenedCountsCharactersNotBytes) {
  EXPECT_EQ(shortened("\xC3\xA9\xC3\xA9\xC3\xA9", 3), "\xC3\xA9\xC3\xA9\xC3\xA9");
  EXPECT_EQ(shortened("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xE2\x80\xA6");
  EXPECT_EQ(shortened("long", 1), "\xE2\x80\xA6");
  EXPECT_EQ(code_points("\xC3\xA9\xE2\x80\xA6x"), 3U);
}

}  // namespace
