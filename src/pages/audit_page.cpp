#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "audit_answer.hpp"
#include "audit_own_model.hpp"
#include "audit_tables.hpp"
#include "crosstalk/evaluate/audit_summary.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/report/number.hpp"
#include "evaluate/words.hpp"

namespace crosstalk::pages {

namespace {

using report::Block;
using report::Callout;
using report::Fold;
using report::List;
using report::Paragraph;
using report::Section;
using report::TableBlock;

std::vector<std::string> names_of(const std::vector<std::size_t>& tasks, const AuditResult& result) {
  std::vector<std::string> names;
  for (const std::size_t i : tasks) names.push_back(words::task(result.task_names[i]));
  return names;
}

std::string learner_in_words(const mtrl::Options& learner) {
  return fmt::format("lambda1 {}, lambda2 {}", report::exact(learner.lambda1), report::exact(learner.lambda2));
}

std::string lambda_in_words(const AuditFacts& facts) {
  return facts.cross_validation
             ? fmt::format(
                   "{}; the pair with the least held-out loss of {} tried, by cross-validation inside every task's "
                   "training rows",
                   learner_in_words(facts.options.learner), facts.cross_validation->trials.size())
             : learner_in_words(facts.options.learner) + "; as given";
}

std::string labels_in_words(attack::LabelRule rule) {
  switch (rule) {
    case attack::LabelRule::Clean: return "drawn from the task's own labels";
    case attack::LabelRule::Uniform:
      return "uniform in the range of the task's labels (for classes: either with probability 1/2)";
    case attack::LabelRule::Ends: return "the smallest or the largest label of the task, each with probability 1/2";
    case attack::LabelRule::Free:
      return "chosen by the exact attack in the range of the task's labels; drawn uniformly in it by the other methods";
  }
  return "";
}

std::string features_in_words(const AuditOptions& options) {
  const attack::FeasibleSet& set = options.feasible;
  std::string text = set.box.empty() ? "" : "as the schema of the columns says";
  if (std::isfinite(set.radius))
    text += fmt::format("{}in the ball of radius {:.6g} in the learner's units", text.empty() ? "" : ", ", set.radius);
  if (options.stealth)
    text += fmt::format(", and where {} of the task's clean rows are by {}", words::share(options.stealth->quantile),
                        !options.stealth->residual ? "their distance from the mean"
                        : !options.stealth->distance
                            ? "their residual under the clean model"
                            : "their distance from the mean and their residual under the clean model");
  return text;
}

std::string targets_in_words(const AuditResult& result, const AuditOptions& options) {
  if (options.targets.empty())
    return result.scenarios.front().targets.size() == result.task_names.size()
               ? "all tasks at once"
               : "the tasks were halved at random, and each half was the target once";
  return words::list(names_of(options.targets, result), 6);
}

std::string attackers_in_words(const AuditResult& result, const AuditOptions& options) {
  if (!options.attackers.empty()) return words::list(names_of(options.attackers, result), 6);
  std::vector<std::string> kinds;
  for (const Scenario& scenario : result.scenarios)
    if (const std::string kind = words::kind(scenario.kind); std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
      kinds.push_back(kind);
  return fmt::format("{} attacks", words::list(kinds));
}

std::string methods_in_words(const std::vector<Method>& methods) {
  std::vector<std::string> names;
  for (const Method method : methods) names.push_back(words::method(method));
  return words::list(names, names.size());
}

/// Makes the sections from the parts that are there.
class PageMaker {
 public:
  PageMaker(const AuditResult& result, const AuditFacts& facts, const std::map<std::string, std::string>& svgs)
      : result_(result),
        facts_(facts),
        svgs_(svgs),
        summary_(summarise(result)),
        figures_(audit_figures(result, facts)) {}

  [[nodiscard]] report::Page page() const {
    report::Page page;
    page.title = fmt::format("How exposed is {} to injected rows?", facts_.data_name);
    page.subtitle = fmt::format("{} learned together and attacked with injected rows.",
                                words::capital(words::count(result_.task_names.size(), "task")));
    page.answer = answer::sentences(summary_, result_, facts_) + own_model::sentences(result_, summary_);
    page.cards = answer::cards(summary_, result_);
    page.facts = {
        {"Data", fmt::format("{}: {}, {} training rows", facts_.data_name,
                             words::count(result_.task_names.size(), "task"), facts_.training_rows)},
        {"Measured on", fmt::format("{} {} rows", facts_.evaluation_rows, facts_.held_out ? "held-out" : "training")},
        {"Learner", fmt::format("MTRL, {} loss, {}", facts_.loss, learner_in_words(facts_.options.learner))},
        {"Attack", methods_in_words(summary_.methods) +
                       (is_planned() ? ", " + words::count(static_cast<std::size_t>(planned_steps()), "step") : "")},
        {"Added rows", words::shares(summary_.budgets)},
        {"Seed", std::to_string(facts_.options.seed)},
        {"Version", facts_.version}};
    if (auto warnings = answer::warnings(summary_, result_, facts_); !warnings.empty())
      page.sections.push_back({"Before you rely on this", std::move(warnings)});
    if (summary_.budget) {
      page.sections.push_back(exposure());
      page.sections.push_back(tasks());
    }
    if (summary_.budget && !result_.own_model.empty())
      page.sections.push_back(own_model::section(result_, summary_, facts_));
    page.sections.push_back(harm());
    if (!result_.cheapest_attacks.empty()) page.sections.push_back(cheapest_attacks());
    if (summary_.budget && !tables::bounds(result_, summary_).rows.empty()) page.sections.push_back(bounds());
    if (summary_.budget && !result_.defended.empty()) page.sections.push_back(defended());
    if (summary_.budget && is_planned()) page.sections.push_back(convergence());
    if (result_.task_names.size() > 1) page.sections.push_back(relations());
    page.sections.push_back(asked());
    if (!facts_.command.empty())
      page.sections.push_back({"Repeat it", {report::Code{facts_.command, "The same numbers come out again with:"}}});
    page.sections.push_back({"What this does not say", {List{limits()}}});
    page.footer = report::footer(facts_.version) +
                  " Every number in a table holds its exact value in the attribute data-value, and stands in the CSV "
                  "files.";
    return page;
  }

 private:
  [[nodiscard]] bool has(Method method) const {
    return std::find(summary_.methods.begin(), summary_.methods.end(), method) != summary_.methods.end();
  }
  // Of the most planned method.
  [[nodiscard]] int planned_steps() const {
    return summary_.planned == Method::Exact ? facts_.options.exact.iterations : facts_.options.patom.iterations;
  }
  [[nodiscard]] bool is_planned() const { return summary_.planned != Method::Random; }

  [[nodiscard]] const AuditFigure* find(const std::string& name) const {
    const auto found =
        std::find_if(figures_.begin(), figures_.end(), [&](const AuditFigure& f) { return f.name == name; });
    return found == figures_.end() ? nullptr : &*found;
  }

  void add_figures(Section& section, const std::vector<std::string>& names) const {
    report::FigureRow row;
    for (const std::string& name : names)
      if (const AuditFigure* const figure = find(name)) row.figures.push_back(figure_block(*figure, svgs_));
    if (row.figures.size() == 1) section.blocks.emplace_back(std::move(row.figures.front()));
    if (row.figures.size() > 1) section.blocks.emplace_back(std::move(row));
  }

  // A table in view when it is short, else folded away.
  static void add_table(Section& section, report::Table table, const std::string& fold) {
    const bool is_long = table.rows.size() > kTopTasks;
    section.blocks.emplace_back(TableBlock{std::move(table), is_long ? fold : ""});
  }

  [[nodiscard]] Section exposure() const {
    Section section{"How much harm do injected rows do?"};
    List kinds;
    for (const attack::Kind kind : summary_.kinds)
      kinds.items.push_back(
          fmt::format("{} attack: {}.", words::capital(words::kind(kind)), words::kind_meaning(kind)));
    section.blocks = {
        Paragraph{std::string(
                      "The attacker wants the tasks under attack to be predicted badly. To each task that they control "
                      "they inject rows: 30 % means three injected rows for ten clean ones. ") +
                  (is_planned() ? "The rows start at random; they are then changed, step by step, so that the learner "
                                  "does worse on its "
                                  "targets."
                                : "The rows are random.")},
        kinds, TableBlock{tables::kinds(summary_)}};
    if (summary_.fictitious > 0)
      section.blocks.insert(
          section.blocks.begin() + 1,
          Paragraph{fmt::format(
              "In an attack through accounts the attacker makes tasks up instead: {} beside the {} of the data, with "
              "{} "
              "rows each, at the largest budget, and in proportion fewer at a smaller one. Their rows begin as copies "
              "of rows of the tasks under attack with labels against them.",
              summary_.fictitious, result_.task_names.size(), summary_.rows_each)});
    add_figures(section, {"figure-exposure-loss", "figure-exposure-metric"});
    section.blocks.emplace_back(TableBlock{tables::exposure(summary_), "These numbers for every budget"});
    return section;
  }

  [[nodiscard]] Section tasks() const {
    Section section{"Which tasks are exposed?"};
    const TaskExposure& first = summary_.tasks.front();
    const TaskExposure::Under& worst = first.attacks[first.worst];
    const std::string name = words::task(result_.task_names[first.task]);
    if (summary_.tasks.size() == 1)
      section.blocks.emplace_back(Paragraph{fmt::format("{} is the only task under attack.", words::capital(name))});
    else if (std::isfinite(worst.added_loss))
      section.blocks.emplace_back(Paragraph{fmt::format(
          "With {} injected rows, {} is the most exposed: its loss {} ({} attack). The tasks are ranked by that "
          "number: "
          "the "
          "loss that an attack adds to a task, measured for all of them against the mean clean loss of the tasks under "
          "attack, so that a task with next to no loss does not come first for next to nothing.",
          words::share(*summary_.budget), name, words::rises_by_share(worst.added_loss), words::kind(worst.kind))});
    add_figures(section, {"figure-exposure-by-task"});
    add_table(section, tables::task_metrics(result_, summary_),
              fmt::format("{} of all tasks", words::metric(summary_.metric)));
    section.blocks.emplace_back(TableBlock{tables::task_losses(result_, summary_), "Loss of all tasks"});
    return section;
  }

  [[nodiscard]] Section harm() const {
    Section section{"Which tasks are dangerous?"};
    if (summary_.finished_harms == 0) {
      section.blocks.emplace_back(Paragraph{summary_.planned_harms > 0
                                                ? "None of these attacks has run."
                                                : "There is no task that could attack another."});
      return section;
    }
    const Harm& most = result_.harms[*summary_.most_harmful];
    const double rise = most.loss_rise(result_.clean_loss);
    const std::string name = words::task(result_.task_names[most.attacker]);
    std::string text = fmt::format(
        "Here one task at a time is the only attacker, with all other tasks as its targets and {} injected rows "
        "of its own. ",
        words::share(summary_.budgets.back()));
    if (summary_.finished_harms == 1)
      text += fmt::format("{} is the only one tried: the summed loss of the others {}.", name, words::rises(rise));
    else if (rise < 0.01)
      text +=
          fmt::format("No single task is a danger to the rest: the largest rise of the others' summed loss is {} ({}).",
                      words::rise(rise), name);
    else
      text += fmt::format("Most harm comes from {}: the summed loss of the others {}.", name, words::rises(rise));
    if (result_.harm_is_partial)
      text += fmt::format(
          " Only {} of the {} tasks were tried as attackers, those with the most rows; a smaller one could do more.",
          summary_.planned_harms, result_.task_names.size());
    section.blocks.emplace_back(Paragraph{text});
    add_figures(section, {"figure-harm-by-attacker"});
    section.blocks.emplace_back(TableBlock{tables::harm(result_), "Harm by all attacking tasks"});
    section.blocks.emplace_back(
        TableBlock{tables::row_harm(result_), "Harm by one injected row in each attacking task"});
    return section;
  }

  [[nodiscard]] Section cheapest_attacks() const {
    Section section{"What is the cheapest attack?"};
    const double reach = facts_.options.reach;
    std::string text = fmt::format(
        "Here the attacker is after one task and wants its training loss to be {} times what it was, for as little as "
        "possible: {}, at most "
        "{} of a task's clean rows. They buy where the exact gain for the price is largest, so the prices are upper "
        "bounds. ",
        report::exact(reach),
        facts_.options.prices.empty() ? "every row costs 1" : "rows cost what the price list says",
        words::share(summary_.budgets.back()));
    const auto first = [&](bool by_others) {
      return std::find_if(
          result_.cheapest_attacks.begin(), result_.cheapest_attacks.end(),
          [&](const CheapestAttack& cheapest) { return cheapest.reached && cheapest.by_others == by_others; });
    };
    const auto price = [&](const CheapestAttack& cheapest) {
      return report::shown(cheapest.price, words::price_format(result_.cheapest_attacks));
    };
    const auto end = result_.cheapest_attacks.end();
    if (const auto cheapest = first(false); cheapest != end)
      text += fmt::format("Cheapest of all is {}, for {}. ", words::task(result_.task_names[cheapest->target]),
                          price(*cheapest));
    if (const auto cheapest = first(true); cheapest != end)
      text += fmt::format("Through other tasks alone it is {}, for {}.",
                          words::task(result_.task_names[cheapest->target]), price(*cheapest));
    else if (std::any_of(result_.cheapest_attacks.begin(), end,
                         [](const CheapestAttack& one) { return one.by_others && !one.rows.empty(); }))
      text += "Through other tasks alone no task can be brought so far.";
    section.blocks.emplace_back(Paragraph{text});
    add_table(section, tables::cheapest_attacks(result_, reach), "The cheapest attack on every task");
    return section;
  }

  [[nodiscard]] Section bounds() const {
    return {
        "How bad can it get at most?",
        {Paragraph{
             "What was found is a lower bound of the damage. This is an upper bound: no injected rows at all, "
             "in these numbers and within these limits, can bring the summed loss of the tasks under attack "
             "above it, whatever the method. The last column is for an owner who lets in only rows whose "
             "distance and residual 95 % of the task's clean rows have. The true worst case lies between; far apart "
             "they say little."},
         TableBlock{tables::bounds(result_, summary_)}}};
  }

  [[nodiscard]] Section defended() const {
    const std::string defence(defence::to_string(*facts_.options.defence));
    Section section{"How much does a defence help?"};
    std::string text = fmt::format("Here \"crosstalk defend --method {}\" stands before the learner. ", defence);
    if (const auto& clean = result_.clean_defended; clean && clean->loss.size() > 0)
      text += fmt::format(
          "Without an attack it leaves {} of the rows out, and the mean {} of all tasks is {}, {} without it. ",
          words::share(clean->honest_left_out), words::metric(summary_.metric),
          words::metric_value(summary_.metric, mtrl::Metrics{result_.clean.names, clean->metrics}.mean(0)),
          words::metric_value(summary_.metric, result_.clean.mean(0)));
    text +=
        "One attacker injects the same rows as before. The other knows the defence: they keep their rows where clean "
        "ones are, by quantiles of the distance and the residual, or copy features of clean rows, see what the defence "
        "leaves out, place their rows anew, and take what does most harm behind it.";
    section.blocks = {Paragraph{text}, TableBlock{tables::defended(result_, summary_)}};
    return section;
  }

  [[nodiscard]] Section convergence() const {
    Section section{"Had the attacks converged?"};
    section.blocks.emplace_back(Paragraph{still_gaining()});
    add_figures(section, {"figure-convergence"});
    section.blocks.emplace_back(TableBlock{tables::convergence(result_), "Every step of every planned attack"});
    section.blocks.emplace_back(TableBlock{tables::attacks(result_), "Every attack: rows, utility, convergence"});
    return section;
  }

  // From the lines of the figure.
  [[nodiscard]] std::string still_gaining() const {
    const AuditFigure* const figure = find("figure-convergence");
    if (figure == nullptr) return "The attacks gained nothing, so there is nothing to plot.";
    std::vector<std::string> gaining;
    std::vector<std::string> past;
    std::vector<std::string> below_start;
    for (const report::Series& series : std::get<report::LineChart>(figure->figure).series) {
      const std::vector<double>& y = series.y;
      const double best = *std::max_element(y.begin(), y.end());
      const double much = 0.02 * std::abs(best) + 1e-3;
      if (y.size() > 1 && y.back() - y[y.size() - 2] > much) gaining.push_back(series.name);
      if (y.back() < y.front() - much)
        below_start.push_back(series.name);
      else if (y.back() < best - much)
        past.push_back(series.name);
    }
    std::string text = gaining.empty()
                           ? "The attacks had levelled off when they ended."
                           : fmt::format(
                                 "Some attacks were still gaining in their last step ({}): more steps may do "
                                 "more harm.",
                                 words::list(gaining));
    if (!past.empty())
      text += fmt::format(
          " Some had been further in between ({}): PATOM's fixed step does not always go up, and this report "
          "takes its last iteration.",
          words::list(past));
    if (!below_start.empty())
      text += fmt::format(
          " Some ended below the random rows they began with ({}): by its own measure PATOM did not succeed there.",
          words::list(below_start));
    return text;
  }

  [[nodiscard]] Section relations() const {
    Section section{"What does the attack do to the learned relations?"};
    if (result_.clean_correlation.size() == 0) {
      section.blocks.emplace_back(Paragraph{
          fmt::format("With more than {} tasks, the matrices of correlations are not kept.", kCorrelationTasks)});
      return section;
    }
    std::string text =
        "The learner finds out which tasks go together. An attack can make it believe in other relations.";
    if (!summary_.correlation_changes.empty()) {
      const CorrelationChange& change = summary_.correlation_changes.front();
      text += fmt::format(
          " The strongest change: the correlation of {} and {} moves from {} to {} under the {} attack.",
          words::task(result_.task_names[change.first]), words::task(result_.task_names[change.second]),
          report::shown(change.clean, words::signed_decimals), report::shown(change.attacked, words::signed_decimals),
          words::kind(result_.scenarios[change.scenario].kind));
    }
    if (result_.task_names.size() > kHeatMapTasks)
      text +=
          fmt::format(" Matrices of more than {} tasks are not drawn; they are in correlations.csv.", kHeatMapTasks);
    else if (result_.scenarios.front().targets.size() < result_.task_names.size())
      text += fmt::format(" The plots are for the targets {}.",
                          words::list(names_of(result_.scenarios.front().targets, result_), 6));
    section.blocks.emplace_back(Paragraph{text});
    add_figures(section, {"figure-correlation-clean", "figure-correlation-direct", "figure-correlation-indirect",
                          "figure-correlation-hybrid"});
    if (!summary_.correlation_changes.empty())
      section.blocks.emplace_back(TableBlock{tables::correlation_changes(result_, summary_), "The strongest changes"});
    return section;
  }

  [[nodiscard]] Section asked() const {
    const AuditOptions& options = facts_.options;
    report::Table table{.caption = "Settings", .columns = {{.name = "setting"}, {.name = "value"}}};
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) table.rows.push_back({std::string(name), value});
    };
    add("data", facts_.data_name);
    add("rows", fmt::format("{} for training, {} {}; {} features", facts_.training_rows, facts_.evaluation_rows,
                            facts_.held_out ? "held out to measure on" : "(the same) to measure on", facts_.features));
    add("preparation", facts_.preparation);
    add("learner", "multi-task relationship learning (MTRL), linear, all tasks together");
    add("loss", facts_.loss);
    add("lambdas", lambda_in_words(facts_));
    add("smoothing", report::exact(options.learner.smoothing));
    add("targets", targets_in_words(result_, options));
    add("attackers", attackers_in_words(result_, options));
    add("injected rows", words::shares(summary_.budgets) + " of each attacking task's clean rows");
    if (summary_.fictitious > 0)
      add("fictitious tasks", fmt::format("{} of {} rows at the largest budget, fewer in proportion at a smaller one",
                                          summary_.fictitious, summary_.rows_each));
    add("their labels", fmt::format("{}: {}", attack::to_string(options.labels), labels_in_words(options.labels)));
    add("their features", features_in_words(options));
    add("rows placed by", methods_in_words(summary_.methods));
    if (has(Method::Exact))
      add("exact", fmt::format("{}, at most {} from each; the first is where PATOM ends",
                               words::count(static_cast<std::size_t>(options.exact.starts), "start"),
                               words::count(static_cast<std::size_t>(options.exact.iterations), "step")));
    if (has(Method::Patom) || has(Method::Exact))
      add("PATOM",
          fmt::format("{}, step {}, {}", words::count(static_cast<std::size_t>(options.patom.iterations), "iteration"),
                      report::exact(options.patom.step),
                      options.patom.full_batch ? "all target rows in every gradient"
                                               : fmt::format("batches of {} times the target rows",
                                                             report::exact(options.patom.batch_share))));
    add("seed", std::to_string(options.seed));
    Section section{"Settings", {TableBlock{std::move(table)}}};
    if (!facts_.notes.empty()) {
      section.blocks.emplace_back(Paragraph{"On loading the data:"});
      section.blocks.emplace_back(List{facts_.notes});
    }
    if (!facts_.sources.empty()) section.blocks.emplace_back(Fold{"Files that were read", {List{facts_.sources}}});
    if (facts_.cross_validation)
      section.blocks.emplace_back(
          TableBlock{tables::trials(*facts_.cross_validation, summary_.metric), "How the lambdas were chosen"});
    List scenarios;
    for (std::size_t s = 0; s < result_.scenarios.size(); ++s) {
      const Scenario& scenario = result_.scenarios[s];
      const std::string attackers = scenario.fictitious > 0
                                        ? fmt::format("{} of {} rows that they made up",
                                                      words::count(scenario.fictitious, "task"), scenario.rows_each)
                                        : words::list(names_of(scenario.attackers, result_), 50);
      scenarios.items.push_back(fmt::format("Scenario {}, {}: targets {}; attackers {}.", s + 1,
                                            words::kind(scenario.kind),
                                            words::list(names_of(scenario.targets, result_), 50), attackers));
    }
    section.blocks.emplace_back(Fold{"Who attacked whom", {scenarios}});
    return section;
  }

