#include "crosstalk/image/public_sets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/resize.hpp"
#include "dense_map.hpp"
#include "file_set.hpp"
#include "label_table.hpp"
#include "photo_part.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

// Lines of a file that are not empty, with their numbers.
struct Line {
  std::size_t number;
  std::vector<std::string> words;
};

std::vector<Line> lines_of(const FileStore& store, const std::string& file) {
  if (!store.holds(file)) throw DataError(fmt::format("{}: holds no {}", store.name(), file));
  std::istringstream stream(store.read(file));
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::string text; std::getline(stream, text);) {
    Line line{++number, {}};
    std::istringstream words(text);
    for (std::string word; words >> word;) line.words.push_back(word);
    if (!line.words.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> no_and_yes() {
  return {"no", "yes"};
}

// The images of `wanted`, in the order of its list, and a row of labels each.
void add_images(FilePlan& plan, const std::vector<std::string>& wanted, const std::string& folder,
                const std::map<std::string, std::vector<double>>& labels, const std::string& list) {
  plan.maps.resize(plan.tasks.size());
  plan.labels.resize(static_cast<Eigen::Index>(wanted.size()), static_cast<Eigen::Index>(plan.tasks.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto found = labels.find(wanted[i]);
    if (found == labels.end())
      throw DataError(fmt::format("{}: names {}, which has no labels", plan.store->place(list), wanted[i]));
    plan.files.push_back(folder + wanted[i]);
    if (!plan.store->holds(plan.files.back()))
      throw DataError(fmt::format("{}: names {}, which is not there", plan.store->place(list),
                                  plan.store->place(plan.files.back())));
    for (std::size_t k = 0; k < plan.tasks.size(); ++k)
      plan.labels(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) = found->second[k];
  }
  if (wanted.empty()) throw DataError(plan.store->place(list) + ": names no image of this part");
}

constexpr std::array<const char*, 14> kFindings = {
    "Atelectasis", "Cardiomegaly", "Effusion",           "Infiltration",  "Mass",
    "Nodule",      "Pneumonia",    "Pneumothorax",       "Consolidation", "Edema",
    "Emphysema",   "Fibrosis",     "Pleural_Thickening", "Hernia"};

// "A|B", or "No Finding"
std::vector<double> findings_in(const std::string& cell, const std::string& place) {
  std::vector<double> labels(kFindings.size(), 0.0);
  std::istringstream words(cell);
  for (std::string word; std::getline(words, word, '|');) {
    if (word == "No Finding") continue;
    const auto* const found = std::find(kFindings.begin(), kFindings.end(), word);
    if (found == kFindings.end())
      throw DataError(fmt::format("{}: {} is none of {} and \"No Finding\"", place, data::in_quotes(word),
                                  fmt::join(kFindings, ", ")));
    labels[static_cast<std::size_t>(found - kFindings.begin())] = 1.0;
  }
  return labels;
}

// Images and maps from one .npy file each.
class NyuSet : public Source {
 public:
  NyuSet(fs::path folder, std::vector<std::string> names, const Size& size)
      : folder_(std::move(folder)), names_(std::move(names)), shape_{3, size.height, size.width} {
    const data::NdArray first = array("image", 0);
    native_ = {first.shape[0], first.shape[1]};
  }

  [[nodiscard]] std::size_t size() const override { return names_.size(); }
  [[nodiscard]] Shape shape() const override { return shape_; }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return tasks_; }
  [[nodiscard]] std::string stem(std::size_t index) const override { return stem_of(names_[index]); }

  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    require_range(*this, first, count);
    Batch batch{first,
                shape_,
                {},
                Eigen::MatrixXd::Constant(static_cast<Eigen::Index>(count), 3, kMissing),
                std::vector<Maps>(3)};
    for (std::size_t i = first; i < first + count; ++i) {
      const Picture picture = photo(i);
      batch.pixels.insert(batch.pixels.end(), picture.pixels.begin(), picture.pixels.end());
      for (std::size_t k = 0; k < tasks_.size(); ++k) {
        const auto map = resized_map(this->map(k, i), native_, {shape_.height, shape_.width});
        batch.maps[k].insert(batch.maps[k].end(), map.begin(), map.end());
      }
    }
    return batch;
  }

 private:
  static constexpr std::size_t kClasses = 13;

  [[nodiscard]] data::NdArray array(const char* kind, std::size_t i) const {
    const fs::path file = folder_ / kind / names_[i];
    data::NdArray array = data::parse_npy_array(data::read_file(file), file.string());
    const std::string_view name = kind;
    const std::size_t channels = name == "image" || name == "normal" ? 3 : 1;
    const bool flat = channels == 1 && array.shape.size() == 2;
    const bool good = flat || (array.shape.size() == 3 && array.shape[2] == channels);
    if (!good || array.size() == 0)
      throw DataError(fmt::format("{}: is not an array of H x W x {}", file.string(), channels));
    if (native_.height != 0 && Size{array.shape[0], array.shape[1]} != native_)
      throw DataError(fmt::format("{}: has {} x {} pixels, the first image {} x {}", file.string(), array.shape[1],
                                  array.shape[0], native_.width, native_.height));
    return array;
  }

  [[nodiscard]] Picture photo(std::size_t i) const {
    const data::NdArray array = this->array("image", i);
    const std::size_t plane = native_.height * native_.width;
    Picture picture{{3, native_.height, native_.width}, std::vector<std::uint8_t>(3 * plane)};
    for (std::size_t p = 0; p < plane; ++p)
      for (std::size_t c = 0; c < 3; ++c) {
        const double value = array.value(3 * p + c);
        if (!(value >= 0.0 && value <= 1.0))
          throw DataError(
              fmt::format("{}: holds {}; 0 to 1 are expected", (folder_ / "image" / names_[i]).string(), value));
        picture.pixels[c * plane + p] = static_cast<std::uint8_t>(std::lround(255.0 * value));
      }
    return picture.shape == shape_ ? picture : resized(picture, {shape_.height, shape_.width});
  }

  [[nodiscard]] std::vector<float> map(std::size_t k, std::size_t i) const {
    constexpr std::array<const char*, 3> folders = {"label", "depth", "normal"};
    const data::NdArray array = this->array(folders[k], i);
    const std::size_t plane = native_.height * native_.width;
    const std::size_t channels = tasks_[k].map_channels();
    std::vector<float> values(channels * plane, static_cast<float>(kMissing));
    for (std::size_t p = 0; p < plane; ++p) {
      if (tasks_[k].kind == Kind::Normals) {
        const std::array<double, 3> normal = {array.value(3 * p), array.value(3 * p + 1), array.value(3 * p + 2)};
        const double length = std::hypot(normal[0], normal[1], normal[2]);
        for (std::size_t c = 0; c < 3 && length > 0.0; ++c)
          values[c * plane + p] = static_cast<float>(normal[c] / length);
        continue;
      }
      const double value = array.value(p);
      const bool here = tasks_[k].kind == Kind::Depth
                            ? value > 0.0
                            : value >= 0.0 && value < static_cast<double>(kClasses) && value == std::floor(value);
      if (here) values[p] = static_cast<float>(value);
    }
    return values;
  }

  static std::vector<std::string> classes() {
    std::vector<std::string> names;
    for (std::size_t c = 0; c < kClasses; ++c) names.push_back(std::to_string(c));
    return names;
  }

  fs::path folder_;
  std::vector<std::string> names_;
  std::vector<TaskInfo> tasks_ = {
      {"segmentation", Kind::Segmentation, classes()}, {"depth", Kind::Depth}, {"normals", Kind::Normals}};
  Shape shape_;
  Size native_ = {};  // of the files
};

}  // namespace

