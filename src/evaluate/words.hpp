#pragma once

#include <string>
#include <vector>

#include "crosstalk/attack/threat.hpp"
#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/report/number.hpp"

/// The words and number formats that tables, figures and sentences of the report share.
namespace crosstalk::evaluate::words {

inline constexpr report::NumberFormat whole{report::NumberFormat::Kind::Decimals, 0};
inline constexpr report::NumberFormat significant{report::NumberFormat::Kind::Significant, 4};
inline constexpr report::NumberFormat decimals{report::NumberFormat::Kind::Decimals, 3};
inline constexpr report::NumberFormat signed_decimals{report::NumberFormat::Kind::Decimals, 2, true};
inline constexpr report::NumberFormat change{report::NumberFormat::Kind::Percent, 1, true};
inline constexpr report::NumberFormat share_of_rows{report::NumberFormat::Kind::Percent, 0};
inline constexpr report::NumberFormat small_change{report::NumberFormat::Kind::Percent, 3, true};

/// A share without needless decimals: 5 %, 12.5 %.
std::string share(double value);
/// "5 %, 10 % and 20 %"
std::string shares(const std::vector<double>& values);
report::NumberFormat share_format(const std::vector<double>& values);
/// Whole numbers where all are.
report::NumberFormat price_format(const std::vector<CheapestAttack>& cheapest_attacks);
/// The size of a rise: 45 %, or 145 % (to 2.5 times) where it more than doubles.
std::string amount(double rise);
/// A rise with its sign: +4.5 %, +45 %.
std::string rise(double rise);
/// "rises by 45 %", "falls by 3.0 %", "stays as it is"
std::string rises(double rise);
/// The same of a task's added loss: "rises by 45 % of the targets' mean clean loss", "stays as it is"
std::string rises_by_share(double added_loss);

/// AUC, NMSE, ...
std::string metric(const std::string& name);
report::NumberFormat metric_format(const std::string& name);
std::string metric_value(const std::string& name, double value);
/// What the metric's numbers mean, for a reader who does not know it.
std::string clean_metric(const std::string& name);  // of CleanModel
std::string metric_meaning(const std::string& name);
/// Positive when `after` is worse than `before`: by how much, as a share of what a step worth mentioning is.
/// 1 is such a step: 0.01 of a metric that ends at 1, 5 % of an error.
double steps_worse(const std::string& name, double before, double after);

/// direct, indirect, hybrid
std::string kind(attack::Kind kind);
/// Where the rows of such an attack are.
std::string kind_meaning(attack::Kind kind);
std::string method(Method method);

/// "A", "A and B", "A, B, C and 4 more"
std::string list(const std::vector<std::string>& names, std::size_t most = 3);
/// A task's name in a sentence: in quotes, one line, cut when long.
std::string task(const std::string& name);
/// "1 task", "3 tasks"
std::string count(std::size_t number, const std::string& thing);
/// First letter upper case (ASCII).
std::string capital(std::string text);

}  // namespace crosstalk::evaluate::words
