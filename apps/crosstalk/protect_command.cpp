#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/image/contact_sheet.hpp"
#include "crosstalk/image/method.hpp"
#include "finished_parts.hpp"
#include "image_input.hpp"
#include "networks.hpp"
#include "options.hpp"
#include "problem.hpp"
#include "published_images.hpp"
#include "session.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

struct Flags {
  CommonOptions common;
  ImageOptions images;
  std::string method = "mtl-ue";
  std::string base = "tap";
  std::string generator;
  std::string protect_tasks;
  std::string composition = "patch";
  std::string surrogate = "small";
  std::string generator_size = "small";
  std::string robust_to = "auto";
  std::string device = "auto";
  int epsilon = 8;
  std::optional<int> epochs;
  double most_minutes = 0.0;
  std::string channels = "rgb";
  bool flip = false;
  bool resume = false;
  bool show_noise = false;
  std::string working_size;
  std::string format = "png";
  int quality = 95;
  std::optional<int> compression;
  bool keep_metadata = false;
};

// Whether --withstand names transformations.
bool names_transformations(const Flags& flags) {
  return flags.robust_to != "auto" && flags.robust_to != "none";
}

// What noise is learned through. Of colour images that is grey, which takes one line of code and removes noise that was
// not (docs/results/colour.md).
std::vector<image::Transformation> robust_to(const Flags& flags, const image::Source& source) {
  if (names_transformations(flags)) return image::transformations_named(split_list(flags.robust_to));
  if (flags.robust_to == "auto" && source.shape().channels == 3) return {image::Transformation::Grey};
  return {};
}

constexpr const char* kNotProtectedYet = "not protected yet";

// The methods that learn their noise, and so need networks.
bool learns(const std::string& method) {
  return method == "mtl-ue" || method == "em" || method == "tap" || method == "sep";
}

void describe(nlohmann::ordered_json& record, const Flags& flags, const image::FolderSet& set,
              const std::vector<std::size_t>& protected_tasks) {
  const image::Shape shape = set.source->shape();
  auto tasks = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < set.source->tasks().size(); ++k) {
    const image::TaskInfo& task = set.source->tasks()[k];
    tasks.push_back(
        {{"name", task.name},
         {"classes", task.classes},
         {"protected", std::find(protected_tasks.begin(), protected_tasks.end(), k) != protected_tasks.end()}});
  }
  record["data"] = {{"name", flags.images.data},
                    {"images", set.source->size()},
                    {"channels", shape.channels},
                    {"height", shape.height},
                    {"width", shape.width},
                    {"own_size", set.photos != nullptr},
                    {"tasks", tasks},
                    {"notes", set.notes}};
}

