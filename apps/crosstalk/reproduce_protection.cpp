#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/network/comparison_report.hpp"
#include "finished_parts.hpp"
#include "image_input.hpp"
#include "networks.hpp"
#include "problem.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace {

// As many photos as a victim can learn in minutes on one core.
struct KnownSet {
  const char* name;
  std::optional<std::size_t> images;
  bool usual = true;  ///< run when no sets are named
};
constexpr std::array<KnownSet, 9> kSets = {{{"garments-3", std::nullopt},
                                            {"garments-40", std::nullopt},
                                            {"shapes-dense", std::nullopt},
                                            {"cmu-faces", std::nullopt},
                                            {"utkface", 2000},
                                            {"pets", std::nullopt},
                                            {"celeba", std::nullopt, false},
                                            {"chestxray14", std::nullopt, false},
                                            {"nyuv2", std::nullopt, false}}};

std::vector<KnownSet> chosen_sets(const std::string& list) {
  std::vector<KnownSet> chosen;
  if (list.empty()) {
    std::copy_if(kSets.begin(), kSets.end(), std::back_inserter(chosen), [](const KnownSet& set) { return set.usual; });
    return chosen;
  }
  for (const std::string& word : split_list(list)) {
    const auto* const found =
        std::find_if(kSets.begin(), kSets.end(), [&](const KnownSet& set) { return word == set.name; });
    if (found == kSets.end()) {
      std::vector<std::string> names;
      for (const KnownSet& set : kSets) names.emplace_back(set.name);
      throw std::invalid_argument(fmt::format("--sets: \"{}\" is none of {}", word, fmt::join(names, ", ")));
    }
    chosen.push_back(*found);
  }
  if (chosen.empty()) throw std::invalid_argument(fmt::format("--sets: there is no set in \"{}\"", list));
  return chosen;
}

// Each seed's set is opened once, which for photos means that every file is decoded once.
image::ComparedSet compared(const KnownSet& set, const RunControl& control) {
  struct Opened {
    std::mutex mutex;
    std::map<std::uint64_t, image::ComparedSet::Parts> by_seed;
  };
  return {set.name, [set, control, opened = std::make_shared<Opened>()](std::uint64_t seed) {
            const std::lock_guard lock(opened->mutex);
            image::ComparedSet::Parts& parts = opened->by_seed[seed];
            if (parts.train != nullptr) return parts;
            ImageOptions images;
            images.data = set.name;
            images.images = set.images;
            CommonOptions common;
            common.seed = seed;
            parts.train = open_images(images, common, image::Part::Training, {{}, control.stop}).source;
            images.images.reset();
            parts.test = open_images(images, common, image::Part::Test, {{}, control.stop}).source;
            return parts;
          }};
}

}  // namespace

int reproduce_protection(const ReproduceProtectionFlags& flags, const Configuration& configuration) {
  image::ComparisonFacts facts;
  facts.options.methods = split_list(flags.methods);
  facts.options.victims = split_list(flags.victims);
  facts.options.seeds = flags.seeds;
  facts.options.seed = flags.common.seed;
  facts.options.epochs = flags.epochs;
  facts.options.validation = flags.validation;
  facts.options.threads = thread_count(flags.common);
  facts.version = CROSSTALK_VERSION;
  facts.command = fmt::format("crosstalk reproduce mtl-ue{} --methods {} --victims {} --seeds {} --seed {}{}{}",
                              flags.sets.empty() ? "" : " --sets " + flags.sets, flags.methods, flags.victims,
                              flags.seeds, flags.common.seed,
                              (flags.images ? fmt::format(" --images {}", *flags.images) : "") +
                                  (flags.epochs ? fmt::format(" --epochs {}", *flags.epochs) : ""),
                              flags.validation ? " --validation" : "");
  if (facts.options.methods.empty()) throw std::invalid_argument("--methods: names no method");
  if (facts.options.victims.empty()) throw std::invalid_argument("--victims: names no victim");
  auto chosen = chosen_sets(flags.sets);
  for (KnownSet& set : chosen)
    if (flags.images) set.images = flags.images;

  Session session({"reproduce", flags.common.out, flags.common.json, flags.common.quiet});
  const RunControl control = session.control();
  std::vector<image::ComparedSet> sets;
  for (const KnownSet& set : chosen) {
    sets.push_back(compared(set, control));
    try {
      static_cast<void>(sets.back().open(flags.common.seed));
    } catch (const DataError& error) {
      facts.missing.emplace_back(error.what());
      sets.pop_back();
    }
  }
  // A part depends on its own set, method, victim and seed alone, so that a later run may ask for more of each. All
  // parts stay: they are hours of work.
  nlohmann::ordered_json kind = {{"version", CROSSTALK_VERSION}};
  if (flags.epochs) kind["epochs"] = *flags.epochs;
  if (flags.images) kind["images"] = *flags.images;
  FinishedParts finished(session, kind, flags.resume);
  const auto trials = image::compare(sets, facts.options, finished.store(), control);

  session.write("trials.csv", report::to_csv(image::trials_table(trials)));
  const auto claims = image::protection_claims(trials);
  session.write("claims.csv", report::to_csv(image::claims_table(claims)));
  for (const image::ComparedSet& set : sets)
    session.write(set.name + ".csv", report::to_csv(image::methods_table(trials, set.name)));
  const report::Page page = image::comparison_page(trials, facts);
  const auto report_path = session.write("report.html", report::to_html(page));
  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["reproduction"] = image::to_json(trials, facts);
  record["reproduction"]["report_file"] = report_path.string();
  std::string summary;
  for (const image::ProtectionClaim& claim : claims)
    summary += fmt::format("{:<13} {:<14} {}\n", claim.set, to_string(claim.verdict), claim.text);
  session.finish(fmt::format("{}{}\nreport: {}\n", summary, page.answer, report_path.string()));
  for (const std::string& missing : facts.missing) print_error(fmt::format("crosstalk: {}\n", missing));
  return facts.missing.empty() ? kDone : kDataError;
}

}  // namespace crosstalk::app
