// Damaged files of every format: whatever the damage, a reader either succeeds or throws a DataError.

#include <functional>

#include <gtest/gtest.h>

#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/files.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/data/mat.hpp"
#include "crosstalk/data/npy.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"
#include "gzip.hpp"
#include "mat_bytes.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

struct Format {
  std::string name;
  std::string valid;
  std::function<void(const std::filesystem::path&)> read;
};

std::vector<Format> formats() {
  const TemporaryFolder folder;
  const Eigen::MatrixXd X = Eigen::MatrixXd::Ones(4, 3);
  write_npz(folder / "f.npz", {{"X", {X, 2}}, {"y", {X.col(0), 1}}, {"task", {X.col(0), 1}}});
  const std::string npz = read_file(folder / "f.npz");
  const std::string npy = npz.substr(npz.find("\x93NUMPY"), 224);
  const std::string csv = "task;label;x;\"y\"\na;1;2.5e3;\"u\"\"v\"\nb;-1;3;w\n\"a\";1;4;w\r\n";
  const auto read_table = [](const auto& path) { read_csv(path, {.task_column = "task"}); };
  const auto read_variables = [](const auto& path) {
    read_mat(path);
    read_mat_tasks(path);
  };
  return {
      {"csv", csv, read_table},
      {"csv_gz", deflated(csv), read_table},
      {"npy", npy, [](const auto& path) { read_npy(path); }},
      {"npz", npz,
       [](const auto& path) {
         read_npz(path);
         read_npz_tasks(path);
       }},
      {"mat", mat::file(mat::two_tasks() + mat::sparse("s")), read_variables},
      {"mat_compressed", mat::file(mat::two_tasks("X", "Y", true) + mat::compressed(mat::sparse("s"))), read_variables},
      {"idx", std::string("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\3abcdef", 22), [](const auto& path) { read_idx(path); }}};
}

// Cut off, or with a few bytes changed: to the values that lies about sizes are made of, or to anything.
std::string damaged(std::string content, Rng& rng) {
  if (rng.below(5) == 0) return content.substr(0, rng.below(content.size()));
  if (rng.below(10) == 0) {
    const std::size_t from = rng.below(content.size());
    content.insert(rng.below(content.size()), content.substr(from, rng.below(40)));
  }
  constexpr unsigned char telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"', '\n', ','};
  for (std::size_t changes = 1 + rng.below(6); changes > 0; --changes) {
    const std::size_t at = rng.below(content.size());
    content[at] = static_cast<char>(rng.below(2) == 0 ? telling[rng.below(std::size(telling))] : rng.below(256));
  }
  return content;
}

class DamagedFile : public testing::TestWithParam<Format> {};

TEST_P(DamagedFile, ReadsOrThrowsDataError) {
  constexpr int files = 3000;
  const TemporaryFolder folder;
  ASSERT_NO_THROW(GetParam().read(folder.write("f", GetParam().valid)));
  Rng rng = Rng::stream(1, GetParam().name);
  int refused = 0;
  for (int i = 0; i < files; ++i) {
    const std::string content = damaged(GetParam().valid, rng);
    try {
      GetParam().read(folder.write("f", content));
    } catch (const DataError& error) {
      ++refused;
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    } catch (const std::exception& error) {
      FAIL() << "file " << i << " is refused with another exception: " << error.what();
    }
  }
  EXPECT_GT(refused, files / 4);  // the damage does reach the parsers
}

INSTANTIATE_TEST_SUITE_P(Formats, DamagedFile, testing::ValuesIn(formats()),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace crosstalk::data
