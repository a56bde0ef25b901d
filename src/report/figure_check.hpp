#pragma once

#include "crosstalk/report/figure.hpp"

namespace crosstalk::report {

/// The rules of csv() and gnuplot_script(); each throws std::invalid_argument naming the series or map that breaks one.
void require_valid(const LineChart& chart);
void require_valid(const BarChart& chart);
void require_valid(const HeatMap& map);

}  // namespace crosstalk::report
