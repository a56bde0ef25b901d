#include "crosstalk/image/network/verification_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/json_number.hpp"
#include "crosstalk/report/number.hpp"

namespace crosstalk::image {

namespace {

using report::Callout;
using report::NumberFormat;

constexpr NumberFormat kShare = {NumberFormat::Kind::Percent, 1};

nlohmann::ordered_json to_json(const LearnerSummary& summary, const VerificationFacts& facts) {
  auto tasks = nlohmann::ordered_json::object();
  auto details = nlohmann::ordered_json::array();
  for (const TaskSummary& task : summary.tasks) {
    const std::string& name = facts.tasks[task.task].name;
    tasks[name] = json_number(task.value.mean);
    details.push_back({{"task", name},
                       {"metric", task.metric},
                       {"mean", json_number(task.value.mean)},
                       {"low", json_number(task.value.low)},
                       {"high", json_number(task.value.high)},
                       {"balanced", json_number(task.balanced.mean)},
                       {"yardstick", json_number(task.baseline)}});
  }
  return {{"mean", json_number(summary.mean.mean)},
          {"low", json_number(summary.mean.low)},
          {"high", json_number(summary.mean.high)},
          {"yardstick", json_number(summary.baseline)},
          {"tasks", tasks},
          {"details", details}};
}

std::string percent(double share) {
  return report::shown(share, kShare);
}

std::string interval(const ConfidenceInterval& estimate) {
  return std::isnan(estimate.low) ? "" : fmt::format("{} to {}", percent(estimate.low), percent(estimate.high));
}

struct VictimKind {
  bool mtl;
  const char* name;
};
constexpr VictimKind kLearners[] = {{true, "one network for all tasks (MTL)"}, {false, "one network a task (STL)"}};

bool was_trained(const VerificationFacts& facts, bool mtl) {
  return mtl ? facts.options.mtl : facts.options.stl;
}

std::string names_of(const std::vector<std::size_t>& tasks, const VerificationFacts& facts) {
  std::vector<std::string> names;
  for (const std::size_t k : tasks) names.push_back(facts.tasks[k].name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool has_clean(const VerificationFacts& facts) {
  return facts.options.clean;
}

// A learner as a reader is told: "grey", or "usual with one network a task".
std::string label_of(const LearnerOutcome& outcome, const VerificationFacts& facts) {
  const std::string name = outcome.learner < facts.learners.size() ? facts.learners[outcome.learner] : "usual";
  return outcome.mtl ? name : name + " with one network a task";
}

// A task and the share of it that is left.
struct TaskLeft {
  std::size_t task = 0;
  double left = std::numeric_limits<double>::quiet_NaN();
};

// The measured task of which some learner gets back the largest share; NaN where no share is known.
TaskLeft most_learned(const std::vector<LearnerOutcome>& outcomes) {
  TaskLeft most;
  for (const LearnerOutcome& outcome : outcomes)
    for (const TaskSummary& clean : outcome.clean.tasks)
      for (const TaskSummary& after : outcome.published.tasks) {
        if (after.task != clean.task) continue;
        const double left = (after.value.mean - clean.baseline) / (clean.value.mean - clean.baseline);
        if (std::isnan(most.left) || left > most.left) most = {after.task, left};
      }
  return most;
}

bool several(const VerificationFacts& facts) {
  return facts.learners.size() > 1;
}

nlohmann::ordered_json to_json(const LearnerOutcome& outcome, const VerificationFacts& facts) {
  auto tasks = nlohmann::ordered_json::object();
  for (const TaskSummary& task : outcome.published.tasks)
    tasks[facts.tasks[task.task].name] = json_number(task.value.mean);
  return {{"learner", label_of(outcome, facts)},
          {"victims", outcome.mtl ? "mtl" : "stl"},
          {"mean", json_number(outcome.published.mean.mean)},
          {"low", json_number(outcome.published.mean.low)},
          {"high", json_number(outcome.published.mean.high)},
          {"clean", json_number(outcome.clean.mean.mean)},
          {"yardstick", json_number(outcome.published.baseline)},
          {"left", json_number(outcome.left)},
          {"tasks", std::move(tasks)}};
}

}  // namespace

nlohmann::ordered_json to_json(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  nlohmann::ordered_json json;
  for (const bool published : {false, true})
    for (const bool mtl : {true, false})
      if (was_trained(facts, mtl))
        json[published ? "protected" : "clean"][mtl ? "mtl" : "stl"] =
            to_json(summarise(victims, published, mtl), facts);
  for (const bool mtl : {true, false}) {
    if (!was_trained(facts, mtl)) continue;
    auto names = nlohmann::ordered_json::array();
    for (const std::size_t k : tasks_not_learned(victims, mtl, facts.test_images)) names.push_back(facts.tasks[k].name);
    json["not_measured"][mtl ? "mtl" : "stl"] = std::move(names);
  }
  const auto outcomes = learner_outcomes(victims, facts.test_images);
  json["learners"] = nlohmann::ordered_json::array();
  for (const LearnerOutcome& outcome : outcomes) json["learners"].push_back(to_json(outcome, facts));
  if (const LearnerOutcome* const most = strongest(outcomes)) json["strongest"] = to_json(*most, facts);
  json["verdict"] = to_string(verdict_of(outcomes, facts.failures.empty()));
  json["failures"] = facts.failures;
  json["mirror_images"] = facts.flip;
  return json;
}

report::Table verification_table(const std::vector<Victim>& victims, const VerificationFacts& facts, bool mtl) {
  const LearnerSummary clean = summarise(victims, false, mtl);
  const LearnerSummary published = summarise(victims, true, mtl);
  const NumberFormat plain = {NumberFormat::Kind::Significant, 3};
  report::Table table;
  table.caption = fmt::format("Clean test images, {}{}", several(facts) ? "the usual learner, " : "",
                              mtl ? kLearners[0].name : kLearners[1].name);
  table.columns = {{"task"},
                   {"metric"},
                   {"clean", "", plain},
                   {"protected", "", plain},
                   {"majority baseline", "", plain},
                   {"clean, balanced", "", plain},
                   {"protected, balanced", "", plain}};
  if (has_clean(facts)) table.columns.push_back({"measured"});
  if (!facts.left_usable.empty()) table.columns.push_back({"protects"});
  const std::vector<std::size_t> unmeasured = tasks_not_learned(victims, mtl, facts.test_images);
  const auto is_in = [](const std::vector<std::size_t>& tasks, std::size_t task) {
    return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
  };
  for (const TaskSummary& after : published.tasks) {
    const auto found = std::find_if(clean.tasks.begin(), clean.tasks.end(),
                                    [&](const TaskSummary& task) { return task.task == after.task; });
    const bool known = found != clean.tasks.end();
    table.rows.push_back({facts.tasks[after.task].name, after.metric, known ? found->value.mean : std::nan(""),
                          after.value.mean, after.baseline, known ? found->balanced.mean : std::nan(""),
                          after.balanced.mean});
    if (has_clean(facts)) table.rows.back().emplace_back(known && !is_in(unmeasured, after.task) ? "yes" : "no");
    if (!facts.left_usable.empty()) table.rows.back().emplace_back(is_in(facts.left_usable, after.task) ? "no" : "yes");
  }
  return table;
}

report::Table learners_table(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  auto outcomes = learner_outcomes(victims, facts.test_images);
  // By the share left; those without one, all of them where no network learned the clean images, by the mean.
  const auto rank = [](const LearnerOutcome& outcome) {
    const auto known = [](double value) { return std::isnan(value) ? -1e9 : value; };
    return std::pair(known(outcome.left), known(outcome.published.mean.mean));
  };
  std::stable_sort(outcomes.begin(), outcomes.end(),
                   [&](const LearnerOutcome& a, const LearnerOutcome& b) { return rank(a) > rank(b); });
  const NumberFormat plain = {NumberFormat::Kind::Significant, 3};
  report::Table table;
  table.caption = "What each learner gets of clean test images after it has learned the protected copy";
  table.columns = {{"learner"},
                   {"from clean images", "", kShare},
                   {"from protected ones", "", kShare},
                   {"majority baseline", "", kShare},
                   {"left of what can be learned", "", kShare}};
  for (const TaskInfo& task : facts.tasks) table.columns.push_back({task.name, "", plain});
  for (const LearnerOutcome& outcome : outcomes) {
    std::vector<report::Cell> row = {label_of(outcome, facts), outcome.clean.mean.mean, outcome.published.mean.mean,
                                     outcome.published.baseline, outcome.left};
    row.resize(row.size() + facts.tasks.size(), std::nan(""));
    for (const TaskSummary& task : summarise(victims, true, outcome.mtl, {}, outcome.learner).tasks)
      row[5 + task.task] = task.value.mean;
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string verification_answer(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  const auto outcomes = learner_outcomes(victims, facts.test_images);
  const LearnerOutcome* const most = strongest(outcomes);
  std::string failed;
  for (const std::string& failure : facts.failures) failed += fmt::format(" No result: {}.", failure);
  if (most == nullptr || (std::isnan(most->published.mean.mean) && most->unmeasured.empty()))
    return "No task is measured by a share of right answers; the table has the errors." + failed;
  const std::string who =
      several(facts) ? fmt::format("the strongest of {} learners ({})", facts.learners.size(), label_of(*most, facts))
      : most->mtl    ? kLearners[0].name
                     : kLearners[1].name;
  if (!has_clean(facts))
    return fmt::format(
               "Trained on the protected copy, {} gets {} on clean test images; the majority baseline gets {}. No "
               "network was trained on the clean images, so what could be learned from them is not known.",
               who, percent(most->published.mean.mean), percent(most->published.baseline)) +
           failed;
  if (most->clean.tasks.empty())
    return fmt::format(
               "Not measured: {} learned from the clean images nothing that can be told from the majority baseline, so "
               "what the protected copy teaches says nothing about the protection. Train longer (--epochs) or on more "
               "images.",
               kLearners[most->mtl ? 0 : 1].name) +
           failed;
  std::string first;
  if (!most->unmeasured.empty())
    first = fmt::format(
        "Not measured: {}, of which the network that learns the clean images learns nothing that can be told from the "
        "majority baseline. ",
        names_of(most->unmeasured, facts));
  const Verdict verdict = verdict_of(outcomes, facts.failures.empty());
  if (verdict == Verdict::NotProtected) first += "Not protected. ";
  if (verdict == Verdict::Protected)
    first += fmt::format("Protected against these {} learners. ", facts.learners.size());
  std::string rest;
  if (const TaskLeft task = most_learned(outcomes); several(facts) && facts.tasks.size() > 1 && !std::isnan(task.left))
    rest = fmt::format(" The task of which most is left is {}, with {}.", facts.tasks[task.task].name,
                       percent(std::clamp(task.left, 0.0, 9.99)));
  return first +
         fmt::format(
             "Trained on the protected copy, {} gets {} on clean test images, in place of {}; the majority baseline "
             "gets {}. {} of what could be learned is left.",
             who, percent(most->published.mean.mean), percent(most->clean.mean.mean), percent(most->clean.baseline),
             percent(std::max(0.0, most->left))) +
         rest + failed;
}

report::Page verification_page(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  report::Page page;
  page.title = "What an unauthorised model learns";
  page.subtitle = fmt::format("{}, and its protected copy in {}.", facts.set, facts.published);
  page.answer = verification_answer(victims, facts);
  for (const VictimKind& learner : kLearners)
    for (const bool published : {false, true}) {
      if (!was_trained(facts, learner.mtl)) continue;
      const LearnerSummary summary = summarise(victims, published, learner.mtl);
      if (std::isnan(summary.mean.mean)) continue;
      page.cards.push_back({percent(summary.mean.mean),
                            fmt::format("{}{}, {}", several(facts) ? "usual learner, " : "",
                                        published ? "protected" : "clean", learner.mtl ? "MTL" : "STL"),
                            summary.mean.mean});
    }
  const auto outcomes = learner_outcomes(victims, facts.test_images);
  if (const LearnerOutcome* const most = strongest(outcomes); several(facts) && most != nullptr)
    page.cards.insert(page.cards.begin(),
                      {percent(most->published.mean.mean),
                       fmt::format("the strongest learner, {}", label_of(*most, facts)), most->published.mean.mean});
  const VerificationOptions& options = facts.options;
  page.facts = {
      {"Images", fmt::format("{} to train on, {} clean ones to test on", facts.train_images, facts.test_images)},
      {"Victims",
       fmt::format("backbone {}, {} epochs, {} {}, {}", to_string(options.backbone), options.epochs, options.seeds,
                   options.seeds == 1 ? "seed" : "seeds", facts.flip ? "mirror images" : "no mirror images")},
      {"Largest change", fmt::format("{} of 255 levels, PSNR {:.1f} dB", facts.largest_change, facts.psnr)},
      {"Seed", std::to_string(options.seed)},
      {"Version", facts.version}};
  if (options.leak > 0)
    page.facts.insert(page.facts.begin() + 2,
                      {"Leak", fmt::format("{:g} % of the images to train on are known as they were", options.leak)});
  if (options.countermeasure.words != "none")
    page.facts.insert(page.facts.begin() + 2, {"Countermeasure", options.countermeasure.words});
  if (options.mtl)
    page.facts.push_back(
        {"Losses of a network for all tasks", fmt::format("combined by {}", to_string(options.weighting))});
  if (!facts.method.empty()) page.facts.insert(page.facts.begin(), {"Method", facts.method});

  report::Section learned{"What an unauthorised learner would get"};
  if (!has_clean(facts))
    learned.blocks.emplace_back(Callout{Callout::Kind::Note, "No comparison",
                                        "Only the protected copy was learned (--protected-only). What the clean images "
                                        "teach the same network is not known, so there is no verdict."});
  for (const VictimKind& learner : kLearners) {
    if (!was_trained(facts, learner.mtl)) continue;
    if (const auto unmeasured = tasks_not_learned(victims, learner.mtl, facts.test_images); !unmeasured.empty())
      learned.blocks.emplace_back(Callout{
          Callout::Kind::Warning, "Not measured",
          fmt::format("Of {}, {} learns from the clean images nothing that can be told from the majority baseline. "
                      "What the protected copy teaches there says nothing about the protection.",
                      names_of(unmeasured, facts), learner.name)});
  }
  for (const std::string& failure : facts.failures)
    learned.blocks.emplace_back(Callout{Callout::Kind::Warning, "No result", failure + "."});
  if (several(facts)) {
    learned.blocks.emplace_back(report::TableBlock{learners_table(victims, facts)});
    learned.blocks.emplace_back(report::Paragraph{fmt::format(
        "The first row is the strongest learner, which the answer is about. The copy counts as protected when at most "
        "{} is left to the strongest of several.",
        percent(kProtectedShare))});
  }
  for (const VictimKind& learner : kLearners) {
    if (!was_trained(facts, learner.mtl)) continue;
    const LearnerSummary clean = summarise(victims, false, learner.mtl);
    const LearnerSummary published = summarise(victims, true, learner.mtl);
    learned.blocks.emplace_back(report::TableBlock{verification_table(victims, facts, learner.mtl)});
    if (const std::string range = interval(published.mean); !range.empty())
      learned.blocks.emplace_back(
          report::Paragraph{fmt::format("Mean over tasks, 95 % interval over {} seeds: clean {}, protected {}.",
                                        options.seeds, interval(clean.mean), range)});
  }
  if (options.stl && options.stl_tasks.size() < facts.tasks.size())
    learned.blocks.emplace_back(
        report::Paragraph{fmt::format("One network a task was trained for {} of the {} tasks, evenly chosen.",
                                      options.stl_tasks.size(), facts.tasks.size())});
  learned.blocks.emplace_back(report::Paragraph{
      "Accuracy is the share of right answers, mIoU the mean overlap of the classes' areas (both: "
      "more is learned), error and angle are mean errors (less is learned). Balanced: every class counts "
      "the same. Majority baseline: always the most frequent class, or the mean."});
  page.sections.push_back(std::move(learned));

  if (!facts.sheet_svg.empty())
    page.sections.push_back(
        {"The images",
         {report::FigureBlock{
             facts.sheet_svg, "Images before, after, and the change.",
             "Left: original. Middle: published. Right: the change, ten times as strong, around mid-grey."}}});
  page.sections.push_back(
      {"What this does not do",
       {Callout{Callout::Kind::Limit, "Limits",
                "It protects against future training on these images alone. It does not protect against a learner who "
                "has the "
                "clean images too, nor against models that were trained already."},
        report::List{
            {"Training against perturbations, strong JPEG compression or changes of colour depth restore part of what "
             "was hidden.",
             "Scaling, cropping or editing the published files weakens the protection; publish them as they are.",
             fmt::format("The victims here share the backbone {}; other networks can learn more or less.",
                         to_string(options.backbone))}}}});
  if (!facts.command.empty())
    page.sections.push_back({"Repeat it", {report::Code{facts.command, "The same numbers come out again with:"}}});
  page.footer = report::footer(facts.version);
  return page;
}

}  // namespace crosstalk::image
