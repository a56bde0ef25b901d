#include "verify_panel.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/panel.hpp"
#include "image_input.hpp"
#include "jobs.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> arguments_of(const VerifyFlags& flags, const image::PanelCell& cell, const fs::path& out) {
  std::vector<std::string> words = {"verify", flags.images.data, "--protected", flags.published};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  };
  add("--labels", flags.images.labels);
  add("--size", flags.images.size);
  if (flags.images.images) add("--images", std::to_string(*flags.images.images));
  if (flags.images.skip_bad) words.emplace_back("--skip-bad");
  if (flags.flip) words.emplace_back("--flip");
  if (flags.epochs) add("--epochs", std::to_string(*flags.epochs));
  add("--test-fraction", fmt::format("{}", flags.test_fraction));
  add("--stl-tasks", flags.stl_tasks);
  add("--device", flags.device);
  add("--seeds", std::to_string(flags.seeds));
  add("--seed", std::to_string(flags.common.seed));
  add("--victims", cell.mtl ? "mtl" : "stl");
  add("--backbone", cell.backbone);
  add("--weighting", cell.weighting);
  add("--countermeasure", cell.countermeasure);
  add("--leak", std::to_string(cell.leak));
  if (!cell.clean) words.emplace_back("--protected-only");
  words.insert(words.end(), {"--threads", "1", "--quiet", "--resume", "--out", out.string()});
  return words;
}

std::optional<Estimate> estimate_in(const nlohmann::json& learner) {
  if (!learner.is_object() || !learner.at("mean").is_number()) return std::nullopt;
  const auto number = [&](const char* key) {
    return learner.at(key).is_number() ? learner.at(key).get<double>() : std::nan("");
  };
  return Estimate{number("mean"), number("low"), number("high")};
}

// What the process of a cell left behind; nothing while it has not come to its end.
std::optional<image::PanelResult> result_of(const image::PanelCell& cell, const fs::path& folder) {
  const fs::path file = folder / "run.json";
  if (!fs::exists(file)) return std::nullopt;
  const auto record = nlohmann::json::parse(data::read_file(file), nullptr, false);
  try {
    image::PanelResult result{cell, {}, {}, 0.0, {}};
    const char* const learner = cell.mtl ? "mtl" : "stl";
    const auto& verify = record.at("verify");
    if (verify.contains("clean") && verify.at("clean").contains(learner))
      result.clean = estimate_in(verify.at("clean").at(learner));
    result.published = estimate_in(verify.at("protected").at(learner));
    const auto& yardstick = verify.at("protected").at(learner).at("yardstick");
    result.yardstick = yardstick.is_number() ? yardstick.get<double>() : std::nan("");
    return result;
  } catch (const nlohmann::json::exception&) {
    throw DataError(fmt::format("{} is damaged; run without --resume", file.string()));
  }
}

std::string last_line(const fs::path& file) {
  std::string text = data::read_file(file);
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
  const Watch watch = session.watch();
  const image::FolderSet set = open_images(flags.images, flags.common, Part::Training, watch);
  const auto cells = image::panel_cells(size, set.source->shape().channels == 1, split_list(flags.groups));

  // Cells of a run with other flags are of no use to this one.
  const fs::path cells_folder = "cells";
  auto identity = configuration.flags;
  for (const char* free : {"jobs", "threads", "resume", "json", "quiet", "out"}) identity.erase(free);
  const std::string wanted = identity.dump();
  const fs::path known = session.path(cells_folder / "panel.json");
  if (flags.resume && fs::exists(known)) {
    if (data::read_file(known) != wanted)
      throw DataError(
          fmt::format("--resume: {} holds cells of a panel with other flags; run without --resume to start anew",
                      known.parent_path().string()));
  } else {
    std::error_code ignored;
    fs::remove_all(session.path(cells_folder), ignored);
    session.write(cells_folder / "panel.json", wanted);
  }

  std::vector<image::PanelResult> results;
  std::vector<std::size_t> order;  // of the cells that are left, the longest first, so that none is late alone
  double all = 0;
  double done = 0;
  for (const image::PanelCell& cell : cells) {
    const fs::path folder = session.path(cells_folder / cell.name());
    const auto result = result_of(cell, folder);
    all += cell.cost;
    if (result) done += cell.cost;
    if (!result) order.push_back(results.size());
    results.push_back(result.value_or(image::PanelResult{cell, {}, {}, std::nan(""), "not run"}));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return cells[a].cost > cells[b].cost; });
  std::vector<Job> jobs;
  for (const std::size_t c : order) {
    const fs::path folder = session.path(cells_folder / cells[c].name());
    fs::create_directories(folder);
    jobs.push_back({arguments_of(flags, cells[c], folder), folder / "log.txt"});
  }
  const std::size_t at_once = flags.jobs.value_or(static_cast<std::size_t>(thread_count(flags.common)));
  const auto tell = [&] {
    if (watch.progress) watch.progress(done / all, fmt::format("{} thieves, {} at a time", cells.size(), at_once));
  };
  tell();
  run_jobs(image_program(), jobs, at_once, [&](std::size_t job, int status) {
    image::PanelResult& result = results[order[job]];
    const fs::path folder = session.path(cells_folder / result.cell.name());
    const auto ended = status == kDone ? result_of(result.cell, folder) : std::nullopt;
    if (ended)
      result = *ended;
    else
      result.failure = fmt::format("exit status {}: {}", status, last_line(folder / "log.txt"));
    done += result.cell.cost;
    tell();
  });

  image::PanelFacts facts{.set = flags.images.data,
                          .published = flags.published,
                          .panel = flags.panel,
                          .seeds = flags.seeds,
                          .version = CROSSTALK_VERSION};
  facts.command = fmt::format("crosstalk verify {} --protected {} --panel {}{} --seeds {} --seed {}", flags.images.data,
                              flags.published, flags.panel, flags.groups.empty() ? "" : " --groups " + flags.groups,
                              flags.seeds, flags.common.seed);
  session.write("panel.csv", report::to_csv(image::panel_table(results, "")));
  const auto page = session.write("report.html", report::to_html(image::panel_page(results, facts)));
  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["panel"] = {{"cells", image::to_json(results)}, {"report_file", page.string()}};
  session.finish(fmt::format("{}\nreport: {}\n", image::panel_answer(results), page.string()));
  const auto failed = std::find_if(results.begin(), results.end(),
                                   [](const image::PanelResult& result) { return !result.failure.empty(); });
  if (failed == results.end()) return kDone;
  print_error(fmt::format("crosstalk: {}: {}\n", failed->cell.name(), failed->failure));
  return kDataError;
}

}  // namespace crosstalk::app
