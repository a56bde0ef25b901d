#pragma once

#include <memory>

#include "published_images.hpp"

namespace crosstalk::app {

/// The store that fits the source, in the session's folder of images.
std::unique_ptr<ImageStore> store_for(Session& session, const image::Source& source, const Publication& publication);

}  // namespace crosstalk::app
