// libFuzzer's side of the readers. The program's name says which one is fuzzed: fuzz_csv, fuzz_png, ...

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>
#include <vector>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include "readers.hpp"

namespace {

const fuzz::Reader* chosen = nullptr;

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3];
}

// Sums over a part of the file are made right again, or next to nothing that libFuzzer changes would pass the first
// check: those of a PNG file's chunks, and of a tar archive's headers.
void mend_png(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t signature = 8;
  for (std::size_t at = signature; at + 12 <= size;) {
    const std::size_t length = big_endian(data + at);
    if (length > size - at - 12) return;
    const auto sum = static_cast<std::uint32_t>(crc32(0, data + at + 4, static_cast<uInt>(length + 4)));
    for (unsigned k = 0; k < 4; ++k) data[at + 8 + length + k] = static_cast<std::uint8_t>(sum >> (24 - 8 * k));
    at += 12 + length;
  }
}

void mend_tar(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t block = 512;
  for (std::size_t at = 0; at + block <= size; at += block) {
    if (std::memcmp(data + at + 257, "ustar", 5) != 0) continue;
    std::memset(data + at + 148, ' ', 8);
    unsigned sum = 0;
    for (std::size_t k = 0; k < block; ++k) sum += data[at + k];
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    std::memcpy(data + at + 148, digits, 7);
  }
}

void collect(nlohmann::json& value, std::vector<nlohmann::json*>& values) {
  values.push_back(&value);
  if (value.is_structured())
    for (nlohmann::json& inner : value) collect(inner, values);
}

// Sound JSON in which one value is another, longer or shorter; nothing when it is not sound before.
std::string with_another_value(std::string_view text, std::mt19937& random) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return "";
  std::vector<nlohmann::json*> values;
  collect(json, values);
  nlohmann::json& value = *values[random() % values.size()];
  const nlohmann::json other = *values[random() % values.size()];
  switch (random() % 8) {
    case 0: value = nullptr; break;
    case 1: value = nlohmann::json::array(); break;
    case 2: value = random() % 2 == 0 ? -1.0 : 1e300; break;
    case 3: value = random() % 5; break;
    case 4: value = other; break;
    case 5:
      if (value.is_array()) value.push_back(other);
      break;
    default:
      if (value.is_structured() && !value.empty())
        value.erase(std::next(value.begin(), static_cast<std::ptrdiff_t>(random() % value.size())));
  }
  return value.is_null() && values.size() == 1 ? ""
                                               : json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Parts begin with a line that names them.
std::size_t where_json_begins(std::string_view content) {
  const bool has_name = chosen->name == "audit_part" || chosen->name == "reproduction_part";
  return has_name ? std::min(content.size(), content.find('\n') + 1) : 0;
}

bool is_json() {
  return chosen->name == "model" || chosen->name == "record" || chosen->name.find("part") != std::string::npos;
}

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

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  if (is_json() && seed % 3 != 0) {
    std::mt19937 random(seed);
    const std::string_view content(reinterpret_cast<const char*>(data), size);
    const std::size_t begin = where_json_begins(content);
    const std::string json = with_another_value(content.substr(begin), random);
    if (!json.empty() && begin + json.size() <= most) {
      std::copy(json.begin(), json.end(), data + begin);
      return begin + json.size();
    }
  }
  const std::size_t changed = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 == 0) return changed;  // wrong sums are tried as well
  if (chosen->name == "png" || chosen->name == "map") mend_png(data, changed);
  if (chosen->name == "tar") mend_tar(data, changed);
  return changed;
}
