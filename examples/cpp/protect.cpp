// Changes the images of a folder (with labels.csv: file, and a column a label) so that a model cannot learn the labels.
//   protect PHOTOS OUT
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <crosstalk/image/codec.hpp>
#include <crosstalk/image/folder_set.hpp>
#include <crosstalk/image/method.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: protect PHOTOS OUT\n"), 2;
  const image::FolderSet photos = image::open_folder(argv[1]);
  const image::Source& source = *photos.source;
  image::MethodOptions options = {.name = image::MethodName::Lsp, .epsilon = 8};
  for (std::size_t k = 0; k < source.tasks().size(); ++k)
    if (source.tasks()[k].has_classes()) options.tasks.push_back(k);
  const auto method = image::make_method(source, options);

  const std::filesystem::path out = argv[2];
  std::filesystem::create_directories(out);
  image::ChangeMeter change;
  constexpr std::size_t at_a_time = 64;
  for (std::size_t first = 0; first < source.size(); first += at_a_time) {
    const image::Batch original = source.read(first, std::min(at_a_time, source.size() - first));
    const image::Batch published = image::protect(original, *method);
    change.add(original.pixels, published.pixels);
    for (std::size_t row = 0; row < published.size(); ++row)
      std::ofstream(out / (std::to_string(first + row) + ".png"), std::ios::binary)
          << image::encode_png(published.shape, published.image(row));
  }
  std::printf("%zu images, %zu labels protected; no pixel moved by more than %d of 255 levels, PSNR %.1f dB\n",
              source.size(), options.tasks.size(), change.largest(), change.psnr());
}