FolderSet open_celeba(const fs::path& folder, bool test, const PhotoOptions& options, const RunControl& control) {
  const std::string attributes = "list_attr_celeba.txt";
  const std::string partition = "list_eval_partition.txt";
  FilePlan plan;
  plan.store = open_folder_store(folder);
  plan.centre = 140;
  const auto lines = lines_of(*plan.store, attributes);
  if (lines.size() < 2) throw DataError(plan.store->place(attributes) + ": has no line of names");
  for (const std::string& name : lines[1].words) plan.tasks.push_back({name, Kind::Binary, no_and_yes()});
  std::map<std::string, std::vector<double>> labels;
  for (std::size_t l = 2; l < lines.size(); ++l) {
    const Line& line = lines[l];
    std::vector<double> row;
    for (std::size_t w = 1; w < line.words.size(); ++w)
      if (line.words[w] == "1" || line.words[w] == "-1") row.push_back(line.words[w] == "1" ? 1.0 : 0.0);
    if (row.size() != plan.tasks.size() || line.words.size() != row.size() + 1)
      throw DataError(fmt::format("{}:{}: is not an image and {} numbers, each 1 or -1", plan.store->place(attributes),
                                  line.number, plan.tasks.size()));
    labels[line.words.front()] = std::move(row);
  }
  std::vector<std::string> wanted;
  for (const Line& line : lines_of(*plan.store, partition)) {
    if (line.words.size() != 2 || line.words[1].size() != 1 || line.words[1] < "0" || line.words[1] > "2")
      throw DataError(fmt::format("{}:{}: is not an image and 0, 1 or 2", plan.store->place(partition), line.number));
    if (line.words[1] == (test ? "2" : "0")) wanted.push_back(line.words[0]);
  }
  add_images(plan, wanted, "img_align_celeba/", labels, partition);
  return open_part(std::move(plan), options, control);
}

