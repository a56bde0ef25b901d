#include "crosstalk/data/tar.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "crosstalk/rng.hpp"
#include "error_of.hpp"
#include "tar_bytes.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

class Tar : public testing::Test {
 protected:
  [[nodiscard]] std::string error(const std::string& content) const {
    folder.write("a.tar", content);
    return error_of(folder.path().string(), [&] { TarFile(folder / "a.tar"); });
  }
  TemporaryFolder folder;
};

TEST_F(Tar, ReadsRegularFilesWhereTheyLieAndPassesOverTheRest) {
  folder.write("a.tar", tar_member("d/", "", '5') + tar_member("d/one.txt", "first") + tar_member("link", "", '2') +
                            tar_member("./d/two.txt", std::string(600, 'x')) + tar_member("old", "o", '\0') +
                            tar_end() + "what follows the end is not read");
  const TarFile tar(folder / "a.tar");
  ASSERT_EQ(tar.members().size(), 3U);
  EXPECT_EQ(tar.members()[0].name, "d/one.txt");
  EXPECT_EQ(tar.read(tar.members()[0]), "first");
  EXPECT_EQ(tar.members()[1].name, "d/two.txt");
  EXPECT_EQ(tar.read(tar.members()[1]), std::string(600, 'x'));
  EXPECT_EQ(tar.read(tar.members()[2]), "o");
}

TEST_F(Tar, KnowsLongNamesOfGnuAndPaxAndBinarySizes) {
  const std::string gnu_name(150, 'g');
  const std::string pax_name(120, 'p');
  const std::string record = fmt::format("{} path={}\n", pax_name.size() + 10, pax_name);
  const std::string binary("\x80\0\0\0\0\0\0\0\0\0\0\x03", 12);
  folder.write("a.tar", tar_member("././@LongLink", gnu_name + '\0', 'L') + tar_member("cut", "one") +
                            tar_member("PaxHeader", "20 comment=anything\n" + record, 'x') + tar_member("cut", "two") +
                            tar_member("plain", "abc", '0', binary) + tar_end());
  const TarFile tar(folder / "a.tar");
  ASSERT_EQ(tar.members().size(), 3U);
  EXPECT_EQ(tar.members()[0].name, gnu_name);
  EXPECT_EQ(tar.members()[1].name, pax_name);
  EXPECT_EQ(tar.read(tar.members()[1]), "two");
  EXPECT_EQ(tar.read(tar.members()[2]), "abc");
}

TEST_F(Tar, ReadsWhatTheTarProgramWrites) {
  const std::string deep = std::string(90, 'a') + "/" + std::string(90, 'b') + ".txt";
  folder.write("in/" + deep, "deep");
  folder.write("in/short.txt", "short");
  for (const std::string format : {"ustar", "gnu", "pax"}) {
    const std::string command =
        fmt::format("tar -C '{0}' --format={1} -cf '{0}/a.tar' in", folder.path().string(), format);
    if (std::system(command.c_str()) != 0) GTEST_SKIP() << "there is no GNU tar";
    const TarFile tar(folder / "a.tar");
    ASSERT_EQ(tar.members().size(), 2U) << format;
    for (const TarMember& member : tar.members())
      EXPECT_EQ(tar.read(member), member.name == "in/" + deep ? "deep" : "short") << member.name;
  }
}

TEST_F(Tar, NamesWhatIsWrong) {
  EXPECT_EQ(error(""), "a.tar: is not a tar archive");
  EXPECT_EQ(error("text"), "a.tar: is not a tar archive");
  EXPECT_EQ(error(std::string(2000, 'x')), "a.tar: is not a tar archive");
  EXPECT_EQ(error("\x1f\x8b" + std::string(2000, 'x')),
            "a.tar: is compressed; unpack it first, images are read by position");
  EXPECT_EQ(error(tar_member("a", "x") + tar_member("a", "y")), "a.tar: holds \"a\" twice");
  EXPECT_EQ(error(tar_member("a", "x") + std::string(512, 'x')),
            "a.tar: the header at byte 1024 is damaged (its checksum)");
  const std::string cut = "a.tar: the file \"a\" at byte 0 is cut short, or its size is wrong";
  EXPECT_EQ(error(tar_member("a", "abc", '0', "77777777777")), cut);
  EXPECT_EQ(error(tar_member("a", "abc", '0', std::string(12, '\xff'))), cut);
  EXPECT_EQ(error(tar_member("a", "abc", '0', "1 x")), "no error");  // digits end at a blank
  EXPECT_EQ(error(tar_member("a", "abc", '0', "9")), cut);
  EXPECT_EQ(error(tar_member("a", std::string(70000, 'n'), 'L')),
            "a.tar: the name at byte 0 has 70000 bytes; at most 65536 are read");
  EXPECT_EQ(error(tar_member("a", "99 path=x\n", 'x')), "a.tar: the pax header at byte 0 is damaged");
  EXPECT_EQ(error(tar_member("a", "1 p\n", 'x')), "a.tar: the pax header at byte 0 is damaged");
  EXPECT_EQ(error(tar_member("a", "11 size=9x\n", 'x') + tar_member("a", "x")),
            "a.tar: the pax header at byte 0 is damaged");
  EXPECT_EQ(error(tar_member("a", "17 size=99999999\n", 'x') + tar_member("a", "x")),
            "a.tar: the file \"a\" at byte 1024 is cut short, or its size is wrong");
  EXPECT_NE(error_of("", [&] { TarFile(folder.path()); }), "no error");
  EXPECT_NE(error_of("", [&] { TarFile(folder / "none.tar"); }), "no error");
}

TEST_F(Tar, NoticesAFileThatBecameShorter) {
  folder.write("a.tar", tar_member("a", std::string(5000, 'x')) + tar_end());
  const TarFile tar(folder / "a.tar");
  folder.write("a.tar", "x");
  EXPECT_EQ(error_of(folder.path().string(), [&] { (void)tar.read(tar.members()[0]); }),
            "a.tar: has changed while it was in use");
}

// Bytes are changed at random, with the checksum put right, so that the fields behind it are reached.
TEST_F(Tar, SurvivesDamagedHeaders) {
  const std::string good = tar_member("././@LongLink", std::string(150, 'g') + '\0', 'L') + tar_member("cut", "one") +
                           tar_member("Pax", "12 path=abc\n", 'x') + tar_member("two", "2") + tar_end();
  Rng rng(3);
  std::size_t refused = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bad = good;
    const std::size_t block = rng.below(good.size() / 512 - 2) * 512;
    for (std::size_t change = 0; change <= rng.below(4); ++change) {
      const std::size_t at = block + (rng.below(2) == 0 ? 124 + rng.below(12) : rng.below(512));
      bad[at] = static_cast<char>(rng.below(256));
    }
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < 512; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(bad[block + i]);
    bad.replace(block + 148, 6, fmt::format("{:06o}", sum));
    folder.write("a.tar", bad);
    try {
      const TarFile tar(folder / "a.tar");
      for (const TarMember& member : tar.members()) EXPECT_LE(tar.read(member).size(), bad.size());
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace crosstalk::data
