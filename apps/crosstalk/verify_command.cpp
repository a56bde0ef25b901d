#include <memory>

#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "crosstalk/image/network/backbone_name.hpp"
#include "crosstalk/image/network/weighting.hpp"
#include "networks.hpp"

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
                 "Passes over the images; when not given 12, or more of less than 5000 images")
      ->check(CLI::Range(1, 100'000))
      ->group("Victims");
  app.add_option("--seeds", flags->seeds, "Victims of each kind; intervals are over them")
      ->check(CLI::Range(1, 1000))
      ->group("Victims");
  app.add_flag("--flip", flags->flip, "Victims also see mirror images")->group("Victims");
  app.add_option("--device", flags->device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->group("General");
  app.add_flag("--resume", flags->resume, "Go on with the victims that a stopped run with the same flags finished")
      ->group("General");
  add_options(app, flags->common);
  return [flags](const Configuration& configuration) {
    use_networks();
    return verify(*flags, configuration);
  };
}

}  // namespace crosstalk::app
