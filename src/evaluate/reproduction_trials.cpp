#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "crosstalk/evaluate/reproduction_claims.hpp"

namespace crosstalk::evaluate {

namespace trials {

std::vector<const Trial*> select(const ReproductionResult& result, const Choice& choice) {
  std::vector<const Trial*> chosen;
  for (const Trial& trial : result.trials)
    if (trial.experiment == choice.experiment && trial.set == choice.set && trial.lambdas == choice.lambdas &&
        trial.placement == choice.placement)
      chosen.push_back(&trial);
  return chosen;
}

double last(const Eigen::VectorXd& values) {
  return values[values.size() - 1];
}

double harm(const std::string& metric, double clean, double value) {
  return metric == "nmse" ? value / clean - 1.0 : clean - value;
}

ConfidenceInterval over_draws(const std::vector<const Trial*>& trials, const std::function<bool(const Trial&)>& wanted,
                              const std::function<double(const Trial&)>& number) {
  std::map<std::size_t, std::pair<double, double>> draws;  // sum and count by draw
  for (const Trial* trial : trials) {
    if (!wanted(*trial)) continue;
    auto& [sum, count] = draws[trial->seed];
    sum += number(*trial);
    count += 1.0;
  }
  std::vector<double> means;
  for (const auto& [seed, total] : draws) means.push_back(total.first / total.second);
  return mean_with_ci(means);
}

double mean_correlation(const Eigen::MatrixXd& correlation, const std::vector<std::size_t>& tasks) {
  if (tasks.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t a = 0; a < tasks.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      sum += correlation(static_cast<Eigen::Index>(tasks[a]), static_cast<Eigen::Index>(tasks[b]));
      count += 1.0;
    }
  return sum / count;
}

std::size_t settled_at(const Eigen::VectorXd& utility) {
  const double near = 0.05 * std::abs(utility[utility.size() - 1]);
  Eigen::Index t = utility.size() - 1;
  while (t > 0 && std::abs(utility[t - 1] - utility[utility.size() - 1]) <= near) --t;
  return static_cast<std::size_t>(t);
}

double swing(const Eigen::VectorXd& utility) {
  const auto half = utility.tail((utility.size() + 1) / 2);
  return (half.maxCoeff() - half.minCoeff()) / std::abs(utility[utility.size() - 1]);
}

}  // namespace trials

std::vector<InterpretationNumbers> interpretations_of(const ReproductionResult& result) {
  std::vector<InterpretationNumbers> all;
  for (const ReproductionResult::Set& set : result.sets) {
    const auto chosen = trials::select(result, {Experiment::Readings, set.name});
    const auto& threats = set.threats.at(Experiment::Readings);
    std::vector<std::string> names;
    for (const Trial* trial : chosen)
      if (std::find(names.begin(), names.end(), trial->interpretation) == names.end())
        names.push_back(trial->interpretation);
    for (const std::string& name : names) {
      InterpretationNumbers numbers;
      numbers.set = set.name;
      numbers.interpretation = name;
      const auto of_kind = [&](attack::Kind kind) {
        return [&, kind](const Trial& trial) {
          return trial.interpretation == name && threats[trial.threat].kind == kind;
        };
      };
      const auto harm = [&](const Trial& trial) {
        return trials::harm(set.metric, trial.clean_metric, trials::last(trial.metric));
      };
      const auto direct = of_kind(attack::Kind::Direct);
      numbers.clean_metric = trials::over_draws(chosen, direct, [](const Trial& trial) { return trial.clean_metric; });
      numbers.direct = trials::over_draws(chosen, direct, harm);
      numbers.indirect = trials::over_draws(chosen, of_kind(attack::Kind::Indirect), harm);
      numbers.random = trials::over_draws(chosen, direct, [&](const Trial& trial) {
        return trials::harm(set.metric, trial.clean_metric, trial.metric[0]);
      });
      numbers.clean_correlation = trials::over_draws(chosen, of_kind(attack::Kind::Hybrid),
                                                     [](const Trial& trial) { return trial.clean_correlation(1, 2); });
      for (std::size_t t = 0; t < threats.size(); ++t) {
        if (threats[t].kind != attack::Kind::Hybrid) continue;
        const auto this_one = [&](const Trial& trial) { return trial.interpretation == name && trial.threat == t; };
        numbers.correlation.push_back(
            trials::over_draws(chosen, this_one, [](const Trial& trial) { return trial.correlation(1, 2); }));
        numbers.among_attacked.push_back(trials::over_draws(chosen, this_one, [&](const Trial& trial) {
          return trials::mean_correlation(trial.correlation, threats[t].attackers);
        }));
      }
      all.push_back(std::move(numbers));
    }
  }
  return all;
}

Closest closest_to_figure3(const std::vector<InterpretationNumbers>& interpretations) {
  Closest closest;
  double most = -std::numeric_limits<double>::infinity();
  for (const InterpretationNumbers& interpretation : interpretations) {
    if (interpretation.set != "sarcos") continue;
    for (std::size_t h = 0; h < interpretation.correlation.size(); ++h)
      if (interpretation.correlation[h].mean > most) {
        most = interpretation.correlation[h].mean;
        closest = {&interpretation, h};
      }
  }
  return closest;
}

}  // namespace crosstalk::evaluate
