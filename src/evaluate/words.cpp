#include "words.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/mtrl/metrics.hpp"
#include "crosstalk/report/text.hpp"

namespace crosstalk::evaluate::words {

namespace {

using Kind = report::NumberFormat::Kind;

int digits_of_share(double value) {
  for (int digits = 0; digits < 3; ++digits) {
    const double shown = 100.0 * value * std::pow(10.0, digits);
    if (std::abs(shown - std::round(shown)) < 1e-9) return digits;
  }
  return 3;
}

const char* const kStays = "stays as it is";

// It would be shown as 0.0 %.
bool is_nothing(double rise) {
  return std::abs(rise) < 0.0005;
}

std::string percent(double rise) {
  const double size = std::abs(rise);
  return report::shown(size, {Kind::Percent, size < 0.1 ? 1 : 0});
}

bool ends_at_one(const std::string& metric) {
  return mtrl::larger_is_better(metric);
}

}  // namespace

report::NumberFormat share_format(const std::vector<double>& values) {
  int digits = 0;
  for (const double value : values) digits = std::max(digits, digits_of_share(value));
  return {Kind::Percent, digits};
}

std::string share(double value) {
  return report::shown(value, share_format({value}));
}

std::string shares(const std::vector<double>& values) {
  std::vector<std::string> each;
  for (const double value : values) each.push_back(share(value));
  return list(each, each.size());
}

report::NumberFormat price_format(const std::vector<CheapestAttack>& cheapest_attacks) {
  return std::all_of(cheapest_attacks.begin(), cheapest_attacks.end(),
                     [](const CheapestAttack& cheapest) { return cheapest.price == std::round(cheapest.price); })
             ? whole
             : significant;
}

std::string amount(double rise) {
  return rise > 1.0 ? fmt::format("{} (to {} times)", percent(rise), report::shown(1.0 + rise, {Kind::Significant, 2}))
                    : percent(rise);
}

std::string rise(double rise) {
  return report::shown(rise, {Kind::Percent, std::abs(rise) < 0.1 ? 1 : 0, true});
}

std::string rises(double rise) {
  return is_nothing(rise) ? kStays : fmt::format("{} by {}", rise > 0.0 ? "rises" : "falls", amount(rise));
}

std::string rises_by_share(double added_loss) {
  if (is_nothing(added_loss)) return kStays;
  return fmt::format("{} by {} of the targets' mean clean loss", added_loss > 0.0 ? "rises" : "falls",
                     percent(added_loss));
}

std::string metric(const std::string& name) {
  if (name == "auc") return "AUC";
  if (name == "nmse") return "NMSE";
  if (name == "rmse") return "RMSE";
  std::string words = name;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string clean_metric(const std::string& name) {
  return name == "auc" ? "mean AUC" : metric(name);
}

report::NumberFormat metric_format(const std::string& name) {
  return ends_at_one(name) ? decimals : significant;
}

std::string metric_value(const std::string& name, double value) {
  return report::shown(value, ends_at_one(name) ? decimals : report::NumberFormat{Kind::Significant, 3});
}

std::string metric_meaning(const std::string& name) {
  if (name == "auc") return "the share of pairs that the model ranks in the right order: 1 is perfect, 0.5 is guessing";
  if (name == "accuracy") return "the share of rows that the model gets right";
  if (name == "nmse") return "squared error over the variance of the label: 0 is perfect, 1 is predicting the mean";
  if (name == "rmse") return "the size of a typical error, in units of the label";
  if (name == "explained_variance") return "the share of the label's variance that the model explains: 1 is perfect";
  if (name == "relative_error")
    return "squared error over that of predicting the mean of the task's training labels: 0 is perfect, 1 is no "
           "better";
  return "a measure of the model's quality";
}

double steps_worse(const std::string& name, double before, double after) {
  return ends_at_one(name) ? (before - after) / 0.01 : (after - before) / (0.05 * before);
}

std::string kind(attack::Kind kind) {
  return std::string(attack::to_string(kind));
}

std::string kind_meaning(attack::Kind kind) {
  switch (kind) {
    case attack::Kind::Direct: return "rows injected into the tasks under attack themselves";
    case attack::Kind::Indirect: return "rows injected only into other tasks";
    case attack::Kind::Hybrid: return "rows injected into some of the tasks under attack and into some others";
    case attack::Kind::Accounts: return "rows in tasks that the attacker made up, such as user accounts";
  }
  return "";
}

std::string method(Method method) {
  switch (method) {
    case Method::Random: return "random rows";
    case Method::Patom: return "PATOM";
    case Method::Exact: return "exact attack";
  }
  return "";
}

std::string list(const std::vector<std::string>& names, std::size_t most) {
  if (names.empty()) return "none";
  const std::size_t shown = names.size() <= most + 1 ? names.size() : most;  // "and 1 more" would not be shorter
  std::string text = names.front();
  for (std::size_t i = 1; i < shown; ++i) text += (i + 1 == names.size() ? " and " : ", ") + names[i];
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string task(const std::string& name) {
  return fmt::format("\"{}\"", report::shortened(name, 40));
}

std::string count(std::size_t number, const std::string& thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace crosstalk::evaluate::words
