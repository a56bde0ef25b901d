#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "evaluate/words.hpp"
#include "crosstalk/pages/reproduction_page.hpp"
#include "reproduction_tables.hpp"

namespace crosstalk::pages {

namespace {

using report::Callout;
using report::Fold;
using report::List;
using report::Paragraph;
using report::Section;
using report::TableBlock;

class PageMaker {
 public:
  PageMaker(const ReproductionResult& result, const ReproductionFacts& facts,
            const std::map<std::string, std::string>& svgs)
      : result_(result),
        facts_(facts),
        svgs_(svgs),
        figures_(reproduction_figures(result, facts)),
        paper_(claims_of(result, facts.options, Lambdas::Paper)),
        chosen_(claims_of(result, facts.options, Lambdas::Chosen)) {}

  [[nodiscard]] report::Page page() const {
    report::Page page;
    page.title = "Data poisoning of multi-task learning, reproduced";
    page.subtitle =
        "Figures 1 to 3 of Zhao, An, Yu, Liu and Pan: Data Poisoning Attacks on Multi-Task Relationship Learning, AAAI "
        "2018.";
    const auto count = [&](Verdict verdict) {
      return static_cast<std::size_t>(
          std::count_if(paper_.begin(), paper_.end(), [&](const Claim& claim) { return claim.verdict == verdict; }));
    };
    page.answer =
        fmt::format("Of {} of the paper's claims, each on one data set, {} hold here, {} hold in part and {} do not.",
                    paper_.size(), count(Verdict::Holds), count(Verdict::InPart), count(Verdict::DoesNotHold));
    for (const Verdict verdict : {Verdict::Holds, Verdict::InPart, Verdict::DoesNotHold})
      page.cards.push_back({std::to_string(count(verdict)), fmt::format("claims: {}", to_string(verdict)),
                            static_cast<double>(count(verdict))});
    std::vector<std::string> names;
    for (const auto& set : result_.sets) names.push_back(set.name);
    page.facts = {{"Data", fmt::format("{}", fmt::join(names, ", "))},
                  {"Draws", fmt::format("{} at the paper's lambdas, at most {} at lambdas by cross-validation and for "
                                        "readings, {} by the exact attack",
                                        facts_.options.seeds, std::min(facts_.options.slow_seeds, facts_.options.seeds),
                                        std::min(facts_.options.exact_seeds, facts_.options.seeds))},
                  {"Attack", "PATOM, step 100, batches of 3 times the target rows"},
                  {"Seed", std::to_string(facts_.options.seed)},
                  {"Version", facts_.version}};
    page.sections.push_back(verdicts());
    page.sections.push_back(figure("1", "Figure 1: convergence",
                                   "Direct, indirect and hybrid attacks on the first tasks, iteration by iteration."));
    page.sections.push_back(figure(
        "2", "Figure 2: quality",
        "Random pairs of targets and attackers. Grey: the same rows and labels at random, before they are planned."));
    page.sections.push_back(figure("3", "Figure 3: relations",
                                   "What the learner believes of the tasks before and after three hybrid attacks."));
    page.sections.push_back(exact());
    page.sections.push_back(interpretations());
    page.sections.push_back(setup());
    if (!facts_.command.empty())
      page.sections.push_back({"Repeat it", {report::Code{facts_.command, "The same numbers come out again with:"}}});
    std::erase_if(page.sections, [](const Section& section) { return section.blocks.empty(); });
    page.footer = report::footer(facts_.version) +
                  " Every number in a table holds its exact value in the attribute data-value, and stands in the CSV "
                  "files.";
    return page;
  }

 private:
  [[nodiscard]] Section verdicts() const {
    Section section{"Which claims hold?"};
    for (const std::string& missing : facts_.missing_sets)
      section.blocks.emplace_back(Callout{Callout::Kind::Warning, "A data set is missing", missing});
    if (const auto unconverged = std::count_if(result_.trials.begin(), result_.trials.end(),
                                               [](const Trial& trial) { return !trial.converged; });
        unconverged > 0)
      section.blocks.emplace_back(Callout{
          Callout::Kind::Warning, "Fits that did not converge",
          fmt::format("{} of {} attacks hold a fit without its certificate.", unconverged, result_.trials.size())});
    if (paper_.empty()) return section;
    section.blocks.emplace_back(TableBlock{tables::verdicts(paper_, "At the paper's lambdas, 0.1 and 0.1")});
    section.blocks.emplace_back(
        Paragraph{"A verdict follows from the numbers by a rule that stands in the table below. Intervals are 95 % "
                  "t-intervals over draws of the data and "
                  "of the injected rows; the paper gives none."});
    section.blocks.emplace_back(
        TableBlock{tables::claims(paper_, "Claims in detail"), "Every claim with its rule and its numbers by attack"});
    if (!chosen_.empty()) {
      section.blocks.emplace_back(
          Paragraph{"The lambdas of 0.1 make a poor model: a learner who chooses them by cross-validation gets another "
                    "picture, on fewer draws."});
      section.blocks.emplace_back(TableBlock{tables::verdicts(chosen_, "At lambdas by cross-validation")});
      section.blocks.emplace_back(TableBlock{tables::claims(chosen_, "Claims in detail, lambdas by cross-validation"),
                                             "The same with rules and numbers by attack"});
    }
    return section;
  }

