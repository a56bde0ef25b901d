#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include <fmt/format.h>
#include <zip.h>

#include "checked_tasks.hpp"
#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "crosstalk/error.hpp"
#include "npy_header.hpp"

namespace crosstalk::data {

namespace {

constexpr std::string_view kSuffix = ".npy";

// A zip archive in memory.
class Archive {
 public:
  explicit Archive(const std::filesystem::path& path) : Archive(read_file(path), path.string()) {}
  Archive(std::string content, std::string name)
      : name_(std::move(name)), content_(std::move(content)), unpacked_(name_) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_buffer_create(content_.data(), content_.size(), 0, &error);
    zip_t* archive = source != nullptr ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr;
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (archive == nullptr) {
      zip_source_free(source);
      throw DataError(fmt::format("{}: is not a .npz file, or is cut short ({})", name_, reason));
    }
    archive_.reset(archive);
    const zip_int64_t entries = zip_get_num_entries(archive, 0);
    zip_uint64_t packed_bytes = 0;
    for (zip_int64_t i = 0; i < entries; ++i) {
      const char* entry = zip_get_name(archive, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      std::string array = entry != nullptr ? entry : "";
      const std::string raw = array;
      if (array.ends_with(kSuffix)) array.resize(array.size() - kSuffix.size());
      // By guess, libzip gives UTF-8 as it is and anything else translated.
      const char* const guessed = zip_get_name(archive, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_GUESS);
      if (guessed == nullptr ? !raw.empty() : raw != guessed)
        throw DataError(fmt::format("{}: the name of array {} is not UTF-8; rename it", name_, in_quotes(array)));
      zip_stat_t facts;
      if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &facts) == 0 && (facts.valid & ZIP_STAT_COMP_SIZE))
        packed_bytes += std::min<zip_uint64_t>(facts.comp_size, content_.size());
      // Entries that share their bytes make a small file unpack to any size.
      if (packed_bytes > content_.size())
        throw DataError(fmt::format("{}: its arrays overlap in the file, or their sizes are wrong", name_));
      positions_.try_emplace(array, names_.size());
      names_.push_back(std::move(array));
    }
  }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool holds(const std::string& array) const { return positions_.contains(array); }

  [[nodiscard]] Array read(const std::string& array) const { return parse_npy(unpacked(array), place(array)); }
  [[nodiscard]] NdArray read_array(const std::string& array) const {
    return parse_npy_array(unpacked(array), place(array));
  }

 private:
  [[nodiscard]] std::string place(const std::string& array) const {
    return fmt::format("{}: array {}", name_, in_quotes(array));
  }

  [[nodiscard]] std::string unpacked(const std::string& array) const {
    const auto found = positions_.find(array);
    if (found == positions_.end())
      throw DataError(fmt::format("{}: no array {}; it holds {}", name_, in_quotes(array), listed(names_)));
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive_.get(), found->second, 0),
                                                                 zip_fclose);
    if (!file) throw DataError(fmt::format("{}: {}", place(array), zip_strerror(archive_.get())));
    // The stated size may be a lie, so the content grows as it comes; and never beyond what the array's header
    // promises, so that a small file cannot unpack into all memory.
    std::string content;
    std::size_t most = SIZE_MAX;
    std::vector<char> buffer(1 << 18);
    for (;;) {
      const zip_int64_t got = zip_fread(file.get(), buffer.data(), buffer.size());
      if (got < 0) throw DataError(fmt::format("{}: is damaged ({})", place(array), zip_file_strerror(file.get())));
      if (got == 0) break;
      if (content.empty() && static_cast<std::size_t>(got) == buffer.size())
        most = npy_bytes({buffer.data(), buffer.size()}, place(array));
      unpacked_.add(static_cast<std::size_t>(got));
      content.append(buffer.data(), static_cast<std::size_t>(got));
      if (content.size() > most) break;
    }
    return content;
  }

  std::string name_;
  std::string content_;
  mutable UnpackedBytes unpacked_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive_{nullptr, zip_discard};
  std::vector<std::string> names_;
  std::unordered_map<std::string, zip_uint64_t> positions_;
};

std::string npy_content(const Array& array) {
  const Eigen::MatrixXd& values = array.values;
  const std::vector<std::size_t> shape = {static_cast<std::size_t>(values.rows()),
                                          static_cast<std::size_t>(values.cols())};
  std::string content = npy_header("<f8", true, {shape.begin(), shape.begin() + array.dimensions});
  static_assert(std::endian::native == std::endian::little);
  content.append(reinterpret_cast<const char*>(values.data()),
                 static_cast<std::size_t>(values.size()) * sizeof(double));
  return content;
}

