#include "crosstalk/image/photo_sets.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/error.hpp"
#include "file_set.hpp"
#include "label_table.hpp"
#include "photo_part.hpp"

namespace crosstalk::image {

namespace fs = std::filesystem;

namespace {

struct Pet {
  std::string breed;
  bool dog = false;
};

// Lines "NAME CLASS SPECIES BREED", # before a comment; the breed's name is that of the image without its number.
std::map<std::string, Pet> read_pets(const FileStore& store) {
  const std::string list = "annotations/list.txt";
  if (!store.holds(list)) throw DataError(fmt::format("{}: holds no {}", store.name(), list));
  std::map<std::string, Pet> pets;
  std::istringstream lines(store.read(list));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string name;
    int id = 0;
    int species = 0;
    if (!(fields >> name >> id >> species) || species < 1 || species > 2 || name.rfind('_') == std::string::npos)
      throw DataError(fmt::format("{}:{}: {} is not a name, a class and a species of 1 or 2", store.place(list), number,
                                  data::in_quotes(line)));
    pets[name] = {name.substr(0, name.rfind('_')), species == 2};
  }
  return pets;
}

}  // namespace

FolderSet open_cmu_faces(const fs::path& folder) {
  constexpr unsigned char white = 153;
  const fs::path path = folder / "cmu_faces_half.idx3-ubyte.gz";
  const fs::path labels = folder / "labels.csv";
  const data::IdxArray photos = data::read_idx(path);
  if (photos.shape.size() != 3 || photos.shape[1] != 60 || photos.shape[2] != 64)
    throw DataError(path.string() + ": does not hold images of 64 x 60 pixels");
  const LabelTable table = read_label_table(data::read_file(labels), labels.string(), FileColumn::PassedOver);
  if (table.rows.size() != photos.size())
    throw DataError(fmt::format("{}: has {} rows for {} images", labels.string(), table.rows.size(), photos.size()));

  const std::size_t n = photos.size();
  Batch images{0, {1, 60, 64}, {}, Eigen::MatrixXd(static_cast<Eigen::Index>(n), 4), {}};
  images.pixels.reserve(n * images.shape.values());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t p = 0; p < images.shape.values(); ++p) {
      const unsigned level = photos.item(i)[p];
      if (level > white)
        throw DataError(fmt::format("{}: image {} has the level {}; 0 to 153 are expected", path.string(), i, level));
      images.pixels.push_back(static_cast<std::uint8_t>((2 * 255 * level + white) / (2 * white)));
    }
  std::vector<TaskInfo> tasks;
  for (const char* column : {"person", "pose", "expression", "eyes"}) {
    const auto found = std::find(table.tasks.begin(), table.tasks.end(), column);
    if (found == table.tasks.end())
      throw DataError(
          fmt::format("{}: no column \"{}\"; there are {}", labels.string(), column, data::listed(table.tasks)));
    Eigen::MatrixXd all(images.labels.rows(), static_cast<Eigen::Index>(table.tasks.size()));
    const auto position = found - table.tasks.begin();
    tasks.push_back(read_column(table, static_cast<std::size_t>(position), all));
    images.labels.col(static_cast<Eigen::Index>(tasks.size()) - 1) = all.col(position);
  }
  tasks.back().name = "sunglasses";
  return {std::make_unique<MemorySet>(std::move(tasks), std::move(images)), {}};
}

FolderSet open_utkface(const fs::path& tar, const PhotoOptions& options, const RunControl& control) {
  return open_part(utkface_plan(open_tar_store(tar)), options, control);
}

FolderSet open_pets(const fs::path& tar, const PhotoOptions& options, const RunControl& control) {
  FilePlan plan;
  plan.store = open_tar_store(tar);
  const auto pets = read_pets(*plan.store);
  std::vector<Pet> found;
  MapFiles trimaps{{}, 1};
  for (const auto& [name, pet] : pets) {
    const std::string photo = fmt::format("images/{}.jpg", name);
    const std::string trimap = fmt::format("annotations/trimaps/{}.png", name);
    if (!plan.store->holds(photo)) continue;  // in another part of the set
    found.push_back(pet);
    plan.files.push_back(photo);
    trimaps.files.push_back(plan.store->holds(trimap) ? trimap : "");
  }
  if (found.empty()) throw DataError(plan.store->name() + ": annotations/list.txt names none of its images");

  std::set<std::string> breeds;
  for (const Pet& pet : found) breeds.insert(pet.breed);
  plan.tasks = {{"breed", Kind::Classes, {breeds.begin(), breeds.end()}},
                {"species", Kind::Binary, {"cat", "dog"}},
                {"segmentation", Kind::Segmentation, {"pet", "background", "border"}}};
  plan.maps = {{}, {}, std::move(trimaps)};
  plan.labels.setConstant(static_cast<Eigen::Index>(found.size()), 3, kMissing);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    plan.labels(row, 0) = static_cast<double>(std::distance(breeds.begin(), breeds.find(found[i].breed)));
    plan.labels(row, 1) = found[i].dog ? 1.0 : 0.0;
  }
  return open_part(std::move(plan), options, control);
}

}  // namespace crosstalk::image