// What the noise is and what is known of how it was made.
struct Noise {
  std::unique_ptr<image::Method> method;  // null when the time was up before any was learned
  std::vector<std::size_t> tasks;         // that it protects
  std::string generator;                  // content of its file, if there is one
  nlohmann::ordered_json record = nlohmann::ordered_json::object();
  bool complete = true;
  int epochs = 0;  // that were asked for
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A larger limit of time goes on with what a smaller one left.
nlohmann::ordered_json identity_of(const Configuration& configuration) {
  nlohmann::ordered_json flags = configuration.flags;
  flags.erase("max-minutes");
  return run_identity(flags);
}

Noise learned_noise(const Flags& flags, const image::Source& source, Clock::time_point begun,
                    const image::Checkpoints& parts, Session& session) {
  Noise noise;
  noise.tasks = image::tasks_to_protect(source.tasks(), split_list(flags.protect_tasks));
  const bool generator = flags.method == "mtl-ue";
  image::NoiseOptions options =
      image::usual_options(image::base_named(generator ? flags.base : flags.method), generator, source.size());
  options.tasks = noise.tasks;
  options.epsilon = flags.epsilon;
  options.seed = flags.common.seed;
  options.surrogate = image::backbone_named(flags.surrogate);
  if (flags.generator_size == "paper") options.sizes.size = image::GeneratorSize::paper();
  options.flip = flags.flip;
  options.luma = flags.channels == "luma";
  options.robust_to = robust_to(flags, source);
  // What is left of it: reading the images took its share.
  constexpr double least = 1e-9;  // seconds; 0 is no limit
  if (flags.most_minutes > 0.0)
    options.most_seconds = std::max(least, 60.0 * flags.most_minutes - seconds_since(begun));
  if (flags.epochs) options.epochs = *flags.epochs;
  noise.epochs = options.epochs;
  image::LearnedNoise learned = learn_noise(source, options, flags.device, parts, session.control());
  noise.method = std::move(learned.method);
  noise.generator = std::move(learned.generator);
  noise.complete = learned.complete;
  noise.record = {{"losses", learned.losses}, {"complete", learned.complete}, {"epochs", options.epochs}};
  noise.record["withstand"] = nlohmann::ordered_json::array();
  for (const image::Transformation each : options.robust_to) noise.record["withstand"].push_back(to_string(each));
  return noise;
}

Noise class_wise_noise(const Flags& flags, const image::Source& source, Session& session) {
  Noise noise;
  image::MethodOptions options;
  options.name = image::method_named(flags.method);
  options.composition = image::composition_named(flags.composition);
  options.epsilon = flags.epsilon;
  options.seed = flags.common.seed;
  options.luma = flags.channels == "luma";
  if (options.name != image::MethodName::Noise)
    options.tasks = image::tasks_with_classes(source.tasks(), split_list(flags.protect_tasks));
  if (options.name != image::MethodName::Noise && flags.protect_tasks.empty()) {
    std::vector<std::string> left;
    for (const image::TaskInfo& task : source.tasks())
      if (!task.has_classes()) left.push_back(task.name);
    if (!left.empty())
      session.say(fmt::format("{} protects classes only; not protected: {}; mtl-ue, em, tap and sep protect them",
                              flags.method, fmt::join(left, ", ")));
  }
  noise.method = image::make_method(source, options, session.control());
  noise.tasks = options.tasks;
  return noise;
}

// Which of the images' tasks the generator protects, and what it does not.
Noise generated_noise(const Flags& flags, const image::GeneratorFacts& facts, const image::Source& source,
                      const Session& session) {
  Noise noise;
  noise.method = open_generator(flags.generator, source);
  std::vector<std::string> unknown;
  std::vector<std::string> missing;
  for (std::size_t k = 0; k < source.tasks().size(); ++k) {
    bool found = false;
    for (std::size_t g = 0; g < facts.tasks.size(); ++g)
      found = found || (facts.is_protected[g] && facts.tasks[g].name == source.tasks()[k].name);
    if (found)
      noise.tasks.push_back(k);
    else
      unknown.push_back(source.tasks()[k].name);
  }
  for (std::size_t g = 0; g < facts.tasks.size(); ++g)
    if (facts.is_protected[g] && std::none_of(source.tasks().begin(), source.tasks().end(),
                                              [&](const auto& task) { return task.name == facts.tasks[g].name; }))
      missing.push_back(facts.tasks[g].name);
  if (!unknown.empty())
    session.say(fmt::format("not protected: {}; the generator was not made for them", fmt::join(unknown, ", ")));
  if (!missing.empty())
    session.say(
        fmt::format("without labels of {}: the change says nothing of them; give --labels", fmt::join(missing, ", ")));
  return noise;
}

void require_fitting_flags(const Flags& flags) {
  const auto refuse = [](bool wrong, const std::string& why) {
    if (wrong) throw std::invalid_argument(why);
  };
  const bool generator = !flags.generator.empty();
  refuse(flags.method == "noise" && !flags.protect_tasks.empty(),
         "--protect-tasks: noise knows no tasks; it is the same for all");
  refuse(generator && !flags.protect_tasks.empty(),
         "--protect-tasks: a generator protects the tasks that it was made for");
  refuse(names_transformations(flags) && generator,
         "--withstand: it cannot be used with --generator, which was trained already");
  refuse(names_transformations(flags) && !learns(flags.method),
         fmt::format("--withstand: {} learns nothing; mtl-ue, em, tap and sep do", flags.method));
  refuse(generator && !flags.working_size.empty(), "--working-size: a generator has the size that it was made for");
  refuse(!flags.working_size.empty() && !flags.images.size.empty(),
         "--working-size: the images are at --size already, and are published so");
}

// How the set is opened for what is to be done with it.
ImageOptions opening(const Flags& flags, const std::optional<image::GeneratorFacts>& facts) {
  ImageOptions images = flags.images;
  images.working_size = size_in("--working-size", flags.working_size);
  images.keep_one_size = !images.working_size;
  if (facts) {
    images.working_size = image::Size{facts->shape.height, facts->shape.width};
    images.channels = facts->shape.channels;
    images.keep_one_size = false;
    images.labels_needed = false;
  }
  return images;
}

// The usual level takes seconds for a photo of 12 megapixels (docs/results/photos.md).
int compression_of(const Flags& flags, const image::FolderSet& set) {
  const int usual = image::Encoding().compression;
  constexpr int quick = 1;  // zlib's quickest
  if (flags.compression) return *flags.compression;
  if (set.photos == nullptr) return usual;
  const image::Shape own = set.photos->photo(0).picture.shape;
  return std::max(own.height, own.width) > image::kLargestWorkingSide ? quick : usual;
}

// Sentences on what became of what the files hold beside their pixels.
std::vector<std::string> metadata_notes(const Measured& measured, bool keep_metadata) {
  std::vector<std::string> notes;
  const auto count = [](std::size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  if (measured.turned > 0) notes.push_back(count(measured.turned, "photo") + " turned upright, as EXIF says");
  if (measured.profiles > 0) notes.push_back(count(measured.profiles, "colour profile") + " kept");
  if (measured.lost_profiles > 0)
    notes.push_back(count(measured.lost_profiles, "colour profile") +
                    " left out, since they do not fit the channels or the format");
  if (measured.lost_metadata > 0)
    notes.push_back(fmt::format("EXIF (time, place, camera) left out of {}{}", count(measured.lost_metadata, "photo"),
                                keep_metadata ? ", where it is damaged or too long" : ""));
  return notes;
}

// Nothing was learned, and so nothing is published.
int end_without_noise(const Flags& flags, const Noise& noise, Session& session) {
  session.record()["protect"] = {{"status", kNotProtectedYet}};
  session.record()["protect"].update(noise.record);
  session.finish(
      fmt::format("{}: not protected yet: --max-minutes {} was up before the first epoch of noise was "
                  "learned, and nothing is published; a larger one with --resume goes on\n",
                  flags.images.data, flags.most_minutes));
  return kNotConverged;
}

// How far the published pixels are from the originals, in words.
std::string change_text(const Flags& flags, const image::ChangeMeter& change, int epsilon) {
  if (flags.format == "png")
    return fmt::format("largest change {} of {} levels, read back from the files", change.largest(), epsilon);
  return fmt::format(
      "{} of quality {}: largest change {} levels, of 99.9 % of the values at most {}, {} before it was "
      "compressed; read back from the files",
      flags.format, flags.quality, change.largest(), change.quantile(0.999), epsilon);
}

int run(const Flags& flags, const Configuration& configuration) {
  const auto begun = Clock::now();
  require_fitting_flags(flags);
  if (!image::is_known_image_set(flags.images.data))
    require_apart(flags.images.data, fs::path(flags.common.out) / PublishedImages::kFolder);
  const bool learned = learns(flags.method) && flags.generator.empty();
  if (learned || !flags.generator.empty()) use_networks();

  Session session({"protect", flags.common.out, flags.common.json, flags.common.quiet});
  std::optional<image::GeneratorFacts> facts;
  if (!flags.generator.empty()) facts = generator_facts(flags.generator);
  const int epsilon = facts ? facts->epsilon : flags.epsilon;
  const image::FolderSet set =
      open_images(opening(flags, facts), flags.common, image::Part::Training, session.control());
  for (const std::string& note : set.notes) session.say(note);
  if (set.source->container() != nullptr && flags.format != "png")
    throw std::invalid_argument(
        fmt::format("--format {}: {} is published as a file of its own kind", flags.format, flags.images.data));
  const int threads = thread_count(flags.common);
  const auto start = Clock::now();
  std::optional<FinishedParts> parts;
  if (learned) parts.emplace(session, identity_of(configuration), flags.resume);
  Noise noise = facts     ? generated_noise(flags, *facts, *set.source, session)
                : learned ? learned_noise(flags, *set.source, begun, parts->bytes(), session)
                          : class_wise_noise(flags, *set.source, session);
  const double learning_seconds = seconds_since(start);
  auto& record = session.record();
  record["configuration"] = configuration.flags;
  record["configuration"]["epsilon"] = epsilon;
  describe(record, flags, set, noise.tasks);
  if (noise.method == nullptr) return end_without_noise(flags, noise, session);

  Publication publication;
  publication.epsilon = epsilon;
  publication.encoding = {image::format_named(flags.format), flags.quality, compression_of(flags, set)};
  publication.keep_metadata = flags.keep_metadata;
  publication.photos = set.photos;
  PublishedImages published(session, *set.source, publication);
  const std::size_t step = image::images_at_a_time(set.source->shape());
  const RunControl control = session.control();
  std::string sheet;
  for (std::size_t first = 0; first < set.source->size(); first += step) {
    const image::Batch original = set.source->read(first, std::min(step, set.source->size() - first));
    const std::vector<float> changes = noise.method->changes(original, threads);
    published.write(original, changes, threads, [&](std::size_t done) {
      if (control.progress)
        control.progress(static_cast<double>(first + done) / static_cast<double>(set.source->size()),
                         "protecting images");
    });
    if (first == 0 && flags.show_noise) {
      const image::Picture picture = image::contact_sheet(original, image::with_changes(original, changes));
      sheet = session.write("contact_sheet.png", image::encode_png(picture.shape, picture.pixels)).string();
    }
  }
  const fs::path manifest = published.finish();
  const double seconds = seconds_since(start);
  const auto notes = metadata_notes(published.measured(), flags.keep_metadata);
  for (const std::string& note : notes) session.say(note);

  const image::ChangeMeter& change = published.change();
  record["protect"] = {{"status", noise.complete ? "complete" : kNotProtectedYet},
                       {"max_level_change", change.largest()},
                       {"level_change_999", change.quantile(0.999)},
                       {"psnr", change.psnr()},
                       {"ssim", published.ssim()},
                       {"seconds", seconds},
                       {"peak_mb", peak_memory_mb()},
                       {"format", flags.format},
                       {"folder", manifest.parent_path().string()},
                       {"manifest", manifest.string()}};
  if (publication.encoding.format == image::Format::Png)
    record["protect"]["compression"] = publication.encoding.compression;
  else
    record["protect"]["quality"] = flags.quality;
  if (!notes.empty()) record["protect"]["notes"] = notes;
  if (learned) {
    record["protect"]["learning_seconds"] = learning_seconds;
    record["protect"].update(noise.record);
  }
  if (!noise.generator.empty())
    record["protect"]["generator"] = session.write("generator.pt", noise.generator).string();
  if (!sheet.empty()) record["protect"]["contact_sheet"] = sheet;
  const std::string what = facts                     ? "by " + flags.generator
                           : flags.method == "noise" ? "uniform noise"
                           : flags.method == "mtl-ue"
                               ? fmt::format("mtl-ue with {} protects {} tasks", flags.base, noise.tasks.size())
                               : fmt::format("{} protects {} tasks", flags.method, noise.tasks.size());
  const std::size_t epochs = learned ? noise.record.at("losses").size() : 0;
  session.finish(fmt::format("{}: {}{} images, {}; {}; PSNR {:.1f} dB; {:.1f} s\nimages: {}\n", flags.images.data,
                             noise.complete ? ""
                                            : fmt::format("not protected yet: the time was up after {} of {} epochs, a "
                                                          "larger --max-minutes with --resume goes on; ",
                                                          epochs, noise.epochs),
                             set.source->size(), what, change_text(flags, change, epsilon), change.psnr(), seconds,
                             manifest.parent_path().string()));
  if (parts && noise.complete) parts->forget();
  return noise.complete ? kDone : kNotConverged;
}

}  // namespace

Action add_protect(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/protect";
  flags->images.data = "garments-40";
  add_options(app, flags->images);
  app.add_option(
         "--method", flags->method,
         "mtl-ue: a generator with an embedding a class; em, tap, sep: one variable a pixel of each image; lsp: "
         "blocks; ar: autoregressive fields; ops: one pixel; noise: uniform, the baseline")
      ->check(CLI::IsMember({"mtl-ue", "em", "tap", "sep", "lsp", "ar", "ops", "noise"}))
      ->group("Protection");
  app.add_option("--base", flags->base, "What mtl-ue's generator learns: em, tap or sep")
      ->check(CLI::IsMember({"em", "tap", "sep"}))
      ->group("Protection");
  app.add_option("--generator", flags->generator, "Protect with the generator.pt of an earlier run: nothing is learned")
      ->group("Protection");
  app.add_option("--protect-tasks", flags->protect_tasks,
                 "Tasks to protect, a,b; the others stay usable; all that the method can protect when not given")
      ->group("Protection");
  app.add_option("--composition", flags->composition,
                 "lsp, ar, ops: patch, a cell of the image for each task; average, the mean of the tasks' changes")
      ->check(CLI::IsMember({"average", "patch"}))
      ->group("Protection");
  app.add_option("--epsilon", flags->epsilon, "Largest change of a pixel in levels of 255")
      ->check(CLI::Range(1, 255))
      ->group("Protection");
  app.add_option("--channels", flags->channels,
                 "rgb: change each channel of a colour image on its own, as the papers do; luma: all alike, so that a "
                 "grey copy "
                 "keeps the change")
      ->check(CLI::IsMember({"luma", "rgb"}))
      ->group("Protection");
  app.add_option("--format", flags->format, "Of the published files: png holds the bound exactly; jpeg and webp do not")
      ->check(CLI::IsMember({"png", "jpeg", "webp"}))
      ->check(parses([](const std::string& word) { image::format_named(word); }))
      ->group("Protection");
  app.add_option("--quality", flags->quality, "Of jpeg and webp files")->check(CLI::Range(1, 100))->group("Protection");
  app.add_option("--compression", flags->compression,
                 "zlib's level of png files; 6 when not given, 1 where photos have more than 256 pixels a side")
      ->check(CLI::Range(0, 9))
      ->group("Protection");
  app.add_flag("--keep-metadata", flags->keep_metadata,
               "Keep EXIF (time, place, camera), without its thumbnail; colour profiles are kept in any case")
      ->group("Protection");
  app.add_option("--working-size", flags->working_size,
                 "Photos that keep their own size: make the change at this size, N or HEIGHTxWIDTH, and enlarge it; 64 "
                 "when not given")
      ->group("Protection");
  app.add_option("--epochs", flags->epochs, "Epochs of learning the noise; the method's own by default")
      ->check(CLI::Range(1, 1'000'000))
      ->group("Learning");
  app.add_option("--max-minutes", flags->most_minutes,
                 "End learning after so long a time from the start, and publish what has been learned; 0 for no limit")
      ->check(CLI::NonNegativeNumber)
      ->group("Learning");
  app.add_option("--surrogate", flags->surrogate, "Backbone of the networks that noise is learned against")
      ->check(CLI::IsMember(image::backbone_names()))
      ->group("Learning");
  app.add_option("--generator-size", flags->generator_size, "mtl-ue: small, or paper, eight times as many channels")
      ->check(CLI::IsMember({"small", "paper"}))
      ->group("Learning");
  app.add_option("--withstand", flags->robust_to,
                 "Learn noise that is robust to what may be done to the images: a,b of jpeg, grey, resize, blur and "
                 "noise; none; "
                 "auto: grey for colour images")
      ->check(parses([](const std::string& words) {
        if (words != "auto" && words != "none") image::transformations_named(split_list(words));
      }))
      ->group("Learning");
  app.add_flag("--flip", flags->flip, "Expect learners to mirror images")->group("Learning");
  app.add_option("--device", flags->device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->group("Learning");
  app.add_flag("--resume", flags->resume, "Continue a stopped run with the same flags")->group("Learning");
  app.add_flag("--show-noise", flags->show_noise,
               "Also write contact_sheet.png: images before, after, and the change times 10")
      ->group("Protection");
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
