#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/data/known_sets.hpp"
#include "crosstalk/evaluate/reproduction.hpp"
#include "crosstalk/pages/reproduction_page.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "described_flag.hpp"
#include "drawing.hpp"
#include "finished_parts.hpp"
#include "networks.hpp"
#include "options.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

struct Flags {
  CommonOptions common;
  std::string paper;
  std::string data_dir;
  std::optional<std::size_t> seeds;
  std::string only;
  std::string sets;
  std::string methods;
  std::string victims;
  std::optional<std::size_t> images;
  std::optional<int> epochs;
  bool validation = false;
  bool resume = false;
  std::string figures;
};

constexpr std::size_t kPatomSeeds = 10;
constexpr std::size_t kProtectionSeeds = 3;
constexpr const char* kMethods = "clean,lsp-patch,ar-patch,em,mtl-ue+em,tap,mtl-ue+tap,sep,mtl-ue+sep";

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
  const bool check = std::getenv("CROSSTALK_UNCHECKED_SETS") == nullptr;  // tests have small sets in the place of these
  const auto drawn = [&](const std::string& name) {
    return [name, search_path, check](std::uint64_t seed) {
      return data::load(name, {.seed = seed, .check_known_files = check, .search_path = search_path});
    };
  };
  return {{.name = "sarcos", .draw = drawn("sarcos"), .first_targets = 3, .cost = 15.0},
          {.name = "landmine", .draw = drawn("landmine"), .first_targets = 15, .cost = 30.0},
          {.name = "mnist", .draw = drawn("mnist"), .cost = 500.0, .slow_seeds_at_most = 3, .exact_seeds_at_most = 1}};
}

// Flags of the other paper are a mistake, not to be passed over.
void refuse(bool given, const char* flag, const char* paper) {
  if (given) throw std::invalid_argument(fmt::format("{}: only for reproduce {}", flag, paper));
}

int mtl_ue(const Flags& flags, const Configuration& configuration) {
  refuse(!flags.data_dir.empty(), "--data-dir", "patom");
  refuse(!flags.only.empty(), "--only", "patom");
  refuse(!flags.figures.empty(), "--figures", "patom");
  use_networks();
  return reproduce_protection({.common = flags.common,
                               .sets = flags.sets,
                               .methods = flags.methods.empty() ? kMethods : flags.methods,
                               .victims = flags.victims.empty() ? "mtl,stl" : flags.victims,
                               .seeds = flags.seeds.value_or(kProtectionSeeds),
                               .images = flags.images,
                               .epochs = flags.epochs,
                               .validation = flags.validation,
                               .resume = flags.resume},
                              configuration);
}

int patom(const Flags& flags, const Configuration& configuration) {
  refuse(!flags.sets.empty(), "--sets", "mtl-ue");
  refuse(!flags.methods.empty(), "--methods", "mtl-ue");
  refuse(!flags.victims.empty(), "--victims", "mtl-ue");
  refuse(flags.images.has_value(), "--images", "mtl-ue");
  refuse(flags.epochs.has_value(), "--epochs", "mtl-ue");
  refuse(flags.validation, "--validation", "mtl-ue");
  const auto formats = drawing_formats(flags.figures);
  pages::ReproductionFacts facts;
  facts.options.figures = chosen_figures(flags.only);
  facts.options.seeds = flags.seeds.value_or(kPatomSeeds);
  facts.options.seed = flags.common.seed;
  facts.options.threads = thread_count(flags.common);
  facts.version = CROSSTALK_VERSION;
  facts.command = fmt::format("crosstalk reproduce patom --seeds={} --seed={}{}", facts.options.seeds,
                              flags.common.seed, flags.only.empty() ? "" : " --only=" + flags.only);

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
  FinishedParts finished(session, run_identity(configured), flags.resume);
  const auto result = evaluate::reproduce(sets, facts.options, finished.store(), session.control());

  for (const auto& [name, table] : pages::reproduction_tables(result, facts))
    session.write(name + ".csv", report::to_csv(table));
  const auto svgs = draw_all(session, pages::reproduction_figures(result, facts), formats);
  const report::Page page = pages::reproduction_page(result, facts, svgs);
  const auto report_path = session.write("report.html", report::to_html(page));

  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["reproduction"] = pages::to_json(result, facts);
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

int run(const Flags& flags, const Configuration& configuration) {
  if (flags.paper.empty()) throw std::invalid_argument("reproduce needs PAPER: patom or mtl-ue");
  if (flags.paper == "patom") return patom(flags, configuration);
  if (flags.paper == "mtl-ue") return mtl_ue(flags, configuration);
  throw std::invalid_argument(
      fmt::format("reproduce: \"{}\" is not a paper that can be reproduced; there are patom and mtl-ue", flags.paper));
}

}  // namespace

Action add_reproduce(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/reproduce";
  app.add_option("paper,--paper", flags->paper,
                 "Which paper: patom (Zhao et al., AAAI 2018), mtl-ue (Yu et al., ICML 2025)");
  app.add_option("--data-dir", flags->data_dir,
                 "Folder with the data sets, looked at before $CROSSTALK_DATA and the cache")
      ->group("Data");
  OptionText seeds = evaluate::ReproductionOptions::table().of(&evaluate::ReproductionOptions::seeds);
  seeds.meaning += "; 10 for patom, 3 for mtl-ue when not given";
  add_described(app, flags->seeds, seeds, "General");
  app.add_option("--only", flags->only, "patom: some of the figures: figure1,figure2,figure3")->group("General");
  app.add_option("--sets", flags->sets,
                 "mtl-ue: some of garments-3,garments-40,shapes-dense,cmu-faces,utkface,pets; these when not given; "
                 "celeba,chestxray14,nyuv2 where you have them")
      ->group("Data");
  app.add_option("--methods", flags->methods,
                 std::string("mtl-ue: ways to protect, and clean; ") + kMethods + " when not given")
      ->group("General");
  app.add_option("--victims", flags->victims, "mtl-ue: mtl, stl, mtl-vgg16 and so on; mtl,stl when not given")
      ->group("General");
  add_described(
      app, flags->images,
      {.key = "images",
       .meaning =
           "mtl-ue: images of each set to protect and learn; 2000 of utkface and all of the others when not given",
       .range = from_to(10, 1'000'000)},
      "Data");
  add_described(app, flags->epochs,
                {.key = "epochs",
                 .meaning = "mtl-ue: epochs of the victims; by default as `verify` chooses",
                 .range = from_to(1, 100'000)},
                "General");
  app.add_flag("--validation", flags->validation,
               "mtl-ue: test on the last fifth of the training images, to choose settings by")
      ->group("General");
  add_options(app, flags->common);
  app.add_flag("--resume", flags->resume, "Continue a stopped run with the same flags")->group("General");
  app.add_option("--figures", flags->figures, "Also draw every figure as png, pdf or both (png,pdf), beside its SVG")
      ->group("General");
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
