#include "crosstalk/problem/fictitious_tasks.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace crosstalk {

namespace {

constexpr std::size_t kMostDigits = 15;  // of a number that is counted on

// `user 07` is `user ` and 7 in two digits; -1 without a number at the end that can be counted on.
struct Numbered {
  std::string prefix;
  std::size_t digits = 0;
  long long number = -1;
};

Numbered numbered(const std::string& name) {
  std::size_t begin = name.size();
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(name[begin - 1])) != 0) --begin;
  const std::size_t digits = name.size() - begin;
  if (digits == 0 || digits > kMostDigits) return {name};
  return {name.substr(0, begin), digits, std::stoll(name.substr(begin))};
}

}  // namespace

std::vector<std::string> fictitious_names(const std::vector<std::string>& taken, std::size_t count) {
  if (taken.empty()) throw std::invalid_argument("fictitious names: there are no tasks to take them after");
  std::map<std::string, std::size_t> with_prefix;
  for (const std::string& name : taken)
    if (const Numbered parts = numbered(name); parts.number >= 0) ++with_prefix[parts.prefix];
  const auto most = std::max_element(with_prefix.begin(), with_prefix.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  std::set<std::string> used(taken.begin(), taken.end());
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (used.insert(name).second) names.push_back(name);
  };
  if (most != with_prefix.end() && 2 * most->second > taken.size()) {
    long long number = 0;
    std::size_t digits = kMostDigits;
    for (const std::string& name : taken)
      if (const Numbered parts = numbered(name); parts.number >= 0 && parts.prefix == most->first) {
        number = std::max(number, parts.number);
        digits = std::min(digits, parts.digits);
      }
    while (names.size() < count) add(fmt::format("{}{:0{}}", most->first, ++number, digits));
    return names;
  }
  for (std::size_t copy = 2; names.size() < count; ++copy)
    for (std::size_t k = 0; k < taken.size() && names.size() < count; ++k) add(fmt::format("{}-{}", taken[k], copy));
  return names;
}

TaskSet with_empty_tasks(TaskSet tasks, const std::vector<std::string>& names) {
  const Eigen::Index d = tasks.features();
  for (const std::string& name : names) tasks.tasks.push_back({name, Eigen::MatrixXd(0, d), Eigen::VectorXd(0)});
  return tasks;
}

Problem with_fictitious_tasks(Problem problem, const std::vector<std::string>& names,
                              const std::vector<std::size_t>& hosts) {
  problem.raw_train = with_empty_tasks(std::move(problem.raw_train), names);
  problem.train = with_empty_tasks(std::move(problem.train), names);
  if (problem.raw_test.size() > 0) problem.raw_test = with_empty_tasks(std::move(problem.raw_test), names);
  if (problem.test.size() > 0) problem.test = with_empty_tasks(std::move(problem.test), names);
  problem.preparation = problem.preparation.with_tasks_like(hosts);
  return problem;
}

}  // namespace crosstalk
