#include "crosstalk/names.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crosstalk {

std::string nearest_name(const std::string& word, const std::vector<std::string>& candidates) {
  // Levenshtein distance, one row at a time.
  const auto distance = [&](const std::string& other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const std::size_t substitute = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  };
  std::string best;
  std::size_t best_distance = (word.size() + 1) / 2;  // with half of it wrong it is another word
  for (const std::string& candidate : candidates) {
    if (const std::size_t d = distance(candidate); d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string near = nearest_name(word, candidates);
  return near.empty() ? near : fmt::format("; did you mean \"{}\"?", near);
}

void refuse_name(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  throw std::invalid_argument(fmt::format("unknown {} \"{}\"; there are {}{}", what, name, fmt::join(known, ", "),
                                          did_you_mean(std::string(name), known)));
}

}  // namespace crosstalk
