// Readers of data files and images.

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/dataset.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/data/mat.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/data/svmlight.hpp"
#include "crosstalk/data/tar.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/array_set.hpp"
#include "crosstalk/image/codec.hpp"
#include "readers.hpp"
#include "src/data/csv_coding_json.hpp"
#include "src/image/dense_map.hpp"
#include "src/image/label_table.hpp"

namespace fuzz {

using namespace crosstalk;

namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// One file for the bytes: a reader takes one at a time.
std::filesystem::path file_of(std::string_view bytes) {
  static NamelessFile file;
  return file.holding(bytes);
}

// Whether the reader takes the bytes; what it has read is handed on.
template <typename Read, typename Use>
bool reads(const Read& read, const Use& use) {
  std::optional<decltype(read())> result;
  try {
    result = read();
  } catch (const DataError&) {
    return false;
  }
  use(*result);
  return true;
}

void use(const image::FolderSet& set) {
  const std::size_t images = set.source->size();
  require(set.source->read(0, images).size() == images, "a set with other images");
}

void refuse_unless(bool read) {
  if (!read) throw DataError("no way to read it");
}

}  // namespace

NamelessFile::NamelessFile() : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
}

NamelessFile::~NamelessFile() {
  ::close(fd_);
}

std::filesystem::path NamelessFile::holding(std::string_view bytes) {
  const bool written =
      ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  if (!written) throw std::system_error(errno, std::generic_category(), "memfd");
  return "/proc/self/fd/" + std::to_string(fd_);
}

const std::vector<Reader>& readers() {
  static const std::vector<Reader> all = {{"csv", read_csv},
                                          {"svmlight", read_svmlight},
                                          {"npy", read_npy},
                                          {"npz", read_npz},
                                          {"mat", read_mat},
                                          {"idx", read_idx},
                                          {"tar", read_tar},
                                          {"gz", read_gz},
                                          {"png", read_png},
                                          {"jpeg", read_jpeg},
                                          {"webp", read_webp},
                                          {"exif", read_exif},
                                          {"map", read_map},
                                          {"label_table", read_label_table},
                                          {"model", read_model},
                                          {"record", read_record},
                                          {"config", read_config},
                                          {"schema", read_schema},
                                          {"prices", read_prices},
                                          {"rows", read_rows},
                                          {"parts_mark", read_parts_mark},
                                          {"audit_part", read_audit_part},
                                          {"reproduction_part", read_reproduction_part}};
  data::set_most_unpacked_bytes(64'000'000);
  return all;
}

const Reader& reader_named(const std::string& name) {
  std::string names;
  for (const Reader& reader : readers()) {
    if (reader.name == name) return reader;
    names += " " + reader.name;
  }
  throw std::invalid_argument("no reader \"" + name + "\"; there are" + names);
}

bool accepts(const Reader& reader, std::string_view bytes) {
  try {
    reader.read(bytes);
    return true;
  } catch (const DataError&) {
    return false;
  }
}

void read_csv(std::string_view bytes) {
  const auto path = file_of(bytes);
  // A table with tasks, its gaps filled, written back and read again.
  const data::CsvOptions options{.task_column = "task", .missing = data::MissingRule::Indicator, .keep_text = true};
  const bool as_tasks =
      reads([&] { return data::read_csv(path, options); },
            [&](data::CsvData& table) {
              const std::size_t records = table.lines.size();
              TaskSet test = table.tasks;
              data::fill_missing(table.tasks, test, table.coding, table.injected);
              // Half of a pair in UTF-16 is read as U+FFFD, and written as that.
              const bool is_utf16 = table.text->text.encoding == data::Encoding::Utf16Little ||
                                    table.text->text.encoding == data::Encoding::Utf16Big;
              const std::string written = data::without_records(*table.text, std::vector(records, true));
              require(is_utf16 || bytes.starts_with("\x1f\x8b") || written == bytes, "other bytes were written");
              const data::CsvCoding coding = data::csv_coding_from_json(data::to_json(table.coding));
              std::optional<data::ClassNames> classes;
              if (coding.label_words.empty()) {
                TaskSet rows;
                rows.feature_names = table.tasks.feature_names;
                for (const Task& task : table.tasks)
                  if (task.rows() > 0) rows.tasks.push_back(select_rows(task, {0}));
                data::with_injected(*table.text, coding, std::vector(records, false), data::as_written(coding, rows),
                                    classes);
              }
              const data::NewRows again = data::read_rows(path, coding, table.tasks.names(), {.keep_text = true});
              require(again.features.cols() == table.tasks.features(), "the same file has other features");
            });
  // The same bytes without a header, and as the command reads a file that says nothing of itself.
  const bool bare = reads(
      [&] { return data::read_csv(path, {.label_columns = {"column 1"}, .has_header = false, .as_published = true}); },
      [](const data::CsvData& table) { data::format_csv(table.tasks, {}); });
  const bool as_file = reads([&] { return data::load(path, {.loss = "squared"}); },
                             [](const data::Dataset& set) { require(set.train.rows() > 0, "a set without rows"); });
  refuse_unless(as_tasks || bare || as_file);
}

