// Every seed and every input that once made a reader fail, through the readers as libFuzzer calls them.

#include <algorithm>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "readers.hpp"
#include "support/process.hpp"

namespace fuzz {

namespace fs = std::filesystem;

namespace {

const fs::path& corpus() {
  static const fs::path folder = CROSSTALK_CORPUS;
  return folder;
}

std::vector<fs::path> inputs_of(const std::string& reader) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus() / reader)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Reader& reader : readers()) all.push_back(reader.name);
  return all;
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, IsReadOrRefused) {
  const Reader& reader = reader_named(GetParam());
  std::size_t seeds = 0;
  for (const fs::path& file : inputs_of(reader.name)) {
    const std::string name = file.filename().string();
    try {
      const bool accepted = accepts(reader, test_support::read_file(file));
      if (name.starts_with("seed-")) {
        EXPECT_TRUE(accepted) << file << " is no sound file";
      }
      if (name.starts_with("refused-")) {
        EXPECT_FALSE(accepted) << file;
      }
      seeds += name.starts_with("seed-") ? 1U : 0U;
    } catch (const std::exception& error) {
      ADD_FAILURE() << file << ": " << error.what();
    }
  }
  EXPECT_GT(seeds, 0U);
}

INSTANTIATE_TEST_SUITE_P(Readers, Corpus, testing::ValuesIn(names()), [](const auto& suite) { return suite.param; });

TEST(Corpus, HasAFolderForEachReaderAndNoOther) {
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(corpus())) folders.insert(entry.path().filename().string());
  const auto all = names();
  EXPECT_EQ(folders, std::set<std::string>(all.begin(), all.end()));
}

TEST(Reader, AnotherExceptionIsNoRefusal) {
  const Reader refuses{"refuses", [](std::string_view) { throw crosstalk::DataError("f:1: is wrong"); }};
  const Reader fails{"fails", [](std::string_view) { throw std::out_of_range("at"); }};
  EXPECT_FALSE(accepts(refuses, ""));
  EXPECT_THROW(accepts(fails, ""), std::out_of_range);
}

TEST(Reader, ARefusalIsOneLineWhateverItNames) {
  EXPECT_STREQ(crosstalk::DataError("unknown task \"\r\n\x1b[31mr\"").what(), "unknown task \"???[31mr\"");
}

}  // namespace

}  // namespace fuzz
