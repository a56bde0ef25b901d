#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The readers of files that crosstalk has, each as a function of the bytes of one file: for libFuzzer (fuzz_main.cpp)
/// and for the ordinary tests (corpus_test.cpp).
namespace fuzz {

struct Reader {
  std::string name;  ///< also of its folder below tests/fuzz/corpus
  /// Reads the bytes as the command does, and uses what it has read. A crosstalk::DataError is a fine answer.
  void (*read)(std::string_view bytes);
};

/// All readers. Sets the limit on unpacked bytes (data::set_most_unpacked_bytes) to 64 MB.
const std::vector<Reader>& readers();
/// @throws std::invalid_argument naming the readers, for another name
const Reader& reader_named(const std::string& name);

/// Whether the bytes were read; false when they were refused with a DataError.
/// @throws every other exception of the reader.
bool accepts(const Reader& reader, std::string_view bytes);

/// A file without a name, for readers that take a path.
class NamelessFile {
 public:
  NamelessFile();
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;
  ~NamelessFile();
  /// Replaces its content. @return a path that opens it, for this process.
  std::filesystem::path holding(std::string_view bytes);

 private:
  int fd_;
};

/// Parts of a small audit and of a small reproduction as these write them, by reader ("audit_part",
/// "reproduction_part") and name: what seeds are made of.
std::vector<std::pair<std::string, std::string>> finished_parts_of(const std::string& reader);

void read_csv(std::string_view bytes);
void read_svmlight(std::string_view bytes);
void read_npy(std::string_view bytes);
void read_npz(std::string_view bytes);
void read_mat(std::string_view bytes);
void read_idx(std::string_view bytes);
void read_tar(std::string_view bytes);
void read_gz(std::string_view bytes);
void read_png(std::string_view bytes);
void read_jpeg(std::string_view bytes);
void read_webp(std::string_view bytes);
void read_exif(std::string_view bytes);
void read_map(std::string_view bytes);
void read_label_table(std::string_view bytes);

void read_model(std::string_view bytes);
void read_record(std::string_view bytes);
void read_config(std::string_view bytes);
void read_schema(std::string_view bytes);
void read_prices(std::string_view bytes);
void read_rows(std::string_view bytes);
void read_parts_mark(std::string_view bytes);
void read_audit_part(std::string_view bytes);
void read_reproduction_part(std::string_view bytes);

}  // namespace fuzz
