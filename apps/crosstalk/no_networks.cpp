#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "networks.hpp"

namespace crosstalk::app {

namespace {

[[noreturn]] void become_crosstalk_image() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "crosstalk-image";
  std::string words = data::read_file("/proc/self/cmdline");
  std::vector<char*> arguments;
  for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) arguments.push_back(words.data() + at);
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  throw DataError(fmt::format(
      "this needs {}, which was not built since LibTorch was missing; run ./setup.sh image, and build again",
      program.string()));
}

}  // namespace

void use_networks() {
  become_crosstalk_image();
}

int verify(const VerifyFlags&, const Configuration&) {
  become_crosstalk_image();
}

image::LearnedNoise learn_noise(const image::Source&, image::NoiseOptions, const std::string&,
                                const image::Checkpoints&, const Watch&) {
  become_crosstalk_image();
}

std::unique_ptr<image::Method> open_generator(const std::string&, const image::Source&) {
  become_crosstalk_image();
}

}  // namespace crosstalk::app