void read_svmlight(std::string_view bytes) {
  const auto path = file_of(bytes);
  const data::SvmlightData file = data::read_svmlight(path);
  require(file.tasks.rows() > 0, "a file without rows");
  reads([&] { return data::read_svmlight(path, {.features = 10}); }, [](const auto&) {});
}

void read_npy(std::string_view bytes) {
  const bool matrix =
      reads([&] { return data::parse_npy(bytes, "f.npy"); },
            [](const data::Array& array) { require(array.dimensions <= 2, "an array of too many dimensions"); });
  const bool array = reads([&] { return data::parse_npy_array(bytes, "f.npy"); },
                           [](const data::NdArray& found) {
                             for (std::size_t k = 0; k < std::min<std::size_t>(found.size(), 1000); ++k)
                               static_cast<void>(found.value(k));
                             require(data::parse_npy_array(data::format_npy(found), "f.npy").bytes == found.bytes,
                                     "other numbers were written");
                           });
  refuse_unless(matrix || array);
}

void read_npz(std::string_view bytes) {
  const auto path = file_of(bytes);
  const bool tasks = reads([&] { return data::read_npz_tasks(path); }, [](const auto&) {});
  const bool images = reads([&] { return image::open_npz(path); }, use);
  const bool arrays = reads([&] { return data::read_npz(path); }, [](const auto&) {});
  refuse_unless(tasks || images || arrays);
}

void read_mat(std::string_view bytes) {
  const auto path = file_of(bytes);
  data::read_mat(path);
  reads([&] { return data::read_mat_tasks(path); }, [](const TaskSet& tasks) { require_valid(tasks, "mat"); });
}

void read_idx(std::string_view bytes) {
  const data::IdxArray array = data::parse_idx(std::string(bytes), "f-idx");
  unsigned sum = 0;
  for (std::size_t i = 0; i < array.size() && array.item_bytes() > 0; ++i)
    sum += array.item(i)[0] + array.item(i)[array.item_bytes() - 1];
  static_cast<void>(sum);
  const auto path = file_of(bytes);
  static NamelessFile labels;
  std::string numbers("\0\0\x08\x01", 4);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) numbers += static_cast<char>(array.size() >> shift & 0xffU);
  if (array.size() > bytes.size()) return;
  for (std::size_t i = 0; i < array.size(); ++i) numbers += static_cast<char>(i % 2);
  reads([&] { return image::open_idx(path, labels.holding(numbers)); }, use);
}

void read_tar(std::string_view bytes) {
  const auto path = file_of(bytes);
  const data::TarFile archive(path);
  for (const data::TarMember& member : archive.members())
    require(archive.read(member).size() == member.bytes, "a member of another size");
  reads([&] { return image::open_tar(path); }, use);
}

void read_gz(std::string_view bytes) {
  const std::string content = data::unpacked(std::string(bytes), "f.gz");
  require(data::unpacked(data::gzip_packed(content), "again.gz") == content, "other bytes were packed");
}

void read_png(std::string_view bytes) {
  const image::Picture picture = image::decode(bytes, "f.png");
  if (picture.pixels.size() > 1'000'000) return;  // seconds to pack again
  const image::Picture again = image::decode(image::encode_png(picture.shape, picture.pixels), "again.png");
  require(again.shape == picture.shape && again.pixels == picture.pixels, "other pixels were written");
}

void read_jpeg(std::string_view bytes) {
  const image::Picture picture = image::decode(bytes, "f.jpg");
  require(picture.pixels.size() == picture.shape.values(), "a picture of another size");
}

// Without libwebp there is nothing to read it with.
void read_webp(std::string_view bytes) {
  if (!image::has_webp()) return;
  const image::Photo photo = image::decode_photo(bytes, "f.webp");
  require(photo.picture.pixels.size() == photo.picture.shape.values(), "a picture of another size");
}

void read_exif(std::string_view bytes) {
  const int orientation = image::exif_orientation(bytes);
  require(orientation >= 1 && orientation <= 8, "no orientation");
  const std::string after = image::upright_exif(std::string(bytes));
  refuse_unless(!after.empty());
  require(after.size() == bytes.size() && image::exif_orientation(after) == 1, "not upright");
}

void read_map(std::string_view bytes) {
  const image::DenseMap map = image::decode_map(bytes, "f");
  require(map.values.size() ==
              map.size.height * map.size.width * (map.kind == image::Kind::Normals ? std::size_t{3} : std::size_t{1}),
          "a map of another size");
}

void read_label_table(std::string_view bytes) {
  bool read = false;
  for (const image::FileColumn files : {image::FileColumn::Needed, image::FileColumn::PassedOver})
    read |= reads([&] { return image::read_label_table(std::string(bytes), "labels.csv", files); },
                  [](const image::LabelTable& table) {
                    Eigen::MatrixXd labels(static_cast<Eigen::Index>(table.rows.size()),
                                           static_cast<Eigen::Index>(table.tasks.size()));
                    for (std::size_t k = 0; k < table.tasks.size(); ++k) {
                      image::names_maps(table, k);
                      reads([&] { return image::read_column(table, k, labels); }, [](const auto&) {});
                    }
                  });
  refuse_unless(read);
}

}  // namespace fuzz
