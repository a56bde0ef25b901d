#include "crosstalk/image/network/comparison_report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/json_number.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::image {

namespace {

using report::NumberFormat;
using report::Verdict;
using report::verdict_of;
using Trials = std::vector<ComparisonTrial>;

constexpr NumberFormat kShare = {NumberFormat::Kind::Percent, 1};
constexpr NumberFormat kPoints = {NumberFormat::Kind::Percent, 1, true};
constexpr NumberFormat kThree = {NumberFormat::Kind::Significant, 3};
constexpr NumberFormat kWhole = {NumberFormat::Kind::Decimals, 0};
constexpr std::size_t kFewTasks = 4;

std::string percent(double share) {
  return report::shown(share, kShare);
}

std::string with_interval(const ConfidenceInterval& estimate, const NumberFormat& format) {
  const std::string mean = report::shown(estimate.mean, format);
  if (std::isnan(estimate.low)) return mean;
  return fmt::format("{} ({} to {})", mean, report::shown(estimate.low, format), report::shown(estimate.high, format));
}

std::vector<std::string> names_of(const Trials& trials, std::string ComparisonTrial::*name) {
  std::vector<std::string> names;
  for (const ComparisonTrial& trial : trials)
    if (std::find(names.begin(), names.end(), trial.*name) == names.end()) names.push_back(trial.*name);
  return names;
}

struct Choice {
  std::string set;
  std::string method;
  std::string victim;
};

// The number of each trial that is chosen, by seed.
std::map<std::uint64_t, double> by_seed(const Trials& trials, const Choice& choice,
                                        const std::function<double(const ComparisonTrial&)>& number) {
  std::map<std::uint64_t, double> values;
  for (const ComparisonTrial& trial : trials)
    if (trial.set == choice.set && trial.method == choice.method && trial.victim == choice.victim)
      values[trial.seed] = number(trial);
  return values;
}

std::map<std::uint64_t, double> means(const Trials& trials, const Choice& choice) {
  return by_seed(trials, choice, [](const ComparisonTrial& trial) { return trial.mean(); });
}

ConfidenceInterval over_seeds(const std::map<std::uint64_t, double>& values) {
  std::vector<double> list;
  for (const auto& [seed, value] : values) list.push_back(value);
  return mean_with_ci(list);
}

// a - b over the seeds that both have.
ConfidenceInterval difference(const std::map<std::uint64_t, double>& a, const std::map<std::uint64_t, double>& b) {
  std::vector<double> list;
  for (const auto& [seed, value] : a)
    if (const auto other = b.find(seed); other != b.end()) list.push_back(value - other->second);
  return mean_with_ci(list);
}

struct Ablation {
  const char* setting;
  const char* words;
  const char* paper;
};
constexpr Ablation kAblations[] = {{":intra=0", "without the term within tasks", "weakens the attack"},
                                   {":inter=0", "without the term between tasks", "weakens the attack"},
                                   {":embeddings=0", "without embeddings", "no number known"},
                                   {":latent=0", "without the image", "no number known"}};

// A generator whole, whatever its other settings.
bool is_generator(const std::string& method) {
  return method.starts_with("mtl-ue+") &&
         std::none_of(std::begin(kAblations), std::end(kAblations),
                      [&](const Ablation& ablation) { return method.find(ablation.setting) != std::string::npos; });
}

// tap of mtl-ue+tap:epochs=20
std::string base_of(const std::string& method) {
  const auto plus = method.find('+') + 1;
  return method.substr(plus, method.find(':') - plus);
}

class Judge {
 public:
  explicit Judge(const Trials& trials) : trials_(trials) {}

  std::vector<ProtectionClaim> claims() {
    for (const std::string& set : names_of(trials_, &ComparisonTrial::set)) {
      for (const char* victim : {"mtl", "stl"}) {
        protects(set, victim);
        order(set, victim);
      }
      patches(set);
      transfers(set);
      dense(set);
      parts(set);
      bound(set);
    }
    return std::move(claims_);
  }

