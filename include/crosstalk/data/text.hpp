#pragma once

#include <string>
#include <string_view>

namespace crosstalk::data {

/// How the bytes of a text file stand for characters.
enum class Encoding { Utf8, Utf8WithMark, Utf16Little, Utf16Big, Windows1252 };
std::string_view to_string(Encoding encoding);

struct Text {
  std::string utf8;  ///< without a byte order mark
  Encoding encoding = Encoding::Utf8;
};

/// The text of a file: UTF-8 and UTF-16 with or without a byte order mark; bytes that are no UTF-8 are read as
/// Windows-1252, of which Latin-1 is a part.
/// @param name  the file's name, for messages.
/// @throws DataError when the file is empty or holds zero bytes that are no UTF-16: it is no text then.
Text decode_text(std::string bytes, const std::string& name);

/// The bytes of the text in its own encoding; what the encoding cannot express becomes `?`.
std::string encode_text(std::string_view utf8, Encoding encoding);

/// Whether bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

}  // namespace crosstalk::data
