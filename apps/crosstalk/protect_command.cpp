#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "crosstalk/image/contact_sheet.hpp"
#include "crosstalk/image/method.hpp"
#include "image_input.hpp"
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
  std::string method = "lsp";
  std::string protect_tasks;
  std::string composition = "patch";
  int epsilon = 8;
  bool show_noise = false;
};

void describe(nlohmann::ordered_json& record, const Flags& flags, const image::FolderSet& set,
              const image::MethodOptions& options) {
  const image::Shape shape = set.source->shape();
  auto tasks = nlohmann::ordered_json::array();
  for (std::size_t k = 0; k < set.source->tasks().size(); ++k) {
    const image::TaskInfo& task = set.source->tasks()[k];
    tasks.push_back({{"name", task.name},
                     {"classes", task.classes},
                     {"protected", std::find(options.tasks.begin(), options.tasks.end(), k) != options.tasks.end()}});
  }
  record["data"] = {{"name", flags.images.data}, {"images", set.source->size()}, {"channels", shape.channels},
                    {"height", shape.height},    {"width", shape.width},         {"tasks", tasks},
                    {"notes", set.notes}};
}

int run(const Flags& flags, const Configuration& configuration) {
  image::MethodOptions options;
  options.name = image::method_named(flags.method);
  options.composition = image::composition_named(flags.composition);
  options.epsilon = flags.epsilon;
  options.seed = flags.common.seed;
  const bool class_wise = options.name != image::MethodName::Noise;
  if (!class_wise && !flags.protect_tasks.empty())
    throw std::invalid_argument("--protect-tasks: noise knows no tasks; it is the same for all");
  if (!is_known_image_set(flags.images.data))
    require_apart(flags.images.data, fs::path(flags.common.out) / PublishedImages::kFolder);

  Session session({"protect", flags.common.out, flags.common.json, flags.common.quiet});
  const image::FolderSet set = open_images(flags.images, flags.common, Part::Training, session.watch());
  for (const std::string& note : set.notes) session.say(note);
  if (class_wise) options.tasks = image::tasks_with_classes(set.source->tasks(), split_list(flags.protect_tasks));
  const int threads = thread_count(flags.common);
  const auto start = std::chrono::steady_clock::now();
  const auto method = image::make_method(*set.source, options, session.watch());

  PublishedImages published(session, *set.source, flags.epsilon);
  const std::size_t step = image::images_at_a_time(set.source->shape());
  const Watch watch = session.watch();
  std::string sheet;
  for (std::size_t first = 0; first < set.source->size(); first += step) {
    const image::Batch original = set.source->read(first, std::min(step, set.source->size() - first));
    const image::Batch changed = image::protect(original, *method, threads);
    published.write(original, changed, threads);
    if (first == 0 && flags.show_noise) {
      const image::Picture picture = image::contact_sheet(original, changed);
      sheet = session.write("contact_sheet.png", image::encode_png(picture.shape, picture.pixels)).string();
    }
    if (watch.progress)
      watch.progress(static_cast<double>(first + original.size()) / static_cast<double>(set.source->size()),
                     "protecting images");
  }
  const fs::path manifest = published.finish();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  auto& record = session.record();
  record["configuration"] = configuration.flags;
  describe(record, flags, set, options);
  record["protect"] = {{"max_level_change", published.change().largest()},
                       {"psnr", published.change().psnr()},
                       {"ssim", published.ssim()},
                       {"seconds", seconds},
                       {"peak_mb", peak_memory_mb()},
                       {"folder", manifest.parent_path().string()},
                       {"manifest", manifest.string()}};
  if (!sheet.empty()) record["protect"]["contact_sheet"] = sheet;
  session.finish(fmt::format(
      "{}: {} images, {}; largest change {} of {} levels, read back from the files; PSNR {:.1f} dB; {:.1f} s\nimages: "
      "{}\n",
      flags.images.data, set.source->size(),
      class_wise ? fmt::format("{} protects {} tasks", flags.method, options.tasks.size()) : "uniform noise",
      published.change().largest(), flags.epsilon, published.change().psnr(), seconds,
      manifest.parent_path().string()));
  return kDone;
}

}  // namespace

Action add_protect(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  flags->common.out = "crosstalk-out/protect";
  add_options(app, flags->images);
  app.add_option("--method", flags->method,
                 "lsp: blocks; ar: autoregressive fields; ops: one pixel; noise: uniform, the yardstick")
      ->check(CLI::IsMember({"lsp", "ar", "ops", "noise"}))
      ->group("Protection");
  app.add_option("--protect-tasks", flags->protect_tasks, "Tasks to protect, a,b; all that have classes when not given")
      ->group("Protection");
  app.add_option("--composition", flags->composition,
                 "patch: a cell of the image for each task; average: the mean of the tasks' changes")
      ->check(CLI::IsMember({"average", "patch"}))
      ->group("Protection");
  app.add_option("--epsilon", flags->epsilon, "Largest change of a pixel in levels of 255")
      ->check(CLI::Range(1, 255))
      ->group("Protection");
  app.add_flag("--show-noise", flags->show_noise,
               "Also write contact_sheet.png: images before, after, and the change times 10")
      ->group("Protection");
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) { return run(*flags, configuration); };
}

}  // namespace crosstalk::app