 private:
  void add(ProtectionClaim claim) {
    if (claim.ours.count > 0 && !std::isnan(claim.ours.mean)) claims_.push_back(std::move(claim));
  }

  // What is left of what can be learned: 0 for the majority baseline, 1 for the clean images.
  [[nodiscard]] std::map<std::uint64_t, double> left(const Choice& choice) const {
    const auto clean = means(trials_, {choice.set, "clean", choice.victim});
    const auto baseline = by_seed(trials_, choice, [](const ComparisonTrial& trial) { return trial.baseline(); });
    std::map<std::uint64_t, double> shares;
    for (const auto& [seed, value] : means(trials_, choice))
      if (const auto best = clean.find(seed); best != clean.end())
        shares[seed] = (value - baseline.at(seed)) / (best->second - baseline.at(seed));
    return shares;
  }

  // The generator's method that leaves multi-task victims least, in the mean over the seeds.
  [[nodiscard]] std::string best_of(const std::string& set) const {
    std::string best;
    double least = 0;
    for (const std::string& method : names_of(trials_, &ComparisonTrial::method)) {
      if (!is_generator(method)) continue;
      const ConfidenceInterval mean = over_seeds(means(trials_, {set, method, "mtl"}));
      if (mean.count == 0 || (!best.empty() && !(mean.mean < least))) continue;
      best = method;
      least = mean.mean;
    }
    return best;
  }

  void protects(const std::string& set, const std::string& victim) {
    const std::string best = best_of(set);
    const ConfidenceInterval share = over_seeds(left({set, best, victim}));
    const bool mtl = victim == "mtl";
    add({set,
         fmt::format("{} victims learn little of images by {}: what is left of what can be learned",
                     mtl ? "MTL" : "STL", best),
         mtl ? "CelebA 91.1 -> 59.5 %, UTKFace 79.0 -> 25.8 %" : "CelebA 90.4 -> 68.7 %", share,
         "at most a quarter; in part: at most a half", verdict_of(share.mean <= 0.25, share.mean <= 0.5)});
  }

  // Table 2: MTL-UE+X at or below X.
  void order(const std::string& set, const std::string& victim) {
    const bool mtl = victim == "mtl";
    const std::map<std::string, std::string> paper =
        mtl ? std::map<std::string, std::string>{{"em", "74.4 against 75.7 %"},
                                                 {"tap", "59.5 against 85.2 %"},
                                                 {"sep", "63.8 against 84.3 %"}}
            : std::map<std::string, std::string>{
                  {"em", "74.3 against 89.9 %"}, {"tap", "68.7 against 87.0 %"}, {"sep", "72.5 against 89.9 %"}};
    for (const std::string& method : names_of(trials_, &ComparisonTrial::method)) {
      if (!is_generator(method)) continue;
      const std::string base = base_of(method);
      const ConfidenceInterval gain =
          difference(means(trials_, {set, method, victim}), means(trials_, {set, base, victim}));
      add({set, fmt::format("{} victims learn less from {} than from {}", mtl ? "MTL" : "STL", method, base),
           "CelebA " + paper.at(base), gain, "interval below 0; in part: mean below 0",
           verdict_of(gain.below(0.0), gain.mean < 0)});
    }
  }

  void patches(const std::string& set) {
    for (const std::string method : {"lsp-patch", "ar-patch"}) {
      const ConfidenceInterval gain =
          difference(means(trials_, {set, best_of(set), "mtl"}), means(trials_, {set, method, "mtl"}));
      add({set,
           fmt::format("MTL victims learn less from {} than from patterns of the classes ({})", best_of(set), method),
           method == "ar-patch" ? "CelebA 59.5 against 73.1 %" : "lower", gain,
           "interval below 0; in part: mean below 0", verdict_of(gain.below(0.0), gain.mean < 0)});
    }
  }

