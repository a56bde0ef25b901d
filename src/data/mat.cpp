#include "crosstalk/data/mat.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include "byte_order.hpp"
#include "checked_tasks.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::data {

namespace {

// The format is a sequence of elements, each a tag (type, bytes) and its data; a variable is an element that holds
// elements. Nothing that a tag or header says is believed beyond the bytes that are there: memory follows the data.
// (matio 1.5.23 allocates what the header says, gigabytes for a damaged file of 400 bytes; hence our own reader.)

enum ElementType : std::uint32_t { kMatrix = 14, kCompressed = 15 };
enum ArrayClass : unsigned {
  kCell = 1,
  kStruct,
  kObject,
  kChar,
  kSparse,
  kFirstNumeric,
  kLastNumeric = 15,
  kFunction,
  kOpaque
};

constexpr unsigned kComplexFlag = 0x08;
constexpr std::size_t kHeaderBytes = 128;
constexpr int kDeepestNesting = 8;
constexpr std::size_t kMostFilled = std::size_t{1} << 27;  // numbers in all sparse matrices of a file once filled

struct Element {
  std::uint32_t type = 0;
  std::string_view data;
};

class MatReader {
 public:
  explicit MatReader(const std::filesystem::path& path)
      : name_(path.string()), content_(read_file(path)), unpacked_(name_) {}

  std::vector<MatVariable> read() {
    read_header();
    std::vector<MatVariable> variables;
    std::string_view rest = std::string_view(content_).substr(kHeaderBytes);
    while (!rest.empty()) {
      const Element element = next_element(rest);
      if (element.type == kMatrix) {
        variables.push_back(variable(element.data, 0));
      } else if (element.type == kCompressed) {
        const std::string inflated = inflate_all(element.data);
        std::string_view inside = inflated;
        const Element packed = next_element(inside);
        if (packed.type == kMatrix) variables.push_back(variable(packed.data, 0));
      }
    }
    return variables;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw DataError(fmt::format("{}: {}", name_, what)); }

  void read_header() {
    const std::string_view content = content_;
    if (content.starts_with("\x89HDF") || content.substr(0, 10) == "MATLAB 7.3")
      fail("is a MATLAB 7.3 (HDF5) file; save it with -v7 instead");
    const std::string_view order = content.size() < kHeaderBytes ? "" : content.substr(126, 2);
    if (order != "IM" && order != "MI") fail("is not a MATLAB 5 .mat file");
    big_endian_ = order == "MI";
    if (const auto version = load<std::uint16_t>(content.data() + 124, big_endian_); version != 0x0100)
      fail(fmt::format("has MATLAB file version {:#06x}; 0x0100 (save -v6 or -v7) can be read", version));
  }

  // Takes one element from the front.
  Element next_element(std::string_view& rest) const {
    if (rest.size() < 8) fail("the file is cut short");
    const auto word = load<std::uint32_t>(rest.data(), big_endian_);
    if ((word >> 16) != 0) {  // small form: size and type share a word, the data fits the second one
      const std::size_t bytes = word >> 16;
      if (bytes > 4) fail("a data element is damaged");
      const Element element{word & 0xffff, rest.substr(4, bytes)};
      rest.remove_prefix(8);
      return element;
    }
    const std::size_t bytes = load<std::uint32_t>(rest.data() + 4, big_endian_);
    if (bytes > rest.size() - 8) fail("the file is cut short, or a data element is damaged");
    const Element element{word, rest.substr(8, bytes)};
    const std::size_t padded = word == kCompressed ? bytes : (bytes + 7) / 8 * 8;
    rest.remove_prefix(8 + std::min(padded, rest.size() - 8));
    return element;
  }

  std::string inflate_all(std::string_view packed) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string content;
    std::vector<char> buffer(1 << 16);
    for (int status = Z_OK; status != Z_STREAM_END;) {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      status = inflate(&stream, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END) fail("compressed data is damaged or cut short");
      unpacked_.add(buffer.size() - stream.avail_out);
      content.append(buffer.data(), buffer.size() - stream.avail_out);
    }
    return content;
  }

