#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "crosstalk/report/figure.hpp"
#include "crosstalk/report/number.hpp"
#include "figure_check.hpp"
#include "gnuplot_style.hpp"

namespace crosstalk::report {

namespace {

using namespace gnuplot;

double scale_of(const Axis& axis) {
  return axis.percent ? 100.0 : 1.0;
}

// Numbers at the ends of the double's range overflow when gnuplot measures distances; they stay out of the picture.
bool drawable(double value, bool positive_only) {
  return std::abs(value) <= 1e300 && (!positive_only || value >= 1e-300);
}

/// Smallest and largest number that an axis has to show.
class Extent {
 public:
  explicit Extent(bool positive_only) : positive_only_(positive_only) {}

  void add(double value) {
    if (!drawable(value, positive_only_)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  void add(const std::vector<double>& values) {
    for (const double value : values) add(value);
  }
  [[nodiscard]] bool empty() const { return low_ > high_; }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }

 private:
  bool positive_only_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

// Range with room of `margin` of its length at both ends, but none beyond a zero that bars or lines stand on.
std::string range_line(const char* axis, const Axis& options, Extent extent, bool log, double margin) {
  if (options.from_zero && !log) extent.add(0.0);
  double low = extent.empty() ? 0.0 : extent.low();
  double high = extent.empty() ? 1.0 : extent.high();
  if (log && !extent.empty()) {
    const double room = std::pow(high / low, margin);
    const double least = 1.25;  // so that one value alone has a range
    low /= std::max(room, least);
    high *= std::max(room, least);
  } else {
    double room = margin * (high - low);
    if (room <= 0.0) room = low == 0.0 ? 0.5 : 0.1 * std::abs(low);
    if (!(options.from_zero && low == 0.0)) low -= room;
    if (!(options.from_zero && high == 0.0 && low < 0.0)) high += room;
  }
  const double scale = scale_of(options);
  return fmt::format("set {}range [{}:{}]\n", axis, exact(scale * low), exact(scale * high));
}

std::string axis_lines(const char* axis, const Axis& options, const Extent& extent, bool log, double margin) {
  std::string script = label_line(axis, options.title);
  if (log) script += fmt::format("set logscale {}\n", axis);
  script += range_line(axis, options, extent, log, margin);
  script += fmt::format("set format {} '{}'\n", axis, options.percent ? "%g %%" : "%g");
  if (!options.ticks.empty()) {
    script += fmt::format("set {}tics (", axis);
    for (std::size_t i = 0; i < options.ticks.size(); ++i)
      script += (i == 0 ? "" : ", ") + exact(scale_of(options) * options.ticks[i]);
    script += ")\n";
  }
  return script;
}

std::string grid_line(const char* tics) {
  return fmt::format("set grid {} back lt 1 lc rgb '{}' lw 1\n", tics, hairline);
}

std::string plot_command(const std::vector<std::string>& elements) {
  // A line of one point draws nothing, but lets gnuplot draw axes and key when there is nothing else.
  std::string script = "$nothing << EOD\n1 1\nEOD\nplot $nothing with lines notitle";
  for (const std::string& element : elements) script += ", \\\n  " + element;
  return script + "\n";
}

// The lines of the CSV file that hold one series.
std::string rows_of(std::size_t first, std::size_t count) {
  return fmt::format("data skip 1 every ::{}::{}", first, first + count - 1);
}

std::string scaled(int column, const Axis& axis) {
  return axis.percent ? fmt::format("(100*${})", column) : fmt::format("{}", column);
}

bool shows_something(const std::vector<double>& values, bool log) {
  return std::any_of(values.begin(), values.end(), [&](double v) { return drawable(v, log); });
}

std::string script_of(const LineChart& chart, const std::string& csv_file, const std::string& output_file,
                      Format format) {
  constexpr std::size_t marks_along_a_line = 12;
  Extent x_extent(chart.x.log);
  Extent y_extent(chart.y.log);
  for (const Series& series : chart.series) {
    x_extent.add(series.x);
    y_extent.add(series.y);
    y_extent.add(series.low);
    y_extent.add(series.high);
  }
  for (const ReferenceLine& line : chart.lines) y_extent.add(line.y);
  const bool x_log = chart.x.log && !x_extent.empty();
  const bool y_log = chart.y.log && !y_extent.empty();

  std::string script = preamble(csv_file, output_file, format, standard_width, standard_height);
  script += title_line(chart.title);
  script += grid_line("ytics");
  script += axis_lines("x", chart.x, x_extent, x_log, 0.025);
  script += axis_lines("y", chart.y, y_extent, y_log, 0.05);
  for (const ReferenceLine& line : chart.lines) {
    if (!drawable(line.y, y_log)) continue;
    const std::string y = exact(scale_of(chart.y) * line.y);
    script +=
        fmt::format("set arrow from graph 0, first {0} to graph 1, first {0} nohead back lc rgb '{1}' lw 1 dt (2,3)\n",
                    y, quiet_ink);
    script += fmt::format("set label {} at graph 1, first {} right offset 0,0.5 textcolor rgb '{}'\n",
                          name_in_plot(line.name), y, quiet_ink);
  }

  const auto looks = looks_of(chart.series);
  std::vector<std::string> bands;
  std::vector<std::string> lines;
  std::size_t first = 0;
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const Series& series = chart.series[s];
    const Look& look = looks[s];
    const std::size_t count = series.x.size();
    const std::string style = fmt::format("lc rgb '{}' lw 2 dt {} pt {} ps 0.9", look.colour, look.dash, look.mark);
    if (!shows_something(series.x, x_log) || !shows_something(series.y, y_log)) {
      lines.push_back(
          fmt::format("keyentry with linespoints {} title {}", style, name_in_plot(series.name + " (no data)")));
    } else {
      const std::string rows = rows_of(first, count);
      if (shows_something(series.low, y_log) && shows_something(series.high, y_log))
        bands.push_back(
            fmt::format("{} using {}:{}:{} with filledcurves fs transparent solid 0.16 noborder lc rgb '{}' "
                        "notitle",
                        rows, scaled(1, chart.x), scaled(3, chart.y), scaled(4, chart.y), look.colour));
      lines.push_back(fmt::format("{} using {}:{} with linespoints {} pointinterval {} title {}", rows,
                                  scaled(1, chart.x), scaled(2, chart.y), style,
                                  (count + marks_along_a_line - 1) / marks_along_a_line, name_in_plot(series.name)));
    }
    first += count;
  }
  bands.insert(bands.end(), lines.begin(), lines.end());
  return script + plot_command(bands);
}

std::string script_of(const BarChart& chart, const std::string& csv_file, const std::string& output_file,
                      Format format) {
  const auto categories = static_cast<double>(chart.categories.size());
  const auto bars = static_cast<double>(std::max<std::size_t>(chart.series.size(), 1));
  constexpr double group = 0.8;  // of a category's height
  const double frame = 110.0 + (chart.title.empty() ? 0.0 : 30.0);
  const double wanted = std::max(bars == 1.0 ? 26.0 : 13.0 * bars / group, font_size + 5.0);
  const double height = std::min(frame + std::max(categories, 1.0) * wanted, longest_side);
  constexpr double plot_width = 420.0;
  const double left = 16.0 + widest_name(chart.categories);
  const double width = left + plot_width + 30.0;

  Extent extent(false);
  extent.add(0.0);
  for (const BarSeries& series : chart.series) {
    extent.add(series.values);
    extent.add(series.low);
    extent.add(series.high);
  }
  Axis value = chart.value;
  value.from_zero = true;
  // One bar a category leaves room to print its number.
  const bool numbers = chart.series.size() == 1 && chart.series.front().low.empty();

  std::string script = preamble(csv_file, output_file, format, width, height);
  script += title_line(chart.title);
  script += grid_line("xtics");
  script += axis_lines("x", value, extent, false, numbers ? 0.14 : 0.04);
  script += fmt::format("set lmargin at screen {:.6f}\nset rmargin at screen {:.6f}\n", left / width,
                        (left + plot_width) / width);
  script += fmt::format("set yrange [{}:-0.6]\n", exact(std::max(categories, 1.0) - 0.4));
  script += name_ticks("y", chart.categories, cells_per_name((height - frame) / std::max(categories, 1.0)), "scale 0");
  if (extent.low() < 0.0)
    script += fmt::format("set arrow from 0, graph 0 to 0, graph 1 nohead front lc rgb '{}' lw 1\n", quiet_ink);

  const auto looks = looks_of(chart.series);
  std::vector<std::string> boxes;
  std::vector<std::string> whiskers;
  std::size_t first = 0;
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const BarSeries& series = chart.series[s];
    const Look& look = looks[s];
    const std::size_t count = series.values.size();
    const std::string style = fmt::format("lc rgb '{0}' lw 1 fs {1} border lc rgb '{0}'", look.colour, look.fill);
    const bool alone = chart.series.size() == 1;
    if (!shows_something(series.values, false)) {
      boxes.push_back(fmt::format("keyentry with boxes {} title {}", style, name_in_plot(series.name + " (no data)")));
    } else {
      const std::string rows = rows_of(first, count);
      const std::string x = scaled(1, value);
      const double thickness = group / bars;
      const double top = -group / 2.0 + thickness * static_cast<double>(s);
      const double gap = 0.08 * thickness;
      boxes.push_back(fmt::format("{} using {}:0:(0):{}:($0+{:.6f}):($0+{:.6f}) with boxxyerror {} {}", rows, x, x,
                                  top + gap, top + thickness - gap, style,
                                  alone && series.name.empty() ? "notitle" : "title " + name_in_plot(series.name)));
      if (shows_something(series.low, false))
        whiskers.push_back(fmt::format("{} using {}:($0+{:.6f}):{}:{} with xerrorbars pt 0 lc rgb '{}' lw 1 notitle",
                                       rows, x, top + thickness / 2.0, scaled(2, value), scaled(3, value), ink));
      if (numbers)
        whiskers.push_back(
            fmt::format("{0} using ({1} > 0 ? {1} : 0):0:(sprintf('{2}', {1})) with labels left offset 0.6,0 "
                        "textcolor rgb '{3}' notitle",
                        rows, value.percent ? "100*$1" : "$1", value.percent ? "%.1f %%" : "%.3g", ink));
    }
    first += count;
  }
  boxes.insert(boxes.end(), whiskers.begin(), whiskers.end());
  return script + plot_command(boxes);
}

std::string script_of(const HeatMap& map, const std::string& csv_file, const std::string& output_file, Format format) {
  constexpr std::size_t most_with_numbers = 15;
  const auto rows = static_cast<double>(std::max<std::size_t>(map.rows.size(), 1));
  const auto columns = static_cast<double>(std::max<std::size_t>(map.columns.size(), 1));
  const bool numbers = std::max(rows, columns) <= static_cast<double>(most_with_numbers);
  const bool diverging = map.palette == HeatMap::Palette::Diverging;

  // Margins are fixed here, not by gnuplot, so that cells are square.
  const double slant = std::sqrt(0.5);
  const double left = 20.0 + widest_name(map.rows) + (map.row_title.empty() ? 0.0 : 24.0);
  const double right = 92.0 + (map.value_title.empty() ? 0.0 : 22.0);
  const double top = map.title.empty() ? 12.0 : 42.0;
  const double bottom = 26.0 + slant * widest_name(map.columns) + (map.column_title.empty() ? 0.0 : 24.0);
  const double room = standard_width - left - right;
  const double smallest = numbers ? 42.0 : std::min(3.0, 0.9 * longest_side / std::max(rows, columns));
  const double cell = std::clamp(room / std::max(rows, columns), smallest, 56.0);
  const double width = left + right + cell * columns;
  const double height = top + bottom + cell * rows;

  std::string script = preamble(csv_file, output_file, format, width, height);
  script += title_line(map.title);
  script += label_line("y", map.row_title);
  script += label_line("x", map.column_title);
  script += label_line("cb", map.value_title);
  script +=
      fmt::format("set lmargin at screen {:.6f}\nset rmargin at screen {:.6f}\n", left / width, 1.0 - right / width);
  script +=
      fmt::format("set tmargin at screen {:.6f}\nset bmargin at screen {:.6f}\n", 1.0 - top / height, bottom / height);
  script += "unset border\nunset key\n";
  script += fmt::format("set xrange [-0.5:{}]\nset yrange [{}:-0.5]\n", exact(columns - 0.5), exact(rows - 0.5));
  script += name_ticks("x", map.columns, cells_per_name(slant * cell), "scale 0 rotate by 45 right");
  script += name_ticks("y", map.rows, cells_per_name(cell), "scale 0");
  script += fmt::format("set cbrange [{}:{}]\nset format cb '%g'\n", exact(map.low), exact(map.high));
  script += fmt::format("set cbtics {}, {}\n", exact(map.low), exact((map.high - map.low) / 4.0));
  script += fmt::format("set palette defined ({})\n",
                        diverging ? "0 '#4a8ac8', 0.5 '#ffffff', 1 '#e0771b'" : "0 '#ffffff', 1 '#4a8ac8'");
  // Cells as rectangles stay sharp at every size; very many make a heavy file, and become one embedded picture.
  const bool rectangles = rows * columns <= 2500.0 || std::min(rows, columns) < 2.0;
  std::vector<std::string> elements = {
      rectangles ? "data skip 1 using 2:1:($2-0.5):($2+0.5):($1-0.5):($1+0.5):3 with boxxyerror fs solid 1.0 "
                   "noborder lc palette notitle"
                 : "data skip 1 using 2:1:3 with image notitle"};
  // Black on either end of the palettes has a contrast above 5.
  if (numbers)
    elements.push_back(
        fmt::format("data skip 1 using 2:1:(sprintf('%.{}f', $3)) with labels center font ',{}' "
                    "textcolor rgb '#000000' notitle",
                    map.decimals, font_units(font_size - 2, format)));
  if (map.values.size() == 0 || !map.values.array().isFinite().any()) elements.clear();
  return script + plot_command(elements);
}

}  // namespace

std::string gnuplot_script(const Figure& figure, const std::string& csv_file, const std::string& output_file,
                           Format format) {
  return std::visit(
      [&](const auto& kind) {
        require_valid(kind);
        return script_of(kind, csv_file, output_file, format);
      },
      figure);
}

}  // namespace crosstalk::report