  void transfers(const std::string& set) {
    const std::string best = best_of(set);
    for (const std::string& victim : names_of(trials_, &ComparisonTrial::victim)) {
      if (!victim.starts_with("mtl-")) continue;
      const ConfidenceInterval loss =
          difference(means(trials_, {set, best, victim}), means(trials_, {set, best, "mtl"}));
      add({set,
           fmt::format("{} protects against another backbone as well as against the surrogate's ({})", best, victim),
           "transfers", loss, "at most 6 points more is learned; in part: 12",
           verdict_of(loss.mean <= 0.06, loss.mean <= 0.12)});
    }
  }

  // "All tasks degrade."
  void dense(const std::string& set) {
    for (const std::string& method : names_of(trials_, &ComparisonTrial::method))
      for (const std::string victim : {"mtl", "stl"}) {
        if (!is_generator(method)) continue;
        std::map<std::uint64_t, double> worse;
        bool has_maps = false;
        for (const ComparisonTrial& trial : trials_) {
          if (trial.set != set || trial.method != method || trial.victim != victim) continue;
          const auto clean = std::find_if(trials_.begin(), trials_.end(), [&](const ComparisonTrial& other) {
            return other.set == set && other.method == "clean" && other.victim == victim && other.seed == trial.seed;
          });
          if (clean == trials_.end()) continue;
          double count = 0;
          for (std::size_t k = 0; k < trial.scores.size(); ++k) {
            const TaskScore& now = trial.scores[k];
            has_maps = has_maps || now.metric != "accuracy";
            const double fall = now.value - clean->scores.at(k).value;
            if (now.more_is_better() ? fall < 0 : fall > 0) count += 1;
          }
          worse[trial.seed] = count / static_cast<double>(trial.scores.size());
        }
        const ConfidenceInterval share = over_seeds(worse);
        if (has_maps)
          add({set,
               fmt::format("with {} every task of dense data is learned worse by {} victims: share of tasks", method,
                           victim == "mtl" ? "MTL" : "STL"),
               "NYUv2: all tasks degrade", share, "all; in part: more than half",
               verdict_of(share.mean >= 1.0, share.mean > 0.5)});
      }
  }

  // The ablations.
  void parts(const std::string& set) {
    for (const std::string& method : names_of(trials_, &ComparisonTrial::method))
      for (const Ablation& ablation : kAblations) {
        if (!method.ends_with(ablation.setting)) continue;
        const std::string whole = method.substr(0, method.size() - std::string_view(ablation.setting).size());
        const ConfidenceInterval loss =
            difference(means(trials_, {set, method, "mtl"}), means(trials_, {set, whole, "mtl"}));
        add({set, fmt::format("{} {} protects less", whole, ablation.words), ablation.paper, loss,
             "interval above 0; in part: mean above 0", verdict_of(loss.above(0.0), loss.mean > 0)});
      }
  }

  void bound(const std::string& set) {
    std::vector<double> largest;
    for (const ComparisonTrial& trial : trials_)
      if (trial.set == set && trial.method != "clean" && trial.method.find("epsilon") == std::string::npos)
        largest.push_back(trial.largest_change);
    if (largest.empty()) return;
    const double most = *std::max_element(largest.begin(), largest.end());
    add({set,
         "no pixel changes by more than 8 levels: largest change, in levels / 255",
         "8.007 -> 9 (the authors' code)",
         {most / 255.0, std::nan(""), std::nan(""), largest.size()},
         "at most 8",
         verdict_of(most <= 8, false)});
  }

  const Trials& trials_;
  std::vector<ProtectionClaim> claims_;
};

std::vector<std::string> task_names(const Trials& trials, const std::string& set) {
  std::vector<std::string> names;
  for (const ComparisonTrial& trial : trials)
    if (trial.set == set)
      for (const std::string& task : trial.tasks)
        if (std::find(names.begin(), names.end(), task) == names.end()) names.push_back(task);
  return names;
}

}  // namespace

