#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "evaluate/words.hpp"
#include "crosstalk/pages/reproduction_page.hpp"

namespace crosstalk::pages {

namespace {

using Set = ReproductionResult::Set;
using Trials = std::vector<const Trial*>;

std::string file_word(Lambdas lambdas) {
  return lambdas == Lambdas::Paper ? "" : "-cross-validated";
}

void add(report::Series& series, double x, const ConfidenceInterval& value) {
  series.x.push_back(x);
  series.y.push_back(value.mean);
  // A single draw has no interval: its band is the line itself.
  series.low.push_back(value.count > 1 ? value.low : value.mean);
  series.high.push_back(value.count > 1 ? value.high : value.mean);
}

class Drawer {
 public:
  Drawer(const ReproductionResult& result, const ReproductionFacts& facts) : result_(result), facts_(facts) {}

  std::vector<AuditFigure> figures() {
    for (const Lambdas lambdas : {Lambdas::Paper, Lambdas::Chosen})
      for (const Set& set : result_.sets) {
        convergence(set, lambdas);
        ends(set, lambdas);
        quality(set, lambdas);
        relations(set, lambdas);
      }
    return std::move(figures_);
  }

 private:
  [[nodiscard]] static std::string stem(const char* number, const Set& set, Lambdas lambdas) {
    return fmt::format("figure-{}-{}{}", number, set.name, file_word(lambdas));
  }

  void convergence(const Set& set, Lambdas lambdas) {
    const Trials chosen = trials::select(result_, {Experiment::Figure1, set.name, lambdas});
    if (chosen.empty()) return;
    const auto& threats = set.threats.at(Experiment::Figure1);
    report::LineChart chart{.x = {.title = "iteration of PATOM"},
                            .y = {.title = fmt::format("{} of the targets", words::metric(set.metric))}};
    std::vector<std::string> parts;
    for (std::size_t t = 0; t < threats.size(); ++t) {
      report::Series series{.name = threats[t].name};
      const auto this_one = [&](const Trial& trial) { return trial.threat == t; };
      for (Eigen::Index k = 0; k <= facts_.options.iterations; ++k)
        add(series, static_cast<double>(k),
            trials::over_draws(chosen, this_one, [k](const Trial& trial) { return trial.metric[k]; }));
      parts.push_back(fmt::format("{} from {} to {}", series.name, words::metric_value(set.metric, series.y.front()),
                                  words::metric_value(set.metric, series.y.back())));
      chart.series.push_back(std::move(series));
    }
    const double clean =
        trials::over_draws(
            chosen, [](const Trial&) { return true; }, [](const Trial& trial) { return trial.clean_metric; })
            .mean;
    chart.lines = {{clean, "clean"}};
    figures_.push_back({stem("1", set, lambdas), std::move(chart),
                        fmt::format("{}: {} by iteration.", set.name, words::metric(set.metric)),
                        "20 % injected. Mean and 95 % interval over the draws.", "iteration 0 is the random rows.",
                        fmt::format("{}.", fmt::join(parts, "; "))});
  }

