#include "crosstalk/evaluate/reproduction_claims.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "words.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::evaluate {

namespace {

using report::verdict_of;
using Trials = std::vector<const Trial*>;

std::string percent(double share, bool with_sign = true) {
  return report::shown(share, {report::NumberFormat::Kind::Percent, 1, with_sign});
}

std::string decimals(double value, int digits) {
  return report::shown(value, {report::NumberFormat::Kind::Decimals, digits});
}

// A number that comes from one draw, or from all of them at once.
ConfidenceInterval without_interval(double value, std::size_t count) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return {value, nan, nan, count};
}

class Judge {
 public:
  Judge(const ReproductionResult& result, const ReproductionOptions& options, Lambdas lambdas)
      : result_(result), options_(options), lambdas_(lambdas) {}

  std::vector<Claim> claims() {
    for (const auto& set : result_.sets) convergence(set);
    for (const auto& set : result_.sets) {
      starts(set, false);
      starts(set, true);
    }
    for (const auto& set : result_.sets) quality(set);
    for (const auto& set : result_.sets) relations(set);
    return std::move(claims_);
  }

 private:
  [[nodiscard]] Trials of(Experiment experiment, const std::string& set) const {
    return trials::select(result_, {experiment, set, lambdas_});
  }

  void add(Claim claim, const Trials& trials) {
    claim.interpretation = trials.front()->interpretation;
    claims_.push_back(std::move(claim));
  }

  // Figure 1: "less than 10 iterations".
  void convergence(const ReproductionResult::Set& set) {
    const Trials chosen = of(Experiment::Figure1, set.name);
    if (chosen.empty()) return;
    const auto& threats = set.threats.at(Experiment::Figure1);
    std::vector<std::string> parts;
    std::size_t below = 0;
    const auto settled = [](const Trial& trial) { return static_cast<double>(trials::settled_at(trial.utility)); };
    for (std::size_t t = 0; t < threats.size(); ++t) {
      const auto this_one = [&](const Trial& trial) { return trial.threat == t; };
      const ConfidenceInterval at = trials::over_draws(chosen, this_one, settled);
      const ConfidenceInterval swing =
          trials::over_draws(chosen, this_one, [](const Trial& trial) { return trials::swing(trial.utility); });
      below += static_cast<std::size_t>(at.mean < 10.0);
      parts.push_back(
          fmt::format("{} {}, then swings by {}", threats[t].name, decimals(at.mean, 1), percent(swing.mean, false)));
    }
    add({"1", set.name, "PATOM converges", "in less than 10 iterations", "iterations",
         trials::over_draws(
             chosen, [](const Trial&) { return true; }, settled),
         fmt::format("{}", fmt::join(parts, "; ")),
         fmt::format(
             "the first iteration from which on the utility stays within 5 % of its value after {} iterations; mean "
             "below 10 for all kinds of attack, in part: for some",
             options_.iterations),
         verdict_of(below == threats.size(), below > 0)},
        chosen);
  }

  // Figure 1: "very similar local optima" from several starts, of rows alone or of rows and labels.
  void starts(const ReproductionResult::Set& set, bool with_labels) {
    const Trials chosen = of(Experiment::Starts, set.name);
    if (chosen.empty()) return;
    const auto& threats = set.threats.at(Experiment::Starts);
    double widest_of_gain = 0.0;
    double widest_of_utility = 0.0;
    std::vector<std::string> parts;
    for (std::size_t t = 0; t < threats.size(); ++t) {
      std::vector<double> ends;
      double clean = 0.0;
      for (const Trial* trial : chosen) {
        if (trial->threat != t || (trial->start >= options_.starts) != with_labels) continue;
        ends.push_back(trials::last(trial->utility));
        clean = trial->clean_utility;
      }
      if (ends.empty()) return;
      const auto [low, high] = std::minmax_element(ends.begin(), ends.end());
      const double mean = mean_with_ci(ends).mean;
      const double of_gain = (*high - *low) / std::abs(mean - clean);
      widest_of_gain = std::max(widest_of_gain, of_gain);
      widest_of_utility = std::max(widest_of_utility, (*high - *low) / mean);
      parts.push_back(fmt::format("{} {} of the gain, {} of the utility", threats[t].name, percent(of_gain, false),
                                  percent((*high - *low) / mean, false)));
    }
    add({"1", set.name,
         with_labels ? fmt::format("{} starts, labels drawn anew each time, end alike", options_.starts)
                     : fmt::format("{} starts, labels kept, end alike", options_.starts),
         "very similar local optima", "share of the gain", without_interval(widest_of_gain, 1),
         fmt::format("{}", fmt::join(parts, "; ")),
         "largest less smallest utility over the starts on the first draw: at most 10 % of the attack's mean gain for "
         "every kind; in part: at "
         "most 10 % of the utility. Ours is the widest of the kinds",
         verdict_of(widest_of_gain <= 0.1, widest_of_utility <= 0.1)},
        chosen);
  }

