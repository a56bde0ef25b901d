#include "crosstalk/image/network/verification_report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

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

struct Learner {
  bool mtl;
  const char* name;
};
constexpr Learner kLearners[] = {{true, "one network for all tasks (MTL)"}, {false, "one network a task (STL)"}};

bool was_trained(const VerificationFacts& facts, bool mtl) {
  return mtl ? facts.options.mtl : facts.options.stl;
}

// What is left of the clean victims' lead over the baseline.
double share_left(const LearnerSummary& clean, const LearnerSummary& published) {
  return (published.mean.mean - clean.baseline) / (clean.mean.mean - clean.baseline);
}

}  // namespace

nlohmann::ordered_json to_json(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  nlohmann::ordered_json json;
  for (const bool published : {false, true})
    for (const bool mtl : {true, false})
      if (was_trained(facts, mtl))
        json[published ? "protected" : "clean"][mtl ? "mtl" : "stl"] =
            to_json(summarise(victims, published, mtl), facts);
  return json;
}

report::Table verification_table(const std::vector<Victim>& victims, const VerificationFacts& facts, bool mtl) {
  const LearnerSummary clean = summarise(victims, false, mtl);
  const LearnerSummary published = summarise(victims, true, mtl);
  const NumberFormat plain = {NumberFormat::Kind::Significant, 3};
  report::Table table;
  table.caption = fmt::format("Clean test images, {}", mtl ? kLearners[0].name : kLearners[1].name);
  table.columns = {{"task"},
                   {"metric"},
                   {"clean", "", plain},
                   {"protected", "", plain},
                   {"majority baseline", "", plain},
                   {"clean, balanced", "", plain},
                   {"protected, balanced", "", plain}};
  if (!facts.left_usable.empty()) table.columns.push_back({"protects"});
  for (std::size_t i = 0; i < std::min(clean.tasks.size(), published.tasks.size()); ++i) {
    const TaskSummary& before = clean.tasks[i];
    const TaskSummary& after = published.tasks[i];
    const bool usable =
        std::find(facts.left_usable.begin(), facts.left_usable.end(), before.task) != facts.left_usable.end();
    table.rows.push_back({facts.tasks[before.task].name, before.metric, before.value.mean, after.value.mean,
                          before.baseline, before.balanced.mean, after.balanced.mean});
    if (!facts.left_usable.empty()) table.rows.back().emplace_back(usable ? "no" : "yes");
  }
  return table;
}

std::string verification_answer(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  for (const Learner& learner : kLearners) {
    if (!was_trained(facts, learner.mtl)) continue;
    const LearnerSummary clean = summarise(victims, false, learner.mtl);
    const LearnerSummary published = summarise(victims, true, learner.mtl);
    if (std::isnan(clean.mean.mean)) continue;
    return fmt::format(
        "Trained on the protected copy, {} gets {} on clean test images, in place of {}; the majority baseline "
        "gets "
        "{}. {} of what could be learned is left.",
        learner.name, percent(published.mean.mean), percent(clean.mean.mean), percent(clean.baseline),
        percent(std::max(0.0, share_left(clean, published))));
  }
  return "No task is measured by a share of right answers; the table has the errors.";
}

report::Page verification_page(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  report::Page page;
  page.title = "What an unauthorised model learns";
  page.subtitle = fmt::format("{}, and its protected copy in {}.", facts.set, facts.published);
  page.answer = verification_answer(victims, facts);
  for (const Learner& learner : kLearners)
    for (const bool published : {false, true}) {
      if (!was_trained(facts, learner.mtl)) continue;
      const LearnerSummary summary = summarise(victims, published, learner.mtl);
      if (std::isnan(summary.mean.mean)) continue;
      page.cards.push_back({percent(summary.mean.mean),
                            fmt::format("{}, {}", published ? "protected" : "clean", learner.mtl ? "MTL" : "STL"),
                            summary.mean.mean});
    }
  const VerificationOptions& options = facts.options;
  page.facts = {
      {"Images", fmt::format("{} to train on, {} clean ones to test on", facts.train_images, facts.test_images)},
      {"Victims", fmt::format("backbone {}, {} epochs, {} {}", to_string(options.backbone), options.epochs,
                              options.seeds, options.seeds == 1 ? "seed" : "seeds")},
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
  for (const Learner& learner : kLearners) {
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
                "It protects against future training on these images alone. It does not protect against somebody who "
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
