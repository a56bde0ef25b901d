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
  record["data"] = {{"name", flags.images.data}, {"images", set.source->size()}, {"channels", shape.channels},
                    {"height", shape.height},    {"width", shape.width},         {"tasks", tasks},
                    {"notes", set.notes}};
}

// What the noise is and what is known of how it was made.
struct Noise {
  std::unique_ptr<image::Method> method;
  std::vector<std::size_t> tasks;  // that it protects
  std::string generator;           // content of its file, if there is one
  nlohmann::ordered_json record = nlohmann::ordered_json::object();
  bool complete = true;
};

Noise learned_noise(const Flags& flags, const Configuration& configuration, const image::Source& source,
                    Session& session) {
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
  options.most_seconds = 60.0 * flags.most_minutes;
  if (flags.epochs) options.epochs = *flags.epochs;
  FinishedParts finished(session, run_identity(configuration.flags), flags.resume);
  image::LearnedNoise learned = learn_noise(source, options, flags.device, finished.bytes(), session.control());
  noise.method = std::move(learned.method);
  noise.generator = std::move(learned.generator);
  noise.complete = learned.complete;
  noise.record = {{"losses", learned.losses}, {"complete", learned.complete}};
  noise.record["withstand"] = nlohmann::ordered_json::array();
  for (const image::Transformation each : options.robust_to) noise.record["withstand"].push_back(to_string(each));
  if (learned.complete) finished.forget();
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

Noise generated_noise(const Flags& flags, const image::Source& source) {
  Noise noise;
  noise.method = open_generator(flags.generator, source);
  for (std::size_t k = 0; k < source.tasks().size(); ++k) noise.tasks.push_back(k);
  return noise;
}

int run(const Flags& flags, const Configuration& configuration) {
  if (flags.method == "noise" && !flags.protect_tasks.empty())
    throw std::invalid_argument("--protect-tasks: noise knows no tasks; it is the same for all");
  if (!flags.generator.empty() && !flags.protect_tasks.empty())
    throw std::invalid_argument("--protect-tasks: a generator protects the tasks that it was made for");
  if (names_transformations(flags) && !flags.generator.empty())
    throw std::invalid_argument("--withstand: it cannot be used with --generator, which was trained already");
  if (names_transformations(flags) && !learns(flags.method))
    throw std::invalid_argument(
        fmt::format("--withstand: {} learns nothing; mtl-ue, em, tap and sep do", flags.method));
  if (!image::is_known_image_set(flags.images.data))
    require_apart(flags.images.data, fs::path(flags.common.out) / PublishedImages::kFolder);
  if (learns(flags.method) || !flags.generator.empty()) use_networks();

  Session session({"protect", flags.common.out, flags.common.json, flags.common.quiet});
  const image::FolderSet set = open_images(flags.images, flags.common, image::Part::Training, session.control());
  for (const std::string& note : set.notes) session.say(note);
  const int threads = thread_count(flags.common);
  const auto start = std::chrono::steady_clock::now();
  Noise noise = !flags.generator.empty() ? generated_noise(flags, *set.source)
                : learns(flags.method)   ? learned_noise(flags, configuration, *set.source, session)
                                         : class_wise_noise(flags, *set.source, session);
  const double learning_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  PublishedImages published(session, *set.source, flags.epsilon);
  const std::size_t step = image::images_at_a_time(set.source->shape());
  const RunControl control = session.control();
  std::string sheet;
  for (std::size_t first = 0; first < set.source->size(); first += step) {
    const image::Batch original = set.source->read(first, std::min(step, set.source->size() - first));
    const image::Batch changed = image::protect(original, *noise.method, threads);
    published.write(original, changed, threads);
    if (first == 0 && flags.show_noise) {
      const image::Picture picture = image::contact_sheet(original, changed);
      sheet = session.write("contact_sheet.png", image::encode_png(picture.shape, picture.pixels)).string();
    }
    if (control.progress)
      control.progress(static_cast<double>(first + original.size()) / static_cast<double>(set.source->size()),
                       "protecting images");
  }
  const fs::path manifest = published.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  auto& record = session.record();
  record["configuration"] = configuration.flags;
  describe(record, flags, set, noise.tasks);
  record["protect"] = {{"max_level_change", published.change().largest()},
                       {"psnr", published.change().psnr()},
                       {"ssim", published.ssim()},
                       {"seconds", seconds},
                       {"peak_mb", peak_memory_mb()},
                       {"folder", manifest.parent_path().string()},
                       {"manifest", manifest.string()}};
  if (learns(flags.method) && flags.generator.empty()) {
    record["protect"]["learning_seconds"] = learning_seconds;
    record["protect"].update(noise.record);
  }
  if (!noise.generator.empty())
    record["protect"]["generator"] = session.write("generator.pt", noise.generator).string();
  if (!sheet.empty()) record["protect"]["contact_sheet"] = sheet;
  const std::string what = !flags.generator.empty()  ? "by " + flags.generator
                           : flags.method == "noise" ? "uniform noise"
                           : flags.method == "mtl-ue"
                               ? fmt::format("mtl-ue with {} protects {} tasks", flags.base, noise.tasks.size())
                               : fmt::format("{} protects {} tasks", flags.method, noise.tasks.size());
  session.finish(
      fmt::format("{}: {} images, {}; largest change {} of {} levels, read back from the files; PSNR {:.1f} dB; {:.1f} "
                  "s{}\nimages: "
                  "{}\n",
                  flags.images.data, set.source->size(), what, published.change().largest(), flags.epsilon,
                  published.change().psnr(), seconds,
                  noise.complete ? "" : "; the time was up before the noise was learned to its end",
                  manifest.parent_path().string()));
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
  app.add_option("--epochs", flags->epochs, "Epochs of learning the noise; the method's own by default")
      ->check(CLI::Range(1, 1'000'000))
      ->group("Learning");
  app.add_option("--max-minutes", flags->most_minutes,
                 "Begin no epoch after this time and publish what has been learned; 0 for no limit")
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