  MatVariable variable(std::string_view rest, int depth) {
    MatVariable result;
    if (rest.empty()) {  // how an empty cell is written
      result.kind = "matrix";
      return result;
    }
    const Element flags = next_element(rest);
    if (flags.data.size() < 8) fail("a variable has no flags");
    const auto word = load<std::uint32_t>(flags.data.data(), big_endian_);
    const unsigned array_class = word & 0xff;
    const bool complex = ((word >> 8) & kComplexFlag) != 0;

    if (array_class == kOpaque) {  // a table, a string, ...: another layout, without sizes
      result.name = std::string(next_element(rest).data);
      result.kind = "object";
      return result;
    }
    const std::vector<double> sizes = numbers(next_element(rest));
    result.name = std::string(next_element(rest).data);
    const bool matrix = array_class >= kSparse && array_class <= kLastNumeric;
    if (matrix && complex) {
      result.kind = "complex matrix";
    } else if (matrix && sizes.size() != 2) {
      result.kind = fmt::format("{}-dimensional array", sizes.size());
    } else if (matrix) {
      result.kind = "matrix";
      const auto [rows, columns] = size_of(sizes, result.name);
      result.matrix =
          array_class == kSparse ? sparse(rest, rows, columns, result.name) : dense(rest, rows, columns, result.name);
    } else if (array_class == kCell) {
      result.kind = "cell array";
      if (depth == kDeepestNesting) fail(fmt::format("cell arrays are nested more than {} deep", kDeepestNesting));
      while (!rest.empty()) {
        const Element cell = next_element(rest);
        if (cell.type != kMatrix)
          fail(fmt::format("variable {} holds a cell that is not an array", in_quotes(result.name)));
        result.cells.push_back(variable(cell.data, depth + 1));
      }
      double promised = 1.0;
      for (const double size : sizes) promised *= size;
      if (promised != static_cast<double>(result.cells.size()))
        fail(fmt::format("variable {} promises {} cells but holds {}", in_quotes(result.name), promised,
                         result.cells.size()));
    } else {
      result.kind = array_class == kStruct     ? "struct"
                    : array_class == kObject   ? "object"
                    : array_class == kChar     ? "text"
                    : array_class == kFunction ? "function"
                                               : "unknown";
    }
    return result;
  }

  std::pair<Eigen::Index, Eigen::Index> size_of(const std::vector<double>& sizes, const std::string& name) const {
    for (const double size : sizes)
      if (!(size >= 0.0 && size < 0x1p31)) fail(fmt::format("variable {} has size {}", in_quotes(name), size));
    return {static_cast<Eigen::Index>(sizes[0]), static_cast<Eigen::Index>(sizes[1])};
  }

  Eigen::MatrixXd dense(std::string_view& rest, Eigen::Index rows, Eigen::Index columns, const std::string& name) {
    const std::vector<double> values = numbers(next_element(rest));
    // Sizes are below 2^31, so the product fits.
    if (rows * columns != static_cast<Eigen::Index>(values.size()))
      fail(fmt::format("variable {} is {} x {} but holds {} numbers", in_quotes(name), rows, columns, values.size()));
    return Eigen::Map<const Eigen::MatrixXd>(values.data(), rows, columns);
  }

  // Compressed columns: the rows of the entries, where each column's entries begin, the entries.
  Eigen::MatrixXd sparse(std::string_view& rest, Eigen::Index rows, Eigen::Index columns, const std::string& name) {
    const std::vector<double> row = numbers(next_element(rest));
    const std::vector<double> begin = numbers(next_element(rest));
    const std::vector<double> values = numbers(next_element(rest));
    const auto damaged = [&] { fail(fmt::format("sparse variable {} is damaged", in_quotes(name))); };
    if (static_cast<Eigen::Index>(begin.size()) != columns + 1) damaged();
    if (rows > 0 && static_cast<std::size_t>(columns) > (kMostFilled - filled_) / static_cast<std::size_t>(rows))
      fail(fmt::format(
          "sparse variable {} is {} x {}; filled with zeros it would not fit the {} numbers allowed in a file",
          in_quotes(name), rows, columns, kMostFilled));
    filled_ += static_cast<std::size_t>(rows * columns);
    unpacked_.add(static_cast<std::size_t>(rows * columns) * sizeof(double));
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(rows, columns);
    for (Eigen::Index column = 0; column < columns; ++column) {
      const double first = begin[static_cast<std::size_t>(column)];
      const double last = begin[static_cast<std::size_t>(column) + 1];
      if (!(first >= 0 && first <= last && last <= static_cast<double>(std::min(row.size(), values.size())))) damaged();
      for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) {
        if (!(row[k] >= 0 && row[k] < static_cast<double>(rows))) damaged();
        matrix(static_cast<Eigen::Index>(row[k]), column) = values[k];
      }
    }
    return matrix;
  }

  template <typename T>
  std::vector<double> numbers_of(std::string_view data) {
    unpacked_.add(data.size() / sizeof(T) * sizeof(double));
    std::vector<double> values(data.size() / sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<double>(load<T>(data.data() + i * sizeof(T), big_endian_));
    return values;
  }

  // MATLAB stores numbers in the smallest type that holds them, whatever the class of the matrix.
  std::vector<double> numbers(const Element& element) {
    switch (element.type) {
      case 1: return numbers_of<std::int8_t>(element.data);
      case 2: return numbers_of<std::uint8_t>(element.data);
      case 3: return numbers_of<std::int16_t>(element.data);
      case 4: return numbers_of<std::uint16_t>(element.data);
      case 5: return numbers_of<std::int32_t>(element.data);
      case 6: return numbers_of<std::uint32_t>(element.data);
      case 7: return numbers_of<float>(element.data);
      case 9: return numbers_of<double>(element.data);
      case 12: return numbers_of<std::int64_t>(element.data);
      case 13: return numbers_of<std::uint64_t>(element.data);
      default: fail(fmt::format("a data element has type {}, which is no type of number", element.type));
    }
  }

  std::string name_;
  std::string content_;
  UnpackedBytes unpacked_;
  bool big_endian_ = false;
  std::size_t filled_ = 0;  // numbers in the sparse matrices so far
};

