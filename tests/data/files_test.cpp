#include "crosstalk/data/files.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "crosstalk/data/unpacking.hpp"
#include "error_of.hpp"
#include "gzip.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919 % 100003) + "\n";
  return text;
}

class Files : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::string read_error(const std::string& name) {
    return error_of(folder.path().string(), [&] { read_file(folder / name); });
  }
};

TEST_F(Files, ReadBackWhatWasWritten) {
  const std::string content("zero \0 byte\r\n", 13);
  write_file(folder / "a.txt", content);
  EXPECT_EQ(read_file(folder / "a.txt"), content);
  write_file(folder / "a.txt", "");
  EXPECT_EQ(read_file(folder / "a.txt"), "");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST_F(Files, GzipIsKnownByItsContentNotItsName) {
  folder.write("packed.csv", deflated(long_text()));
  EXPECT_EQ(read_file(folder / "packed.csv"), long_text());
}

TEST_F(Files, GzipMembersFollowOneAnotherAndZerosPad) {
  folder.write("two.gz", deflated("one ") + deflated("two") + std::string(100, '\0'));
  EXPECT_EQ(read_file(folder / "two.gz"), "one two");
}

TEST_F(Files, NamesTruncatedGzip) {
  const std::string whole = deflated(long_text());
  for (const std::size_t size : {std::size_t{2}, std::size_t{11}, whole.size() / 2, whole.size() - 1}) {
    folder.write("cut.gz", whole.substr(0, size));
    EXPECT_EQ(read_error("cut.gz"), "cut.gz: the gzip data is cut short") << size;
  }
}

TEST_F(Files, NamesCorruptGzip) {
  std::string packed = deflated(long_text());
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);  // in the checksum
  folder.write("bad.gz", packed);
  EXPECT_EQ(read_error("bad.gz"), "bad.gz: the gzip data is corrupt (incorrect data check)");
  folder.write("rest.gz", deflated("one") + "garbage");
  EXPECT_EQ(read_error("rest.gz"), "rest.gz: the gzip data is corrupt (incorrect header check)");
}

TEST_F(Files, NamesWhatCannotBeRead) {
  EXPECT_EQ(read_error("absent"), "absent: No such file or directory");
  EXPECT_EQ(error_of("", [&] { read_file(folder.path()); }), folder.path().string() + ": Is a directory");
  EXPECT_EQ(error_of("", [] { read_file("/dev/zero"); }), "/dev/zero: is neither a file nor a pipe");
}

TEST_F(Files, NamesAForbiddenFile) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  ::chmod(folder.write("secret", "x").c_str(), 0);
  EXPECT_EQ(read_error("secret"), "secret: Permission denied");
}

TEST_F(Files, ReadsAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "through", 7), 7);
  ::close(ends[1]);
  EXPECT_EQ(read_file("/dev/fd/" + std::to_string(ends[0])), "through");
  ::close(ends[0]);
}

TEST_F(Files, APipeThatNobodyWritesToOrReadsIsAnErrorAndNoWait) {
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_error("pipe"), "pipe: is a pipe, and nobody writes to it");
  EXPECT_EQ(error_of(folder.path().string(), [&] { write_file(folder / "pipe", "x"); }),
            "pipe: cannot be written: No such device or address");
}

TEST_F(Files, ANamedPipeMayBeOpenedBeforeItsWriter) {
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    write_file(folder / "pipe", long_text());
  });
  EXPECT_EQ(read_file(folder / "pipe"), long_text());
  writer.join();
}

TEST_F(Files, UnpackNoMoreThanIsAllowed) {
  folder.write("bomb.gz", deflated(std::string(3'000'000, 'x')));
  const std::size_t before = most_unpacked_bytes();
  EXPECT_GT(before, 10'000'000U);
  set_most_unpacked_bytes(2'000'000);
  EXPECT_EQ(read_error("bomb.gz"),
            "bomb.gz: unpacks to more than 2 MB, the most that is allowed here; `max_memory` sets it");
  set_most_unpacked_bytes(3'000'000);
  EXPECT_EQ(read_file(folder / "bomb.gz").size(), 3'000'000U);
  set_most_unpacked_bytes(0);
  EXPECT_EQ(most_unpacked_bytes(), before);
}

TEST_F(Files, WritingKeepsPermissions) {
  ::chmod(folder.write("secret", "old").c_str(), 0600);
  write_file(folder / "secret", "new");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Files, WritingGoesThroughALink) {
  folder.write("real", "old");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "real"), "new");
}

TEST_F(Files, WritingHonoursTheUsersMask) {
  const mode_t before = ::umask(027);
  write_file(folder / "a", "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(Files, NamesAFullDisk) {
  EXPECT_EQ(error_of("", [] { write_file("/dev/full", "x"); }),
            "/dev/full: cannot be written: No space left on device");
}

TEST_F(Files, AFileThatDoesNotFitLeavesTheOldOneAndNothingElse) {
  folder.write("a", "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tiny{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &tiny);
  const std::string message =
      error_of(folder.path().string(), [&] { write_file(folder / "a", std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(message, "a: cannot be written: File too large");
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST_F(Files, PacksWhatItUnpacksToTheSame) {
  for (const std::string& content : {std::string(), std::string("x"), long_text()}) {
    const std::string packed = gzip_packed(content);
    EXPECT_EQ(gzip_packed(content), packed);
    folder.write("a.gz", packed);
    EXPECT_EQ(read_file(folder / "a.gz"), content);
  }
  EXPECT_LT(gzip_packed(long_text()).size(), long_text().size() / 2);
}

TEST_F(Files, NamesAnImpossibleTarget) {
  EXPECT_EQ(error_of(folder.path().string(), [&] { write_file(folder / "no/such/a", "x"); }),
            "no/such/a: cannot be written: No such file or directory");
  EXPECT_EQ(error_of("", [&] { write_file(folder.path(), "x"); }),
            folder.path().string() + ": cannot be written: Is a directory");
}

}  // namespace
}  // namespace crosstalk::data
