#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "crosstalk/image/countermeasure.hpp"
#include "crosstalk/image/image_set.hpp"

namespace crosstalk::image {

/// The published images without what a learner takes for the protection, with their labels; both sets must outlive it.
/// The originals that the learner knows are drawn from `rows` with the seed; fewer are part of more. Nothing is read,
/// and no network trained, before the first image is.
///   pairs        x' - f(x'), f a U-Net [Ronneberger15] that learned x' - x from pairs of published and original image
///   class means  x' minus, for each task with classes, the mean of its class less the mean of all: of x' over `rows`,
///                or of x' - x over the pairs, where the mean of all is subtracted, too
/// @param rows  images that the learner trains on
/// @param device  where the network is trained, "cpu" or "cuda"
/// @throws std::invalid_argument for more pairs than rows.
std::unique_ptr<Source> restored_images(const Source& published, const Source& clean, std::vector<std::size_t> rows,
                                        const Restoration& restoration, std::uint64_t seed,
                                        const std::string& device = "cpu", std::stop_token stop = {});

}  // namespace crosstalk::image