std::vector<ProtectionClaim> protection_claims(const std::vector<ComparisonTrial>& trials) {
  return Judge(trials).claims();
}

report::Table trials_table(const std::vector<ComparisonTrial>& trials) {
  report::Table table{"Every trial",
                      {{.name = "set"},
                       {.name = "method"},
                       {.name = "victim"},
                       {.name = "seed", .format = kWhole},
                       {.name = "mean", .format = kShare},
                       {.name = "majority baseline", .format = kShare},
                       {.name = "tasks"},
                       {.name = "largest change", .unit = "levels", .format = kWhole},
                       {.name = "PSNR", .unit = "dB", .format = kThree}}};
  for (const ComparisonTrial& trial : trials) {
    std::string tasks;
    for (std::size_t k = 0; k < trial.tasks.size(); ++k)
      tasks += fmt::format("{}{} {} {:.4f}", k == 0 ? "" : "; ", trial.tasks[k], trial.scores[k].metric,
                           trial.scores[k].value);
    table.rows.push_back({trial.set, trial.method, trial.victim, static_cast<double>(trial.seed), trial.mean(),
                          trial.baseline(), tasks, static_cast<double>(trial.largest_change), trial.psnr});
  }
  return table;
}

report::Table methods_table(const std::vector<ComparisonTrial>& trials, const std::string& set) {
  const auto tasks = task_names(trials, set);
  const bool few = tasks.size() <= kFewTasks;
  report::Table table{fmt::format("{}: what victims get right on clean test images", set),
                      {{.name = "method"},
                       {.name = "victim"},
                       {.name = "mean", .format = kShare},
                       {.name = "low", .format = kShare},
                       {.name = "high", .format = kShare}}};
  if (few)
    for (const std::string& task : tasks) table.columns.push_back({.name = task, .format = kThree});
  table.columns.push_back({.name = "PSNR", .unit = "dB", .format = kThree});
  table.columns.push_back({.name = "seeds", .format = kWhole});
  double baseline = std::nan("");
  for (const std::string& victim : names_of(trials, &ComparisonTrial::victim))
    for (const std::string& method : names_of(trials, &ComparisonTrial::method)) {
      const Choice choice{set, method, victim};
      const auto values = means(trials, choice);
      if (values.empty()) continue;
      const ConfidenceInterval mean = over_seeds(values);
      baseline =
          over_seeds(by_seed(trials, choice, [](const ComparisonTrial& trial) { return trial.baseline(); })).mean;
      std::vector<report::Cell> row = {method, victim, mean.mean, mean.low, mean.high};
      if (few)
        for (const std::string& task : tasks)
          row.emplace_back(over_seeds(by_seed(trials, choice, [&](const ComparisonTrial& trial) {
                             const auto at = std::find(trial.tasks.begin(), trial.tasks.end(), task);
                             return at == trial.tasks.end()
                                        ? std::nan("")
                                        : trial.scores[static_cast<std::size_t>(at - trial.tasks.begin())].value;
                           })).mean);
      row.emplace_back(
          over_seeds(by_seed(trials, choice, [](const ComparisonTrial& trial) { return trial.psnr; })).mean);
      row.emplace_back(static_cast<double>(values.size()));
      table.rows.push_back(std::move(row));
    }
  if (!std::isnan(baseline)) table.caption += fmt::format("; majority baseline {}", percent(baseline));
  return table;
}

report::Table claims_table(const std::vector<ProtectionClaim>& claims) {
  report::Table table{"Claims of [Yu25] on the data at hand",
                      {{.name = "set"},
                       {.name = "claim"},
                       {.name = "paper"},
                       {.name = "ours (95 % interval)"},
                       {.name = "rule"},
                       {.name = "verdict"}}};
  for (const ProtectionClaim& claim : claims)
    table.rows.push_back({claim.set, claim.text, claim.paper, with_interval(claim.ours, kPoints), claim.rule,
                          std::string(to_string(claim.verdict))});
  return table;
}