FolderSet open_chestxray14(const fs::path& folder, bool test, const PhotoOptions& options, const RunControl& control) {
  FilePlan plan;
  plan.store = open_folder_store(folder);
  for (const char* finding : kFindings) plan.tasks.push_back({finding, Kind::Binary, no_and_yes()});
  const std::string table =
      plan.store->holds("Data_Entry_2017.csv") ? "Data_Entry_2017.csv" : "Data_Entry_2017_v2020.csv";
  if (!plan.store->holds(table)) throw DataError(fmt::format("{}: holds no Data_Entry_2017.csv", plan.store->name()));
  const std::string text = plan.store->read(table);
  data::CsvScanner scanner(text, plan.store->place(table));
  std::vector<std::string_view> cells;
  std::map<std::string, std::vector<double>> labels;
  if (!scanner.next(cells) || cells.size() < 2 || cells[0] != "Image Index" || cells[1] != "Finding Labels")
    throw DataError(plan.store->place(table) + ": does not begin with the columns Image Index and Finding Labels");
  while (scanner.next(cells)) {
    const std::string place = fmt::format("{}:{}", plan.store->place(table), scanner.line());
    if (cells.size() < 2) throw DataError(place + ": has no findings");
    labels[std::string(cells[0])] = findings_in(std::string(cells[1]), place);
  }
  const std::string list = test ? "test_list.txt" : "train_val_list.txt";
  std::vector<std::string> wanted;
  for (const Line& line : lines_of(*plan.store, list)) wanted.push_back(line.words.front());
  add_images(plan, wanted, "images/", labels, list);
  return open_part(std::move(plan), options, control);
}

FolderSet open_nyuv2(const fs::path& folder, bool test, const PhotoOptions& options, const RunControl& control) {
  const fs::path part = folder / (test ? "val" : "train");
  std::error_code error;
  std::vector<std::pair<std::size_t, std::string>> found;  // by length, then name: 2.npy before 10.npy
  for (fs::directory_iterator at(part / "image", error), end; !error && at != end; at.increment(error))
    if (const std::string name = at->path().filename().string(); name.ends_with(".npy"))
      found.emplace_back(name.size(), name);
  if (error) throw DataError(fmt::format("{}: {}", (part / "image").string(), error.message()));
  if (found.empty()) throw DataError(fmt::format("{}: holds no .npy file", (part / "image").string()));
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (const std::size_t i : drawn_part(found.size(), options, part.string())) names.push_back(found[i].second);
  FolderSet set{std::make_unique<NyuSet>(part, names, options.size), {}};
  for (std::size_t i = 0; i < set.source->size(); ++i) {  // a bad file is told now, not in the middle of a run
    static_cast<void>(set.source->read(i, 1));
    if (control.progress)
      control.progress(static_cast<double>(i + 1) / static_cast<double>(names.size()), "checking images");
  }
  return set;
}

}  // namespace crosstalk::image
