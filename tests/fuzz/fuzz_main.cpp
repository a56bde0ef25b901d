// libFuzzer's side of the readers. The program's name says which one is fuzzed: fuzz_csv, fuzz_png, ...

#include <cstdint>
#include <filesystem>

#include "readers.hpp"

namespace {

const fuzz::Reader* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char*** arguments) {
  const std::string program = std::filesystem::path((*arguments)[0]).filename().string();
  const std::string prefix = "fuzz_";
  chosen = &fuzz::reader_named(program.starts_with(prefix) ? program.substr(prefix.size()) : program);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accepts(*chosen, {reinterpret_cast<const char*>(data), size});
  return 0;
}
