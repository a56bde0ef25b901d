// Writes the parts of a small audit and a small reproduction as seeds, each below its reader's folder.
//   crosstalk_fuzz_seeds CORPUS

#include <algorithm>
#include <filesystem>

#include "readers.hpp"
#include "tests/support/process.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const std::string reader : {"audit_part", "reproduction_part"})
    for (const auto& [name, text] : fuzz::finished_parts_of(reader)) {
      if (name.find("-reading-") != std::string::npos && !name.ends_with("-reading-1")) continue;  // all alike
      std::string file = "seed-" + name;
      std::replace(file.begin(), file.end(), ' ', '-');
      const auto folder = std::filesystem::path(argv[1]) / reader;
      std::filesystem::create_directories(folder);
      test_support::write_file(folder / file, name + "\n" + text);
    }
}
