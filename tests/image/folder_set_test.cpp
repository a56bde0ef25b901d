#include "crosstalk/image/folder_set.hpp"

#include <gtest/gtest.h>

#include "crosstalk/image/codec.hpp"
#include "data/error_of.hpp"
#include "data/temporary_folder.hpp"
#include "image/jpeg_bytes.hpp"

namespace crosstalk::image {
namespace {

class FolderOfImages : public testing::Test {
 protected:
  void picture(const std::string& name, std::uint8_t level, const Shape& shape = {1, 4, 6}) const {
    folder.write(name, encode_png(shape, std::vector<std::uint8_t>(shape.values(), level)));
  }
  void labels(const std::string& csv) const { folder.write("labels.csv", csv); }
  [[nodiscard]] FolderSet open(const FolderOptions& options = {}) const { return open_folder(folder.path(), options); }
  [[nodiscard]] std::string error(const FolderOptions& options = {}) const {
    return data::error_of(folder.path().string(), [&] { (void)open(options); });
  }
  void two_pictures() const {
    picture("a.png", 1);
    picture("b.png", 2);
  }

  data::TemporaryFolder folder;
};

TEST_F(FolderOfImages, ReadsImagesInTheOrderOfTheRowsWithTheirLabels) {
  two_pictures();
  picture("sub/c.png", 3);
  labels("kind,file,age,level\nshoe,sub/c.png,7,0.5\n,a.png,12,1\nbag,b.png,7.0,\n");
  const FolderSet set = open({.threads = 2});
  EXPECT_TRUE(set.notes.empty());
  ASSERT_EQ(set.source->size(), 3U);
  EXPECT_EQ(set.source->shape(), (Shape{1, 4, 6}));
  const auto& tasks = set.source->tasks();
  ASSERT_EQ(tasks.size(), 3U);
  EXPECT_EQ(tasks[0].kind, Kind::Binary);
  EXPECT_EQ(tasks[0].classes, (std::vector<std::string>{"bag", "shoe"}));
  EXPECT_EQ(tasks[1].classes, (std::vector<std::string>{"7", "12"}));
  EXPECT_EQ(tasks[2].kind, Kind::Regression);
  const Batch batch = set.source->read(0, 3);
  EXPECT_EQ(int{batch.image(0)[0]} * 100 + batch.image(1)[0] * 10 + batch.image(2)[0], 312);
  EXPECT_EQ(batch.label(0, 0), 1.0);
  EXPECT_TRUE(is_missing(batch.label(1, 0)));
  EXPECT_EQ(batch.label(1, 1), 1.0);
  EXPECT_EQ(batch.label(2, 1), 0.0);
  EXPECT_EQ(batch.label(0, 2), 0.5);
  EXPECT_TRUE(is_missing(batch.label(2, 2)));
  EXPECT_EQ(set.source->stem(0), "sub/c");
  EXPECT_EQ(set.source->read(2, 1).pixels, std::vector<std::uint8_t>(24, 2));
}

TEST_F(FolderOfImages, ManyDifferentWholeNumbersAreARegression) {
  std::string csv = "file,count,few\n";
  for (int i = 0; i < 101; ++i) {
    picture(std::to_string(i) + ".png", 1, {1, 1, 1});
    csv += std::to_string(i) + ".png," + std::to_string(i) + "," + std::to_string(i % 100) + "\n";
  }
  labels(csv);
  EXPECT_EQ(open().source->tasks()[0].kind, Kind::Regression);
  EXPECT_EQ(open().source->tasks()[1].classes.size(), 100U);
}

TEST_F(FolderOfImages, AManifestStandsInForLabels) {
  two_pictures();
  folder.write("manifest.csv", "file,index,sha256,t\na.png,0,x,0\nb.png,1,y,1\n");
  const FolderSet set = open();
  ASSERT_EQ(set.source->tasks().size(), 1U);
  EXPECT_EQ(set.source->tasks()[0].name, "t");
}

TEST_F(FolderOfImages, JpegFilesAreReadToo) {
  folder.write("a.jpg", jpeg_bytes(6, 4, {50}));
  folder.write("b.JPEG", jpeg_bytes(6, 4, {90}));
  labels("file,t\na.jpg,0\nb.JPEG,1\n");
  EXPECT_NEAR(open().source->read(1, 1).pixels[0], 90, 1);
}

TEST_F(FolderOfImages, NamesFilesAndRowsThatDoNotMatch) {
  two_pictures();
  labels("file,t\na.png,0\n");
  EXPECT_EQ(error(), "b.png: has no row in labels.csv");
  labels("file,t\na.png,0\nb.png,1\nc.png,1\n");
  EXPECT_EQ(error(), "labels.csv: c.png has a row, but there is no such file");
  labels("file,t\na.png,0\nb.png,1\na.jpg,1\n");
  EXPECT_EQ(error(), "labels.csv:4: \"a.jpg\" comes twice (names count without their extension)");
  labels("file,t\n../a.png,0\n");
  EXPECT_EQ(error(), "labels.csv:2: \"../a.png\" is no file below the folder");
  labels("file,t\n/etc/passwd,0\n");
  EXPECT_EQ(error(), "labels.csv:2: \"/etc/passwd\" is no file below the folder");
}

TEST_F(FolderOfImages, NamesWhatIsWrongWithTheLabels) {
  two_pictures();
  EXPECT_EQ(error().substr(error().rfind(": has")),
            ": has neither labels.csv nor manifest.csv nor UTKFace's file names; name the CSV file of labels");
  labels("name,t\na.png,0\n");
  EXPECT_EQ(error(), "labels.csv: no column \"file\"; there are \"name\", \"t\"");
  labels("file,t,t\n");
  EXPECT_EQ(error(), "labels.csv: two columns have the same name");
  labels("file,index\n");
  EXPECT_EQ(error(), "labels.csv: no column of labels beside the file names");
  labels("file,t\n");
  EXPECT_EQ(error(), "labels.csv: has no row behind its header");
  labels("file,t\na.png\n");
  EXPECT_EQ(error(), "labels.csv:2: 1 fields; the header has 2");
  labels("file,t,u\na.png,,1\nb.png,,2\n");
  EXPECT_EQ(error(), "labels.csv: task \"t\" has no label");
}

TEST_F(FolderOfImages, NamesAnImageThatDoesNotDecodeOrLeavesItOutWhenAsked) {
  two_pictures();
  folder.write("bad.png", "text");
  labels("file,t\nbad.png,0\na.png,0\nb.png,1\n");
  EXPECT_EQ(error(), "bad.png: is neither a PNG nor a JPEG file");
  const FolderSet set = open({.skip_bad = true});
  ASSERT_EQ(set.notes.size(), 1U);
  EXPECT_EQ(set.notes[0], "left out: " + (folder / "bad.png").string() + ": is neither a PNG nor a JPEG file");
  ASSERT_EQ(set.source->size(), 2U);
  EXPECT_EQ(set.source->read(1, 1).label(0, 0), 1.0);
  EXPECT_EQ(set.source->stem(0), "a");
}

TEST_F(FolderOfImages, SaysWhenNoImageDecodes) {
  folder.write("bad.png", "text");
  labels("file,t\nbad.png,0\n");
  EXPECT_TRUE(
      error({.skip_bad = true}).ends_with(": no image decodes; the first: bad.png: is neither a PNG nor a JPEG file"));
}

TEST_F(FolderOfImages, NamesAnImageOfAnotherSize) {
  picture("a.png", 1);
  picture("b.png", 1, {1, 4, 7});
  labels("file,t\na.png,0\nb.png,1\n");
  EXPECT_EQ(error(),
            "b.png: has 7 x 4 pixels, grey, but a.png has 6 x 4 pixels, grey; images of one set have one size");
  picture("b.png", 1, {3, 4, 6});
  EXPECT_EQ(error(), "b.png: has 6 x 4 pixels, RGB, but a.png has 6 x 4 pixels, grey; images of one set have one size");
}

TEST_F(FolderOfImages, NoticesAFileThatChangedAfterwards) {
  two_pictures();
  labels("file,t\na.png,0\nb.png,1\n");
  const FolderSet set = open();
  picture("b.png", 1, {1, 5, 6});
  EXPECT_EQ(data::error_of(folder.path().string(), [&] { (void)set.source->read(0, 2); }),
            "b.png: has changed while it was in use");
}

}  // namespace
}  // namespace crosstalk::image