  // The plots of a figure and set: those of one choice of lambdas, and the heat maps after the exact attack or all
  // others.
  [[nodiscard]] report::FigureRow row(const std::string& stem, bool chosen, bool exact) const {
    report::FigureRow row;
    for (const AuditFigure& figure : figures_) {
      if (!figure.name.starts_with(stem)) continue;
      if ((figure.name.find("-cross-validated") != std::string::npos) != chosen) continue;
      const bool is_exact = figure.name.find("-exact-hybrid") != std::string::npos;
      if (is_exact != exact) continue;
      row.figures.push_back(figure_block(figure, svgs_));
    }
    return row;
  }

  [[nodiscard]] Section figure(const std::string& number, const std::string& heading, const std::string& text) const {
    Section section{heading};
    Fold chosen{"The same at lambdas by cross-validation", {}};
    Fold exact{"The same by the exact attack with free labels", {}};
    for (const auto& set : result_.sets) {
      if (auto here = row(fmt::format("figure-{}-{}", number, set.name), false, false); !here.figures.empty())
        section.blocks.emplace_back(std::move(here));
      if (auto there = row(fmt::format("figure-{}-{}", number, set.name), false, true); !there.figures.empty())
        exact.blocks.emplace_back(std::move(there));
      for (const bool by_exact : {false, true})
        if (auto there = row(fmt::format("figure-{}-{}", number, set.name), true, by_exact); !there.figures.empty())
          chosen.blocks.emplace_back(std::move(there));
    }
    if (section.blocks.empty()) return section;
    section.blocks.insert(section.blocks.begin(), Paragraph{text});
    if (!exact.blocks.empty()) section.blocks.emplace_back(std::move(exact));
    if (!chosen.blocks.empty()) section.blocks.emplace_back(std::move(chosen));
    return section;
  }

  [[nodiscard]] Section exact() const {
    Section section{"How strong is PATOM?"};
    for (const Lambdas lambdas : {Lambdas::Paper, Lambdas::Chosen})
      if (auto table = tables::methods(result_, lambdas); !table.rows.empty())
        section.blocks.emplace_back(TableBlock{std::move(table)});
    if (!section.blocks.empty())
      section.blocks.insert(section.blocks.begin(),
                            Paragraph{"The exact attack follows the true gradient of its utility, the targets' summed "
                                      "loss on their training rows, from "
                                      "PATOM's end; with free labels it also chooses the labels. Each row of the table "
                                      "is over its own draws."});
    return section;
  }

  [[nodiscard]] Section interpretations() const {
    Section section{"Where the paper is silent"};
    auto table = tables::interpretations(result_);
    if (table.rows.empty()) return section;
    section.blocks = {Paragraph{"Each row changes one choice that the paper leaves open. Harm is the relative rise of "
                                "the NMSE or the fall of the AUC in the "
                                "attacks of Figure 2; the correlations are those of Figure 3."},
                      TableBlock{std::move(table)}};
    const auto numbers = interpretations_of(result_);
    if (const Closest closest = closest_to_figure3(numbers); closest.interpretation != nullptr)
      section.blocks.insert(
          section.blocks.begin(),
          Paragraph{fmt::format("Figure 3's 0.99 between tasks 2 and 3 of Sarcos is nearest with the reading \"{}\": "
                                "{:.3f} ({:.3f} to {:.3f}) under hybrid "
                                "attack {}, from {:.3f} clean.",
                                closest.interpretation->interpretation,
                                closest.interpretation->correlation[closest.hybrid].mean,
                                closest.interpretation->correlation[closest.hybrid].low,
                                closest.interpretation->correlation[closest.hybrid].high, closest.hybrid + 1,
                                closest.interpretation->clean_correlation.mean)});
    return section;
  }

  [[nodiscard]] Section setup() const {
    Section section{"What was done"};
    List list;
    list.items = {
        "Features are divided by the largest norm of a training row, MNIST's after 128 principal components; a "
        "constant feature 1 is the bias.",
        "Sarcos: 300 training and 600 test rows, the same for the 7 torques, which stay as in the file. Landmine: a "
        "random 20 % of every task's rows to learn from, "
        "the others to test on. MNIST: each digit against the others, 300 and 300 rows to learn from and as many to "
        "test on.",
        "Injected rows start at random in the unit ball, their labels uniform in the range of the task's; PATOM moves "
        "the rows and keeps the labels.",
        "Random baseline: these rows before PATOM moves them.",
        fmt::format("Learner: smoothing e = {} on Sarcos and MNIST, {} on Landmine; every fit certified to a millionth "
                    "of its objective.",
                    interpretations_for("sarcos").front().smoothing, interpretations_for("landmine").front().smoothing),
        "The exact attack: one start, PATOM's end, at most 8 steps; in Figure 2 at 30 % only."};
    section.blocks = {list, TableBlock{tables::sets(result_)},
                      TableBlock{tables::threats(result_), "Who attacks whom"}};
    if (!facts_.sources.empty()) section.blocks.emplace_back(Fold{"Files that were read", {List{facts_.sources}}});
    return section;
  }

  const ReproductionResult& result_;
  const ReproductionFacts& facts_;
  const std::map<std::string, std::string>& svgs_;
  std::vector<AuditFigure> figures_;
  std::vector<Claim> paper_;
  std::vector<Claim> chosen_;
};

}  // namespace

report::Page reproduction_page(const ReproductionResult& result, const ReproductionFacts& facts,
                               const std::map<std::string, std::string>& svgs) {
  return PageMaker(result, facts, svgs).page();
}

}  // namespace crosstalk::pages
