#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "crosstalk/report/figure.hpp"

namespace crosstalk::report::gnuplot {

inline constexpr const char* ink = "#1f2937";        // text
inline constexpr const char* quiet_ink = "#4b5563";  // axes, reference lines
inline constexpr const char* hairline = "#e2e5ea";   // grid

inline constexpr int font_size = 15;  // pixels
inline constexpr int standard_width = 560;
inline constexpr int standard_height = 370;
inline constexpr double longest_side = 12000.0;  // image libraries stop at 32767 pixels

/// How a series is drawn. Neighbours differ in every one of these, so that no one has to see colours.
struct Look {
  const char* colour;
  int mark;
  const char* dash;
  const char* fill;
};

/// The i-th series that is no baseline.
Look look_of(std::size_t i);
Look baseline_look();

template <typename AnySeries>
std::vector<Look> looks_of(const std::vector<AnySeries>& series) {
  std::vector<Look> looks;
  std::size_t next = 0;
  for (const auto& one : series) looks.push_back(one.baseline ? baseline_look() : look_of(next++));
  return looks;
}

/// A name as a string of gnuplot's language: inert, in one line, cut when long (the CSV has it whole).
std::string name_in_plot(const std::string& name);

/// Width of the longest of these names in the plot, in pixels.
double widest_name(const std::vector<std::string>& names);

/// How many cells of this height one line of text needs.
std::size_t cells_per_name(double cell);

/// `set ytics ('name' 0, ...)` with every `step`-th name.
std::string name_ticks(const char* axis, const std::vector<std::string>& names, std::size_t step,
                       const std::string& options);

/// Pixels in the unit of the format's fonts: SVG counts in pixels, the others in points.
double font_units(double pixels, Format format);

/// Terminal, files and the style that all figures share; width and height in pixels.
std::string preamble(const std::string& csv_file, const std::string& output_file, Format format, double width,
                     double height);

std::string title_line(const std::string& title);
std::string label_line(const char* axis, const std::string& title);

}  // namespace crosstalk::report::gnuplot
