#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "crosstalk/report/figure.hpp"

namespace sample {

inline const std::vector<std::string> garments = {"T-shirt/top", "Trouser", "Pullover", "Dress",      "Coat",
                                                  "Sandal",      "Shirt",   "Sneaker",  "Ankle boot", "Bag"};

/// Names that would break a report which trusts them.
inline const std::vector<std::string> nasty = {"<script>alert(1)</script>",
                                               "a_b^{c}~d&amp;\\",
                                               "it's \"quoted\", 100% @x",
                                               "`date` $(date) $1 #c\n\tnext",
                                               "caf\xC3\xA9 \xE6\xBC\xA2\xE5\xAD\x97",
                                               "\xFF\xFE\x01 bytes",
                                               "=1+1;]]>-->",
                                               "'; set output 'x'; system 'touch owned'; '",
                                               "%d %s %n {/Symbol a}",
                                               ""};

inline const std::vector<double> budgets = {0.0, 0.05, 0.1, 0.2, 0.3};

/// Error by budget under four kinds of attack, in made-up but plausible numbers.
inline crosstalk::report::LineChart exposure(const std::vector<std::string>& names = {"direct", "indirect", "hybrid",
                                                                                      "random rows"}) {
  const std::vector<double> slope = {0.34, 0.16, 0.42, 0.04};
  crosstalk::report::LineChart chart{.x = {.title = "share of injected rows", .percent = true, .ticks = budgets},
                                     .y = {.title = "wrong answers", .percent = true, .from_zero = true},
                                     .series = {}};
  for (std::size_t s = 0; s < names.size(); ++s) {
    crosstalk::report::Series line{.name = names[s], .x = budgets, .y = {}, .baseline = s == 3};
    for (const double b : budgets) {
      line.y.push_back(0.047 + slope[s % 4] * (b - 0.6 * b * b));
      line.low.push_back(line.y.back() - 0.06 * b - 0.002);
      line.high.push_back(line.y.back() + 0.06 * b + 0.002);
    }
    chart.series.push_back(line);
  }
  chart.lines = {{.y = 0.1, .name = "guessing \"no\""}};
  return chart;
}

inline crosstalk::report::LineChart convergence() {
  crosstalk::report::Series gap{.name = "optimality gap", .x = {}, .y = {}};
  crosstalk::report::Series gradient{.name = "gradient norm", .x = {}, .y = {}};
  for (int i = 0; i <= 40; ++i) {
    gap.x.push_back(i);
    gradient.x.push_back(i);
    gap.y.push_back(0.4 * std::exp(-0.6 * i));
    gradient.y.push_back(1.7 * std::exp(-0.31 * i) * (1.0 + 0.3 * std::sin(i)));
  }
  return {.x = {.title = "iteration"}, .y = {.title = "size", .log = true}, .series = {gap, gradient}};
}

inline crosstalk::report::BarChart harm_by_task(const std::vector<std::string>& tasks = garments) {
  crosstalk::report::BarChart chart{
      .value = {.title = "rise of the error at 20 % injected rows, points", .percent = true},
      .categories = tasks,
      .series = {}};
  const std::vector<std::string> kinds = {"direct", "indirect", "hybrid", "random rows"};
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    crosstalk::report::BarSeries bars{.name = kinds[k], .values = {}, .baseline = k == 3};
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const double phase = static_cast<double>(3 * t + k);
      bars.values.push_back((k == 3 ? 0.004 : 0.05 + 0.03 * static_cast<double>(k % 2)) * (1.2 + std::sin(phase)));
    }
    chart.series.push_back(bars);
  }
  return chart;
}

inline crosstalk::report::BarChart most_harmful(const std::vector<std::string>& tasks = garments) {
  crosstalk::report::BarSeries harm{.name = "", .values = {}};
  for (std::size_t t = 0; t < tasks.size(); ++t) harm.values.push_back(0.11 * std::exp(-0.35 * static_cast<double>(t)));
  return {.value = {.title = "mean rise of the other tasks' error", .percent = true},
          .categories = tasks,
          .series = {harm}};
}

/// Correlations of tasks, by a smooth made-up kernel.
inline crosstalk::report::HeatMap correlations(const std::vector<std::string>& tasks = garments, double shift = 0.0) {
  const auto n = static_cast<Eigen::Index>(tasks.size());
  crosstalk::report::HeatMap map{.value_title = "correlation", .rows = tasks, .columns = tasks, .values = {}};
  map.values.resize(n, n);
  for (Eigen::Index r = 0; r < n; ++r)
    for (Eigen::Index c = 0; c < n; ++c)
      map.values(r, c) = r == c ? 1.0 : std::cos(1.3 * static_cast<double>(r * c) + shift) * 0.8;
  return map;
}

}  // namespace sample
