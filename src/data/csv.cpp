#include "crosstalk/data/csv.hpp"

#include <algorithm>
#include <cmath>

#include "csv_reader.hpp"

namespace crosstalk::data {

CsvData read_csv(const std::vector<CsvSource>& sources, const CsvOptions& options) {
  return CsvReader(sources, options).read();
}

CsvData read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return read_csv({{path, ""}}, options);
}

void fill_missing(TaskSet& train, TaskSet& test, CsvCoding& coding, const std::vector<bool>& injected) {
  if (!fills_in(coding.missing)) return;
  Eigen::Index j = 0;
  for (CsvColumn& column : coding.columns) {
    const Eigen::Index feature = j;
    j += column.width();
    if (column.is_categorical()) continue;
    std::vector<double> known;
    bool any_missing = false;
    for (const Task& task : train)
      for (Eigen::Index r = 0; r < task.rows(); ++r) {
        const double value = task.features(r, feature);
        any_missing = any_missing || std::isnan(value);
        const bool is_injected = !injected.empty() && injected[task.origin[static_cast<std::size_t>(r)]];
        if (!std::isnan(value) && !is_injected) known.push_back(value);
      }
    for (const Task& task : test) any_missing = any_missing || task.features.col(feature).hasNaN();
    // A column without missing values here may have some in rows to come.
    double fill = 0.0;
    if (!known.empty() && coding.missing == MissingRule::Median) {
      const auto middle = known.begin() + static_cast<std::ptrdiff_t>(known.size() / 2);
      std::nth_element(known.begin(), middle, known.end());
      fill = *middle;
      if (known.size() % 2 == 0) fill = 0.5 * fill + 0.5 * *std::max_element(known.begin(), middle);
    } else {
      for (const double value : known) fill += value / static_cast<double>(known.size());
    }
    column.fill = fill;
    if (!any_missing) continue;
    for (TaskSet* tasks : {&train, &test})
      for (Task& task : *tasks)
        for (double& value : task.features.col(feature))
          if (std::isnan(value)) value = fill;
  }
}

}  // namespace crosstalk::data
