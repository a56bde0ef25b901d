#include <algorithm>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/contact_sheet.hpp"
#include "crosstalk/image/network/command_learner.hpp"
#include "crosstalk/image/network/device.hpp"
#include "crosstalk/image/network/learner.hpp"
#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/image/network/verification_report.hpp"
#include "crosstalk/image/published_copy.hpp"
#include "crosstalk/json_text.hpp"
#include "crosstalk/report/table.hpp"
#include "crosstalk/victim/command_victim.hpp"
#include "finished_parts.hpp"
#include "networks.hpp"
#include "problem.hpp"
#include "published_images.hpp"
#include "session.hpp"
#include "src/image/network/score_json.hpp"
#include "src/locked_parts.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

// What `protect` recorded beside its images; null where there is no record.
nlohmann::json protect_record(const fs::path& folder) {
  const fs::path file = folder / "run.json";
  if (!fs::exists(file)) return nullptr;
  auto record = parse_json(data::read_file(file), file.string());
  if (!record.is_object() || !record.contains("command") || record.at("command") != "protect") return nullptr;
  return record;
}

template <typename T>
std::optional<T> recorded(const nlohmann::json& record, const char* pointer) {
  const nlohmann::json::json_pointer at(pointer);
  if (!record.is_object() || !record.contains(at) || record.at(at).is_null()) return std::nullopt;
  try {
    return record.at(at).get<T>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::vector<std::size_t> stl_tasks(const std::string& flag, const std::vector<image::TaskInfo>& tasks) {
  if (flag.empty()) return image::sample_of_tasks(tasks.size(), 3);
  std::vector<std::size_t> all;
  for (std::size_t k = 0; k < tasks.size(); ++k) all.push_back(k);
  if (flag == "all") return all;
  std::vector<std::size_t> chosen;
  for (const std::string& name : split_list(flag)) {
    const auto found = std::find_if(all.begin(), all.end(), [&](std::size_t k) { return tasks[k].name == name; });
    if (found == all.end()) throw std::invalid_argument(fmt::format("--stl-tasks: unknown task \"{}\"", name));
    chosen.push_back(*found);
  }
  return chosen;
}

image::VerificationOptions options_of(const VerifyFlags& flags, const std::vector<image::TaskInfo>& tasks,
                                      std::size_t images) {
  image::VerificationOptions options;
  options.backbone = image::backbone_named(flags.backbone);
  options.weighting = image::weighting_named(flags.weighting);
  const auto victims = split_list(flags.victims);
  for (const std::string& word : victims)
    if (word != "mtl" && word != "stl")
      throw std::invalid_argument(fmt::format("--victims: \"{}\" is neither mtl nor stl", word));
  options.mtl = std::find(victims.begin(), victims.end(), "mtl") != victims.end();
  options.stl = std::find(victims.begin(), victims.end(), "stl") != victims.end();
  if (!options.mtl && !options.stl) throw std::invalid_argument("--victims: names no victim");
  options.stl_tasks = stl_tasks(flags.stl_tasks, tasks);
  options.epochs = flags.epochs.value_or(image::victim_epochs(images, tasks));
  options.flip = flags.flip ? std::optional(true) : flags.no_flip ? std::optional(false) : std::nullopt;
  options.jitter = flags.jitter;
  options.hold_out = flags.hold_out;
  options.clean = !flags.published_only;
  options.countermeasure = image::countermeasure_named(flags.countermeasure);
  options.leak = flags.leak;
  options.seeds = flags.seeds;
  options.seed = flags.common.seed;
  options.device = image::device_named(flags.device);
  options.threads = thread_count(flags.common);
  return options;
}

// The learners of the run, the first of them described by `options` itself.
std::vector<image::Learner> learners_of(const VerifyFlags& flags, image::VerificationOptions& options, bool grey) {
  std::vector<image::Learner> learners;
  if (flags.countermeasure != "none" || flags.leak > 0)
    learners = {
        {flags.countermeasure == "none" ? "usual" : flags.countermeasure, options.backbone, options.countermeasure}};
  else
    learners =
        image::learners_named(split_list(flags.learners.empty() ? std::string(image::kCheapLearners) : flags.learners),
                              options.backbone, grey);
  options.backbone = learners.front().backbone;
  options.countermeasure = learners.front().countermeasure;
  options.others.assign(learners.begin() + 1, learners.end());
  return learners;
}

// Files of a folder of the output for a command to learn, which go when it has learned them.
class LentFolder {
 public:
  LentFolder(const Session& session, fs::path folder) : session_(session), folder_(std::move(folder)) { clear(); }
  LentFolder(const LentFolder&) = delete;
  LentFolder& operator=(const LentFolder&) = delete;
  ~LentFolder() { clear(); }
  [[nodiscard]] fs::path path() const { return session_.path(folder_); }
  void fill(const image::Source& source, const std::vector<std::size_t>& rows, bool labels) const {
    image::write_image_folder(source, rows, labels, [&](const std::string& name, std::string_view content) {
      session_.keep(folder_ / name, content);
    });
  }

 private:
  // Whatever the command has made of the folder, it is no reason to fail.
  void clear() const noexcept {
    try {
      if (session_.folder().is_folder(folder_)) fs::remove_all(session_.path(folder_));
    } catch (const std::exception&) {
    }
  }

  const Session& session_;
  fs::path folder_;
};

// Victims that the owner's own command trains, in a folder each; those that failed are named in the facts.
std::vector<image::Victim> own_victims(const VerifyFlags& flags, const image::VerificationData& data,
                                       image::VerificationFacts& facts, Session& session, const PartStore& store) {
  const std::size_t learner = facts.learners.size();
  facts.learners.emplace_back("--victim");
  const std::vector<std::size_t> tasks = image::tasks_of_images(data.clean.tasks());
  std::vector<image::Victim> victims;
  const RunControl control = session.control();
  LockedParts parts(store);
  for (const bool published : {false, true})
    for (std::size_t seed = 0; seed < flags.seeds; ++seed) {
      if (!published && flags.published_only) continue;
      const std::string name = fmt::format("{}-victim-seed{}", published ? "protected" : "clean", seed);
      image::Victim victim{published, true, seed, tasks, {}, learner};
      if (const auto known = parts.recall(name)) {
        victim.scores = image::scores_from(*known);
        victims.push_back(std::move(victim));
        continue;
      }
      if (control.progress)
        control.progress(1.0, fmt::format("running --victim on the {} images", published ? "protected" : "clean"));
      const fs::path own = fs::path("victim") / name;
      const LentFolder train(session, own / "train");
      const LentFolder test(session, own / "test");
      train.fill(published ? *data.published : data.clean, data.rows, true);
      test.fill(data.test, data.test_rows, false);
      session.keep(own / "log.txt", "");
      const auto outcome = victim::run_command({.command = flags.victim,
                                                .train = train.path(),
                                                .test = test.path(),
                                                .predictions = session.path(own / "predictions.csv"),
                                                .folder = session.path(own),
                                                .log = session.path(own / "log.txt"),
                                                .most_seconds = 60.0 * flags.victim_minutes,
                                                .seed = flags.common.seed + seed});
      std::string failure = outcome.failure;
      if (failure.empty()) {
        try {
          victim.scores =
              image::scores_of_answers(outcome.predictions, data.test, data.test_rows, data.clean, data.rows);
        } catch (const DataError& error) {
          failure = error.what();
        }
      }
      if (!failure.empty()) {
        facts.failures.push_back(fmt::format("--victim on the {} images: {} ({})", published ? "protected" : "clean",
                                             failure, session.path(own / "log.txt").string()));
        continue;
      }
      parts.keep(name, image::to_json(victim.scores));
      victims.push_back(std::move(victim));
    }
  return victims;
}

// What was done to the images, on the bytes of both sets.
image::ChangeMeter measure(const image::Source& clean, const image::Source& published) {
  image::ChangeMeter meter;
  const std::size_t step = image::images_at_a_time(clean.shape());
  for (std::size_t first = 0; first < clean.size(); first += step) {
    const std::size_t count = std::min(step, clean.size() - first);
    meter.add(clean.read(first, count).pixels, published.read(first, count).pixels);
  }
  return meter;
}

std::string in_svg(const image::Picture& sheet) {
  const std::string png = image::encode_png(sheet.shape, sheet.pixels);
  std::string text(4 * ((png.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(png.data()), static_cast<int>(png.size()));
  text.resize(static_cast<std::size_t>(length));
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {0} {1}" width="{0}" height="{1}"><image width="{0}" height="{1}" xlink:href="data:image/png;base64,{2}"/></svg>)",
      sheet.shape.width, sheet.shape.height, text);
}

}  // namespace

int verify(const VerifyFlags& flags, const Configuration& configuration) {
  if (flags.published.empty())
    throw std::invalid_argument("verify needs --protected: the folder that `crosstalk protect` wrote");
  Session session({"verify", flags.common.out, flags.common.json, flags.common.quiet});
  const RunControl control = session.control();
  const fs::path folder = flags.published;
  const nlohmann::json record = protect_record(folder);

  const fs::path images = fs::exists(folder / PublishedImages::kFolder) ? folder / PublishedImages::kFolder : folder;
  // A set that is made or drawn with a seed is opened as it was for the copy.
  ImageOptions clean_images = flags.images;
  CommonOptions opening = flags.common;
  if (image::is_known_image_set(clean_images.data)) {
    opening.seed = recorded<std::uint64_t>(record, "/configuration/seed").value_or(opening.seed);
    if (!clean_images.images) clean_images.images = recorded<std::size_t>(record, "/configuration/images");
    if (clean_images.size.empty())
      clean_images.size = recorded<std::string>(record, "/configuration/size").value_or("");
  } else {
    const auto as_protected = [&](std::string& flag, const char* key) {
      if (flag.empty()) flag = recorded<std::string>(record, key).value_or("");
    };
    as_protected(clean_images.size, "/configuration/size");
    as_protected(clean_images.labels, "/configuration/labels");
    as_protected(clean_images.regression, "/configuration/regression");
    if (clean_images.merge_rare == 0)
      clean_images.merge_rare = recorded<std::size_t>(record, "/configuration/merge-rare").value_or(0);
    clean_images.skip_bad = clean_images.skip_bad || recorded<bool>(record, "/configuration/skip-bad").value_or(false);
  }
  // Photos that kept their own sizes are learned at the size at which they were changed, or at --size.
  const bool own_size = recorded<bool>(record, "/data/own_size").value_or(false);
  const auto height = recorded<std::size_t>(record, "/data/height");
  const auto width = recorded<std::size_t>(record, "/data/width");
  if (own_size && clean_images.size.empty() && height && width)
    clean_images.size = fmt::format("{}x{}", *height, *width);
  image::FolderSet copy = open_copy(images, flags.common, control, own_size ? clean_images.size : "");
  const image::FolderSet clean = open_images(clean_images, opening, image::Part::Training, control);
  for (const std::string& note : clean.notes) session.say(note);
  const image::FolderSet test = open_images(clean_images, opening, image::Part::Test, control);
  std::unique_ptr<image::Source> published;
  try {
    published = image::published_copy(std::move(copy.source), *clean.source);
  } catch (const DataError& error) {
    throw DataError(
        fmt::format("--protected: {} is no copy of {}: {}", images.string(), flags.images.data, error.what()));
  }
  const image::ChangeMeter change = measure(*clean.source, *published);
  auto epsilon = recorded<int>(record, "/configuration/epsilon");
  if (recorded<std::string>(record, "/configuration/format").value_or("png") != "png")
    epsilon.reset();                      // it bounds the change before the compression
  const int rounding = own_size ? 1 : 0;  // originals and copy were each rounded after they were brought to one size
  if (epsilon && change.largest() > *epsilon + rounding)
    throw DataError(fmt::format("--protected: {} is no copy of {}: a pixel differs by {} levels, and epsilon was {}",
                                images.string(), flags.images.data, change.largest(), *epsilon));

  image::VerificationData data{*clean.source, published.get(), {}, test.source ? *test.source : *clean.source, {}};
  if (test.source) {
    for (std::size_t row = 0; row < clean.source->size(); ++row) data.rows.push_back(row);
    for (std::size_t row = 0; row < test.source->size(); ++row) data.test_rows.push_back(row);
  } else {
    image::Split split = image::random_split(clean.source->size(), flags.test_fraction, flags.common.seed);
    if (split.test.empty() || split.train.size() < 2)
      throw DataError(fmt::format("{}: {} images are too few to train on and to test on with --test-fraction {}",
                                  flags.images.data, clean.source->size(), flags.test_fraction));
    data.rows = std::move(split.train);
    data.test_rows = std::move(split.test);
  }

  image::VerificationFacts facts;
  facts.tasks = clean.source->tasks();
  facts.options = options_of(flags, facts.tasks, data.rows.size());
  if (!flags.victim.empty() && image::tasks_of_images(facts.tasks).empty())
    throw std::invalid_argument("--victim: a command learns labels of images; all tasks are dense");
  for (const image::Learner& learner : learners_of(flags, facts.options, clean.source->shape().channels == 1))
    facts.learners.push_back(learner.name);
  FinishedParts finished(session, run_identity(configuration.flags), flags.resume);
  image::Verification verification = image::verify_all(data, facts.options, finished.store(), control);
  facts.flip = verification.flip;
  std::vector<image::Victim> victims = std::move(verification.victims);
  if (!flags.victim.empty())
    for (image::Victim& own : own_victims(flags, data, facts, session, finished.store()))
      victims.push_back(std::move(own));

  facts.set = flags.images.data;
  facts.published = folder.string();
  facts.method = recorded<std::string>(record, "/configuration/method").value_or("");
  const auto status = recorded<std::string>(record, "/protect/status");
  if (status && *status != "complete") facts.method += ", " + *status;
  if (record.is_object())
    for (std::size_t k = 0; k < facts.tasks.size(); ++k)
      if (!recorded<bool>(record, fmt::format("/data/tasks/{}/protected", k).c_str()).value_or(true))
        facts.left_usable.push_back(k);
  facts.train_images = data.rows.size();
  facts.test_images = data.test_rows.size();
  facts.largest_change = change.largest();
  facts.psnr = change.psnr();
  facts.version = CROSSTALK_VERSION;
  facts.command = command_text("verify", configuration);
  const std::size_t shown = std::min<std::size_t>(8, clean.source->size());
  facts.sheet_svg = in_svg(image::contact_sheet(clean.source->read(0, shown), published->read(0, shown)));

  for (const bool mtl : {true, false})
    if (mtl ? facts.options.mtl : facts.options.stl)
      session.write(mtl ? "mtl.csv" : "stl.csv", report::to_csv(image::verification_table(victims, facts, mtl)));
  if (facts.learners.size() > 1) session.write("learners.csv", report::to_csv(image::learners_table(victims, facts)));
  const auto page = session.write("report.html", report::to_html(image::verification_page(victims, facts)));

  auto& out = session.record();
  out["configuration"] = configuration.flags;
  out["verify"] = image::to_json(victims, facts);
  out["verify"]["report_file"] = page.string();
  out["protect"] = record.is_object() && record.contains("protect") ? record.at("protect") : nlohmann::json::object();
  out["protect"]["max_level_change"] = change.largest();
  out["protect"]["psnr"] = change.psnr();
  session.finish(fmt::format("{}\nreport: {}\n", image::verification_answer(victims, facts), page.string()));
  finished.forget();
  for (const std::string& failure : facts.failures) print_error(fmt::format("crosstalk: {}\n", failure));
  return facts.failures.empty() ? kDone : kDataError;
}

}  // namespace crosstalk::app