  // A comparison within every draw, pair and budget of Figure 2: more harm by the first than by the second.
  template <class Difference>
  void comparison(const ReproductionResult::Set& set, const Trials& chosen, const std::string& text, attack::Kind kind,
                  Difference difference) {
    const auto& threats = set.threats.at(Experiment::Figure2);
    const auto of_kind = [&](const Trial& trial) { return threats[trial.threat].kind == kind; };
    const ConfidenceInterval all = trials::over_draws(chosen, of_kind, difference);
    std::size_t cells = 0;
    std::size_t more = 0;
    for (std::size_t t = 0; t < threats.size(); ++t)
      for (const double budget : options_.budgets) {
        if (threats[t].kind != kind) continue;
        const ConfidenceInterval cell = trials::over_draws(
            chosen, [&](const Trial& trial) { return trial.threat == t && trial.budget == budget; }, difference);
        ++cells;
        more += static_cast<std::size_t>(cell.mean > 0.0);
      }
    add({"2", set.name, text, "yes", unit_of(set), all,
         fmt::format("more harm in {} of {} combinations of pair and budget", more, cells),
         "difference of the harm (relative rise of the NMSE, fall of the AUC), mean over pairs and budgets: its "
         "interval is above 0 and the "
         "mean is above 0 in every combination; in part: the interval is above 0, or at least half of the combinations "
         "are",
         verdict_of(all.above(0.0) && more == cells, all.above(0.0) || 2 * more >= cells)},
        chosen);
  }

  [[nodiscard]] static std::string unit_of(const ReproductionResult::Set& set) {
    return set.metric == "nmse" ? "share of the clean NMSE" : "AUC";
  }

  void quality(const ReproductionResult::Set& set) {
    const Trials chosen = of(Experiment::Figure2, set.name);
    if (chosen.empty()) return;
    const auto& threats = set.threats.at(Experiment::Figure2);
    const auto harm = [&](const Trial& trial) {
      return trials::harm(set.metric, trial.clean_metric, trials::last(trial.metric));
    };
    const auto random = [&](const Trial& trial) {
      return trials::harm(set.metric, trial.clean_metric, trial.metric[0]);
    };
    const auto twin = [&](const Trial& direct) -> const Trial& {  // the indirect attack on the same targets
      const auto found = std::find_if(chosen.begin(), chosen.end(), [&](const Trial* other) {
        return other->seed == direct.seed && other->budget == direct.budget &&
               threats[other->threat].pair == threats[direct.threat].pair &&
               threats[other->threat].kind == attack::Kind::Indirect;
      });
      return **found;
    };
    comparison(set, chosen, "direct attacks do more harm than indirect ones", attack::Kind::Direct,
               [&](const Trial& trial) { return harm(trial) - harm(twin(trial)); });
    comparison(set, chosen, "direct attacks do more harm than random rows", attack::Kind::Direct,
               [&](const Trial& trial) { return harm(trial) - random(trial); });
    if (set.name == "mnist")
      nothing_indirect(set, chosen);
    else
      comparison(set, chosen, "indirect attacks do more harm than random rows", attack::Kind::Indirect,
                 [&](const Trial& trial) { return harm(trial) - random(trial); });
    pairs(set, chosen);
    if (set.name == "sarcos") half_more(set, chosen);
    if (set.name == "mnist") rises_again(set, chosen);
  }