nlohmann::ordered_json to_json(const std::vector<ComparisonTrial>& trials, const ComparisonFacts& facts) {
  auto list = nlohmann::ordered_json::array();
  for (const ComparisonTrial& trial : trials) {
    auto tasks = nlohmann::ordered_json::object();
    for (std::size_t k = 0; k < trial.tasks.size(); ++k) tasks[trial.tasks[k]] = json_number(trial.scores[k].value);
    list.push_back({{"set", trial.set},
                    {"method", trial.method},
                    {"victim", trial.victim},
                    {"seed", trial.seed},
                    {"mean", json_number(trial.mean())},
                    {"yardstick", json_number(trial.baseline())},
                    {"tasks", tasks},
                    {"max_level_change", trial.largest_change},
                    {"psnr", json_number(trial.psnr)},
                    {"noise_seconds", trial.noise_seconds},
                    {"victim_seconds", trial.victim_seconds}});
  }
  auto claims = nlohmann::ordered_json::array();
  for (const ProtectionClaim& claim : protection_claims(trials))
    claims.push_back({{"set", claim.set},
                      {"claim", claim.text},
                      {"paper", claim.paper},
                      {"mean", json_number(claim.ours.mean)},
                      {"low", json_number(claim.ours.low)},
                      {"high", json_number(claim.ours.high)},
                      {"rule", claim.rule},
                      {"verdict", to_string(claim.verdict)}});
  return {{"trials", list}, {"claims", claims}, {"missing", facts.missing}};
}

report::Page comparison_page(const std::vector<ComparisonTrial>& trials, const ComparisonFacts& facts) {
  const auto claims = protection_claims(trials);
  const auto count = [&](Verdict verdict) {
    return std::count_if(claims.begin(), claims.end(),
                         [&](const ProtectionClaim& claim) { return claim.verdict == verdict; });
  };
  report::Page page;
  page.title = "Unlearnable multi-task images, reproduced";
  page.subtitle =
      "Tables of Yu, Wang and others: MTL-UE: Learning to Learn Nothing for Multi-Task Learning, ICML 2025.";
  page.answer = fmt::format("Of {} claims, each on one data set, {} hold here, {} hold in part and {} do not.",
                            claims.size(), count(Verdict::Holds), count(Verdict::InPart), count(Verdict::DoesNotHold));
  for (const Verdict verdict : {Verdict::Holds, Verdict::InPart, Verdict::DoesNotHold})
    page.cards.push_back({std::to_string(count(verdict)), fmt::format("claims: {}", to_string(verdict)),
                          static_cast<double>(count(verdict))});
  const auto sets = names_of(trials, &ComparisonTrial::set);
  page.facts = {{"Data", fmt::format("{}", fmt::join(sets, ", "))},
                {"Seeds", fmt::format("{}, from {}", facts.options.seeds, facts.options.seed)},
                {"Victims", fmt::format("{}", fmt::join(facts.options.victims, ", "))},
                {"Version", facts.version}};
  report::Section verdicts{"Verdicts", {report::TableBlock{claims_table(claims)}}};
  verdicts.blocks.emplace_back(
      report::Paragraph{"The paper's numbers are of CelebA and UTKFace with ResNet-18, on data and machines that are "
                        "not these: read them "
                        "for their order, not their size."});
  for (const std::string& sentence : facts.missing)
    verdicts.blocks.emplace_back(report::Callout{report::Callout::Kind::Note, "Not run", sentence});
  page.sections.push_back(std::move(verdicts));
  for (const std::string& set : sets) page.sections.push_back({set, {report::TableBlock{methods_table(trials, set)}}});
  if (!facts.command.empty())
    page.sections.push_back({"Repeat it", {report::Code{facts.command, "The same numbers come out again with:"}}});
  page.footer = report::footer(facts.version);
  return page;
}

}  // namespace crosstalk::image
