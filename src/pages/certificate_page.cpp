#include "crosstalk/pages/certificate_page.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/report/number.hpp"

namespace crosstalk::pages {

namespace {

constexpr const char* kNotTheFit =
    "The bound is for this voting predictor (model.json of this folder). It says nothing about the model that "
    "crosstalk fit writes.";
constexpr const char* kWhoCounts =
    "k counts every task that an attacker controls, also tasks with new names. A task that changes its name counts "
    "twice. The rows of the target itself must be honest.";

report::NumberFormat number_format_of(const CertificateFacts& facts) {
  using Kind = report::NumberFormat::Kind;
  return facts.classes ? report::NumberFormat{Kind::Percent, 1} : report::NumberFormat{Kind::Significant, 5};
}

std::string number_text(const CertificateFacts& facts, double value) {
  return report::shown(value, number_format_of(facts));
}

std::string measure_name(const CertificateFacts& facts) {
  return facts.classes ? "certified accuracy" : "RMSE";
}

double in_measure(const CertificateFacts& facts, double mean) {
  return facts.classes ? mean : std::sqrt(mean);
}

report::Table malicious_table(const CertificateFacts& facts) {
  const report::NumberFormat whole{report::NumberFormat::Kind::Decimals, 0};
  const report::NumberFormat format = number_format_of(facts);
  const std::string measure = facts.measure();
  report::Table table;
  table.caption = facts.classes ? "Share of rows with a right sign that k malicious tasks cannot change"
                                : "Largest RMSE that k malicious tasks can cause";
  table.columns = {{"k", "", whole},
                   {"honest_tasks", "", whole},
                   {measure + "_clean", "", format},
                   {measure + "_proven", "", format},
                   {measure + "_single_task", "", format},
                   {"loss_proven", "", report::NumberFormat{}}};
  const auto tested = static_cast<double>((facts.certificate.rows.array() > 0.0).count());
  for (std::size_t k = 0; k <= facts.most(); ++k) {
    const auto count = static_cast<double>(k);
    table.rows.push_back({count, std::max(0.0, tested - count), facts.total(0), facts.total(k),
                          in_measure(facts, facts.single_total),
                          facts.certificate.total_losses[static_cast<Eigen::Index>(k)]});
  }
  return table;
}

report::Table certified_tasks_table(const CertificateFacts& facts) {
  const report::NumberFormat whole{report::NumberFormat::Kind::Decimals, 0};
  const report::NumberFormat format = number_format_of(facts);
  const std::string measure = facts.measure();
  report::Table table;
  table.caption = "Each task: clean, and proven for k malicious tasks among the others";
  table.columns = {{"task", "", {}},
                   {"group", "", whole},
                   {"training_rows", "", whole},
                   {"test_rows", "", whole},
                   {measure + "_single_task", "", format}};
  for (std::size_t k = 0; k <= facts.most(); ++k)
    table.columns.push_back({fmt::format("{}_{}", measure, k), "", format});
  for (std::size_t i = 0; i < facts.tasks.size(); ++i) {
    std::vector<report::Cell> row = {
        facts.tasks[i], static_cast<double>(facts.group[i]), static_cast<double>(facts.train_rows[i]),
        facts.certificate.rows[static_cast<Eigen::Index>(i)], in_measure(facts, facts.single[i])};
    for (std::size_t k = 0; k <= facts.most(); ++k) row.emplace_back(facts.of_task(i, k));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<report::Section> certificate_sections(const CertificateFacts& facts,
                                                  const std::map<std::string, std::string>& svgs) {
  using report::Callout;
  report::Section proven{"What is proven", {}};
  for (const AuditFigure& figure : certificate_figures(facts)) proven.blocks.emplace_back(figure_block(figure, svgs));
  proven.blocks.emplace_back(report::TableBlock{malicious_table(facts), ""});
  proven.blocks.emplace_back(
      report::Paragraph{"Row k speaks of the worst choice of honest tasks: any k may be malicious, and these have no "
                        "test loss that counts."});
  proven.blocks.emplace_back(Callout{Callout::Kind::Limit, "Which model", kNotTheFit});
  proven.blocks.emplace_back(Callout{Callout::Kind::Limit, "Who counts", kWhoCounts});
  report::Section method{"Why it holds", {}};
  method.blocks.emplace_back(report::Paragraph{fmt::format(
      "Each task is the target of {} models. Model g is learned from the target's own rows and the tasks of group g. "
      "A hash of its name puts a task into a group. The prediction is the median of the models. k malicious tasks "
      "reach k groups at most, so the median stays between two order statistics of the clean models.",
      facts.options.groups)});
  method.blocks.emplace_back(report::List{
      {fmt::format("Constants, given beforehand: lambda1 {:g}, lambda2 {:g}, smoothing {:g}, {} groups, seed {}.",
                   facts.options.learner.lambda1, facts.options.learner.lambda2, facts.options.learner.smoothing,
                   facts.options.groups, facts.options.seed),
       "Scales of features and labels are estimated anew in each model, on its own rows.",
       facts.classes ? "Beyond half of the groups nothing is proven for classes."
                     : "Beyond half of the groups each prediction is clipped by what the target's own rows admit.",
       fmt::format("The line of single tasks is for comparison: lambda {:g}, chosen on held-out training rows.",
                   facts.single_lambda)}});
  report::Section tasks{"Every task", {report::TableBlock{certified_tasks_table(facts), "Show all tasks"}}};
  std::vector<report::Section> sections = {proven, method, tasks};
  if (!facts.notes.empty()) sections.push_back({"Notes on the data", {report::List{facts.notes}}});
  return sections;
}

}  // namespace

double CertificateFacts::total(std::size_t k) const {
  const auto at = static_cast<Eigen::Index>(k);
  return classes ? certificate.total_correct[at] : std::sqrt(certificate.total_losses[at]);
}

double CertificateFacts::of_task(std::size_t task, std::size_t k) const {
  const auto i = static_cast<Eigen::Index>(task);
  const auto at = static_cast<Eigen::Index>(k);
  return classes ? certificate.correct(i, at) : std::sqrt(certificate.losses(i, at));
}

int CertificateFacts::most_tasks_better_than_alone() const {
  const double alone = in_measure(*this, single_total);
  int best = -1;
  for (std::size_t k = 0; k <= most(); ++k)
    if (classes ? total(k) > alone : total(k) < alone) best = static_cast<int>(k);
  return best;
}

std::vector<std::pair<std::string, report::Table>> certificate_tables(const CertificateFacts& facts) {
  return {{"certificate", malicious_table(facts)}, {"tasks", certified_tasks_table(facts)}};
}

std::vector<AuditFigure> certificate_figures(const CertificateFacts& facts) {
  report::LineChart chart;
  chart.x = {.title = "malicious tasks k", .from_zero = true};
  chart.y = {.title = facts.classes ? "certified accuracy" : "RMSE", .percent = facts.classes};
  report::Series proven{.name = "proven worst"};
  const std::size_t half = (facts.options.groups - 1) / 2;  // beyond it only the clip holds, far above the rest
  for (std::size_t k = 0; k <= std::min(half, facts.most()); ++k) {
    proven.x.push_back(static_cast<double>(k));
    proven.y.push_back(facts.total(k));
  }
  chart.series = {std::move(proven)};
  chart.lines = {{in_measure(facts, facts.single_total), "every task alone"}};
  return {{"figure-certificate", chart,
           fmt::format("Proven {} against the number of malicious tasks", measure_name(facts)),
           fmt::format("{} At k = 0 it is the predictor without an attack.", kNotTheFit),
           "Left of where the curve crosses the line, learning together is worth it even under the worst attack.",
           certificate_answer(facts)}};
}

std::string certificate_answer(const CertificateFacts& facts) {
  const std::string name = measure_name(facts);
  std::string text = fmt::format("{} of the voting predictor on the {} rows: {} without an attack",
                                 facts.classes ? "Accuracy" : "RMSE", facts.held_out ? "held-out" : "training",
                                 number_text(facts, facts.total(0)));
  for (const std::size_t k : {std::size_t{1}, std::size_t{3}})
    if (k <= facts.most())
      text += fmt::format(", at {} {} with {} malicious task{}", facts.classes ? "least" : "most",
                          number_text(facts, facts.total(k)), k, k == 1 ? "" : "s");
  text += fmt::format("; every task alone: {}.", number_text(facts, in_measure(facts, facts.single_total)));
  const int better = facts.most_tasks_better_than_alone();
  if (better < 0) return text + " Learning together is not better than learning alone here, even without an attack.";
  if (better == 0) return text + " Learning together is better than learning alone only without an attack.";
  return text + fmt::format(" The proven {} is better than learning alone up to k = {}.", name, better);
}

report::Page certificate_page(const CertificateFacts& facts, const std::map<std::string, std::string>& svgs) {
  report::Page page;
  page.title = "What malicious tasks can do at most";
  page.subtitle = fmt::format("{}, {} tasks, {} groups", facts.data_name, facts.tasks.size(), facts.options.groups);
  page.answer = fmt::format("{} {}", certificate_answer(facts), kNotTheFit);
  page.cards = {
      {number_text(facts, facts.total(0)), fmt::format("{} without an attack", measure_name(facts)), facts.total(0)},
      {number_text(facts, facts.total(std::min<std::size_t>(1, facts.most()))), "proven, whatever one task does",
       facts.total(std::min<std::size_t>(1, facts.most()))},
      {number_text(facts, in_measure(facts, facts.single_total)), "every task learned alone",
       in_measure(facts, facts.single_total)}};
  page.facts = {{"data", facts.data_name},
                {"loss", facts.loss},
                {"tasks", fmt::format("{}", facts.tasks.size())},
                {"features", fmt::format("{}", facts.features)},
                {"groups", fmt::format("{}", facts.options.groups)},
                {"lambda1, lambda2",
                 fmt::format("{:g}, {:g} (constants)", facts.options.learner.lambda1, facts.options.learner.lambda2)},
                {"smoothing", fmt::format("{:g}", facts.options.learner.smoothing)},
                {"seed", fmt::format("{}", facts.options.seed)},
                {"version", facts.version}};
  page.sections = certificate_sections(facts, svgs);
  page.footer = report::footer(facts.version);
  return page;
}

}  // namespace crosstalk::pages
