#include "published_images.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/map_file.hpp"
#include "crosstalk/parallel.hpp"
#include "crosstalk/report/number.hpp"
#include "crosstalk/report/table.hpp"
#include "image_store.hpp"

namespace crosstalk::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "manifest.csv";

std::string label_text(const image::TaskInfo& task, double label) {
  if (image::is_missing(label)) return "";
  return task.has_classes() ? report::csv_field(task.classes[static_cast<std::size_t>(label)]) : report::exact(label);
}

// Where a dense task's maps go: below its name, if that can be the name of a folder.
std::string map_folder(const image::TaskInfo& task, std::size_t position) {
  const bool plain = std::all_of(task.name.begin(), task.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  const bool own = plain && !task.name.empty() && task.name.size() <= 100 && !task.name.starts_with("task-");
  return own ? "maps/" + task.name : fmt::format("maps/task-{}", position + 1);
}

std::span<const float> map_of(const image::Batch& batch, const image::TaskInfo& task, std::size_t k, std::size_t row) {
  const std::size_t values = image::map_values(task, batch.shape);
  return std::span(batch.maps[k]).subspan(row * values, values);
}

bool has_labels(std::span<const float> map) {
  return !std::all_of(map.begin(), map.end(), [](float value) { return std::isnan(value); });
}

}  // namespace

PublishedImages::PublishedImages(Session& session, const image::Source& source, const Publication& publication)
    : session_(session), source_(source), photos_(publication.photos), store_(store_for(session, source, publication)) {
  std::vector<std::string> files = store_->files();
  const bool maps = source.container() == nullptr;  // else they are in its file
  for (std::size_t k = 0; maps && k < source.tasks().size(); ++k) {
    if (!source.tasks()[k].is_dense()) continue;
    files.push_back(fmt::format("{}/{}", map_folder(source.tasks()[k], k), image::kClassNames));
    for (std::size_t i = 0; i < source.size(); ++i) files.push_back(map_file(k, i));
  }
  const std::set<std::string> own(files.begin(), files.end());
  if (own.size() != files.size())
    throw DataError("images of this set lie in the folder \"maps\", where the maps of its tasks go; rename the folder");
  require_own(own, "");
  session.folder().remove(fs::path(kFolder) / kManifest);
  manifest_ = maps ? "file,index,sha256" : "index,sha256";
  for (const image::TaskInfo& task : source.tasks())
    if (maps || !task.is_dense()) manifest_.append(",").append(report::csv_field(task.name));
  manifest_ += "\n";
}

void PublishedImages::require_own(const std::set<std::string>& own, const fs::path& below) const {
  for (const std::string& name : session_.folder().entries(kFolder / below)) {
    const fs::path file = below / name;
    if (session_.folder().is_folder(kFolder / file))
      require_own(own, file);
    else if (file != kManifest && !own.contains(file.generic_string()))
      throw DataError(fmt::format("--out: {} is there already and is no part of this set; choose another folder",
                                  session_.path(kFolder / file).string()));
  }
}

std::string PublishedImages::map_file(std::size_t task, std::size_t index) const {
  const image::TaskInfo& info = source_.tasks()[task];
  return fmt::format("{}/{}{}", map_folder(info, task), source_.stem(index), image::map_extension(info));
}

std::vector<std::pair<fs::path, std::string>> PublishedImages::maps_of(const image::Batch& original,
                                                                       std::size_t row) const {
  std::vector<std::pair<fs::path, std::string>> files;
  const std::size_t index = original.first + row;
  std::optional<image::Shape> own;  // of the photo
  for (std::size_t k = 0; k < original.maps.size(); ++k) {
    const image::TaskInfo& task = source_.tasks()[k];
    if (!task.is_dense()) continue;
    const auto map = map_of(original, task, k, row);
    if (!has_labels(map)) continue;
    const fs::path file = fs::path(kFolder) / map_file(k, index);
    if (photos_ == nullptr) {
      files.emplace_back(file, image::encode_map(task, original.shape, map));
    } else {
      if (!own) own = photos_->photo(index).picture.shape;
      files.emplace_back(file, image::encode_map(task, *own, photos_->map(k, index, *own)));
    }
  }
  return files;
}

void PublishedImages::write(const image::Batch& original, std::span<const float> changes, int threads,
                            const std::function<void(std::size_t)>& tell) {
  const std::vector<std::string> hashes = store_->write(original, changes, threads, tell);
  const bool maps = source_.container() == nullptr;
  if (maps && !original.maps.empty()) {
    std::vector<std::vector<std::pair<fs::path, std::string>>> files(original.size());
    parallel_for(original.size(), threads, [&](std::size_t row) { files[row] = maps_of(original, row); });
    std::vector<std::pair<fs::path, std::string>> all;
    for (auto& of_row : files) std::ranges::move(of_row, std::back_inserter(all));
    session_.write_all(all);
  }
  for (std::size_t row = 0; row < original.size(); ++row) {
    const std::size_t index = original.first + row;
    manifest_ += fmt::format("{}{},{}", store_->file_cell(index), index, hashes[row]);
    for (std::size_t k = 0; k < source_.tasks().size(); ++k) {
      const image::TaskInfo& task = source_.tasks()[k];
      if (task.is_dense() && !maps) continue;
      manifest_ += ',';
      if (!task.is_dense())
        manifest_ += label_text(task, original.label(row, k));
      else if (has_labels(map_of(original, task, k, row)))
        manifest_ += report::csv_field(map_file(k, index));
    }
    manifest_ += "\n";
  }
}

fs::path PublishedImages::finish() {
  store_->finish();
  for (std::size_t k = 0; k < source_.tasks().size(); ++k) {
    const image::TaskInfo& task = source_.tasks()[k];
    if (task.kind != image::Kind::Segmentation || source_.container() != nullptr) continue;
    std::string names;
    for (const std::string& name : task.classes) names.append(name).append("\n");
    session_.write(fs::path(kFolder) / map_folder(task, k) / image::kClassNames, names);
  }
  return session_.write(fs::path(kFolder) / kManifest, manifest_);
}

double PublishedImages::ssim() const {
  const Measured& measured = store_->measured();
  return measured.ssim_sum / static_cast<double>(measured.images);
}

void require_apart(const fs::path& input, const fs::path& output) {
  std::error_code ignored;
  const fs::path from = fs::weakly_canonical(input, ignored);
  const fs::path to = fs::weakly_canonical(output, ignored);
  if (fs::is_regular_file(from, ignored) && from.parent_path() == to)
    throw DataError(fmt::format("--out: {} would be replaced by what is published; choose another", input.string()));
  const fs::path way = to.lexically_relative(from);
  if (!way.empty() && *way.begin() != "..")
    throw DataError(
        fmt::format("--out: {} lies in the folder of the images, {}; choose another", output.string(), input.string()));
}

}  // namespace crosstalk::app
