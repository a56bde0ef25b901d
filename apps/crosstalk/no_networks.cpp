#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "jobs.hpp"
#include "networks.hpp"

namespace crosstalk::app {

namespace {

[[noreturn]] void become_crosstalk_image() {
  const auto program = image_program();
  std::string words = data::read_file("/proc/self/cmdline");
  std::vector<char*> arguments;
  for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) arguments.push_back(words.data() + at);
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  require_image_program();
  throw DataError(fmt::format("{}: {}", program.string(), std::strerror(errno)));
}

}  // namespace

void use_networks() {
  become_crosstalk_image();
}

int verify(const VerifyFlags&, const Configuration&) {
  become_crosstalk_image();
}

int reproduce_protection(const ReproduceProtectionFlags&, const Configuration&) {
  become_crosstalk_image();
}

image::LearnedNoise learn_noise(const image::Source&, image::NoiseOptions, const std::string&,
                                const image::Checkpoints&, const RunControl&) {
  become_crosstalk_image();
}

image::GeneratorFacts generator_facts(const std::string&) {
  become_crosstalk_image();
}

std::unique_ptr<image::Method> open_generator(const std::string&, const image::Source&) {
  become_crosstalk_image();
}

}  // namespace crosstalk::app
