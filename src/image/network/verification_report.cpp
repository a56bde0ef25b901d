#include "crosstalk/image/network/verification_report.hpp"

#include <algorithm>
#include <cmath>

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

struct Learner {
  bool mtl;
  const char* name;
};
constexpr Learner kLearners[] = {{true, "one network for all tasks (MTL)"}, {false, "one network a task (STL)"}};

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
  for (const bool mtl : {true, false}) {
    if (!was_trained(facts, mtl)) continue;
    auto names = nlohmann::ordered_json::array();
    for (const std::size_t k : tasks_not_learned(victims, mtl, facts.test_images)) names.push_back(facts.tasks[k].name);
    json["not_measured"][mtl ? "mtl" : "stl"] = std::move(names);
  }
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

std::string verification_answer(const std::vector<Victim>& victims, const VerificationFacts& facts) {
  for (const Learner& learner : kLearners) {
    if (!was_trained(facts, learner.mtl)) continue;
    const std::vector<std::size_t> unmeasured = tasks_not_learned(victims, learner.mtl, facts.test_images);
    const LearnerSummary clean = summarise(victims, false, learner.mtl, unmeasured);
    const LearnerSummary published = summarise(victims, true, learner.mtl, unmeasured);
    if (!has_clean(facts) && !std::isnan(published.mean.mean))
      return fmt::format(
          "Trained on the protected copy, {} gets {} on clean test images; the majority baseline gets {}. No network "
          "was trained on the clean images, so what could be learned from them is not known.",
          learner.name, percent(published.mean.mean), percent(published.baseline));
    if (clean.tasks.empty() && !unmeasured.empty())
      return fmt::format(
          "Not measured: {} learned from the clean images nothing that can be told from the majority baseline, so what "
          "the protected copy teaches says nothing about the protection. Train longer (--epochs) or on more images.",
          learner.name);
    if (std::isnan(clean.mean.mean)) continue;
    std::string first;
    if (!unmeasured.empty())
      first = fmt::format(
          "Not measured: {}, of which the network that learns the clean images learns nothing that can be told from "
          "the majority baseline. ",
          names_of(unmeasured, facts));
    return first +
           fmt::format(
               "Trained on the protected copy, {} gets {} on clean test images, in place of {}; the majority baseline "
               "gets {}. {} of what could be learned is left.",
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
  if (!has_clean(facts))
    learned.blocks.emplace_back(Callout{Callout::Kind::Note, "No comparison",
                                        "Only the protected copy was learned (--protected-only). What the clean images "
                                        "teach the same network is not known, so there is no verdict."});
  for (const Learner& learner : kLearners) {
    if (!was_trained(facts, learner.mtl)) continue;
    if (const auto unmeasured = tasks_not_learned(victims, learner.mtl, facts.test_images); !unmeasured.empty())
      learned.blocks.emplace_back(Callout{
          Callout::Kind::Warning, "Not measured",
          fmt::format("Of {}, {} learns from the clean images nothing that can be told from the majority baseline. "
                      "What the protected copy teaches there says nothing about the protection.",
                      names_of(unmeasured, facts), learner.name)});
  }
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
