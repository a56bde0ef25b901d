#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/evaluate/reproduction_report.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "drawing.hpp"
#include "finished_parts.hpp"
#include "options.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  std::string paper;
  std::string data_dir;
  std::size_t seeds = 10;
  std::string only;
  bool resume = false;
  std::string figures;
};

std::vector<int> chosen_figures(const std::string& list) {
  if (list.empty()) return {1, 2, 3};
  std::vector<int> chosen;
  for (const std::string& word : split_list(list)) {
    const std::vector<std::string> names = {"figure1", "figure2", "figure3"};
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end())
      throw std::invalid_argument(fmt::format("--only: \"{}\" is none of {}", word, fmt::join(names, ", ")));
    chosen.push_back(static_cast<int>(found - names.begin()) + 1);
  }
  if (chosen.empty()) throw std::invalid_argument(fmt::format("--only: there is no figure in \"{}\"", list));
  return chosen;
}

// Costs are relative, as measured: milliseconds of an attack by PATOM.
std::vector<evaluate::PaperSet> paper_sets(const std::vector<std::filesystem::path>& search_path) {
  const auto drawn = [&](const std::string& name) {
    return [name, search_path](std::uint64_t seed) {
      return data::load(name, {.seed = seed, .search_path = search_path});
    };
  };
  return {{.name = "sarcos", .draw = drawn("sarcos"), .first_targets = 3, .cost = 15.0},
          {.name = "landmine", .draw = drawn("landmine"), .first_targets = 15, .cost = 30.0},
          {.name = "mnist", .draw = drawn("mnist"), .cost = 500.0, .slow_seeds_at_most = 3, .exact_seeds_at_most = 1}};
}

int run(const Flags& flags, const Configuration& configuration) {
  if (flags.paper.empty()) throw std::invalid_argument("reproduce needs PAPER: patom");
  if (flags.paper != "patom")
    throw std::invalid_argument(fmt::format(
        "reproduce: \"{}\" is not a paper that can be reproduced; there is patom (mtl-ue comes later)", flags.paper));
  const auto formats = drawing_formats(flags.figures);
  evaluate::ReproductionFacts facts;
  facts.options.figures = chosen_figures(flags.only);
  facts.options.seeds = flags.seeds;
  facts.options.seed = flags.common.seed;
  facts.options.threads = thread_count(flags.common);
  facts.version = CROSSTALK_VERSION;
  facts.command = fmt::format("crosstalk reproduce patom --seeds={} --seed={}{}", flags.seeds, flags.common.seed,
                              flags.only.empty() ? "" : " --only=" + flags.only);

  auto search_path = data::default_search_path();
  if (!flags.data_dir.empty()) search_path.insert(search_path.begin(), flags.data_dir);
  Session session({"reproduce", flags.common.out, flags.common.json, flags.common.quiet});
  auto configured = configuration.flags;
  std::vector<evaluate::PaperSet> sets;
  for (evaluate::PaperSet& set : paper_sets(search_path)) {
    const data::KnownSet& known = *data::find_known_set(set.name);
    if (const auto folder = data::locate(known, search_path)) {
      for (const auto& file : known.files) facts.sources.push_back((*folder / file.name).string());
      sets.push_back(std::move(set));
    } else {
      facts.missing_sets.push_back(fmt::format(
          "data set \"{}\" is not on this machine; get it with `crosstalk data fetch {}`, or name the folder that "
          "has {}/{} with --data-dir",
          set.name, set.name, known.folder, known.files.front().name));
    }
  }
  configured["sets"] = nlohmann::ordered_json::array();  // parts of a run without one of them do not fit a run with it
  for (const auto& set : sets) configured["sets"].push_back(set.name);
  FinishedParts finished(session, configured, flags.resume);
  const auto result = evaluate::reproduce(sets, facts.options, finished.memory(), session.watch());

  for (const auto& [name, table] : evaluate::reproduction_tables(result, facts))
    session.write(name + ".csv", report::to_csv(table));
  const auto svgs = draw_all(session, evaluate::reproduction_figures(result, facts), formats);
  const report::Page page = evaluate::reproduction_page(result, facts, svgs);
  const auto report_path = session.write("report.html", report::to_html(page));

  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["reproduction"] = evaluate::to_json(result, facts);
  record["reproduction"]["report_file"] = report_path.string();
  std::string summary;
  for (const evaluate::Claim& claim : evaluate::claims_of(result, facts.options, evaluate::Lambdas::Paper))
    summary +=
        fmt::format("figure {} {:<9} {:<14} {}\n", claim.figure, claim.set, to_string(claim.verdict), claim.text);
  session.finish(fmt::format("{}{}\nreport: {}\n", summary, page.answer, report_path.string()));
  finished.forget();
  for (const std::string& missing : facts.missing_sets) print_error(fmt::format("crosstalk: {}\n", missing));
  if (!facts.missing_sets.empty()) return kDataError;
  const bool converged = std::all_of(result.trials.begin(), result.trials.end(),
                                     [](const evaluate::Trial& trial) { return trial.converged; });
  return converged ? kDone : kNotConverged;
}

}  // namespace

Action add_reproduce(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/reproduce";
  app.add_option("paper,--paper", flags->paper, "Which paper: patom (Zhao et al., AAAI 2018)");
  app.add_option("--data-dir", flags->data_dir,
                 "Folder with the data sets, looked at before $CROSSTALK_DATA and the cache")
      ->group("Data");
  app.add_option("--seeds", flags->seeds, "Draws of the data and of the injected rows, >= 1; intervals are over them")
      ->check(CLI::Range(1, 1000))
      ->group("General");
  app.add_option("--only", flags->only, "Some of the figures: figure1,figure2,figure3")->group("General");
  add_options(app, flags->common);
  app.add_flag("--resume", flags->resume, "Go on with the parts that a stopped run of the same reproduction finished")
      ->group("General");
  app.add_option("--figures", flags->figures, "Also draw every figure as png, pdf or both (png,pdf), beside its SVG")
      ->group("General");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
