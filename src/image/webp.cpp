#include <algorithm>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "codec.hpp"
#include "crosstalk/error.hpp"

#ifdef CROSSTALK_HAS_WEBP
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>
#endif

namespace crosstalk::image {

#ifdef CROSSTALK_HAS_WEBP

namespace {

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string chunk_in(const WebPDemuxer* demuxer, const char* name) {
  WebPChunkIterator chunk{};
  std::string content;
  if (WebPDemuxGetChunk(demuxer, name, 1, &chunk) != 0)
    content.assign(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  WebPDemuxReleaseChunkIterator(&chunk);
  return content;
}

Metadata metadata_in(std::string_view content) {
  const WebPData data{bytes_of(content), content.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data), WebPDemuxDelete);
  if (demuxer == nullptr) return {};
  Metadata metadata = {chunk_in(demuxer.get(), "ICCP"), chunk_in(demuxer.get(), "EXIF")};
  constexpr std::string_view signature("Exif\0\0", 6);  // that some programs write before the structure
  if (metadata.exif.starts_with(signature)) metadata.exif.erase(0, signature.size());
  return metadata;
}

std::string with_chunks(std::string_view image, const Metadata& metadata) {
  const std::unique_ptr<WebPMux, void (*)(WebPMux*)> mux(WebPMuxNew(), WebPMuxDelete);
  const WebPData data{bytes_of(image), image.size()};
  if (mux == nullptr) throw std::bad_alloc();
  bool done = WebPMuxSetImage(mux.get(), &data, 1) == WEBP_MUX_OK;
  const auto add = [&](const char* name, const std::string& content) {
    const WebPData chunk{bytes_of(content), content.size()};
    done = done && (content.empty() || WebPMuxSetChunk(mux.get(), name, &chunk, 1) == WEBP_MUX_OK);
  };
  add("ICCP", metadata.icc);
  add("EXIF", metadata.exif);
  WebPData whole{nullptr, 0};
  done = done && WebPMuxAssemble(mux.get(), &whole) == WEBP_MUX_OK;
  std::string content(reinterpret_cast<const char*>(whole.bytes), done ? whole.size : 0);
  WebPDataClear(&whole);
  if (!done) throw std::runtime_error("encode_webp: libwebp does not write the metadata");
  return content;
}

}  // namespace

bool has_webp() {
  return true;
}

Photo decode_webp(std::string_view content, const std::string& name) {
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(bytes_of(content), content.size(), &features) != VP8_STATUS_OK)
    throw DataError(name + ": does not decode: no WebP header, or cut short");
  if (features.has_animation != 0) throw DataError(name + ": is an animation; a file must hold one picture");
  Photo photo;
  Shape& shape = photo.picture.shape;
  shape = {3, static_cast<std::size_t>(features.height), static_cast<std::size_t>(features.width)};
  require_readable(shape.width, shape.height, name);
  photo.opaque_alpha = features.has_alpha != 0;
  const std::size_t row = shape.width * (photo.opaque_alpha ? 4 : 3);
  std::vector<std::uint8_t> pixels(row * shape.height);
  const auto decode_into = photo.opaque_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode_into(bytes_of(content), content.size(), pixels.data(), pixels.size(), static_cast<int>(row)) == nullptr)
    throw DataError(name + ": does not decode: it is damaged or cut short");
  photo.picture.pixels = photo.opaque_alpha ? opaque_planes(pixels, shape, name) : planes_of(pixels, shape);
  photo.metadata = metadata_in(content);
  return photo;
}

std::string encode_photo_webp(const Picture& picture, const Encoding& encoding, const Metadata& metadata) {
  Picture colours = picture;
  if (picture.shape.channels == 1) {  // the format has no grey
    colours.shape.channels = 3;
    for (int copies = 0; copies < 2; ++copies)
      colours.pixels.insert(colours.pixels.end(), picture.pixels.begin(), picture.pixels.end());
  }
  const Shape& shape = colours.shape;
  constexpr std::size_t longest = WEBP_MAX_DIMENSION;
  if (std::max(shape.height, shape.width) > longest)
    throw std::invalid_argument(
        fmt::format("a WebP file holds {} pixels a side at most, not {} x {}", longest, shape.width, shape.height));
  const std::vector<std::uint8_t> interleaved = interleaved_of(colours.pixels, shape);
  std::uint8_t* bytes = nullptr;
  const std::size_t size =
      WebPEncodeRGB(interleaved.data(), static_cast<int>(shape.width), static_cast<int>(shape.height),
                    static_cast<int>(3 * shape.width), static_cast<float>(encoding.quality), &bytes);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(bytes, WebPFree);
  if (size == 0) throw std::runtime_error("encode_webp: libwebp does not write this picture");
  const std::string_view image(reinterpret_cast<const char*>(bytes), size);
  // A profile of grey levels would be one of colours now.
  const Metadata kept = {picture.shape.channels == 3 ? metadata.icc : "", metadata.exif};
  return kept.icc.empty() && kept.exif.empty() ? std::string(image) : with_chunks(image, kept);
}

#else

bool has_webp() {
  return false;
}

Photo decode_webp(std::string_view, const std::string&) {
  throw std::logic_error("decode_webp: without libwebp");
}

std::string encode_photo_webp(const Picture&, const Encoding&, const Metadata&) {
  throw std::logic_error("encode_webp: without libwebp");
}

#endif

}  // namespace crosstalk::image
