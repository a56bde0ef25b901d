#include "crosstalk/data/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/names.hpp"

namespace crosstalk::data {

namespace {

constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
constexpr char32_t kReplacement = 0xfffd;

// Windows-1252 from 0x80 to 0x9f. All other bytes are the character of the same number, as are the five here that have
// no character (as in the WHATWG's Encoding Standard), so that they are written back as they were.
constexpr std::array<char32_t, 32> kWindowsCharacters = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                                         0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                                         0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                         0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};

void append_utf8(std::string& text, char32_t c) {
  const auto continuation = [&](int shift) { text += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xc0 | (c >> 6));
    continuation(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xe0 | (c >> 12));
    continuation(6);
    continuation(0);
  } else {
    text += static_cast<char>(0xf0 | (c >> 18));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

// Length of the UTF-8 sequence at the beginning of the bytes; 0 when it is not well formed.
std::size_t sequence_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
  const bool beyond = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

char32_t utf8_character(std::string_view sequence) {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]);
  char32_t c = static_cast<unsigned char>(sequence[0]) & (0x7fU >> sequence.size());
  for (const char next : sequence.substr(1)) c = (c << 6) | (static_cast<unsigned char>(next) & 0x3fU);
  return c;
}

std::string from_windows(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 16);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_utf8(text, byte >= 0x80 && byte < 0xa0 ? kWindowsCharacters[byte - 0x80U] : char32_t{byte});
  }
  return text;
}

std::string from_utf16(std::string_view bytes, bool little) {
  const auto unit = [&](std::size_t i) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    return little ? (char32_t{second} << 8) | first : (char32_t{first} << 8) | second;
  };
  std::string text;
  text.reserve(bytes.size() / 2);
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    char32_t c = unit(i);
    if (c >= 0xd800 && c < 0xdc00 && i + 3 < bytes.size() && unit(i + 2) >= 0xdc00 && unit(i + 2) < 0xe000) {
      c = 0x10000 + ((c - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
      i += 2;
    } else if (c >= 0xd800 && c < 0xe000) {
      c = kReplacement;
    }
    append_utf8(text, c);
  }
  return text;
}

// UTF-16 without a mark shows in mostly Latin text: every second byte is zero.
bool has_zeros_at(std::string_view bytes, std::size_t parity) {
  const std::size_t looked_at = std::min<std::size_t>(bytes.size(), 4096) & ~std::size_t{1};
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < looked_at; ++i) {
    if (bytes[i] != '\0') continue;
    if (i % 2 != parity) return false;
    ++zeros;
  }
  return looked_at >= 4 && 2 * zeros > looked_at / 2;
}

}  // namespace

std::string_view to_string(Encoding encoding) {
  static constexpr auto names =
      name_table<Encoding>("encoding", {{Encoding::Utf8, "UTF-8"},
                                        {Encoding::Utf8WithMark, "UTF-8 with a byte order mark"},
                                        {Encoding::Utf16Little, "UTF-16 (little-endian)"},
                                        {Encoding::Utf16Big, "UTF-16 (big-endian)"},
                                        {Encoding::Windows1252, "Windows-1252"}});
  return names.name_of(encoding);
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

Text decode_text(std::string bytes, const std::string& name) {
  Text text;
  const std::string_view view = bytes;
  if (view.starts_with("\xff\xfe") || view.starts_with("\xfe\xff")) {
    text.encoding = view[0] == '\xff' ? Encoding::Utf16Little : Encoding::Utf16Big;
    text.utf8 = from_utf16(view.substr(2), text.encoding == Encoding::Utf16Little);
  } else if (has_zeros_at(view, 1) || has_zeros_at(view, 0)) {
    text.encoding = has_zeros_at(view, 1) ? Encoding::Utf16Little : Encoding::Utf16Big;
    text.utf8 = from_utf16(view, text.encoding == Encoding::Utf16Little);
  } else if (view.starts_with(kUtf8Mark) && is_utf8(view)) {
    text.encoding = Encoding::Utf8WithMark;
    text.utf8 = bytes.substr(kUtf8Mark.size());
  } else if (is_utf8(view)) {
    text.utf8 = std::move(bytes);
  } else {
    text.encoding = Encoding::Windows1252;
    text.utf8 = from_windows(view);
  }
  if (text.utf8.find_first_not_of(" \t\r\n") == std::string::npos) throw DataError(name + ": the file is empty");
  if (text.utf8.find('\0') != std::string::npos)
    throw DataError(name + ": is not a text file (it holds zero bytes); CSV must be UTF-8, UTF-16 or Windows-1252");
  return text;
}

std::string encode_text(std::string_view utf8, Encoding encoding) {
  if (encoding == Encoding::Utf8) return std::string(utf8);
  if (encoding == Encoding::Utf8WithMark) return std::string(kUtf8Mark) + std::string(utf8);
  std::string bytes;
  const auto append_unit = [&](char32_t unit) {
    const char low = static_cast<char>(unit & 0xff);
    const char high = static_cast<char>(unit >> 8);
    bytes += encoding == Encoding::Utf16Little ? low : high;
    bytes += encoding == Encoding::Utf16Little ? high : low;
  };
  if (encoding != Encoding::Windows1252) append_unit(0xfeff);
  while (!utf8.empty()) {
    const std::size_t length = std::max<std::size_t>(1, sequence_length(utf8));
    const char32_t c = utf8_character(utf8.substr(0, length));
    utf8.remove_prefix(length);
    if (encoding == Encoding::Windows1252) {
      const auto* special = std::find(kWindowsCharacters.begin(), kWindowsCharacters.end(), c);
      if (c < 0x80 || (c >= 0xa0 && c < 0x100))
        bytes += static_cast<char>(c);
      else
        bytes += special != kWindowsCharacters.end() ? static_cast<char>(0x80 + (special - kWindowsCharacters.begin()))
                                                     : '?';
    } else if (c < 0x10000) {
      append_unit(c);
    } else {
      append_unit(0xd800 + ((c - 0x10000) >> 10));
      append_unit(0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return bytes;
}

}  // namespace crosstalk::data
