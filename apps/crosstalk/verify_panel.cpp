#include "verify_panel.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/panel.hpp"
#include "crosstalk/json_number.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/pages/panel_page.hpp"
#include "finished_parts.hpp"
#include "image_input.hpp"
#include "jobs.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

// The flags of the panel for one of its learners, in the form of a record, which --config reads.
std::string flags_of(nlohmann::ordered_json flags, const image::PanelCell& cell) {
  for (const char* of_the_panel : {"panel", "groups", "jobs"}) flags.erase(of_the_panel);
  // One learner a cell; a countermeasure or a leak describes it by itself.
  flags["learners"] = cell.countermeasure == "none" && cell.leak == 0 ? "usual" : "";
  flags["victim"] = "";
  flags["victims"] = cell.mtl ? "mtl" : "stl";
  flags["backbone"] = cell.backbone;
  flags["weighting"] = cell.weighting;
  flags["countermeasure"] = cell.countermeasure;
  flags["leak"] = cell.leak;
  flags["protected-only"] = !cell.clean;
  return json_text(nlohmann::ordered_json{{"configuration", flags}});
}

std::optional<ConfidenceInterval> estimate_in(const nlohmann::json& learner) {
  if (!learner.is_object() || learner.at("mean").is_null()) return std::nullopt;
  return ConfidenceInterval{number_from(learner.at("mean")), number_from(learner.at("low")),
                            number_from(learner.at("high"))};
}

// What the process of a cell left behind; nothing while it has not come to its end.
std::optional<image::PanelResult> result_of(const image::PanelCell& cell, const Session& session,
                                            const fs::path& folder) {
  const auto text = session.folder().read(folder / "run.json");
  if (!text) return std::nullopt;
  const std::string name = session.path(folder / "run.json").string();
  const auto record = parse_json(*text, name);
  try {
    image::PanelResult result{cell, {}, {}, 0.0, {}};
    const char* const learner = cell.mtl ? "mtl" : "stl";
    const auto& verify = record.at("verify");
    if (verify.contains("clean") && verify.at("clean").contains(learner))
      result.clean = estimate_in(verify.at("clean").at(learner));
    result.published = estimate_in(verify.at("protected").at(learner));
    result.baseline = number_from(verify.at("protected").at(learner).at("yardstick"));
    say_parts_are_kept(true);  // here is one that an interrupt leaves
    return result;
  } catch (const nlohmann::json::exception&) {
    throw DataError(fmt::format("{} is damaged; run without --resume", name));
  }
}

// What a cell that came to its end says of mirror images; yes of one that did not.
bool mirror_images_of(const Session& session, const fs::path& folder) {
  const auto text = session.folder().read(folder / "run.json");
  if (!text) return true;
  const auto record = parse_json(*text, session.path(folder / "run.json").string());
  const nlohmann::json::json_pointer at("/verify/mirror_images");
  return !record.is_object() || !record.contains(at) || record.at(at) != false;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

int verify_panel(const VerifyFlags& flags, const Configuration& configuration) {
  if (flags.published.empty())
    throw std::invalid_argument("verify needs --protected: the folder that `crosstalk protect` wrote");
  const image::PanelSize size = image::panel_named(flags.panel);
  static_cast<void>(image::panel_cells(size, true, split_list(flags.groups)));  // a wrong word is told at once
  require_image_program();
  Session session({"verify", flags.common.out, flags.common.json, flags.common.quiet});
  const RunControl control = session.control();
  const image::FolderSet set = open_images(flags.images, flags.common, image::Part::Training, control);
  auto cells = image::panel_cells(size, set.source->shape().channels == 1, split_list(flags.groups));
  if (flags.published_only)
    for (image::PanelCell& cell : cells)
      if (std::exchange(cell.clean, false)) cell.cost /= 2.0;

  // Cells of a run with other flags or other images are of no use to this one.
  const fs::path cells_folder = "cells";
  auto flags_of_all = configuration.flags;
  flags_of_all.erase("jobs");
  const auto identity = run_identity(flags_of_all);
  const PartsFolder parts(session, cells_folder, "panel.json");
  if (!flags.resume || !parts.holds_parts_of(identity)) {
    parts.clear();
    parts.mark_as(identity);
  }

  std::vector<image::PanelResult> results;
  std::vector<std::size_t> order;  // of the cells that are left, the longest first, so that none is late alone
  double all = 0;
  double done = 0;
  for (const image::PanelCell& cell : cells) {
    const auto result = result_of(cell, session, cells_folder / cell.name());
    all += cell.cost;
    if (result) done += cell.cost;
    if (!result) order.push_back(results.size());
    results.push_back(result.value_or(image::PanelResult{cell, {}, {}, std::nan(""), "not run"}));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return cells[a].cost > cells[b].cost; });
  const std::size_t at_once = flags.jobs.value_or(static_cast<std::size_t>(thread_count(flags.common)));
  const auto tell = [&] {
    if (control.progress) control.progress(done / all, fmt::format("{} learners, {} at a time", cells.size(), at_once));
  };
  const auto run_cells = [&](const std::vector<std::size_t>& chosen, const nlohmann::ordered_json& cell_flags) {
    std::vector<Job> jobs;
    for (const std::size_t c : chosen) {
      const fs::path folder = session.path(cells_folder / cells[c].name());
      const fs::path own = session.keep(cells_folder / cells[c].name() / "flags.json", flags_of(cell_flags, cells[c]));
      jobs.push_back(
          {{"verify", "--config", own.string(), "--threads", "1", "--quiet", "--resume", "--out", folder.string()},
           folder / "log.txt"});
    }
    run_jobs(image_program(), jobs, at_once, [&](std::size_t job, int status) {
      image::PanelResult& result = results[chosen[job]];
      const fs::path folder = cells_folder / result.cell.name();
      const auto ended = status == kDone ? result_of(result.cell, session, folder) : std::nullopt;
      if (ended)
        result = *ended;
      else
        result.failure = fmt::format("exit status {}: {}", status,
                                     last_line(session.folder().read(folder / "log.txt").value_or("")));
      done += result.cell.cost;
      tell();
    });
  };
  tell();
  // Whether victims see mirror images is found out by the usual learner, and holds for all.
  auto cell_flags = configuration.flags;
  if (!flags.flip && !flags.no_flip) {
    if (const auto usual = std::find(order.begin(), order.end(), std::size_t{0}); usual != order.end()) {
      order.erase(usual);
      run_cells({0}, cell_flags);
    }
    const bool mirrored = mirror_images_of(session, cells_folder / cells.front().name());
    cell_flags["flip"] = mirrored;
    cell_flags["no-flip"] = !mirrored;
  }
  run_cells(order, cell_flags);

  pages::PanelFacts facts{.set = flags.images.data,
                          .published = flags.published,
                          .panel = flags.panel,
                          .seeds = flags.seeds,
                          .version = CROSSTALK_VERSION};
  facts.command = command_text("verify", configuration);
  session.write("panel.csv", report::to_csv(pages::panel_table(results, "")));
  const auto page = session.write("report.html", report::to_html(pages::panel_page(results, facts)));
  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["panel"] = {{"cells", pages::to_json(results)}, {"report_file", page.string()}};
  session.finish(fmt::format("{}\nreport: {}\n", pages::panel_answer(results), page.string()));
  const auto failed = std::find_if(results.begin(), results.end(),
                                   [](const image::PanelResult& result) { return !result.failure.empty(); });
  if (failed == results.end()) return kDone;
  print_error(fmt::format("crosstalk: {}: {}\n", failed->cell.name(), failed->failure));
  return kDataError;
}

}  // namespace crosstalk::app
