#pragma once

#include <filesystem>

#include "crosstalk/image/photo_sets.hpp"

namespace crosstalk::image {

// Sets that their owners hand out on terms of their own: crosstalk reads a copy that the user has. Each has a test
// part.

/// CelebA, aligned: img_align_celeba/*.jpg, list_attr_celeba.txt and list_eval_partition.txt. Forty binary tasks; of
/// each image the middle 140 x 140 pixels at options.size. The training part is partition 0, the test part 2.
/// @throws DataError when a list is missing or names an image that is not there.
FolderSet open_celeba(const std::filesystem::path& folder, bool test, const PhotoOptions& options,
                      const RunControl& control = {});

/// ChestX-ray14: images/*.png, Data_Entry_2017.csv (or _v2020), train_val_list.txt and test_list.txt. Fourteen binary
/// tasks, one a finding.
/// @throws DataError as above, also for a finding that is none of the fourteen.
FolderSet open_chestxray14(const std::filesystem::path& folder, bool test, const PhotoOptions& options,
                           const RunControl& control = {});

/// NYUv2 as multi-task learners use it: train/ and val/, each with image/, label/, depth/ and normal/ of N.npy, an
/// image H x W x 3 in [0, 1]. The tasks segmentation (13 classes; any other number: no label), depth (0 or less: none)
/// and normals (0, 0, 0: none), at options.size.
/// @throws DataError for arrays of another form or size.
FolderSet open_nyuv2(const std::filesystem::path& folder, bool test, const PhotoOptions& options,
                     const RunControl& control = {});

}  // namespace crosstalk::image
