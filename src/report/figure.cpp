#include "crosstalk/report/figure.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/report/number.hpp"
#include "crosstalk/report/table.hpp"
#include "crosstalk/report/text.hpp"
#include "figure_check.hpp"

namespace crosstalk::report {

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw std::invalid_argument("figure: " + message);
}

void require_length(const std::string& name, const char* what, std::size_t length, std::size_t wanted) {
  if (length != wanted) refuse(fmt::format("series \"{}\" has {} {} for {} points", name, length, what, wanted));
}

void require_interval(const std::string& name, const std::vector<double>& low, const std::vector<double>& high,
                      std::size_t points) {
  if (low.empty() && high.empty()) return;
  require_length(name, "lower ends", low.size(), points);
  require_length(name, "upper ends", high.size(), points);
}

// Names stand last: gnuplot splits a line at the commas of a quoted field that holds doubled quotes, so that
// everything behind such a field is out of place. Line breaks inside a field would be worse still.
std::string name_field(const std::string& name) {
  return csv_field(one_line(name));
}

double value_or_nan(const std::vector<double>& values, std::size_t i) {
  return values.empty() ? std::nan("") : values[i];
}

std::string csv_of(const LineChart& chart) {
  std::string text = "x,y,low,high,series\n";
  for (const Series& series : chart.series)
    for (std::size_t i = 0; i < series.x.size(); ++i)
      text +=
          fmt::format("{},{},{},{},{}\n", exact(series.x[i]), exact(series.y[i]), exact(value_or_nan(series.low, i)),
                      exact(value_or_nan(series.high, i)), name_field(series.name));
  return text;
}

std::string csv_of(const BarChart& chart) {
  std::string text = "value,low,high,category,series\n";
  for (const BarSeries& series : chart.series)
    for (std::size_t i = 0; i < series.values.size(); ++i)
      text +=
          fmt::format("{},{},{},{},{}\n", exact(series.values[i]), exact(value_or_nan(series.low, i)),
                      exact(value_or_nan(series.high, i)), name_field(chart.categories[i]), name_field(series.name));
  return text;
}

std::string csv_of(const HeatMap& map) {
  std::string text = "row_number,column_number,value,row,column\n";
  for (std::size_t r = 0; r < map.rows.size(); ++r)
    for (std::size_t c = 0; c < map.columns.size(); ++c)
      text += fmt::format("{},{},{},{},{}\n", r, c,
                          exact(map.values(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(c))),
                          name_field(map.rows[r]), name_field(map.columns[c]));
  return text;
}

}  // namespace

void require_valid(const LineChart& chart) {
  for (const Series& series : chart.series) {
    require_length(series.name, "y", series.y.size(), series.x.size());
    require_interval(series.name, series.low, series.high, series.x.size());
    for (const double x : series.x)
      if (!std::isfinite(x)) refuse(fmt::format("series \"{}\" has x = {}; it must be finite", series.name, exact(x)));
  }
}

void require_valid(const BarChart& chart) {
  if (chart.value.log) refuse("the value axis of a bar chart is logarithmic; bars start at 0");
  for (const BarSeries& series : chart.series) {
    require_length(series.name, "values", series.values.size(), chart.categories.size());
    require_interval(series.name, series.low, series.high, series.values.size());
  }
}

void require_valid(const HeatMap& map) {
  if (map.values.rows() != static_cast<Eigen::Index>(map.rows.size()) ||
      map.values.cols() != static_cast<Eigen::Index>(map.columns.size()))
    refuse(fmt::format("heat map \"{}\" has {} x {} values for {} row and {} column names", map.title,
                       map.values.rows(), map.values.cols(), map.rows.size(), map.columns.size()));
  if (!(map.low < map.high && std::isfinite(map.low) && std::isfinite(map.high)))
    refuse(fmt::format("heat map \"{}\" has the range [{}, {}]; low must be below high and both finite", map.title,
                       exact(map.low), exact(map.high)));
  if (map.decimals < 0 || map.decimals > 9)
    refuse(fmt::format("heat map \"{}\" has decimals {}; they must be from 0 to 9", map.title, map.decimals));
}

std::string csv(const Figure& figure) {
  return std::visit(
      [](const auto& kind) {
        require_valid(kind);
        return csv_of(kind);
      },
      figure);
}

}  // namespace crosstalk::report