  // The numbers of every pair at a budget, for direct attacks.
  [[nodiscard]] std::vector<ConfidenceInterval> by_pair(const ReproductionResult::Set& set, const Trials& chosen,
                                                        double budget) const {
    const auto& threats = set.threats.at(Experiment::Figure2);
    std::vector<ConfidenceInterval> pairs;
    for (std::size_t t = 0; t < threats.size(); ++t)
      if (threats[t].kind == attack::Kind::Direct)
        pairs.push_back(trials::over_draws(
            chosen, [&](const Trial& trial) { return trial.threat == t && trial.budget == budget; },
            [&](const Trial& trial) {
              return trials::harm(set.metric, trial.clean_metric, trials::last(trial.metric));
            }));
    return pairs;
  }

  [[nodiscard]] static std::string listed(const ReproductionResult::Set& set,
                                          const std::vector<ConfidenceInterval>& pairs) {
    std::vector<std::string> parts;
    for (const ConfidenceInterval& pair : pairs)
      parts.push_back(set.metric == "nmse" ? percent(pair.mean) : decimals(pair.mean, 3));
    return fmt::format("by pair: {}", fmt::join(parts, ", "));
  }

  [[nodiscard]] double budget_near(double wanted) const {
    return *std::min_element(options_.budgets.begin(), options_.budgets.end(),
                             [&](double a, double b) { return std::abs(a - wanted) < std::abs(b - wanted); });
  }

  void pairs(const ReproductionResult::Set& set, const Trials& chosen) {
    const double budget = budget_near(0.3);
    const std::vector<ConfidenceInterval> all = by_pair(set, chosen, budget);
    if (all.size() < 2) return;
    std::size_t apart = 0;
    std::size_t couples = 0;
    std::vector<double> means;
    for (std::size_t a = 0; a < all.size(); ++a) {
      means.push_back(all[a].mean);
      for (std::size_t b = 0; b < a; ++b) {
        ++couples;
        apart += static_cast<std::size_t>(all[a].above(all[b].high) || all[a].below(all[b].low));
      }
    }
    const auto [low, high] = std::minmax_element(means.begin(), means.end());
    const ConfidenceInterval range = without_interval(*high - *low, all.front().count);
    add({"2", set.name, "pairs of targets and attackers differ in how much harm is done", "yes", unit_of(set), range,
         listed(set, all),
         fmt::format("direct attacks, {} injected: the intervals of two pairs do not overlap for at least half of the "
                     "pairs of pairs (here {} of {}); in part: "
                     "for at least one. Ours is the range of the pairs' means",
                     words::share(budget), apart, couples),
         verdict_of(2 * apart >= couples, apart > 0)},
        chosen);
  }

  void half_more(const ReproductionResult::Set& set, const Trials& chosen) {
    const double budget = budget_near(0.3);
    const auto& threats = set.threats.at(Experiment::Figure2);
    const ConfidenceInterval rise = trials::over_draws(
        chosen,
        [&](const Trial& trial) {
          return threats[trial.threat].kind == attack::Kind::Direct && trial.budget == budget;
        },
        [&](const Trial& trial) { return trials::harm(set.metric, trial.clean_metric, trials::last(trial.metric)); });
    add({"2", set.name, fmt::format("NMSE rises with {} injected in a direct attack", words::share(budget)),
         "about 50 %", unit_of(set), rise, listed(set, by_pair(set, chosen, budget)),
         "mean over the pairs between 40 and 60 %; in part: between 25 and 100 %",
         verdict_of(rise.mean >= 0.4 && rise.mean <= 0.6, rise.mean >= 0.25 && rise.mean <= 1.0)},
        chosen);
  }

