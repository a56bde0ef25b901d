#pragma once

#include <string>

#include "crosstalk/report/figure.hpp"
#include "support/process.hpp"

/// A figure drawn by gnuplot, without a shell.
struct Drawing {
  test_support::Finished gnuplot;
  std::string image;  ///< the bytes of the file that the script made; empty without one
};

inline Drawing draw(const crosstalk::report::Figure& figure,
                    crosstalk::report::Format format = crosstalk::report::Format::Svg) {
  const test_support::TemporaryFolder folder;
  test_support::write_file(folder.path() / "figure.csv", crosstalk::report::csv(figure));
  test_support::write_file(folder.path() / "figure.gp",
                           crosstalk::report::gnuplot_script(figure, "figure.csv", "figure.out", format));
  Drawing drawing;
  drawing.gnuplot = test_support::run({"gnuplot", "figure.gp"}, folder.path(), 60);
  drawing.image = test_support::read_file(folder.path() / "figure.out");
  return drawing;
}
