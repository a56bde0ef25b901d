#include "crosstalk/image/countermeasure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/image/network/noise_options.hpp"

namespace crosstalk::image {
namespace {

using Kind = Processing::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::string& words) {
  try {
    countermeasure_named(words);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(CountermeasureNamed, NoneDoesNothing) {
  const Countermeasure none = countermeasure_named("none");
  EXPECT_EQ(none.words, "none");
  EXPECT_TRUE(none.processing.empty());
  EXPECT_FALSE(none.longer || none.stops_early || none.robust_training.cutout || none.robust_training.cutmix ||
               none.robust_training.mixup || none.robust_training.resized_crop);
  EXPECT_EQ(none.learning_rate, 1.0);
  EXPECT_EQ(none.robust_training.noise, 0.0);
  EXPECT_EQ(none.robust_training.adversarial, 0.0);
}

TEST(CountermeasureNamed, ProcessingComesInTheOrderOfTheWords) {
  EXPECT_THAT(countermeasure_named("jpeg10+grey+bits2+blur").processing,
              ElementsAre(Processing{Kind::Jpeg, 10}, Processing{Kind::Grey, 0}, Processing{Kind::Bits, 2},
                          Processing{Kind::Blur, 1}));
  EXPECT_THAT(countermeasure_named("blur0.5+jpeg100").processing,
              ElementsAre(Processing{Kind::Blur, 0.5}, Processing{Kind::Jpeg, 100}));
  EXPECT_THAT(countermeasure_named("resize50").processing, ElementsAre(Processing{Kind::Resize, 50}));
  EXPECT_EQ(countermeasure_named("squeeze").processing, countermeasure_named("jpeg10+grey").processing);
}

TEST(CountermeasureNamed, EveryOtherWordSetsItsOwn) {
  EXPECT_TRUE(countermeasure_named("cutout").robust_training.cutout);
  EXPECT_TRUE(countermeasure_named("cutmix").robust_training.cutmix);
  EXPECT_TRUE(countermeasure_named("mixup").robust_training.mixup);
  EXPECT_TRUE(countermeasure_named("resized-crop").robust_training.resized_crop);
  EXPECT_EQ(countermeasure_named("noise").robust_training.noise, 8.0);
  EXPECT_EQ(countermeasure_named("noise12.5").robust_training.noise, 12.5);
  EXPECT_EQ(countermeasure_named("adversarial").robust_training.adversarial, 8.0);
  EXPECT_EQ(countermeasure_named("adversarial4").robust_training.adversarial, 4.0);
  EXPECT_TRUE(countermeasure_named("long").longer);
  EXPECT_EQ(countermeasure_named("rate0.3").learning_rate, 0.3);
  EXPECT_TRUE(countermeasure_named("early-stop").stops_early);
  EXPECT_EQ(countermeasure_named("pairs64").restoration.pairs, 64U);
  EXPECT_EQ(countermeasure_named("class-means").restoration.class_mean_pairs, 0U);
  EXPECT_EQ(countermeasure_named("class-means32").restoration.class_mean_pairs, 32U);
  EXPECT_FALSE(countermeasure_named("grey+mixup").restoration.does_something());
  const Countermeasure all = countermeasure_named("mixup+long+grey");
  EXPECT_TRUE(all.robust_training.mixup && all.longer);
  EXPECT_EQ(all.processing.size(), 1U);
  EXPECT_EQ(all.words, "mixup+long+grey");
}

TEST(CountermeasureNamed, SaysWhatIsWrong) {
  for (const char* word : {"jpg10", "", "none+grey", "Jpeg10", "10"})
    EXPECT_THAT(
        refusal(word),
        HasSubstr("there are jpegQ, grey, bitsB, blur, resizeP, squeeze, pairsN, class-means, "
                  "cutout, cutmix, mixup, resized-crop, noise, adversarial, long, rateX, early-stop, joined by +, or "
                  "none"))
        << word;
  EXPECT_THAT(refusal("grey+jpg10"), HasSubstr("unknown countermeasure \"jpg10\""));
  EXPECT_THAT(refusal("grey+"), HasSubstr("unknown countermeasure \"\""));
  EXPECT_EQ(refusal("jpeg"), "countermeasure \"jpeg\" needs its quality, a whole number from 1 to 100");
  EXPECT_EQ(refusal("jpeg0"), "countermeasure \"jpeg0\": the quality is 0; it must be a whole number from 1 to 100");
  EXPECT_EQ(refusal("jpeg10.5"),
            "countermeasure \"jpeg10.5\": the quality is 10.5; it must be a whole number from 1 to 100");
  EXPECT_EQ(refusal("jpeg10x"),
            "countermeasure \"jpeg10x\": the quality is 10x; it must be a whole number from 1 to 100");
  EXPECT_EQ(refusal("bits8"),
            "countermeasure \"bits8\": the number of bits is 8; it must be a whole number from 1 to 7");
  EXPECT_EQ(refusal("blur0"), "countermeasure \"blur0\": the deviation is 0; it must be a number from 0.1 to 20");
  EXPECT_EQ(refusal("noise256"),
            "countermeasure \"noise256\": the deviation is 256; it must be a number from 0.1 to 255");
  EXPECT_EQ(refusal("adversarial0"),
            "countermeasure \"adversarial0\": the epsilon is 0; it must be a number from 0.1 to 255");
  EXPECT_EQ(refusal("rate"), "countermeasure \"rate\" needs its factor, a number from 0.001 to 1000");
  EXPECT_EQ(refusal("grey2"), "countermeasure \"grey2\": grey takes no number");
  EXPECT_EQ(refusal("rate2+rate3"), "countermeasure \"rate2+rate3\": rate is named twice");
}

TEST(TransformationsNamed, KnowsItsWordsAndRefusesOthers) {
  using enum Transformation;
  EXPECT_THAT(transformations_named({"noise", "jpeg", "grey", "resize", "blur"}),
              ElementsAre(Noise, Jpeg, Grey, Resize, Blur));
  const auto refused = [](const std::vector<std::string>& words) {
    try {
      transformations_named(words);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(refused({"grey", "jpeg10"}),
            "unknown transformation \"jpeg10\"; there are jpeg, grey, resize, blur, noise; did you mean \"jpeg\"?");
  EXPECT_EQ(refused({"grey", "grey"}), "transformation \"grey\" is named twice");
}

}  // namespace
}  // namespace crosstalk::image
