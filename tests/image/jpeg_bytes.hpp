#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>

namespace crosstalk::image {

/// A JPEG file of H x W x C levels: grey, RGB or CMYK.
inline std::string jpeg_file(unsigned width, unsigned height, std::vector<unsigned char> levels, int quality) {
  const std::size_t row = levels.size() / height;
  const std::size_t channels = row / width;
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = static_cast<int>(channels);
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (unsigned y = 0; y < height; ++y) {
    JSAMPROW pointer = levels.data() + y * row;
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string content(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&jpeg);
  std::free(buffer);
  return content;
}

/// The same of one even colour.
inline std::string jpeg_bytes(unsigned width, unsigned height, const std::vector<unsigned char>& colour) {
  std::vector<unsigned char> levels;
  for (unsigned p = 0; p < width * height; ++p) levels.insert(levels.end(), colour.begin(), colour.end());
  return jpeg_file(width, height, std::move(levels), 90);
}

}  // namespace crosstalk::image