  void nothing_indirect(const ReproductionResult::Set& set, const Trials& chosen) {
    const auto& threats = set.threats.at(Experiment::Figure2);
    const auto fall = [](const Trial& trial) { return trial.clean_metric - trials::last(trial.metric); };
    const ConfidenceInterval all = trials::over_draws(
        chosen, [&](const Trial& trial) { return threats[trial.threat].kind == attack::Kind::Indirect; }, fall);
    double largest = 0.0;
    for (std::size_t t = 0; t < threats.size(); ++t)
      for (const double budget : options_.budgets) {
        if (threats[t].kind != attack::Kind::Indirect) continue;
        const double mean =
            trials::over_draws(
                chosen, [&](const Trial& trial) { return trial.threat == t && trial.budget == budget; }, fall)
                .mean;
        largest = std::max(largest, std::abs(mean));
      }
    add({"2", set.name, "indirect attacks do nothing", "no change of the AUC", "AUC", all,
         fmt::format("largest change of any pair and budget {}", decimals(largest, 3)),
         "fall of the AUC, mean over pairs and budgets; no pair and budget moves it by more than 0.01; in part: by "
         "more than 0.05",
         verdict_of(largest <= 0.01, largest <= 0.05)},
        chosen);
  }

  void rises_again(const ReproductionResult::Set& set, const Trials& chosen) {
    const double from = budget_near(0.1);
    std::vector<std::string> parts;
    std::size_t higher = 0;
    std::size_t later = 0;
    ConfidenceInterval most{-std::numeric_limits<double>::infinity(), 0.0, 0.0, 0};
    for (const double budget : options_.budgets) {
      if (budget <= from) continue;
      std::vector<double> rises;  // by draw
      for (std::size_t seed = 0; seed < options_.seeds; ++seed) {
        const auto mean = [&](double at) {
          return trials::over_draws(
                     chosen,
                     [&](const Trial& trial) {
                       return trial.seed == seed && trial.budget == at &&
                              threat_of(set, trial).kind == attack::Kind::Direct;
                     },
                     [](const Trial& trial) { return trials::last(trial.metric); })
              .mean;
        };
        rises.push_back(mean(budget) - mean(from));
      }
      const ConfidenceInterval rise = mean_with_ci(rises);
      if (rise.mean > most.mean) most = rise;
      ++later;
      higher += static_cast<std::size_t>(rise.above(0.0));
      parts.push_back(fmt::format("{} at {}", report::shown(rise.mean, {report::NumberFormat::Kind::Decimals, 3, true}),
                                  words::share(budget)));
    }
    if (later == 0) return;
    add({"2", set.name, "with more than 10 % injected in a direct attack the AUC rises again", "yes", "AUC", most,
         fmt::format("against 10 %: {}", fmt::join(parts, ", ")),
         "AUC less that at 10 %, mean over the pairs, at the budget where it is largest: the interval is above 0 at "
         "every larger budget; in part: at one",
         verdict_of(higher == later, higher > 0)},
        chosen);
  }

  void relations(const ReproductionResult::Set& set) {
    const Trials chosen = of(Experiment::Figure3, set.name);
    if (chosen.empty()) return;
    relations(set, chosen);
    if (set.name != "sarcos" || lambdas_ != Lambdas::Paper) return;
    const auto interpretations = interpretations_of(result_);
    const Closest closest = closest_to_figure3(interpretations);
    if (closest.interpretation == nullptr || closest.interpretation->interpretation == chosen.front()->interpretation)
      return;
    Trials other;
    for (const Trial* trial : of(Experiment::Readings, set.name))
      if (trial->interpretation == closest.interpretation->interpretation &&
          threat_of(set, *trial).kind == attack::Kind::Hybrid)
        other.push_back(trial);
    relations(set, other);
  }

  [[nodiscard]] static const PaperThreat& threat_of(const ReproductionResult::Set& set, const Trial& trial) {
    return set.threats.at(trial.experiment)[trial.threat];
  }

  // Figure 3, from trials of one reading.
  void relations(const ReproductionResult::Set& set, const Trials& chosen) {
    std::vector<std::size_t> hybrids;
    for (const Trial* trial : chosen)
      if (std::find(hybrids.begin(), hybrids.end(), trial->threat) == hybrids.end()) hybrids.push_back(trial->threat);
    if (set.name == "sarcos") {
      clean_relation(set, chosen);
      flipped(set, chosen, hybrids);
    }
    attacked_alike(set, chosen, hybrids);
  }