  [[nodiscard]] std::vector<std::string> limits() const {
    std::vector<std::string> items = {
        std::string("It is a simulated attack, not a guarantee: the numbers are a lower bound of the damage. ") +
            (has(Method::Exact) ? "The exact attack climbs as far as it can from its starts; from other starts, or "
                                  "with more steps, an attack may do more."
             : has(Method::Patom)
                 ? "PATOM is a heuristic; its gradient holds the learned relations of the tasks and the dual variables "
                   "fixed. The exact attack (--method exact) does more."
                 : "Random rows are a weak attack. Optimised rows (--method exact) do more."),
        has(Method::Exact) && facts_.options.labels == attack::LabelRule::Free
            ? "The injected labels lie in the range of the task's own; an attacker who may write any label can do more."
            : "The labels of injected rows are drawn by a rule and not optimised; an attacker who also chooses labels "
              "can do more.",
        "The attacker is a strong one otherwise: they know the training rows, the learner and its settings.",
        result_.own_model.empty()
            ? "It is about one learner: linear multi-task relationship learning (MTRL). Other models may be hurt more "
              "or less (--victim shows it of yours)."
            : "The attacks are on linear multi-task relationship learning (MTRL), your model is only shown what came "
              "of them: an attack on itself may hurt it more.",
        facts_.options.stealth
            ? "Injected rows pass the stated screens, but whether a person would notice them was not checked."
            : "Injected rows stay within their limits, but whether a person or a filter would notice them was not "
              "checked (--stealth keeps them where clean rows are).",
        fmt::format("It is one draw (seed {}): other seeds plant other rows{}. Repeat it with more seeds before small "
                    "differences "
                    "mean anything.",
                    facts_.options.seed, facts_.options.targets.empty() ? " and halve the tasks in another way" : "")};
    if (summary_.fictitious > 0)
      items.emplace_back(
          "Neither the upper bounds nor a defence before the learner are told for the attack through accounts.");
    if (facts_.options.targets.empty() && result_.scenarios.front().targets.size() < result_.task_names.size())
      items.emplace_back(
          "Targets are random halves of the tasks. One task under attack by all others may suffer more.");
    return items;
  }

