#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "image_input.hpp"
#include "options.hpp"

// What needs LibTorch. It takes half a second to load, so the program `crosstalk` is without it: there each of these
// starts `crosstalk-image`, the same program with the networks, with the same arguments in place of itself.
namespace crosstalk::app {

struct VerifyFlags {
  CommonOptions common;
  ImageOptions images;
  std::string published;  ///< folder
  std::string victims = "mtl,stl";
  std::string stl_tasks;
  std::string backbone = "small";
  std::string weighting = "ls";
  std::string device = "auto";
  std::optional<int> epochs;
  std::size_t seeds = 1;
  double test_fraction = 0.2;
  bool flip = false;
  bool no_flip = false;
  double jitter = 0.2;  ///< chosen by what clean images teach (experiments/README.md, "What victims see")
  double hold_out = 0.0;
  std::string learners;  ///< empty: the cheap ones, or the one that countermeasure and leak describe
  std::string victim;    ///< a command that learns, too
  double victim_minutes = 60.0;
  bool published_only = false;
  std::string countermeasure = "none";
  double leak = 0.0;   ///< percent
  std::string panel;   ///< quick or paper: many learners; empty: the one that the flags describe
  std::string groups;  ///< of the panel; empty: all
  std::optional<std::size_t> jobs;
  bool resume = false;
};

struct ReproduceProtectionFlags {
  CommonOptions common;
  std::string sets;     ///< all when empty
  std::string methods;  ///< words of image::ComparisonOptions, as the next
  std::string victims;
  std::size_t seeds = 3;
  std::optional<std::size_t> images;  ///< of each set; as many as is usual when not given
  std::optional<int> epochs;
  bool validation = false;
  bool resume = false;
};

/// Returns only in a program that has networks.
/// @throws DataError when there is none beside this one.
void use_networks();

int verify(const VerifyFlags& flags, const Configuration& configuration);
int reproduce_protection(const ReproduceProtectionFlags& flags, const Configuration& configuration);

image::LearnedNoise learn_noise(const image::Source& source, image::NoiseOptions options, const std::string& device,
                                const image::Checkpoints& checkpoints, const RunControl& control);
image::GeneratorFacts generator_facts(const std::string& file);
std::unique_ptr<image::Method> open_generator(const std::string& file, const image::Source& source);

}  // namespace crosstalk::app
