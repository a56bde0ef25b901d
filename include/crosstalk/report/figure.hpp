#pragma once

#include <string>
#include <variant>
#include <vector>

#include <Eigen/Core>

namespace crosstalk::report {

struct Axis {
  std::string title = {};
  bool log = false;                ///< falls back to linear where there is nothing positive to show
  bool percent = false;            ///< the numbers are shares; 0.05 is shown as 5 %
  bool from_zero = false;          ///< the range includes 0 (linear axes)
  std::vector<double> ticks = {};  ///< marks at these numbers only; empty lets gnuplot choose
};

/// One line: points in the order they are joined. A NaN in y is a gap.
struct Series {
  std::string name = {};
  std::vector<double> x = {};
  std::vector<double> y = {};
  std::vector<double> low = {};  ///< interval around y, drawn as a band; both or neither
  std::vector<double> high = {};
  bool baseline = false;  ///< drawn in grey: what the others are compared with
};

/// A horizontal line across the plot.
struct ReferenceLine {
  double y = 0.0;
  std::string name = {};
};

struct LineChart {
  std::string title = {};  ///< above the plot; leave empty where a caption says it
  Axis x = {};
  Axis y = {};
  std::vector<Series> series = {};
  std::vector<ReferenceLine> lines = {};
};

struct BarSeries {
  std::string name = {};
  std::vector<double> values = {};  ///< one a category; NaN leaves the bar out
  std::vector<double> low = {};     ///< interval around the value, drawn as a whisker; both or neither
  std::vector<double> high = {};
  bool baseline = false;  ///< drawn in grey
};

/// Horizontal bars from 0, grouped by category, first category on top. Readable up to about 40 categories.
struct BarChart {
  std::string title = {};
  Axis value = {};  ///< linear
  std::vector<std::string> categories = {};
  std::vector<BarSeries> series = {};
};

/// A matrix as coloured cells, first row on top. Up to 15 rows and columns the number is printed in each cell.
struct HeatMap {
  enum class Palette {
    Diverging,  ///< blue, white in the middle of the range, orange
    Sequential  ///< white to blue
  };
  std::string title = {};
  std::string row_title = {};
  std::string column_title = {};
  std::string value_title = {};  ///< what the colours mean
  std::vector<std::string> rows = {};
  std::vector<std::string> columns = {};
  Eigen::MatrixXd values = {};  ///< rows x columns; NaN leaves the cell empty
  double low = -1.0;            ///< numbers outside [low, high] take the colour of the nearer end
  double high = 1.0;
  Palette palette = Palette::Diverging;
  int decimals = 2;  ///< of the printed numbers, 0 to 9
};

using Figure = std::variant<LineChart, BarChart, HeatMap>;

/// Every number behind the plot, one observation a line, read back exactly; the names stand last in a line:
///   LineChart  x,y,low,high,series
///   BarChart   value,low,high,category,series
///   HeatMap    row_number,column_number,value,row,column      (numbers count from 0)
/// A missing number is `nan`. Reference lines of a line chart are in its script.
/// @throws std::invalid_argument when lengths differ, x is not finite, only one of low and high is there, the
///         range of a heat map is empty, or the value axis of a bar chart is logarithmic.
std::string csv(const Figure& figure);

enum class Format { Svg, Png, Pdf };

/// A gnuplot 5.4 script that draws the figure from the file that csv() made. Run where both files are; the text of
/// names and titles is inert, whatever it holds. Names over 24 and titles over 56 characters are cut in the plot (the
/// CSV has the names whole). PNG and PDF need an installed font that has the characters; SVG leaves that to the reader.
/// @param csv_file, output_file  as gnuplot shall open them (relative names keep the folder movable).
/// @throws std::invalid_argument as csv(), and for a file name that is empty or holds a zero byte.
std::string gnuplot_script(const Figure& figure, const std::string& csv_file, const std::string& output_file,
                           Format format);

}  // namespace crosstalk::report
