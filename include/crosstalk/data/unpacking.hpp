#pragma once

#include <cstddef>
#include <string>

namespace crosstalk::data {

/// Bytes that one packed or sparse file (.gz, .npz, .mat, svmlight) may unpack to: what was set last, else half of the memory that this
/// process may use. Of the machine, its control group and RLIMIT_AS, the smallest counts.
std::size_t most_unpacked_bytes();
void set_most_unpacked_bytes(std::size_t bytes);

/// Counts what a file unpacks to.
class UnpackedBytes {
 public:
  explicit UnpackedBytes(std::string name) : name_(std::move(name)) {}
  /// @throws DataError naming the file and the limit, when more bytes than most_unpacked_bytes have been added.
  void add(std::size_t bytes);

 private:
  std::string name_;
  std::size_t most_ = most_unpacked_bytes();
  std::size_t bytes_ = 0;
};

}  // namespace crosstalk::data
