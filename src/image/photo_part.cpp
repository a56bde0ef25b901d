#include "photo_part.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

std::vector<std::size_t> drawn_part(std::size_t images, const PhotoOptions& options, const std::string& name) {
  if (!options.images) {
    std::vector<std::size_t> all(images);
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }
  if (*options.images > images)
    throw DataError(fmt::format("{}: has {} images; {} were asked for", name, images, *options.images));
  Rng rng = Rng::stream(options.seed, "photo-sets/part");
  std::vector<std::size_t> chosen = rng.permutation(images);
  chosen.resize(*options.images);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

FolderSet open_part(FilePlan plan, const PhotoOptions& options, const RunControl& control) {
  const auto chosen = drawn_part(plan.files.size(), options, plan.store->name());
  if (chosen.size() < plan.files.size()) keep_only(plan, chosen);
  FolderOptions reading;
  reading.skip_bad = options.skip_bad;
  reading.threads = options.threads;
  reading.size = options.size;
  return open_files(std::move(plan), reading, control);
}

}  // namespace crosstalk::image