  // What the exact attack makes of the same rows.
  void ends(const Set& set, Lambdas lambdas) {
    report::BarChart chart{.value = {.title = fmt::format("{} of the targets", words::metric(set.metric))}};
    const auto& threats = set.threats.at(Experiment::Figure1);
    for (const PaperThreat& threat : threats) chart.categories.push_back(threat.name);
    const auto bars = [&](const std::string& name, PlacementMethod placement, bool start) {
      const Trials chosen = trials::select(result_, {Experiment::Figure1, set.name, lambdas, placement});
      if (chosen.empty()) return;
      report::BarSeries series{.name = name, .baseline = start};
      for (std::size_t t = 0; t < threats.size(); ++t) {
        const ConfidenceInterval value = trials::over_draws(
            chosen, [&](const Trial& trial) { return trial.threat == t; },
            [&](const Trial& trial) { return start ? trial.metric[0] : trials::last(trial.metric); });
        series.values.push_back(value.mean);
        series.low.push_back(value.count > 1 ? value.low : value.mean);
        series.high.push_back(value.count > 1 ? value.high : value.mean);
      }
      chart.series.push_back(std::move(series));
    };
    bars("random rows", PlacementMethod::Patom, true);
    for (const PlacementMethod placement :
         {PlacementMethod::Patom, PlacementMethod::ExactFixed, PlacementMethod::ExactFree})
      bars(std::string(to_string(placement)), placement, false);
    if (chart.series.size() < 3) return;
    figures_.push_back({stem("1", set, lambdas) + "-exact", std::move(chart),
                        fmt::format("{}: PATOM and the exact attack.", set.name),
                        "20 % injected. Mean and 95 % interval over the draws.", "",
                        "Bars by kind of attack; the numbers are in convergence.csv."});
  }

  // A chart a pair.
  void quality(const Set& set, Lambdas lambdas) {
    const auto& threats = set.threats.at(Experiment::Figure2);
    std::size_t pairs = 0;
    for (const PaperThreat& threat : threats) pairs = std::max(pairs, threat.pair + 1);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      report::LineChart chart{.x = {.title = "injected rows, as a share of the clean rows", .percent = true},
                              .y = {.title = fmt::format("{} of the targets", words::metric(set.metric))}};
      for (const attack::Kind kind : {attack::Kind::Direct, attack::Kind::Indirect}) {
        for (const PlacementMethod placement : {PlacementMethod::Patom, PlacementMethod::ExactFree})
          line(chart, set, lambdas, pair, kind, placement, false);
        line(chart, set, lambdas, pair, kind, PlacementMethod::Patom, true);
      }
      if (chart.series.empty()) continue;
      const auto& direct =
          *std::find_if(threats.begin(), threats.end(), [&](const PaperThreat& threat) { return threat.pair == pair; });
      std::vector<std::size_t> targets = direct.targets;
      for (std::size_t& task : targets) ++task;
      figures_.push_back(
          {fmt::format("{}-pair-{}", stem("2", set, lambdas), pair + 1), std::move(chart),
           fmt::format("{}, pair {}.", set.name, pair + 1),
           fmt::format("Targets: tasks {}; the other tasks attack indirectly. Mean and 95 % interval over the draws.",
                       fmt::join(targets, ", ")),
           "", "The numbers are in quality.csv."});
    }
  }

  void line(report::LineChart& chart, const Set& set, Lambdas lambdas, std::size_t pair, attack::Kind kind,
            PlacementMethod placement, bool random) {
    const Trials chosen = trials::select(result_, {Experiment::Figure2, set.name, lambdas, placement});
    const auto& threats = set.threats.at(Experiment::Figure2);
    const auto here = [&](const Trial& trial) {
      return threats[trial.threat].pair == pair && threats[trial.threat].kind == kind;
    };
    const ConfidenceInterval clean =
        trials::over_draws(chosen, here, [](const Trial& trial) { return trial.clean_metric; });
    if (clean.count == 0) return;
    report::Series series{
        .name = fmt::format("{}, {}", words::kind(kind), random ? "random" : std::string(to_string(placement))),
        .baseline = random};
    add(series, 0.0, clean);
    for (const double budget : facts_.options.budgets) {
      const ConfidenceInterval value = trials::over_draws(
          chosen, [&](const Trial& trial) { return here(trial) && trial.budget == budget; },
          [&](const Trial& trial) { return random ? trial.metric[0] : trials::last(trial.metric); });
      if (value.count > 0) add(series, budget, value);
    }
    chart.series.push_back(std::move(series));
  }

