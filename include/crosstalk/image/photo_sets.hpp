#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "crosstalk/image/folder_set.hpp"

namespace crosstalk::image {

struct PhotoOptions {
  Size size = {64, 64};                    ///< as FolderOptions::size
  std::optional<std::size_t> images = {};  ///< so many, drawn with the seed, in the set's order; none: all
  std::uint64_t seed = 1;
  bool skip_bad = false;
  int threads = 1;
};

/// CMU Face Images at half size, 624 grey photos of 60 x 64 pixels; the tasks person (20), pose (4), expression (4) and
/// sunglasses (2). The files hold 0 to 153; the level v becomes round(255 v / 153).
/// @param folder  with cmu_faces_half.idx3-ubyte.gz and labels.csv.
/// @throws DataError when the files are no such set.
FolderSet open_cmu_faces(const std::filesystem::path& folder);

/// UTKFace, aligned and cropped; the tasks age (9 bins), race (5) and gender (2) from the files' names.
/// @param tar  of the photos. @throws DataError as open_tar does, or when the set has not so many images.
FolderSet open_utkface(const std::filesystem::path& tar, const PhotoOptions& options, const RunControl& control = {});

/// Oxford-IIIT Pet, or a part of it: photos in images/, annotations/list.txt and annotations/trimaps/; the tasks breed
/// and species from the list, segmentation (pet, background, border) from the trimap.
/// @param tar  of the two folders. @throws DataError as open_tar does, or when the list names no photo of it.
FolderSet open_pets(const std::filesystem::path& tar, const PhotoOptions& options, const RunControl& control = {});

}  // namespace crosstalk::image