  const AuditResult& result_;
  const AuditFacts& facts_;
  const std::map<std::string, std::string>& svgs_;
  AuditSummary summary_;
  std::vector<AuditFigure> figures_;
};

}  // namespace

AuditFacts facts_of(const Problem& problem) {
  AuditFacts facts;
  facts.data_name = problem.dataset.name;
  facts.notes = problem.dataset.notes;
  facts.sources = problem.dataset.sources;
  facts.loss = problem.loss->name();
  facts.training_rows = static_cast<std::size_t>(problem.train.rows());
  facts.evaluation_rows = static_cast<std::size_t>(problem.evaluation().rows());
  facts.features = static_cast<std::size_t>(problem.raw_train.features());
  facts.held_out = problem.test.size() > 0;
  facts.cross_validation = problem.cross_validation;
  return facts;
}

report::FigureBlock figure_block(const AuditFigure& figure, const std::map<std::string, std::string>& svgs) {
  const auto svg = svgs.find(figure.name);
  return {svg == svgs.end() ? std::string() : svg->second,
          figure.title,
          figure.caption,
          figure.how_to_read,
          figure.description,
          fmt::format("Not drawn: that needs gnuplot. The numbers are in figures/{}.csv.", figure.name)};
}

report::Page audit_page(const AuditResult& result, const AuditFacts& facts,
                        const std::map<std::string, std::string>& svgs) {
  return PageMaker(result, facts, svgs).page();
}

}  // namespace crosstalk::pages
