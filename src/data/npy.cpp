#include "crosstalk/data/npy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "byte_order.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/error.hpp"
#include "npy_header.hpp"

namespace crosstalk::data {

namespace {

struct NpyHeader {
  std::string type;  // as NumPy writes it, such as <f8
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

// The header is a Python dict of three known keys: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        header.type = descr();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = shape();
      } else {
        fail();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (header.type.empty()) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(name_ + ": the .npy header cannot be understood: " + in_quotes(text_));
  }

  void skip_blanks() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }
  bool accept(char c) {
    skip_blanks();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, position_);
    if (end == std::string_view::npos) fail();
    std::string value(text_.substr(position_, end - position_));
    position_ = end + 1;
    return value;
  }
  std::string descr() {
    if (accept('[')) throw DataError(name_ + ": holds records with fields; only plain numbers can be read");
    return quoted();
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}}) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return value;
      }
    }
    fail();
  }
  std::vector<std::size_t> shape() {
    std::vector<std::size_t> sizes;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::size_t size = 0;
      const auto [stop, error] = std::from_chars(text_.data() + position_, text_.data() + text_.size(), size);
      if (error != std::errc()) fail();
      position_ = static_cast<std::size_t>(stop - text_.data());
      sizes.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t position_ = 0;
};

struct Element {
  std::size_t bytes;
  std::function<double(const char*, bool big_endian)> read;
};

template <typename T>
double as_double(const char* bytes, bool big_endian) {
  return static_cast<double>(load<T>(bytes, big_endian));
}

// How to read one number of the type; none for what is not a number.
std::optional<Element> element(std::string_view kind) {
  if (kind == "f8") return Element{8, as_double<double>};
  if (kind == "f4") return Element{4, as_double<float>};
  if (kind == "i8") return Element{8, as_double<std::int64_t>};
  if (kind == "i4") return Element{4, as_double<std::int32_t>};
  if (kind == "i2") return Element{2, as_double<std::int16_t>};
  if (kind == "i1") return Element{1, as_double<std::int8_t>};
  if (kind == "u8") return Element{8, as_double<std::uint64_t>};
  if (kind == "u4") return Element{4, as_double<std::uint32_t>};
  if (kind == "u2") return Element{2, as_double<std::uint16_t>};
  if (kind == "u1") return Element{1, as_double<std::uint8_t>};
  if (kind == "b1") return Element{1, [](const char* byte, bool) { return *byte != 0 ? 1.0 : 0.0; }};
  return std::nullopt;
}

Element readable_element(const std::string& type, const std::string& name) {
  const bool has_order = !type.empty() && std::string_view("<>|=").find(type[0]) != std::string_view::npos;
  const std::string_view kind = std::string_view(type).substr(has_order ? 1 : 0);
  if (const auto known = element(kind)) return *known;
  const char letter = kind.empty() ? ' ' : kind[0];
  throw DataError(fmt::format("{}: its type {} {}; only real numbers can be read", name, in_quotes(type),
                              letter == 'O'                    ? "is pickled Python objects"
                              : letter == 'c'                  ? "is complex numbers"
                              : letter == 'U' || letter == 'S' ? "is text"
                                                               : "is not known"));
}

// The parts of a .npy file; the data is not yet compared with the header.
struct NpyFile {
  NpyHeader header;
  Element number;
  std::string_view data;
};

NpyFile cut(std::string_view content, const std::string& name) {
  constexpr std::string_view magic = "\x93NUMPY";
  if (!content.starts_with(magic) || content.size() < 10) throw DataError(name + ": is not a .npy file");
  const auto version = static_cast<unsigned char>(content[6]);
  if (version < 1 || version > 3)
    throw DataError(fmt::format("{}: .npy version {} is not known; 1 to 3 are", name, version));
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t begin = 8 + length_bytes;
  const std::size_t length = content.size() < begin ? SIZE_MAX
                             : version == 1         ? load<std::uint16_t>(content.data() + 8, false)
                                                    : load<std::uint32_t>(content.data() + 8, false);
  if (content.size() < begin || length > content.size() - begin) throw DataError(name + ": the file is cut short");
  NpyHeader header = HeaderParser(content.substr(begin, length), name).parse();
  Element number = readable_element(header.type, name);
  return {std::move(header), std::move(number), content.substr(begin + length)};
}

// The numbers that a shape has; none when they take other bytes than there are.
std::optional<std::size_t> numbers_of(const std::vector<std::size_t>& shape, std::size_t number_bytes,
                                      std::size_t bytes) {
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end())
    return bytes == 0 ? std::optional<std::size_t>(0) : std::nullopt;
  std::size_t numbers = 1;
  for (const std::size_t side : shape) {
    if (numbers > bytes / number_bytes / side) return std::nullopt;
    numbers *= side;
  }
  return numbers * number_bytes == bytes ? std::optional(numbers) : std::nullopt;
}

std::size_t bytes_of(const std::string& type) {
  return static_cast<std::size_t>(type[1] - '0');
}

}  // namespace

