#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crosstalk/evaluate/audit.hpp"
#include "crosstalk/mtrl/cross_validation.hpp"
#include "crosstalk/report/figure.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk {
struct Problem;
}

namespace crosstalk::pages {

using namespace evaluate;

/// What the result does not know of itself.
struct AuditFacts {
  std::string data_name;
  std::vector<std::string> notes = {};    ///< what was done on loading, one sentence each
  std::vector<std::string> sources = {};  ///< the files that were read
  std::string loss = {};                  ///< the learner's
  std::string preparation = {};           ///< what was done before learning, in sentences
  std::size_t training_rows = 0;
  std::size_t evaluation_rows = 0;
  std::size_t features = 0;                                    ///< of the data, before preparation
  bool held_out = true;                                        ///< the evaluation rows are not the training rows
  std::optional<mtrl::CrossValidation> cross_validation = {};  ///< set when it chose the lambdas
  std::string own_model = {};                                  ///< the command that learns a model that is not ours
  AuditOptions options = {};  ///< the learner's among them; the number of threads is not reported
  std::string command = {};   ///< that repeats the audit
  std::string version = {};
};

/// The facts that the problem says of itself: name, notes, sources, loss, counts, what is held out, how the lambdas
/// were chosen.
AuditFacts facts_of(const Problem& problem);

struct AuditFigure {
  std::string name;  ///< stem of its files, begins with "figure-"
  report::Figure figure;
  std::string title;
  std::string caption;
  std::string how_to_read;
  std::string description;
};

/// A plot with its words for the page.
/// @param svgs  a figure's name -> the SVG that gnuplot drew; where one is missing or empty, the page says so.
report::FigureBlock figure_block(const AuditFigure& figure, const std::map<std::string, std::string>& svgs);

/// The plots, in the order of the page. Those with tasks as bars show the first kTopTasks; correlations are drawn up to
/// kHeatMapTasks tasks. A plot in which everything is within 0.05 % of the clean model is left out.
std::vector<AuditFigure> audit_figures(const AuditResult& result, const AuditFacts& facts);
inline constexpr std::size_t kTopTasks = 20;
inline constexpr std::size_t kHeatMapTasks = 40;

/// Every number of the audit, for CSV files: a file's stem and its table. Stems differ from the figures' names.
std::vector<std::pair<std::string, report::Table>> audit_tables(const AuditResult& result, const AuditFacts& facts);

/// The report, for report::to_html. Nothing in it depends on the clock or the number of threads.
/// @param svgs  a figure's name -> the SVG that gnuplot drew; where one is missing or empty, the page says so.
report::Page audit_page(const AuditResult& result, const AuditFacts& facts,
                        const std::map<std::string, std::string>& svgs);

}  // namespace crosstalk::pages
