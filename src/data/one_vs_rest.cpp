#include "one_vs_rest.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "crosstalk/data/idx.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::data {

namespace {

// A random subset of the rows, in their order.
std::vector<std::size_t> draw(const std::vector<std::size_t>& rows, std::size_t count, Rng& rng) {
  std::vector<std::size_t> drawn;
  for (const std::size_t k : rng.permutation(rows.size())) {
    if (drawn.size() == count) break;
    drawn.push_back(rows[k]);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace

TaskSet one_vs_rest(const std::filesystem::path& images_path, const std::filesystem::path& labels_path,
                    const OneVsRestOptions& options) {
  const IdxArray labels = read_idx(labels_path);
  const IdxArray images = read_idx(images_path);
  if (labels.shape.size() != 1 || labels.size() != images.size() || images.item_bytes() == 0)
    throw DataError(fmt::format("{}: has {} images, but {} has {} labels", images_path.string(), images.size(),
                                labels_path.string(), labels.size()));
  std::vector<std::vector<std::size_t>> rows_of(256);
  for (std::size_t r = 0; r < labels.size(); ++r) rows_of[*labels.item(r)].push_back(r);
  const auto beyond = static_cast<std::ptrdiff_t>(options.class_names.size());
  if (beyond > 0 &&
      std::any_of(rows_of.begin() + beyond, rows_of.end(), [](const auto& rows) { return !rows.empty(); }))
    throw DataError(fmt::format("{}: has a label beyond {}", labels_path.string(), beyond - 1));

  TaskSet tasks;
  const auto width = static_cast<Eigen::Index>(images.item_bytes());
  for (std::size_t label = 0; label < rows_of.size(); ++label) {
    if (rows_of[label].empty()) continue;
    std::vector<std::size_t> others;
    for (std::size_t r = 0; r < labels.size(); ++r)
      if (*labels.item(r) != label) others.push_back(r);
    Rng rng = Rng::stream(options.seed, options.stream, label);
    std::vector<std::size_t> rows = draw(rows_of[label], options.rows_a_side, rng);
    const std::size_t positive = rows.size();
    const std::vector<std::size_t> negative = draw(others, options.rows_a_side, rng);
    rows.insert(rows.end(), negative.begin(), negative.end());

    Task task;
    task.name = options.class_names.empty() ? std::to_string(label) : options.class_names[label];
    task.features.resize(static_cast<Eigen::Index>(rows.size()), width);
    task.labels.resize(static_cast<Eigen::Index>(rows.size()));
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const auto r = static_cast<Eigen::Index>(k);
      const unsigned char* pixels = images.item(rows[k]);
      for (Eigen::Index j = 0; j < width; ++j) task.features(r, j) = pixels[j];
      task.labels[r] = k < positive ? 1.0 : -1.0;
    }
    tasks.tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace crosstalk::data