Array parse_npy(std::string_view content, const std::string& name) {
  const auto [header, number, data] = cut(content, name);
  if (header.shape.size() > 2)
    throw DataError(fmt::format("{}: has {} dimensions ({}); at most 2 can be read", name, header.shape.size(),
                                fmt::join(header.shape, " x ")));
  const std::size_t rows = header.shape.empty() ? 1 : header.shape[0];
  const std::size_t columns = header.shape.size() < 2 ? 1 : header.shape[1];
  const std::size_t available = data.size() / number.bytes;
  if ((columns != 0 && rows > available / columns) || rows * columns * number.bytes != data.size())
    throw DataError(fmt::format("{}: the header promises {} x {} numbers of {} bytes, but {} bytes follow", name, rows,
                                columns, number.bytes, data.size()));
  constexpr std::size_t most = std::size_t{1} << 62;
  if (rows > most || columns > most)
    throw DataError(fmt::format("{}: the shape {} x {} is absurd", name, rows, columns));

  Array array;
  array.dimensions = static_cast<int>(header.shape.size());
  array.values.resize(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
  const bool big_endian = header.type[0] == '>';
  const bool integer = header.type.find_first_of("iu") != std::string::npos;
  const char* bytes = data.data();
  for (std::size_t k = 0; k < rows * columns; ++k, bytes += number.bytes) {
    const double value = number.read(bytes, big_endian);
    if (integer && std::abs(value) > 0x1p53)
      throw DataError(
          fmt::format("{}: the integer {:.0f} is beyond 2^53, which doubles cannot hold exactly", name, value));
    const std::size_t row = header.fortran_order ? k % rows : k / columns;
    const std::size_t column = header.fortran_order ? k / rows : k % columns;
    array.values(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(column)) = value;
  }
  return array;
}

std::size_t NdArray::size() const {
  return bytes.size() / bytes_of(type);
}

double NdArray::value(std::size_t index) const {
  return element(type)->read(bytes.data() + index * bytes_of(type), false);
}

std::size_t npy_bytes(std::string_view begin, const std::string& name) {
  const auto [header, number, data] = cut(begin, name);
  std::size_t bytes = number.bytes;
  for (const std::size_t side : header.shape) {
    if (side != 0 && bytes > SIZE_MAX / side) return SIZE_MAX;
    bytes *= side;
  }
  const std::size_t before = begin.size() - data.size();
  return bytes > SIZE_MAX - before ? SIZE_MAX : before + bytes;
}

NdArray parse_npy_array(std::string_view content, const std::string& name) {
  const auto [header, number, data] = cut(content, name);
  const auto numbers = numbers_of(header.shape, number.bytes, data.size());
  if (!numbers)
    throw DataError(fmt::format("{}: the header promises {} numbers of {} bytes, but {} bytes follow", name,
                                fmt::join(header.shape, " x "), number.bytes, data.size()));
  NdArray array{header.type.substr(header.type.size() - 2), header.shape, std::string(data)};
  if (header.fortran_order && array.shape.size() > 1) {
    // The position of each number in C order: the last index runs fastest there, the first in the file.
    std::vector<std::size_t> index(array.shape.size());
    for (std::size_t k = 0; k < *numbers; ++k) {
      std::size_t position = 0;
      for (std::size_t d = 0; d < index.size(); ++d) position = position * array.shape[d] + index[d];
      data.copy(array.bytes.data() + position * number.bytes, number.bytes, k * number.bytes);
      for (std::size_t d = 0; d < index.size() && ++index[d] == array.shape[d]; ++d) index[d] = 0;
    }
  }
  if (header.type[0] == '>')
    for (std::size_t k = 0; k < *numbers; ++k)
      std::reverse(array.bytes.begin() + static_cast<std::ptrdiff_t>(k * number.bytes),
                   array.bytes.begin() + static_cast<std::ptrdiff_t>((k + 1) * number.bytes));
  return array;
}

std::string format_npy(const NdArray& array) {
  if (!numbers_of(array.shape, bytes_of(array.type), array.bytes.size()))
    throw std::invalid_argument(fmt::format("format_npy: {} bytes for {} numbers of type {}", array.bytes.size(),
                                            fmt::join(array.shape, " x "), array.type));
  const char order = bytes_of(array.type) == 1 ? '|' : '<';
  return npy_header(fmt::format("{}{}", order, array.type), false, array.shape) + array.bytes;
}

NdArray array_of(std::span<const float> values, std::vector<std::size_t> shape) {
  static_assert(std::endian::native == std::endian::little);
  NdArray array{"f4", std::move(shape), {reinterpret_cast<const char*>(values.data()), values.size_bytes()}};
  if (!numbers_of(array.shape, sizeof(float), array.bytes.size()))
    throw std::invalid_argument(
        fmt::format("array_of: {} values for {}", values.size(), fmt::join(array.shape, " x ")));
  return array;
}

std::string npy_header(const std::string& type, bool fortran_order, const std::vector<std::size_t>& shape) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}{}), }}", type, fortran_order ? "True" : "False",
                  fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t prefix = 10;  // magic, version, length
  constexpr std::size_t alignment = 64;
  header.append(alignment - 1 - (prefix + header.size()) % alignment, ' ');
  header += '\n';
  std::string content("\x93NUMPY\x01\x00", 8);
  content += static_cast<char>(header.size() & 0xff);
  content += static_cast<char>(header.size() >> 8);
  return content + header;
}

Array read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

}  // namespace crosstalk::data