  // Means over the draws: clean, after every hybrid attack by PATOM and by the exact one.
  void relations(const Set& set, Lambdas lambdas) {
    const auto& threats = set.threats.at(Experiment::Figure3);
    const auto mean = [&](const Trials& chosen, const auto& wanted, const auto& matrix) {
      const auto m = static_cast<Eigen::Index>(set.task_names.size());
      Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(m, m);
      double count = 0.0;
      for (const Trial* trial : chosen)
        if (wanted(*trial)) sum += matrix(*trial), count += 1.0;
      return Eigen::MatrixXd(sum / count);
    };
    const Trials by_patom = trials::select(result_, {Experiment::Figure3, set.name, lambdas});
    if (by_patom.empty()) return;
    heat_map(set, stem("3", set, lambdas) + "-clean",
             mean(
                 by_patom, [](const Trial&) { return true; }, [](const Trial& t) { return t.clean_correlation; }),
             fmt::format("{}, clean.", set.name), "Mean over the draws.");
    for (const PlacementMethod placement : {PlacementMethod::Patom, PlacementMethod::ExactFree}) {
      const Trials chosen = trials::select(result_, {Experiment::Figure3, set.name, lambdas, placement});
      if (chosen.empty()) continue;
      for (std::size_t t = 0; t < threats.size(); ++t)
        after(set, stem("3", set, lambdas) + (placement == PlacementMethod::Patom ? "" : "-exact"), t, threats[t],
              mean(
                  chosen, [&](const Trial& trial) { return trial.threat == t; },
                  [](const Trial& trial) { return trial.correlation; }),
              std::string(to_string(placement)));
    }
    if (lambdas == Lambdas::Paper && set.name == "sarcos") closest(set, mean);
  }

  // The reading of the paper that comes nearest to its heat maps.
  template <class Mean>
  void closest(const Set& set, const Mean& mean) {
    const auto interpretations = interpretations_of(result_);
    const Closest found = closest_to_figure3(interpretations);
    if (found.interpretation == nullptr) return;
    const Trials chosen = trials::select(result_, {Experiment::Readings, set.name});
    const auto& threats = set.threats.at(Experiment::Readings);
    std::size_t number = 0;
    for (std::size_t t = 0; t < threats.size(); ++t) {
      if (threats[t].kind != attack::Kind::Hybrid) continue;
      after(set, stem("3", set, Lambdas::Paper) + "-closest", number++, threats[t],
            mean(
                chosen,
                [&](const Trial& trial) {
                  return trial.threat == t && trial.interpretation == found.interpretation->interpretation;
                },
                [](const Trial& trial) { return trial.correlation; }),
            "PATOM, " + found.interpretation->interpretation);
    }
  }

  void after(const Set& set, const std::string& name, std::size_t number, const PaperThreat& threat,
             const Eigen::MatrixXd& values, const std::string& how) {
    std::vector<std::size_t> attackers = threat.attackers;
    for (std::size_t& task : attackers) ++task;
    heat_map(set, fmt::format("{}-hybrid-{}", name, number + 1), values, fmt::format("{}, {}.", set.name, threat.name),
             fmt::format("{}; 30 % injected into tasks {}. Mean over the draws.", how, fmt::join(attackers, ", ")));
  }

  void heat_map(const Set& set, const std::string& name, const Eigen::MatrixXd& values, const std::string& title,
                const std::string& caption) {
    std::vector<std::string> numbers;
    for (std::size_t i = 1; i <= set.task_names.size(); ++i) numbers.push_back(std::to_string(i));
    figures_.push_back(
        {name, report::HeatMap{.value_title = "correlation", .rows = numbers, .columns = numbers, .values = values},
         title, caption, "", "Correlations of the tasks, by their number; the numbers are in relations.csv."});
  }

  const ReproductionResult& result_;
  const ReproductionFacts& facts_;
  std::vector<AuditFigure> figures_;
};

}  // namespace

std::vector<AuditFigure> reproduction_figures(const ReproductionResult& result, const ReproductionFacts& facts) {
  return Drawer(result, facts).figures();
}

}  // namespace crosstalk::pages
