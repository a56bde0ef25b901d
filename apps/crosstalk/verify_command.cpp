#include <memory>
#include <stdexcept>

#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/network/backbone_name.hpp"
#include "crosstalk/image/network/learner.hpp"
#include "crosstalk/image/network/weighting.hpp"
#include "networks.hpp"
#include "options.hpp"
#include "verify_panel.hpp"

namespace crosstalk::app {

Action add_verify(CLI::App& app) {
  auto flags = std::make_shared<VerifyFlags>();
  flags->common.out = "crosstalk-out/verify";
  add_options(app, flags->images);
  app.add_option("--protected", flags->published, "Folder that `crosstalk protect` wrote, or one of images with a CSV")
      ->group("Data");
  app.add_option("--test-fraction", flags->test_fraction,
                 "Share of the images kept for testing, where the set has no test part of its own")
      ->check(CLI::Range(0.01, 0.9))
      ->group("Data");
  app.add_option("--victims", flags->victims, "mtl: one network for all tasks; stl: one a task; or mtl,stl")
      ->group("Victims");
  app.add_option("--stl-tasks", flags->stl_tasks,
                 "Tasks that get a network of their own, a,b, or all; three evenly chosen when not given")
      ->group("Victims");
  app.add_option("--backbone", flags->backbone, fmt::format("{}", fmt::join(image::backbone_names(), ", ")))
      ->check(CLI::IsMember(image::backbone_names()))
      ->group("Victims");
  app.add_option("--weighting", flags->weighting,
                 fmt::format("How a network for all tasks combines their losses: {}",
                             fmt::join(image::weighting_names(), ", ")))
      ->check(CLI::IsMember(image::weighting_names()))
      ->group("Victims");
  app.add_option("--epochs", flags->epochs,
                 "Epochs. Default: 12, more for fewer than 5000 images, four times as many with a dense task")
      ->check(CLI::Range(1, 100'000))
      ->group("Victims");
  app.add_option("--seeds", flags->seeds, "Victims of each kind; intervals are over them")
      ->check(CLI::Range(1, 1000))
      ->group("Victims");
  app.add_flag("--flip", flags->flip, "Victims also see mirror images")->group("Victims");
  app.add_flag("--no-flip", flags->no_flip,
               "Victims see no mirror images. Without either flag they do where that teaches the clean images better")
      ->group("Victims");
  app.add_option("--jitter", flags->jitter,
                 "Victims see colour images with brightness, contrast and saturation changed by up to this share")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Victims");
  app.add_option("--hold-out", flags->hold_out,
                 "Share of its own images that a victim holds out, to keep the epoch that does best on them")
      ->check(CLI::Range(0.0, 0.9))
      ->group("Victims");
  app.add_option("--learners", flags->learners,
                 fmt::format("Learners of the protected copy, of which the strongest counts: usual, network (another "
                             "backbone), or countermeasures. Default: {}; usual alone with --countermeasure or --leak",
                             image::kCheapLearners))
      ->check(parses([](const std::string& words) {
        if (const auto list = split_list(words); !list.empty()) image::learners_named(list, {});
      }))
      ->group("Learner");
  app.add_option("--victim", flags->victim,
                 "A command that trains a model of yours and answers the test images; see docs/guide/verify.md")
      ->group("Learner");
  app.add_option("--victim-minutes", flags->victim_minutes, "Time after which a run of --victim is ended")
      ->check(CLI::Range(1e-3, 1e5))
      ->group("Learner");
  app.add_flag("--protected-only", flags->published_only, "Train on the protected images alone, not on clean ones")
      ->group("Victims");
  app.add_option("--panel", flags->panel,
                 "Many learners in place of one: quick (small networks; backbones, task weightings, countermeasures, "
                 "leaks) or paper (the five backbones), each in a process of its own")
      ->check(CLI::IsMember({"quick", "paper"}))
      ->group("Panel");
  app.add_option("--groups", flags->groups,
                 "Some of a panel's learners: backbones,weightings,countermeasures,leaks; all when not given")
      ->group("Panel");
  app.add_option("--jobs", flags->jobs, "Processes of a panel at a time. Default: --threads")
      ->check(CLI::Range(1, 1024))
      ->group("Panel");
  app.add_option(
         "--countermeasure", flags->countermeasure,
         "What an unauthorised learner does against protection, words joined by +: jpegQ, grey, bitsB, blur, resizeP "
         "or squeeze (to all images), pairsN or class-means (off the protected ones), cutout, cutmix, mixup, "
         "resized-crop, noise or adversarial (while training), long, rateX, "
         "early-stop; see docs/guide/verify.md")
      ->check(parses(image::countermeasure_named))
      ->group("Learner");
  app.add_option("--leak", flags->leak, "Percentage of the training images that the learner has unprotected")
      ->check(CLI::Range(0.0, 100.0))
      ->group("Learner");
  app.add_option("--device", flags->device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->group("General");
  app.add_flag("--resume", flags->resume, "Continue a stopped run with the same flags")->group("General");
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) {
    if (flags->flip && flags->no_flip)
      throw std::invalid_argument("--flip and --no-flip say the opposite of each other; give one of them");
    if (!flags->panel.empty() && !(flags->learners.empty() && flags->victim.empty()))
      throw std::invalid_argument(
          fmt::format("--{}: a panel has learners of its own", flags->learners.empty() ? "victim" : "learners"));
    if (!flags->learners.empty() && (flags->countermeasure != "none" || flags->leak > 0))
      throw std::invalid_argument(fmt::format("--learners: {} describes one learner; give one of the two flags",
                                              flags->leak > 0 ? "--leak" : "--countermeasure"));
    if (!flags->panel.empty()) return verify_panel(*flags, configuration);
    use_networks();
    return verify(*flags, configuration);
  };
}

}  // namespace crosstalk::app