  void clean_relation(const ReproductionResult::Set& set, const Trials& chosen) {
    const ConfidenceInterval clean = trials::over_draws(
        chosen, [](const Trial&) { return true; }, [](const Trial& trial) { return trial.clean_correlation(1, 2); });
    add({"3", set.name, "clean correlation of tasks 2 and 3", "-0.99", "correlation", clean, "",
         "the mean is -0.99 to two digits; in part: below -0.95",
         verdict_of(clean.mean < -0.985 && clean.mean >= -0.995, clean.mean < -0.95)},
        chosen);
  }

  void flipped(const ReproductionResult::Set& set, const Trials& chosen, const std::vector<std::size_t>& hybrids) {
    constexpr double two_digits = 0.985;  // 0.99 after rounding
    ConfidenceInterval most{-1.0, 0.0, 0.0, 0};
    std::vector<std::string> parts;
    for (const std::size_t t : hybrids) {
      const auto this_one = [&](const Trial& trial) { return trial.threat == t; };
      const ConfidenceInterval attacked =
          trials::over_draws(chosen, this_one, [](const Trial& trial) { return trial.correlation(1, 2); });
      const auto reached = std::count_if(chosen.begin(), chosen.end(), [&](const Trial* trial) {
        return this_one(*trial) && trial->correlation(1, 2) >= two_digits;
      });
      parts.push_back(fmt::format("{}: {}, 0.99 or more in {} of {} draws",
                                  set.threats.at(chosen.front()->experiment)[t].name, decimals(attacked.mean, 3),
                                  reached, attacked.count));
      if (attacked.mean > most.mean) most = attacked;
    }
    add({"3", set.name, "correlation of tasks 2 and 3 under a hybrid attack", "0.99", "correlation", most,
         fmt::format("{}", fmt::join(parts, "; ")),
         "the largest mean of the three attacks is 0.99 to two digits or above; in part: above 0.5, where the sign has "
         "turned",
         verdict_of(most.mean >= two_digits, most.mean > 0.5)},
        chosen);
  }

  void attacked_alike(const ReproductionResult::Set& set, const Trials& chosen,
                      const std::vector<std::size_t>& hybrids) {
    std::vector<std::string> parts;
    std::size_t strong = 0;
    std::size_t become = 0;  // strong, and not so before
    const auto among = [&](const Trial& trial) {
      return trials::mean_correlation(trial.correlation, threat_of(set, trial).attackers);
    };
    const auto among_clean = [&](const Trial& trial) {
      return trials::mean_correlation(trial.clean_correlation, threat_of(set, trial).attackers);
    };
    for (const std::size_t t : hybrids) {
      const auto this_one = [&](const Trial& trial) { return trial.threat == t; };
      const double attacked = trials::over_draws(chosen, this_one, among).mean;
      const double clean = trials::over_draws(chosen, this_one, among_clean).mean;
      strong += static_cast<std::size_t>(attacked >= 0.7);
      become += static_cast<std::size_t>(attacked >= 0.7 && attacked >= clean + 0.1);
      parts.push_back(fmt::format("{}: {} from {}", set.threats.at(chosen.front()->experiment)[t].name,
                                  decimals(attacked, 2), decimals(clean, 2)));
    }
    add({"3", set.name, "attacked tasks become strongly positively correlated", "yes", "correlation",
         trials::over_draws(
             chosen, [](const Trial&) { return true; }, among),
         fmt::format("{}", fmt::join(parts, ", ")),
         "mean correlation among the tasks with injected rows: at least 0.7, and 0.1 above clean, in all three "
         "attacks; in part: at least 0.7 in one",
         verdict_of(become == hybrids.size(), strong > 0)},
        chosen);
  }

  const ReproductionResult& result_;
  const ReproductionOptions& options_;
  Lambdas lambdas_;
  std::vector<Claim> claims_;
};

}  // namespace

std::vector<Claim> claims_of(const ReproductionResult& result, const ReproductionOptions& options, Lambdas lambdas) {
  return Judge(result, options, lambdas).claims();
}

}  // namespace crosstalk::evaluate
