#pragma once

#include <filesystem>

#include "crosstalk/data/dataset.hpp"

namespace crosstalk::data {

/// Makes of a known set's files, all in this folder, what its description promises.
Dataset load_known_set(const KnownSet& set, const std::filesystem::path& folder, const LoadOptions& options);

}  // namespace crosstalk::data