// An uncompressed .npz file of these .npy files.
std::string packed(const std::map<std::string, std::string>& contents) {
  if (contents.empty())
    throw std::invalid_argument("write_npz: there are no arrays, and libzip writes no empty archive");
  const auto check = [&](bool good) {
    if (!good) throw std::runtime_error("libzip cannot build the archive");
  };
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> target(zip_source_buffer_create(nullptr, 0, 0, &error),
                                                                      zip_source_free);
  check(target != nullptr);
  zip_source_keep(target.get());
  std::unique_ptr<zip_t, void (*)(zip_t*)> archive(zip_open_from_source(target.get(), ZIP_TRUNCATE, &error),
                                                   zip_discard);
  check(archive != nullptr);
  for (const auto& [name, npy] : contents) {
    zip_source_t* source = zip_source_buffer(archive.get(), npy.data(), npy.size(), 0);
    const zip_int64_t index =
        zip_file_add(archive.get(), (name + std::string(kSuffix)).c_str(), source, ZIP_FL_ENC_UTF_8);
    check(index >= 0);
    const auto entry = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t first_of_january_1980 = (1 << 5) | 1;
    check(zip_set_file_compression(archive.get(), entry, ZIP_CM_STORE, 0) == 0);
    check(zip_file_set_dostime(archive.get(), entry, 0, first_of_january_1980, 0) == 0);
  }
  check(zip_close(archive.get()) == 0);
  archive.release();

  check(zip_source_open(target.get()) == 0);
  zip_source_seek(target.get(), 0, SEEK_END);
  std::string content(static_cast<std::size_t>(zip_source_tell(target.get())), '\0');
  zip_source_seek(target.get(), 0, SEEK_SET);
  check(zip_source_read(target.get(), content.data(), content.size()) == static_cast<zip_int64_t>(content.size()));
  zip_source_close(target.get());
  return content;
}

Task task_from(const Array& X, const Array& y, const std::string& name, const std::string& file) {
  if (y.values.cols() != 1 || y.values.rows() != X.values.rows())
    throw DataError(fmt::format("{}: task \"{}\" has {} x {} features but {} x {} labels; one label a row is needed",
                                file, name, X.values.rows(), X.values.cols(), y.values.rows(), y.values.cols()));
  return {name, X.values, y.values.col(0)};
}

TaskSet tasks_by_row(const Task& all, const Array& task_of_row, const std::string& file) {
  if (task_of_row.values.cols() != 1 || task_of_row.values.rows() != all.rows())
    throw DataError(fmt::format("{}: array \"task\" is {} x {} for {} rows of X", file, task_of_row.values.rows(),
                                task_of_row.values.cols(), all.rows()));
  std::vector<std::vector<Eigen::Index>> rows;
  std::vector<double> numbers;
  std::unordered_map<double, std::size_t> position;
  for (Eigen::Index r = 0; r < all.rows(); ++r) {
    const double number = task_of_row.values(r, 0);
    if (number != std::round(number) || !std::isfinite(number))
      throw DataError(
          fmt::format("{}: array \"task\" holds {} at row {}; whole numbers name the tasks", file, number, r));
    const auto [entry, added] = position.try_emplace(number, rows.size());
    if (added) {
      rows.emplace_back();
      numbers.push_back(number);
    }
    rows[entry->second].push_back(r);
  }
  TaskSet tasks;
  for (std::size_t t = 0; t < rows.size(); ++t) {
    tasks.tasks.push_back(select_rows(all, rows[t]));
    tasks.tasks.back().name = fmt::format("{:.0f}", numbers[t]);
  }
  return tasks;
}

}  // namespace

std::vector<std::string> npz_names(const std::filesystem::path& path) {
  return Archive(path).names();
}

std::map<std::string, Array> read_npz(const std::filesystem::path& path, const std::vector<std::string>& names) {
  const Archive archive(path);
  std::map<std::string, Array> arrays;
  for (const std::string& name : names.empty() ? archive.names() : names) arrays[name] = archive.read(name);
  return arrays;
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays) {
  std::map<std::string, std::string> contents;
  for (const auto& [name, array] : arrays) contents[name] = npy_content(array);
  write_file(path, packed(contents));
}

std::map<std::string, NdArray> read_npz_arrays(const std::filesystem::path& path) {
  return parse_npz_arrays(read_file(path), path.string());
}

std::map<std::string, NdArray> parse_npz_arrays(std::string content, const std::string& name) {
  const Archive archive(std::move(content), name);
  std::map<std::string, NdArray> arrays;
  for (const std::string& array : archive.names()) arrays[array] = archive.read_array(array);
  return arrays;
}

std::string format_npz(const std::map<std::string, NdArray>& arrays) {
  std::map<std::string, std::string> contents;
  for (const auto& [name, array] : arrays) contents[name] = format_npy(array);
  return packed(contents);
}

TaskSet read_npz_tasks(const std::filesystem::path& path) {
  const Archive archive(path);
  const std::string file = path.string();
  if (archive.holds("X") && archive.holds("y")) {
    const Task all = task_from(archive.read("X"), archive.read("y"), "all", file);
    return checked_tasks(archive.holds("task") ? tasks_by_row(all, archive.read("task"), file) : TaskSet{all}, path);
  }
  TaskSet tasks;
  for (std::size_t t = 0; archive.holds(fmt::format("X{}", t)) && archive.holds(fmt::format("y{}", t)); ++t)
    tasks.tasks.push_back(
        task_from(archive.read(fmt::format("X{}", t)), archive.read(fmt::format("y{}", t)), std::to_string(t), file));
  if (tasks.size() == 0)
    throw DataError(fmt::format("{}: holds {}; expected X, y and perhaps task, or X0, y0, X1, y1, ...", file,
                                listed(archive.names())));
  return checked_tasks(std::move(tasks), path);
}

}  // namespace crosstalk::data
