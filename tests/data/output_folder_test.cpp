#include "crosstalk/data/output_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "crosstalk/data/files.hpp"
#include "error_of.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

namespace fs = std::filesystem;

class Output : public testing::Test {
 protected:
  std::string error(const fs::path& name) {
    return error_of(folder.path().string(), [&] { OutputFolder(folder / "out").write(name, "new"); });
  }
  TemporaryFolder folder;
};

TEST_F(Output, WritesReadsListsAndRemoves) {
  const OutputFolder out(folder / "made/out");
  out.write("a/b.txt", "one");
  out.write("a/b.txt", "two");
  EXPECT_EQ(out.read("a/b.txt"), "two");
  EXPECT_EQ(out.read("a/c.txt"), std::nullopt);
  EXPECT_EQ(out.read("x/c.txt"), std::nullopt);
  EXPECT_EQ(out.entries("a"), std::vector<std::string>{"b.txt"});
  EXPECT_TRUE(out.is_folder("a"));
  out.remove_empty("a");
  EXPECT_TRUE(out.is_folder("a"));
  out.remove("a/b.txt");
  out.remove("a/b.txt");
  out.remove_empty("a");
  EXPECT_FALSE(out.is_folder("a"));
}

TEST_F(Output, ManyFilesAreReplacedTogether) {
  const OutputFolder out(folder / "out");
  out.write("a/1", "old");
  ASSERT_EQ(chmod((folder / "out/a/1").c_str(), 0640), 0);
  std::vector<std::pair<fs::path, std::string>> files;
  for (int i = 0; i < 1500; ++i) files.emplace_back("a/" + std::to_string(i), "new" + std::to_string(i));
  out.write_all(files);  // more than a process may have open
  EXPECT_EQ(out.entries("a").size(), 1500U);
  EXPECT_EQ(out.read("a/1"), "new1");
  EXPECT_EQ(out.read("a/1499"), "new1499");
  EXPECT_EQ(fs::status(folder / "out/a/1").permissions(), fs::perms(0640));
  out.write_all({});
}

TEST_F(Output, WhenOneOfManyCannotBeWrittenAllAreAsTheyWere) {
  const OutputFolder out(folder / "out");
  out.write("a", "old");
  fs::create_directories(folder / "out/folder");
  fs::create_symlink(folder / "out/a", folder / "out/link");
  for (const std::string bad : {"folder", "link", "../b"}) {
    const std::vector<std::pair<fs::path, std::string>> files = {{"a", "new"}, {"b", "new"}, {bad, "new"}};
    EXPECT_NE(error_of("", [&] { out.write_all(files); }), "no error") << bad;
    EXPECT_EQ(out.read("a"), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()), 3) << bad;
  }
}

TEST_F(Output, NothingIsWrittenOutsideIt) {
  for (const std::string name : {"../x", "a/../../x", "a/..", "/x", ""}) EXPECT_NE(error(name), "no error") << name;
  EXPECT_EQ(error("../x"), "out: ../x is no name below this folder");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST_F(Output, NothingBelowItIsWrittenThroughALink) {
  folder.write("original", "old");
  fs::create_directories(folder / "elsewhere");
  fs::create_directories(folder / "out");
  fs::create_symlink(folder / "original", folder / "out/file");
  fs::create_symlink(folder / "elsewhere", folder / "out/folder");
  fs::create_symlink(folder / "nothing", folder / "out/dangling");
  for (const std::string name : {"file", "folder/file", "folder/sub/file", "dangling"})
    EXPECT_TRUE(error(name).find("is a symbolic link") != std::string::npos) << name << ": " << error(name);
  EXPECT_EQ(read_file(folder / "original"), "old");
  EXPECT_TRUE(fs::is_empty(folder / "elsewhere"));
  EXPECT_FALSE(fs::exists(folder / "nothing"));
}

TEST_F(Output, TheFolderItselfMayBeALink) {
  fs::create_directories(folder / "real");
  fs::create_symlink(folder / "real", folder / "out");
  EXPECT_EQ(error("a/b"), "no error");
  EXPECT_EQ(read_file(folder / "real/a/b"), "new");
}

TEST_F(Output, AnInputIsNeverReplacedUnderAnyName) {
  folder.write("out/data.csv", "old");
  fs::create_hard_link(folder / "out/data.csv", folder / "out/other.csv");
  EXPECT_EQ(read_file(folder / "out/data.csv"), "old");
  for (const std::string name : {"data.csv", "other.csv"})
    EXPECT_EQ(error(name),
              "out/" + name + ": is an input of this run, which would replace it; choose another output folder");
  EXPECT_EQ(read_file(folder / "out/data.csv"), "old");
}

// A file system gives the inode of a removed file to the next one.
TEST_F(Output, ANewFileIsNoInputWhateverItsInode) {
  for (int i = 0; i < 20; ++i) {
    folder.write("out/data.csv", "old");
    EXPECT_EQ(read_file(folder / "out/data.csv"), "old");
    fs::remove(folder / "out/data.csv");
    folder.write("out/data.csv", "mine");
    EXPECT_EQ(error("data.csv"), "no error");
  }
}

TEST_F(Output, WhatIsNoRegularFileIsNotReplaced) {
  fs::create_directories(folder / "out/sub");
  ASSERT_EQ(::mkfifo((folder / "out/pipe").c_str(), 0600), 0);
  EXPECT_EQ(error("sub"), "out/sub: cannot be written: Is a directory");
  EXPECT_EQ(error("pipe"), "out/pipe: is there already and is no regular file");
  EXPECT_EQ(error("pipe/x"), "out/pipe: Not a directory");
}

TEST_F(Output, AFileKeepsItsPermissions) {
  ::chmod(folder.write("out/secret", "old").c_str(), 0600);
  EXPECT_EQ(error("secret"), "no error");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "out/secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Output, OneRunAtATime) {
  {
    const OutputFolder first(folder / "out");
    EXPECT_EQ(error("x"), "out is in use by another run of crosstalk; wait for its end, or choose another folder");
  }
  EXPECT_EQ(error("x"), "no error");
}

TEST_F(Output, RemovesWhatKilledRunsLeftAndNoFileThatIsBeingWritten) {
  const fs::path left = folder.write("out/a/.crosstalk-1-0.tmp", "half");
  const fs::path live = folder.write("out/a/.crosstalk-1-1.tmp", "half");
  const fs::path other = folder.write("out/a/.mine.tmp", "whole");
  const int writer = ::open(live.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(writer, LOCK_EX), 0);
  EXPECT_EQ(error("a/b"), "no error");
  ::close(writer);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(live));
  EXPECT_TRUE(fs::exists(other));
}

}  // namespace
}  // namespace crosstalk::data
