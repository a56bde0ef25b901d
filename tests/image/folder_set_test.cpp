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
  EXPECT_EQ(error(), "bad.png: is neither a PNG, a JPEG nor a WebP file");
  const FolderSet set = open({.skip_bad = true});
  ASSERT_EQ(set.notes.size(), 1U);
  EXPECT_EQ(set.notes[0], "left out: " + (folder / "bad.png").string() + ": is neither a PNG, a JPEG nor a WebP file");
  ASSERT_EQ(set.source->size(), 2U);
  EXPECT_EQ(set.source->read(1, 1).label(0, 0), 1.0);
  EXPECT_EQ(set.source->stem(0), "a");
}

TEST_F(FolderOfImages, SaysWhenNoImageDecodes) {
  folder.write("bad.png", "text");
  labels("file,t\nbad.png,0\n");
  EXPECT_TRUE(error({.skip_bad = true})
                  .ends_with(": no image decodes; the first: bad.png: is neither a PNG, a JPEG nor a WebP file"));
}

TEST_F(FolderOfImages, PassesOverHiddenFilesAndImagesWithoutARow) {
  two_pictures();
  for (const char* name : {".hidden.png", "._a.png", ".thumbs/a.png", "__MACOSX/a.png", "c.png", "sub/d.webp"})
    folder.write(name, "anything");
  labels("file,t\na.png,0\nb.png,1\n");
  const FolderSet set = open();
  EXPECT_EQ(set.source->size(), 2U);
  ASSERT_EQ(set.notes.size(), 2U);
  EXPECT_EQ(set.notes[0],
            "passed over: 2 images without a row in " + (folder / "labels.csv").string() + ", such as c.png");
  EXPECT_EQ(set.notes[1], "passed over: 4 hidden files or folders");
}

TEST_F(FolderOfImages, NamesThatDifferInCaseAloneAreRefused) {
  two_pictures();
  picture("A.PNG", 3);
  labels("file,t\na.png,0\nb.png,1\nA.PNG,1\n");
  EXPECT_EQ(error(),
            "labels.csv:4: \"A.PNG\" and \"a.png\" differ in small and capital letters alone, which are one name on "
            "some systems; rename one");
}

TEST_F(FolderOfImages, AColumnOfNumbersIsARegressionWhenSaid) {
  two_pictures();
  labels("file,age,kind\na.png,30,x\nb.png,40,y\n");
  EXPECT_EQ(open().source->tasks()[0].kind, Kind::Binary);
  const FolderSet set = open({.regression = {"age"}});
  EXPECT_EQ(set.source->tasks()[0].kind, Kind::Regression);
  EXPECT_EQ(set.source->read(1, 1).label(0, 0), 40.0);
  EXPECT_EQ(error({.regression = {"kind"}}),
            "labels.csv: task \"kind\" is to be a regression, but \"x\" of a.png is no number");
  EXPECT_THROW(static_cast<void>(open({.regression = {"ages"}})), std::invalid_argument);
}

TEST_F(FolderOfImages, RareClassesAreMergedWhenAsked) {
  std::string csv = "file,t\n";
  for (const char* label : {"a", "a", "a", "b", "b", "b", "c", "c", "d", "e"}) {
    const std::string name = std::to_string(csv.size()) + ".png";
    picture(name, 1);
    csv += name + "," + label + "\n";
  }
  labels(csv);
  const FolderSet set = open({.merge_rare = 2});  // d and e
  EXPECT_EQ(set.source->tasks()[0].classes, (std::vector<std::string>{"a", "b", "c", "other"}));
  EXPECT_EQ(set.source->read(9, 1).label(0, 0), 3.0);
  EXPECT_EQ(set.source->read(7, 1).label(0, 0), 2.0);
  ASSERT_EQ(set.notes.size(), 1U);
  EXPECT_EQ(set.notes[0], "task \"t\": 2 classes with few images are one, \"other\"");
  EXPECT_EQ(open({.merge_rare = 3}).source->tasks()[0].classes, (std::vector<std::string>{"a", "b", "other"}));
  EXPECT_TRUE(error({.merge_rare = 9}).starts_with("task \"t\": all 5 classes have fewer than 9 images"));
}

// What one image shows is merged with the next rarest, since a class of one image is as rare as before.
TEST_F(FolderOfImages, ALoneRareClassTakesTheNextOneWithIt) {
  std::string csv = "file,t\n";
  for (const char* label : {"a", "a", "a", "b", "b", "b", "b", "c"}) {
    const std::string name = std::to_string(csv.size()) + ".png";
    picture(name, 1);
    csv += name + "," + label + "\n";
  }
  labels(csv);
  const FolderSet set = open({.merge_rare = 2});
  EXPECT_EQ(set.source->tasks()[0].classes, (std::vector<std::string>{"b", "other"}));
  EXPECT_EQ(set.source->tasks()[0].kind, Kind::Binary);
}

TEST_F(FolderOfImages, ImagesOfSeveralSizesKeepThemAndAreShownAtOne) {
  picture("a.png", 10, {1, 30, 40});
  picture("b.png", 20, {3, 50, 20});
  labels("file,t\na.png,0\nb.png,1\n");
  const FolderSet set = open({.working_size = {8, 6}});
  EXPECT_EQ(set.source->shape(), (Shape{3, 8, 6}));
  const Batch shown = set.source->read(0, 2);
  EXPECT_EQ(shown.pixels.size(), 2 * 3 * 48U);
  EXPECT_EQ(shown.image(0)[0], 10);
  EXPECT_EQ(shown.image(1)[0], 20);
  ASSERT_NE(set.photos, nullptr);
  const Photo grey = set.photos->photo(0);
  EXPECT_EQ(grey.picture.shape, (Shape{3, 30, 40}));  // of the channels that the set has
  EXPECT_EQ(grey.picture.pixels, std::vector<std::uint8_t>(3 * 1200, 10));
  EXPECT_EQ(set.photos->photo(1).picture.shape, (Shape{3, 50, 20}));

  const FolderSet in_grey = open({.working_size = {8, 6}, .channels = 1});
  EXPECT_EQ(in_grey.source->shape(), (Shape{1, 8, 6}));
  EXPECT_EQ(in_grey.photos->photo(0).picture.shape.channels, 3U);
  EXPECT_EQ(open({.size = Size{8, 6}}).photos, nullptr);
}

TEST_F(FolderOfImages, ImagesOfOneSizeAreShownAtItUnlessItIsLarge) {
  two_pictures();
  labels("file,t\na.png,0\nb.png,1\n");
  EXPECT_EQ(open().source->shape(), (Shape{1, 4, 6}));
  EXPECT_EQ(open({.keep_one_size = false}).source->shape(), (Shape{1, 64, 64}));
  picture("a.png", 1, {1, 4, 257});
  picture("b.png", 1, {1, 4, 257});
  EXPECT_EQ(open().source->shape(), (Shape{1, 64, 64}));
}

TEST_F(FolderOfImages, OnePictureHasItsOwnRowOfLabels) {
  two_pictures();
  EXPECT_EQ(open_picture(folder / "a.png").source->tasks().size(), 0U);
  labels("file,t,u\na.png,0,x\nb.png,1,\n");
  const FolderSet set = open_picture(folder / "b.png");
  ASSERT_EQ(set.source->size(), 1U);
  ASSERT_EQ(set.source->tasks().size(), 1U);  // it lacks the other label
  EXPECT_EQ(set.source->tasks()[0].classes, (std::vector<std::string>{"1"}));
  EXPECT_EQ(set.source->stem(0), "b");
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
