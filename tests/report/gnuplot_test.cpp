#include <cmath>
#include <limits>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/report/text.hpp"
#include "report/drawing.hpp"
#include "report/matches.hpp"
#include "report/sample.hpp"

using namespace crosstalk::report;
using testing::Contains;
using testing::HasSubstr;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

class Gnuplot : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_support::is_installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  }
};

std::vector<Figure> every_kind(const std::vector<std::string>& names) {
  return {sample::exposure({names.begin(), names.begin() + 4}), sample::harm_by_task(names),
          sample::most_harmful(names), sample::correlations(names)};
}

// Where the curves, bars and cells are drawn; margins depend on the length of names, so these have all the same.
std::vector<std::string> shapes(const std::string& svg) {
  return matches(svg, "( d='M| points = ')");
}

std::string read_xml_text(std::string text) {
  for (const auto& [entity, character] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&amp;", "&"}})
    text = std::regex_replace(text, std::regex(entity), character);
  return text;
}

TEST_F(Gnuplot, DrawsEveryKindInEveryFormat) {
  for (const Figure& figure : every_kind(sample::garments)) {
    for (const auto& [format, start] :
         {std::pair{Format::Svg, "<?xml"}, {Format::Png, "\x89PNG"}, {Format::Pdf, "%PDF"}}) {
      const Drawing drawing = draw(figure, format);
      EXPECT_EQ(drawing.gnuplot.exit_code, 0);
      EXPECT_EQ(drawing.gnuplot.err, "");
      EXPECT_EQ(drawing.image.substr(0, std::string(start).size()), start);
    }
  }
}

TEST_F(Gnuplot, NastyNamesAreDrawnAsTheyAreAndChangeNothingElse) {
  std::vector<std::string> plain;
  for (const std::string& name : sample::nasty) plain.push_back(std::string(code_points(one_line(name)), 'x'));
  const auto nasty_figures = every_kind(sample::nasty);
  const auto plain_figures = every_kind(plain);
  for (std::size_t k = 0; k < nasty_figures.size(); ++k) {
    const Drawing nasty = draw(nasty_figures[k]);
    EXPECT_EQ(nasty.gnuplot.exit_code, 0);
    EXPECT_EQ(nasty.gnuplot.err, "");
    EXPECT_EQ(shapes(nasty.image).size(), shapes(draw(plain_figures[k]).image).size());
    std::vector<std::string> texts;
    for (const std::string& text : matches(nasty.image, "<text[^>]*>([^\n]*)</text>"))
      texts.push_back(read_xml_text(text));
    const std::size_t named = k == 0 ? 4 : sample::nasty.size();
    for (std::size_t i = 0; i < named; ++i) {
      if (sample::nasty[i].empty()) continue;
      EXPECT_THAT(texts, Contains(shortened(sample::nasty[i], 24))) << "figure " << k;
    }
  }
}

TEST_F(Gnuplot, NastyTitlesAreInert) {
  for (const std::string& text : sample::nasty) {
    LineChart line = sample::exposure();
    line.title = line.x.title = line.y.title = line.lines[0].name = text;
    HeatMap map = sample::correlations();
    map.title = map.row_title = map.column_title = map.value_title = text;
    for (const Figure& figure : {Figure(line), Figure(map)}) {
      const Drawing drawing = draw(figure);
      EXPECT_EQ(drawing.gnuplot.exit_code, 0) << text;
      EXPECT_EQ(drawing.gnuplot.err, "") << text;
      EXPECT_GT(drawing.image.size(), 1000U) << text;
    }
  }
}

TEST_F(Gnuplot, TheSameFigureGivesTheSameBytes) {
  for (const Figure& figure : every_kind(sample::garments)) EXPECT_EQ(draw(figure).image, draw(figure).image);
}

TEST_F(Gnuplot, EverySeriesIsDrawnFromItsOwnRowsOfTheFile) {
  // A rising and a falling line over the same x: their paths must end at different heights.
  const LineChart chart{
      .x = {},
      .y = {},
      .series = {{.name = "up, \"a\"", .x = {0, 1}, .y = {0, 1}}, {.name = "down", .x = {0, 1}, .y = {1, 0}}}};
  const auto heights = matches(draw(chart).image, "L[0-9.]+,[0-9.]+ M[0-9.]+,([0-9.]+ L[0-9.]+,[0-9.]+)  '/>\t<use");
  ASSERT_EQ(heights.size(), 2U);
  const auto ends = [](const std::string& path) {
    return std::pair{std::stod(path), std::stod(path.substr(path.find(',') + 1))};
  };
  EXPECT_GT(ends(heights[0]).first, ends(heights[0]).second);  // SVG counts downwards
  EXPECT_LT(ends(heights[1]).first, ends(heights[1]).second);
}

TEST_F(Gnuplot, AMissingBarLeavesTheOthersInTheirPlaces) {
  const BarChart whole{.categories = {"a", "b", "c"}, .series = {{.name = "s", .values = {1, 2, 3}}}};
  BarChart holed = whole;
  holed.series[0].values[1] = nan;
  const auto bars = [](const Figure& figure) {
    return matches(draw(figure).image, "<polygon[^>]* points = '([^']*)'");
  };
  auto expected = bars(whole);
  ASSERT_EQ(expected.size(), 4U);  // the key's box comes first
  expected.erase(expected.begin() + 2);
  EXPECT_EQ(bars(holed), expected);
}

TEST_F(Gnuplot, DrawsWhatHasLittleOrNothingToShow) {
  const Series empty{.name = "none", .x = {}, .y = {}};
  const Series gone{.name = "gone", .x = {1, 2}, .y = {nan, infinity}};
  const Series flat{.name = "flat", .x = {1, 2}, .y = {3, 3}};
  const Series zero{.name = "zero", .x = {0, 0}, .y = {0, -1}};
  const Series partly{.name = "partly",
                      .x = {0, 1, 2, 3},
                      .y = {1e-3, nan, -4, 1e3},
                      .low = {1e-4, nan, nan, 1},
                      .high = {1, nan, nan, 1e4}};
  const Series huge{.name = "huge", .x = {-1e308, 1, 1e308}, .y = {1e308, 1, -1e308}};
  const Series tiny{.name = "tiny", .x = {1, 2}, .y = {5e-324, 1e-310}};
  std::vector<Figure> figures;
  for (const bool log : {false, true}) {
    for (const std::vector<Series>& series :
         {std::vector<Series>{}, {empty}, {gone}, {flat}, {zero}, {huge}, {tiny}, {empty, gone, flat, zero, partly}})
      figures.push_back(LineChart{.x = {.log = log}, .y = {.log = log}, .series = series});
  }
  figures.push_back(BarChart{.value = {}, .categories = {}, .series = {}});
  figures.push_back(BarChart{.value = {}, .categories = {"a"}, .series = {{.name = "s", .values = {nan}}}});
  figures.push_back(BarChart{.value = {}, .categories = {"a", "b"}, .series = {{.name = "s", .values = {0, -2}}}});
  figures.push_back(BarChart{.value = {},
                             .categories = {"a", "b"},
                             .series = {{.name = "s", .values = {nan, -2}, .low = {nan, -3}, .high = {nan, 1}}}});
  figures.push_back(HeatMap{.rows = {}, .columns = {}, .values = {}});
  figures.push_back(HeatMap{.rows = {"a"}, .columns = {"b"}, .values = Eigen::MatrixXd::Constant(1, 1, nan)});
  figures.push_back(HeatMap{.rows = {"a"}, .columns = {"b"}, .values = Eigen::MatrixXd::Constant(1, 1, 7.0)});
  HeatMap holes = sample::correlations();
  holes.values(2, 3) = nan;
  figures.push_back(holes);
  for (std::size_t k = 0; k < figures.size(); ++k) {
    const Drawing drawing = draw(figures[k]);
    EXPECT_EQ(drawing.gnuplot.exit_code, 0) << "figure " << k;
    EXPECT_EQ(drawing.gnuplot.err, "") << "figure " << k;
    EXPECT_THAT(drawing.image, HasSubstr("</svg>")) << "figure " << k;
  }
}

TEST_F(Gnuplot, ASeriesWithoutNumbersIsNamedAsSuch) {
  const Drawing drawing = draw(LineChart{.x = {}, .y = {}, .series = {{.name = "gone", .x = {1}, .y = {nan}}}});
  EXPECT_THAT(drawing.image, HasSubstr("gone (no data)"));
}

TEST_F(Gnuplot, SmallHeatMapsPrintTheirNumbersAndLargeOnesDoNot) {
  std::vector<std::string> names;
  for (int i = 0; i < 16; ++i) names.push_back(std::to_string(i));
  EXPECT_THAT(draw(sample::correlations(names)).image, testing::Not(HasSubstr("<text>1.00</text>")));
  names.pop_back();
  EXPECT_THAT(draw(sample::correlations(names)).image, HasSubstr("<text>1.00</text>"));
}

TEST_F(Gnuplot, AHeatMapOfManyTasksStaysAFileToSend) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("user " + std::to_string(i));
  const Drawing drawing = draw(sample::correlations(names));
  EXPECT_EQ(drawing.gnuplot.err, "");
  EXPECT_THAT(drawing.image, HasSubstr("data:image/png;base64,"));
  EXPECT_LT(drawing.image.size(), 1000000U);
}

}  // namespace
