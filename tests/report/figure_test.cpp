#include "crosstalk/report/figure.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sample.hpp"

using namespace crosstalk::report;
using testing::HasSubstr;
using testing::ThrowsMessage;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string script(const Figure& figure) {
  return gnuplot_script(figure, "a.csv", "a.svg", Format::Svg);
}

TEST(FigureCsv, HoldsEveryNumberOfALineChart) {
  const LineChart chart{.x = {},
                        .y = {},
                        .series = {{.name = "a, b", .x = {0, 0.1}, .y = {1.0 / 3.0, nan}},
                                   {.name = "c\nd", .x = {5}, .y = {6}, .low = {4}, .high = {7}}}};
  EXPECT_EQ(csv(chart),
            "x,y,low,high,series\n"
            "0,0.3333333333333333,nan,nan,\"a, b\"\n"
            "0.1,nan,nan,nan,\"a, b\"\n"
            "5,6,4,7,c d\n");
}

TEST(FigureCsv, HoldsEveryNumberOfABarChart) {
  const BarChart chart{.value = {}, .categories = {"x", "y"}, .series = {{.name = "s", .values = {0.1, 2e-9}}}};
  EXPECT_EQ(csv(chart), "value,low,high,category,series\n0.1,nan,nan,x,s\n2e-09,nan,nan,y,s\n");
}

TEST(FigureCsv, HoldsEveryNumberOfAHeatMapRowByRow) {
  HeatMap map{.rows = {"r"}, .columns = {"c", "d"}, .values = Eigen::MatrixXd(1, 2)};
  map.values << 0.25, nan;
  EXPECT_EQ(csv(map), "row_number,column_number,value,row,column\n0,0,0.25,r,c\n0,1,nan,r,d\n");
}

TEST(FigureScript, IsTheSameForTheSameFigure) {
  EXPECT_EQ(script(sample::exposure()), script(sample::exposure()));
  EXPECT_EQ(script(sample::correlations()), script(sample::correlations()));
}

TEST(FigureScript, SeriesDifferInColourMarkAndDash) {
  const std::string text = script(sample::exposure());
  for (const char* look : {"lc rgb '#0072b2' lw 2 dt solid pt 7", "lc rgb '#d55e00' lw 2 dt (14,5) pt 5",
                           "lc rgb '#009e73' lw 2 dt (4,4) pt 9", "lc rgb '#737a85' lw 2 dt (3,5) pt 8"})
    EXPECT_THAT(text, HasSubstr(look));
}

TEST(FigureScript, AFileNameNeverBecomesACommand) {
  const auto names = [](const std::string& in, const std::string& out) {
    return gnuplot_script(sample::convergence(), in, out, Format::Svg);
  };
  EXPECT_THAT(names("< date", "|date"), HasSubstr("data = './< date'"));
  EXPECT_THAT(names("< date", "|date"), HasSubstr("set output './|date'"));
  EXPECT_THAT(names("it's.csv", "`x`\n.svg"), HasSubstr("data = \"it\\047s.csv\""));
  EXPECT_THAT(names("it's.csv", "`x`\n.svg"), HasSubstr("set output \"./\\140x\\140\\012.svg\""));
  EXPECT_THAT([&] { names("", "a.svg"); },
              ThrowsMessage<std::invalid_argument>("gnuplot_script: a file name is empty"));
  EXPECT_THAT([&] { names("a.csv", std::string("a\0b", 3)); },
              ThrowsMessage<std::invalid_argument>("gnuplot_script: a file name holds a zero byte"));
}

TEST(FigureRules, ALineChartNeedsAsManyYAsX) {
  const LineChart chart{.x = {}, .y = {}, .series = {{.name = "s", .x = {1, 2}, .y = {1}}}};
  EXPECT_THAT([&] { csv(chart); }, ThrowsMessage<std::invalid_argument>("figure: series \"s\" has 1 y for 2 points"));
  EXPECT_THROW(script(chart), std::invalid_argument);
}

TEST(FigureRules, AnIntervalHasBothEndsOfEveryPoint) {
  LineChart chart{.x = {}, .y = {}, .series = {{.name = "s", .x = {1}, .y = {1}, .low = {0}}}};
  EXPECT_THAT([&] { csv(chart); },
              ThrowsMessage<std::invalid_argument>("figure: series \"s\" has 0 upper ends for 1 points"));
  chart.series[0].low = {0, 0};
  EXPECT_THAT([&] { csv(chart); },
              ThrowsMessage<std::invalid_argument>("figure: series \"s\" has 2 lower ends for 1 points"));
}

TEST(FigureRules, XIsFinite) {
  const LineChart chart{.x = {}, .y = {}, .series = {{.name = "s", .x = {nan}, .y = {1}}}};
  EXPECT_THAT([&] { csv(chart); },
              ThrowsMessage<std::invalid_argument>("figure: series \"s\" has x = nan; it must be finite"));
}

TEST(FigureRules, BarsHaveOneValueACategoryOnALinearAxis) {
  BarChart chart{.value = {}, .categories = {"a", "b"}, .series = {{.name = "s", .values = {1}}}};
  EXPECT_THAT([&] { csv(chart); },
              ThrowsMessage<std::invalid_argument>("figure: series \"s\" has 1 values for 2 points"));
  chart.value.log = true;
  EXPECT_THAT([&] { csv(chart); }, ThrowsMessage<std::invalid_argument>(
                                       "figure: the value axis of a bar chart is logarithmic; bars start at 0"));
}

TEST(FigureRules, AHeatMapHasANameForEveryRowAndColumnAndARange) {
  HeatMap map{.title = "m", .rows = {"a"}, .columns = {"b"}, .values = Eigen::MatrixXd::Zero(2, 1)};
  EXPECT_THAT([&] { csv(map); }, ThrowsMessage<std::invalid_argument>(
                                     "figure: heat map \"m\" has 2 x 1 values for 1 row and 1 column names"));
  map.values.resize(1, 1);
  map.low = map.high = 2.0;
  EXPECT_THAT([&] { csv(map); },
              ThrowsMessage<std::invalid_argument>(
                  "figure: heat map \"m\" has the range [2, 2]; low must be below high and both finite"));
  map.low = 0.0;
  map.decimals = 10;
  EXPECT_THAT([&] { csv(map); },
              ThrowsMessage<std::invalid_argument>("figure: heat map \"m\" has decimals 10; they must be from 0 to 9"));
}

}  // namespace