std::string contents(const std::vector<MatVariable>& variables) {
  if (variables.empty()) return "nothing";
  std::vector<std::string> words;
  constexpr std::size_t shown = 12;
  for (const MatVariable& v : variables) {
    if (words.size() == shown) {
      words.emplace_back("...");
      break;
    }
    words.push_back(fmt::format("{} ({})", in_quotes(v.name), v.kind));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

const MatVariable* find(const std::vector<MatVariable>& variables, std::string_view name) {
  for (const MatVariable& variable : variables)
    if (variable.name == name) return &variable;
  return nullptr;
}

Eigen::VectorXd as_vector(const Eigen::MatrixXd& matrix) {
  return Eigen::Map<const Eigen::VectorXd>(matrix.data(), matrix.size());
}

}  // namespace

std::vector<MatVariable> read_mat(const std::filesystem::path& path) {
  return MatReader(path).read();
}

const Eigen::MatrixXd& mat_matrix(const std::vector<MatVariable>& variables, std::string_view name,
                                  const std::filesystem::path& path) {
  const MatVariable* found = find(variables, name);
  if (found == nullptr || found->kind != "matrix")
    throw DataError(fmt::format("{}: no matrix {}; it holds {}", path.string(), in_quotes(name), contents(variables)));
  return found->matrix;
}

TaskSet read_mat_tasks(const std::filesystem::path& path) {
  const std::vector<MatVariable> variables = read_mat(path);
  for (const auto& [X, Y] : {std::pair{"feature", "label"}, {"X", "Y"}}) {
    const MatVariable* features = find(variables, X);
    const MatVariable* labels = find(variables, Y);
    if (features == nullptr || labels == nullptr || features->kind != "cell array" || labels->kind != "cell array")
      continue;
    if (features->cells.size() != labels->cells.size())
      throw DataError(fmt::format("{}: {} has {} cells but {} has {}", path.string(), X, features->cells.size(), Y,
                                  labels->cells.size()));
    TaskSet tasks;
    for (std::size_t t = 0; t < features->cells.size(); ++t) {
      const MatVariable& x = features->cells[t];
      const MatVariable& y = labels->cells[t];
      if (x.kind != "matrix" || y.kind != "matrix")
        throw DataError(fmt::format("{}: cell {} of {} is a {}, not a matrix", path.string(), t + 1,
                                    x.kind != "matrix" ? X : Y, x.kind != "matrix" ? x.kind : y.kind));
      if (std::min(y.matrix.rows(), y.matrix.cols()) > 1 || y.matrix.size() != x.matrix.rows())
        throw DataError(fmt::format("{}: cell {} of {} is {} x {} but that of {} is {} x {}; one label a row is needed",
                                    path.string(), t + 1, X, x.matrix.rows(), x.matrix.cols(), Y, y.matrix.rows(),
                                    y.matrix.cols()));
      tasks.tasks.push_back({std::to_string(t + 1), x.matrix, as_vector(y.matrix)});
    }
    return checked_tasks(std::move(tasks), path);
  }
  throw DataError(fmt::format("{}: holds {}; expected the cell arrays feature and label, or X and Y", path.string(),
                              contents(variables)));
}

}  // namespace crosstalk::data
