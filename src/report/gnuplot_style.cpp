#include "gnuplot_style.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "crosstalk/report/text.hpp"

namespace crosstalk::report::gnuplot {

namespace {

constexpr double character_width = 8.0;   // of the font above, a little more than its average
constexpr std::size_t longest_name = 24;  // longer names are cut in the plot, never in the CSV
constexpr std::size_t longest_title = 56;

// Okabe and Ito's palette without its yellow, too light for lines on white.
constexpr std::array<const char*, 7> colours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                "#e69f00", "#56b4e9", "#000000"};
// The lists have different lengths, so that combinations repeat late.
// Filled circle, square, triangle, diamond, triangle down, open circle, open square: told apart without colour.
constexpr std::array<int, 7> marks = {7, 5, 9, 13, 11, 6, 4};
constexpr std::array<const char*, 5> dashes = {"solid", "(14,5)", "(4,4)", "(14,4,3,4)", "(20,4,3,4,3,4)"};
// Full, pale, hatched, open, hatched the other way.
constexpr std::array<const char*, 5> fills = {"solid 1.0", "solid 0.35", "pattern 4", "empty", "pattern 5"};

// A gnuplot string that holds exactly these bytes. Between single quotes nothing is special but the quote itself and
// the line end: no macros (@), commands (`) or escapes (\). A quote would have to be doubled there, which gnuplot
// misreads at the start of a string; so these texts stand between double quotes, special characters as octal codes.
std::string literal(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (text.find('\'') == std::string_view::npos && std::none_of(text.begin(), text.end(), control))
    return fmt::format("'{}'", text);
  std::string result = "\"";
  for (const char c : text) {
    const bool special = control(c) || std::string_view("'\"\\`@$").find(c) != std::string_view::npos;
    if (special)
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    else
      result += c;
  }
  return result + '"';
}

std::string quoted(const std::string& text) {
  return literal(one_line(text));
}

// A file to open. What begins with < or | would be a command, with - or + a special file, with ~ a home folder.
std::string file_literal(const std::string& file) {
  if (file.empty()) throw std::invalid_argument("gnuplot_script: a file name is empty");
  if (file.find('\0') != std::string::npos)
    throw std::invalid_argument("gnuplot_script: a file name holds a zero byte");
  const bool plain =
      std::isalnum(static_cast<unsigned char>(file.front())) != 0 || file.front() == '/' || file.front() == '.';
  return literal(plain ? file : "./" + file);
}

// The text of a tick is a printf format.
std::string tick_label(const std::string& name) {
  std::string result;
  for (const char c : shortened(name, longest_name)) {
    if (c == '%') result += '%';
    result += c;
  }
  return gnuplot::quoted(result);
}

}  // namespace

Look look_of(std::size_t i) {
  return {colours[i % colours.size()], marks[i % marks.size()], dashes[i % dashes.size()], fills[i % fills.size()]};
}

Look baseline_look() {
  return {"#737a85", 8, "(3,5)", "solid 0.6"};
}

std::string name_in_plot(const std::string& name) {
  return quoted(shortened(name, longest_name));
}

double widest_name(const std::vector<std::string>& names) {
  std::size_t most = 0;
  for (const std::string& name : names) most = std::max(most, code_points(shortened(name, longest_name)));
  return character_width * static_cast<double>(most);
}

double font_units(double pixels, Format format) {
  return format == Format::Svg ? pixels : 0.75 * pixels;
}

std::string preamble(const std::string& csv_file, const std::string& output_file, Format format, double width,
                     double height) {
  const int w = static_cast<int>(std::lround(width));
  const int h = static_cast<int>(std::lround(height));
  std::string terminal;
  switch (format) {
    case Format::Svg:
      terminal = fmt::format("svg noenhanced standalone size {},{} dynamic font 'sans-serif,{}' background '#ffffff'",
                             w, h, font_size);
      break;
    case Format::Png: {
      // Twice the pixels, for print; very large figures keep their size.
      const int scale = 2 * std::max(w, h) <= static_cast<int>(longest_side) ? 2 : 1;
      terminal = fmt::format(
          "pngcairo noenhanced size {},{} font 'sans,{}' fontscale {} linewidth {} pointscale {} background '#ffffff'",
          scale * w, scale * h, font_units(font_size, format), scale, scale, scale);
      break;
    }
    case Format::Pdf:
      terminal = fmt::format("pdfcairo noenhanced size {:.2f}in,{:.2f}in font 'sans,{}' background '#ffffff'", w / 96.0,
                             h / 96.0, font_units(font_size, format));
      break;
  }
  std::string script;
  script += "# gnuplot 5.4; run in the folder of the CSV file\n";
  script += "data = " + file_literal(csv_file) + "\n";
  script += "set terminal " + terminal + "\n";
  script += "set output " + file_literal(output_file) + "\n";
  script += "set encoding utf8\n";
  script += "set datafile separator comma\n";
  script += "set datafile commentschars ''\n";
  script += fmt::format("set border 3 lc rgb '{}'\n", quiet_ink);
  script += fmt::format("set tics nomirror out scale 0.5 textcolor rgb '{}'\n", ink);
  script += fmt::format(
      "set key outside top left horizontal Left reverse samplen 2.6 spacing 1.25 textcolor rgb '{}'\n", ink);
  return script;
}

std::string title_line(const std::string& title) {
  return title.empty() ? ""
                       : fmt::format("set title {} textcolor rgb '{}'\n", quoted(shortened(title, longest_title)), ink);
}

std::string label_line(const char* axis, const std::string& title) {
  return title.empty()
             ? ""
             : fmt::format("set {}label {} textcolor rgb '{}'\n", axis, quoted(shortened(title, longest_title)), ink);
}

std::string name_ticks(const char* axis, const std::vector<std::string>& names, std::size_t step,
                       const std::string& options) {
  std::string script = fmt::format("set {}tics {} (", axis, options);
  for (std::size_t i = 0; i < names.size(); i += step)
    script += fmt::format("{}{} {}", i == 0 ? "" : ", ", tick_label(names[i]), i);
  return script + ")\n";
}

std::size_t cells_per_name(double cell) {
  return static_cast<std::size_t>(std::max(1.0, std::ceil((font_size + 1) / cell)));
}

}  // namespace crosstalk::report::gnuplot
