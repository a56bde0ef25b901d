#include "crosstalk/report/table.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sample.hpp"

using namespace crosstalk::report;
using testing::HasSubstr;
using testing::Not;

namespace {

const NumberFormat percent{NumberFormat::Kind::Percent, 1};

// RFC 4180 read strictly, field by field.
std::vector<std::vector<std::string>> parse(const std::string& csv) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < csv.size(); ++i) {
    std::string& field = rows.back().back();
    if (quoted) {
      if (csv[i] != '"')
        field += csv[i];
      else if (i + 1 < csv.size() && csv[i + 1] == '"')
        field += csv[++i];
      else
        quoted = false;
    } else if (csv[i] == '"') {
      quoted = true;
    } else if (csv[i] == ',') {
      rows.back().emplace_back();
    } else if (csv[i] == '\n') {
      if (i + 1 < csv.size()) rows.push_back({""});
    } else {
      field += csv[i];
    }
  }
  return rows;
}

TEST(TableCsv, NumbersAndNamesReadBackExactly) {
  Table table{.columns = {{.name = "task, or \"job\""}, {.name = "loss", .unit = "N m", .format = NumberFormat{}}},
              .rows = {}};
  const std::vector<double> numbers = {0.1, -1.0 / 3.0, 4.9e-324, 1.7976931348623157e308, 0.0512, 6e2, 1e-7, 7, 8, 9};
  for (std::size_t i = 0; i < sample::nasty.size(); ++i) table.rows.push_back({sample::nasty[i], numbers[i]});

  const auto read = parse(to_csv(table));

  ASSERT_EQ(read.size(), 1 + sample::nasty.size());
  EXPECT_EQ(read[0], (std::vector<std::string>{"task, or \"job\"", "loss [N m]"}));
  for (std::size_t i = 0; i < sample::nasty.size(); ++i) {
    EXPECT_EQ(read[i + 1][0], sample::nasty[i]);
    EXPECT_EQ(std::strtod(read[i + 1][1].c_str(), nullptr), numbers[i]);
  }
}

TEST(TableCsv, SharesStaySharesAndMissingNumbersAreNan) {
  const Table table{.columns = {{.name = "a", .format = percent}, {.name = "b", .format = percent}},
                    .rows = {{0.051, std::nan("")}}};
  EXPECT_EQ(to_csv(table), "a,b\n0.051,nan\n");
}

TEST(TableHtml, TheExactNumberStandsBesideTheShortOne) {
  const Table table{.columns = {{.name = "share", .format = percent}}, .rows = {{0.05123456789}, {std::nan("")}}};
  EXPECT_THAT(to_html(table), HasSubstr("<td class=\"number\" data-value=\"0.05123456789\">5.1\xC2\xA0%</td>"));
  EXPECT_THAT(to_html(table), HasSubstr("<td class=\"number\" data-value=\"nan\">\xE2\x80\x93</td>"));
}

TEST(TableHtml, HeadersHaveAScopeAndTheCaptionIsThere) {
  const Table table{.caption = "Loss by task",
                    .columns = {{.name = "task"}, {.name = "loss", .unit = "N m", .format = NumberFormat{}}},
                    .rows = {{"Bag", 0.5}}};
  const std::string html = to_html(table);
  EXPECT_THAT(html, HasSubstr("<caption>Loss by task</caption>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\">task</th>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\" class=\"number\">loss <span class=\"unit\">N m</span></th>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">Bag</th>"));
}

TEST(TableHtml, TextOfUsersIsInert) {
  for (const std::string& name : sample::nasty) {
    const Table table{.caption = name, .columns = {{.name = name, .unit = name}}, .rows = {{name}}};
    const std::string html = to_html(table);
    EXPECT_THAT(html, Not(HasSubstr("<script"))) << name;
  }
}

TEST(Table, RefusesARaggedRow) {
  const Table table{.caption = "t", .columns = {{.name = "a"}, {.name = "b"}}, .rows = {{"x", "y"}, {"x"}}};
  EXPECT_THAT([&] { to_csv(table); },
              testing::ThrowsMessage<std::invalid_argument>("to_csv: row 1 of table \"t\" has 1 cells for 2 columns"));
  EXPECT_THROW(to_html(table), std::invalid_argument);
}

TEST(Table, RefusesANumberInATextColumn) {
  const Table table{.caption = "t", .columns = {{.name = "a"}}, .rows = {{1.0}}};
  EXPECT_THAT([&] { to_html(table); }, testing::ThrowsMessage<std::invalid_argument>(
                                           "to_html: row 0 of table \"t\" has a number in the text column \"a\""));
}

}  // namespace
