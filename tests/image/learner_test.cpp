#include "crosstalk/image/network/learner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/data/csv_scanner.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/image/codec.hpp"
#include "crosstalk/image/network/command_learner.hpp"
#include "small_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const std::vector<Learner>& learners) {
  std::vector<std::string> names;
  for (const Learner& learner : learners) names.push_back(learner.name);
  return names;
}

std::string refusal(const std::vector<std::string>& words, bool grey = false) {
  try {
    learners_named(words, BackboneName::Small, grey);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(LearnersNamed, AreTheUsualAnotherNetworkAndCountermeasures) {
  const auto learners = learners_named({"usual", "grey", "jpeg10+bits2", "network"}, BackboneName::Small);
  EXPECT_THAT(names_of(learners), ElementsAre("usual", "grey", "jpeg10+bits2", "network"));
  EXPECT_TRUE(learners[0].countermeasure.processing.empty());
  EXPECT_EQ(learners[2].countermeasure.processing.size(), 2U);
  EXPECT_EQ(learners[2].backbone, BackboneName::Small);
  EXPECT_EQ(learners[3].backbone, BackboneName::SmallVgg);
  for (const std::string& word : backbone_names())
    EXPECT_NE(learners_named({"network"}, backbone_named(word))[0].backbone, backbone_named(word)) << word;
}

TEST(LearnersNamed, LeaveGreyOutWhereThereAreNoColours) {
  EXPECT_THAT(names_of(learners_named({"usual", "grey", "bits2"}, BackboneName::Small, true)),
              ElementsAre("usual", "bits2"));
  EXPECT_THAT(refusal({"grey"}, true), HasSubstr("grey images"));
}

TEST(LearnersNamed, RefuseOtherWords) {
  EXPECT_THAT(refusal({}), HasSubstr("there is none"));
  EXPECT_THAT(refusal({"usual", "gray"}), testing::AllOf(HasSubstr("\"gray\""), HasSubstr("network")));
  EXPECT_THAT(refusal({"grey", "grey"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"none"}), HasSubstr("usual"));
}

// Four images with a class (one label missing) and a number.
MemorySet labelled_set() {
  Batch batch = random_set(4, {3, 5, 6}, {2}).read(0, 4);
  batch.labels.resize(4, 2);
  batch.labels << 0, 1.5, 1, 2.5, kMissing, 3.5, 0, 10;
  return {{{"pet", Kind::Binary, {"cat, old", "dog"}}, {"age", Kind::Regression}}, std::move(batch)};
}

const std::vector<std::size_t> kRows = {0, 1, 2, 3};

std::string refused_answers(const std::string& answers) {
  const MemorySet set = labelled_set();
  try {
    scores_of_answers(answers, set, kRows, set, kRows);
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

TEST(WriteImageFolder, HandsOverPicturesAndLabels) {
  const MemorySet set = labelled_set();
  std::map<std::string, std::string> files;
  const std::vector<std::size_t> rows = {2, 3, 0};
  write_image_folder(set, rows, true,
                     [&](const std::string& name, std::string_view content) { files[name] = content; });
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files.at("labels.csv"),
            "file,pet,age\n000000.png,,3.5\n000001.png,\"cat, old\",10\n000002.png,\"cat, old\",1.5\n");
  const Picture picture = decode(files.at("000001.png"), "000001.png");
  EXPECT_TRUE(std::ranges::equal(picture.pixels, set.read(3, 1).pixels));
  files.clear();
  write_image_folder(set, rows, false,
                     [&](const std::string& name, std::string_view content) { files[name] = content; });
  EXPECT_FALSE(files.contains("labels.csv"));
}

// Of the three images with a pet: two cats, one of them right, and a dog that is right. Ages have mean 4.375.
TEST(ScoresOfAnswers, CountsRightAnswersAndErrors) {
  const MemorySet set = labelled_set();
  const auto scores = scores_of_answers(
      "age,file,pet\n2,000000.png,dog\n2.5,000001.png,dog\n3,000002.png,dog\n12,000003.png,\"cat, old\"\n", set, kRows,
      set, kRows);
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(scores[0].metric, "accuracy");
  EXPECT_DOUBLE_EQ(scores[0].value, 2.0 / 3);
  EXPECT_DOUBLE_EQ(scores[0].baseline, 2.0 / 3);
  EXPECT_DOUBLE_EQ(scores[0].balanced, 0.75);
  EXPECT_EQ(scores[1].metric, "error");
  EXPECT_DOUBLE_EQ(scores[1].value, (0.5 + 0.0 + 0.5 + 2.0) / 4);
  EXPECT_DOUBLE_EQ(scores[1].baseline, (2.875 + 1.875 + 0.875 + 5.625) / 4);
}

TEST(ScoresOfAnswers, RefusesWhatIsNoAnswer) {
  const std::string rest = "\n000001.png,dog,1\n000002.png,dog,1\n000003.png,dog,1\n";
  EXPECT_EQ(refused_answers("file,pet,age\n000000.png,dog,1" + rest), "none");
  EXPECT_THAT(refused_answers("file,pet\n000000.png,dog\n"), HasSubstr("no column \"age\""));
  EXPECT_THAT(refused_answers("file,pet,pet,age\n"), HasSubstr("twice"));
  EXPECT_THAT(refused_answers("file,pet,age\n000000.png,cat,1" + rest),
              testing::AllOf(HasSubstr("predictions:2"), HasSubstr("\"cat\" is no class of task \"pet\"")));
  EXPECT_THAT(refused_answers("file,pet,age\n000000.png,dog,old" + rest), HasSubstr("\"old\" of task \"age\""));
  EXPECT_THAT(refused_answers("file,pet,age\n000000.png,dog,nan" + rest), HasSubstr("no number"));
  EXPECT_THAT(refused_answers("file,pet,age" + rest), HasSubstr("no answer about image \"000000.png\""));
  EXPECT_THAT(refused_answers("file,pet,age\n000001.png,dog,1" + rest), HasSubstr("comes twice"));
  EXPECT_THAT(refused_answers("file,pet,age\n4.png,dog,1" + rest), HasSubstr("no image \"4.png\""));
  EXPECT_THAT(refused_answers("file,pet,age\n000000.png,dog" + rest), HasSubstr("2 fields"));
}

}  // namespace
}  // namespace crosstalk::image
