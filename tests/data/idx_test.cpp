#include "crosstalk/data/idx.hpp"

#include <gtest/gtest.h>

#include "error_of.hpp"
#include "gzip.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

class Idx : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::string error(const std::string& content) {
    folder.write("f", content);
    return error_of(folder.path().string(), [&] { read_idx(folder / "f"); });
  }
  const std::string two_images{"\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\3abcdef", 22};
};

TEST_F(Idx, ReadsImagesAndLabels) {
  for (const std::string& content : {two_images, deflated(two_images)}) {
    const IdxArray images = read_idx(folder.write("f", content));
    EXPECT_EQ(images.shape, (std::vector<std::size_t>{2, 1, 3}));
    EXPECT_EQ(images.item_bytes(), 3U);
    EXPECT_EQ(*images.item(1), 'd');
  }
  const IdxArray labels = read_idx(folder.write("f", std::string("\0\0\x08\1\0\0\0\2\5\6", 10)));
  EXPECT_EQ(labels.size(), 2U);
  EXPECT_EQ(*labels.item(1), 6);
}

TEST_F(Idx, NamesHeadersThatLie) {
  EXPECT_EQ(error(""), "f: is not an IDX file");
  EXPECT_EQ(error("text"), "f: is not an IDX file");
  EXPECT_EQ(error(std::string("\0\0\x0d\1\0\0\0\0", 8)),
            "f: its IDX type is 0x0d; only unsigned bytes (0x08) can be read");
  EXPECT_EQ(error(std::string("\0\0\x08\4\0\0\0\0", 8)), "f: has 4 dimensions; 1 to 3 can be read");
  EXPECT_EQ(error(std::string("\0\0\x08\0", 4)), "f: has 0 dimensions; 1 to 3 can be read");
  EXPECT_EQ(error(two_images.substr(0, 9)), "f: the file is cut short");
  EXPECT_EQ(error(two_images.substr(0, 21)), "f: the header promises 2 x 1 x 3 bytes, but 5 follow");
  EXPECT_EQ(error(two_images + "g"), "f: the header promises 2 x 1 x 3 bytes, but 7 follow");
  EXPECT_EQ(error(std::string("\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16)),
            "f: the header promises 4294967295 x 4294967295 x 4294967295 bytes, but 0 follow");
  // 2^31 x 2^31 x 4 = 2^64, which 64 bits hold as 0.
  EXPECT_EQ(error(std::string("\0\0\x08\3\x80\0\0\0\x80\0\0\0\0\0\0\4", 16)),
            "f: the header promises 2147483648 x 2147483648 x 4 bytes, but 0 follow");
}

}  // namespace
}  // namespace crosstalk::data
