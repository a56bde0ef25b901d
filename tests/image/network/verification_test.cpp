#include <cmath>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/noise_options.hpp"
#include "crosstalk/image/network/verification.hpp"
#include "crosstalk/image/network/verification_report.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

std::vector<std::size_t> rows_of(const Source& source) {
  std::vector<std::size_t> rows(source.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return rows;
}

// The labels of a set with images that say nothing.
MemorySet blank_copy(const MemorySet& set) {
  Batch batch = set.read(0, set.size());
  Rng rng(9);
  for (auto& pixel : batch.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  return {set.tasks(), std::move(batch)};
}

struct Sets {
  MemorySet clean = separable_set(96);
  MemorySet published = blank_copy(clean);
  MemorySet test = separable_set(60, 6);

  [[nodiscard]] VerificationData data() const { return {clean, &published, rows_of(clean), test, rows_of(test)}; }
};

VerificationOptions quick() {
  VerificationOptions options;
  options.epochs = 6;
  options.batch = 16;
  options.stl_tasks = {1};
  return options;
}

struct Scores {
  std::map<std::string, std::string> files;
  int trained = 0;

  PartStore store() {
    return {[this](const std::string& part) {
              const auto file = files.find(part);
              return file == files.end() ? std::nullopt : std::optional(file->second);
            },
            [this](const std::string& part, const std::string& result) {
              ++trained;
              files[part] = result;
            }};
  }
};

TEST(VictimEpochs, AreFourTimesAsManyWhereATaskIsDense) {
  const TaskInfo binary{"two", Kind::Binary, {"no", "yes"}};
  const TaskInfo dense{"depth", Kind::Depth};
  EXPECT_EQ(victim_epochs(5000, {binary}), 12);
  EXPECT_EQ(victim_epochs(5000, {binary, dense}), 48);
  EXPECT_EQ(victim_epochs(100'000, {dense}), 48);
  EXPECT_EQ(victim_epochs(2500, {binary}), 24);
  EXPECT_EQ(victim_epochs(2500, {dense}), 96);
}

TEST(Verify, VictimsLearnWhatTheImagesShow) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 16;
  options.batch = 8;
  const auto victims = verify(sets.data(), options);
  ASSERT_EQ(victims.size(), 4U);
  for (std::size_t v = 0; v < 4; ++v) {
    EXPECT_EQ(victims[v].published, v >= 2);
    EXPECT_EQ(victims[v].mtl, v % 2 == 0);
    EXPECT_EQ(victims[v].tasks, v % 2 == 0 ? (std::vector<std::size_t>{0, 1}) : (std::vector<std::size_t>{1}));
    ASSERT_EQ(victims[v].scores.size(), victims[v].tasks.size());
    for (std::size_t i = 0; i < victims[v].scores.size(); ++i) {
      const TaskScore& score = victims[v].scores[i];
      EXPECT_EQ(score.metric, "accuracy");
      EXPECT_GE(score.baseline, victims[v].tasks[i] == 0 ? 0.5 : 1.0 / 3);
      EXPECT_LT(score.baseline, 0.7);
      if (!victims[v].published) {
        EXPECT_GT(score.value, score.baseline + 0.2);
        EXPECT_GT(score.balanced, 0.7);
      } else {
        EXPECT_LT(score.value, score.baseline + 0.2);
      }
    }
  }
}

TEST(Verify, AVictimDoesNotDependOnThreadsOrTheOthers) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 2;
  const auto alone = verify(sets.data(), options);
  options.threads = 2;
  options.stl_tasks = {0, 1};
  const auto victims = verify(sets.data(), options);
  ASSERT_EQ(victims.size(), 6U);
  EXPECT_EQ(victims[0].scores[0].value, alone[0].scores[0].value);
  EXPECT_EQ(victims[2].scores[0].value, alone[1].scores[0].value);
  EXPECT_EQ(victims[5].scores[0].value, alone[3].scores[0].value);
}

TEST(Verify, TrainsNoVictimThatItRemembers) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 1;
  Scores scores;
  const auto first = verify(sets.data(), options, scores.store());
  EXPECT_EQ(scores.trained, 4);
  std::vector<std::string> names;
  for (const auto& [name, content] : scores.files) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("clean-mtl-seed0", "clean-stl1-seed0", "protected-mtl-seed0", "protected-stl1-seed0"));
  scores.files["clean-stl1-seed0"] = R"([["accuracy", 0.125, 0.5, 0.25]])";
  scores.files.erase("protected-mtl-seed0");
  const auto second = verify(sets.data(), options, scores.store());
  EXPECT_EQ(scores.trained, 5);
  EXPECT_EQ(second[0].scores[1].value, first[0].scores[1].value);
  EXPECT_EQ(second[1].scores[0].value, 0.125);
  EXPECT_EQ(second[2].scores[0].value, first[2].scores[0].value);
}

TEST(Verify, RemembersAScoreThatIsNoNumber) {
  const MemorySet train = dense_set();
  Batch batch = train.read(0, 12);
  batch.labels.col(1).setConstant(kMissing);
  const MemorySet test(train.tasks(), std::move(batch));
  VerificationOptions options = quick();
  options.epochs = 1;
  options.stl = false;
  Scores scores;
  const VerificationData data{train, nullptr, rows_of(train), test, rows_of(test)};
  const auto first = verify(data, options, scores.store());
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(std::isnan(first[0].scores[1].value));
  const auto second = verify(data, options, scores.store());
  EXPECT_EQ(scores.trained, 1);
  EXPECT_TRUE(std::isnan(second[0].scores[1].value));
  EXPECT_EQ(second[0].scores[3].value, first[0].scores[3].value);
}

TEST(Verify, MeasuresEveryKindOfTask) {
  const MemorySet set = dense_set();
  VerificationOptions options = quick();
  options.epochs = 1;
  options.stl = false;
  const auto victims = verify({set, nullptr, rows_of(set), set, rows_of(set)}, options);
  std::vector<std::string> metrics;
  for (const TaskScore& score : victims.at(0).scores) {
    metrics.push_back(score.metric);
    EXPECT_TRUE(std::isfinite(score.value));
    EXPECT_GT(score.baseline, 0.0);
  }
  EXPECT_THAT(metrics, ElementsAre("accuracy", "error", "mIoU", "error", "angle"));
  // In the label's unit: numbers around 100 with a deviation of 10, depths uniform in [2, 9].
  EXPECT_NEAR(victims[0].scores[1].baseline, 8.0, 4.0);
  EXPECT_NEAR(victims[0].scores[3].baseline, 7.0 / 4, 0.1);
}

// What is 170 above the rest stands out in grey and in two bits as well; in a copy of random pixels nothing does.
TEST(Verify, OtherLearnersLearnThePublishedImagesAlone) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 2;
  options.seeds = 2;
  const auto alone = verify(sets.data(), options);
  options.others = learners_named({"network", "bits2"}, BackboneName::Small);
  Scores scores;
  const auto victims = verify(sets.data(), options, scores.store());
  ASSERT_EQ(victims.size(), alone.size() + 4);
  for (std::size_t v = 0; v < alone.size(); ++v) EXPECT_EQ(victims[v].scores[0].value, alone[v].scores[0].value) << v;
  for (std::size_t v = alone.size(); v < victims.size(); ++v) {
    EXPECT_TRUE(victims[v].published && victims[v].mtl);
    EXPECT_EQ(victims[v].learner, v < alone.size() + 2 ? 1U : 2U);
  }
  EXPECT_TRUE(scores.files.contains("protected-network-mtl-seed0"));
  EXPECT_TRUE(scores.files.contains("protected-bits2-mtl-seed1"));
  EXPECT_EQ(summarise(victims, true, true, {}, 2).tasks.size(), 2U);
}

// The side of the square is what a mirror image takes away; its height it leaves.
TEST(Verify, SeesMirrorImagesUnlessALabelForbidsIt) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 16;
  options.batch = 8;
  options.stl = false;
  options.flip = std::nullopt;
  Scores scores;
  const VerificationData clean{sets.clean, nullptr, rows_of(sets.clean), sets.test, rows_of(sets.test)};
  EXPECT_FALSE(verify_all(clean, options, scores.store()).flip);
  EXPECT_TRUE(scores.files.contains("mirror-images"));
  options.flip = true;
  options.epochs = 1;
  EXPECT_TRUE(verify_all(clean, options).flip);
  options.flip = std::nullopt;
  options.clean = false;
  EXPECT_TRUE(verify_all(sets.data(), options).flip) << "there is nothing to choose by";
}

TEST(Verify, HoldsOutItsOwnImagesToStopBy) {
  const Sets sets;
  VerificationOptions options = quick();
  options.epochs = 2;
  options.stl = false;
  const auto last = verify(sets.data(), options);
  options.hold_out = 0.25;
  const auto best = verify(sets.data(), options);
  EXPECT_NE(last[0].scores[1].value, best[0].scores[1].value);
  options.hold_out = 0.001;
  EXPECT_THAT([&] { verify(sets.data(), options); },
              ThrowsMessage<std::invalid_argument>("verify: 96 images are too few to hold out a share of 0.001"));
  options.hold_out = 1.0;
  EXPECT_THROW(verify(sets.data(), options), std::invalid_argument);
}

TEST(Augment, JitterChangesColoursWithinItsBounds) {
  const MemorySet set = random_set(6, {3, 8, 8}, {2}, 100, 120);
  const TaskSpecs specs = task_specs(set, rows_of(set));
  const MiniBatch batch = to_tensors(set.read(0, 6), specs);
  Rng rng(4);
  const auto jittered = augment(batch.pixels, batch.labels, specs, {.jitter = 0.5}, &rng).pixels;
  const auto change = (jittered.mean({1, 2, 3}) / batch.pixels.mean({1, 2, 3}));
  EXPECT_GT(change.max().item<double>() - change.min().item<double>(), 0.05) << "each image has its own";
  EXPECT_GE(change.min().item<double>(), 0.5 - 1e-3);
  EXPECT_LE(change.max().item<double>(), 1.5 + 1e-3);
  EXPECT_TRUE(torch::equal(augment(batch.pixels, batch.labels, specs, {.jitter = 0.5}, nullptr).pixels, batch.pixels))
      << "images to test on stay";
  Rng unused(4);
  EXPECT_TRUE(torch::equal(augment(batch.pixels, batch.labels, specs, {}, &unused).pixels, batch.pixels));
  EXPECT_EQ(unused.bits(), Rng(4).bits());
}

TEST(Verify, RefusesSetsThatDoNotFit) {
  const Sets sets;
  const auto refusal = [&](const Source& published, const Source& test) {
    try {
      verify({sets.clean, &published, rows_of(sets.clean), test, rows_of(test)}, quick());
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(refusal(sets.published, random_set(10, {1, 12, 13}, {2, 3})),
            "verify: the test images have 1 x 12 x 13 values, the clean ones 1 x 12 x 12");
  EXPECT_EQ(refusal(sets.published, random_set(10, {1, 12, 12}, {2})),
            "verify: the test images have 1 tasks, the clean ones 2");
  EXPECT_EQ(refusal(sets.published, random_set(10, {1, 12, 12}, {2, 3})),
            "verify: task \"task0\" of the test images is not \"side\" of the clean ones, or has other classes");
  EXPECT_EQ(refusal(separable_set(95), sets.test), "verify: 95 published images of 96");
  EXPECT_EQ(refusal(random_set(96, {1, 12, 12}, {2}), sets.test),
            "verify: the published images have 1 tasks, the clean ones 2");
  VerificationOptions options = quick();
  options.stl_tasks = {2};
  EXPECT_THAT([&] { verify(sets.data(), options); },
              ThrowsMessage<std::invalid_argument>("verify: there is no task 2"));
}

TEST(Verify, AStopLeavesOnlyVictimsThatAreDone) {
  const Sets sets;
  std::stop_source stop;
  Scores scores;
  PartStore store = scores.store();
  store.keep = [&](const std::string&, const std::string&) { stop.request_stop(); };
  VerificationOptions options = quick();
  options.epochs = 1;
  EXPECT_EQ(verify(sets.data(), options, store, {{}, stop.get_token()}).size(), 1U);
}

TEST(Verify, SmallNetworksLearnAtTripleTheUsualRate) {
  for (const std::string& name : backbone_names())
    EXPECT_EQ(victim_learning_rate(backbone_named(name)), name.starts_with("small") ? 3e-3 : 1e-3) << name;
}

TEST(SampleOfTasks, IsEvenFromTheFirstToTheLast) {
  EXPECT_THAT(sample_of_tasks(40, 3), ElementsAre(0, 19, 39));
  EXPECT_THAT(sample_of_tasks(3, 5), ElementsAre(0, 1, 2));
  EXPECT_THAT(sample_of_tasks(10, 1), ElementsAre(0));
}

TEST(Summarise, GivesMeansAndIntervalsOverSeedsOfTheVictimsAskedFor) {
  const auto score = [](const char* metric, double value, double baseline) {
    return TaskScore{metric, value, baseline, value / 2};
  };
  std::vector<Victim> victims;
  victims.push_back(
      {true, true, 0, {0, 1, 2}, {score("accuracy", 0.9, 0.5), score("error", 7, 8), score("mIoU", 0.3, 0.2)}});
  victims.push_back(
      {true, true, 1, {0, 1, 2}, {score("accuracy", 0.7, 0.5), score("error", 5, 8), score("mIoU", 0.1, 0.2)}});
  victims.push_back({false, true, 0, {0}, {score("accuracy", 0.1, 0.1)}});
  victims.push_back({true, false, 0, {2}, {score("mIoU", 0.6, 0.4)}});
  const LearnerSummary summary = summarise(victims, true, true);
  ASSERT_EQ(summary.tasks.size(), 3U);
  EXPECT_EQ(summary.tasks[1].metric, "error");
  EXPECT_DOUBLE_EQ(summary.tasks[1].value.mean, 6.0);
  EXPECT_DOUBLE_EQ(summary.tasks[1].balanced.mean, 3.0);
  EXPECT_DOUBLE_EQ(summary.tasks[1].baseline, 8.0);
  EXPECT_DOUBLE_EQ(summary.mean.mean, (0.6 + 0.4) / 2);
  // Student's t with one degree of freedom: 12.706 standard errors of 0.1.
  EXPECT_NEAR(summary.mean.low, 0.5 - 1.2706, 1e-4);
  EXPECT_NEAR(summary.mean.high, 0.5 + 1.2706, 1e-4);
  EXPECT_DOUBLE_EQ(summary.baseline, 0.35);

  const LearnerSummary alone = summarise(victims, true, false);
  ASSERT_EQ(alone.tasks.size(), 1U);
  EXPECT_EQ(alone.tasks[0].task, 2U);
  EXPECT_TRUE(std::isnan(alone.mean.low));
  EXPECT_TRUE(std::isnan(summarise({}, true, true).baseline));
}

std::vector<Victim> one_clean_one_published(const std::vector<TaskScore>& clean, const std::vector<TaskScore>& after) {
  std::vector<std::size_t> tasks(clean.size());
  std::iota(tasks.begin(), tasks.end(), std::size_t{0});
  return {{false, true, 0, tasks, clean}, {true, true, 0, tasks, after}};
}

// 0.55 of 100 images is 0.05 above 0.5 and within 0.098; of 10,000 images it is beyond 0.0098.
TEST(TasksNotLearned, AreThoseWhoseCleanVictimIsNoBetterThanTheBaseline) {
  const auto victims = one_clean_one_published(
      {{"accuracy", 0.55, 0.5}, {"accuracy", 0.9, 0.5}, {"error", 8.5, 8.0}, {"error", 5.0, 8.0}, {"mIoU", 0.2, 0.2}},
      {{"accuracy", 0.5, 0.5}, {"accuracy", 0.5, 0.5}, {"error", 8, 8}, {"error", 8, 8}, {"mIoU", 0.2, 0.2}});
  EXPECT_THAT(tasks_not_learned(victims, true, 100), ElementsAre(0, 2, 4));
  EXPECT_THAT(tasks_not_learned(victims, true, 10'000), ElementsAre(2, 4));
  EXPECT_TRUE(tasks_not_learned(victims, false, 100).empty());
  EXPECT_EQ(summarise(victims, false, true, {0, 2, 4}).mean.mean, 0.9);
}

TEST(VerificationAnswer, GivesNoVerdictBesideAVictimThatHasNotLearned) {
  VerificationFacts facts;
  facts.tasks = {{"smile", Kind::Binary, {"no", "yes"}}, {"pitch", Kind::Binary, {"up", "down"}}};
  facts.test_images = 100;
  facts.options.stl = false;
  const auto victims = one_clean_one_published({{"accuracy", 0.9, 0.5}, {"accuracy", 0.52, 0.5}},
                                               {{"accuracy", 0.5, 0.5}, {"accuracy", 0.5, 0.5}});
  EXPECT_THAT(verification_answer(victims, facts),
              testing::AllOf(testing::StartsWith("Not measured: pitch, "), testing::HasSubstr("in place of 90.0"),
                             testing::HasSubstr(" of what could be learned is left")));
  EXPECT_EQ(to_json(victims, facts).at("not_measured").at("mtl"), nlohmann::ordered_json({"pitch"}));
  EXPECT_EQ(std::get<std::string>(verification_table(victims, facts, true).rows.at(1).at(7)), "no");
  EXPECT_THAT(report::to_html(verification_page(victims, facts)), testing::HasSubstr("Not measured"));

  const auto nothing = one_clean_one_published({{"accuracy", 0.5, 0.5}, {"accuracy", 0.52, 0.5}},
                                               {{"accuracy", 0.5, 0.5}, {"accuracy", 0.5, 0.5}});
  EXPECT_THAT(verification_answer(nothing, facts), testing::StartsWith("Not measured: one network for all tasks"));
}

// The usual learner gets nothing, the one that sees grey all of the second task.
struct TwoLearners {
  std::vector<Victim> victims = one_clean_one_published({{"accuracy", 0.9, 0.5}, {"accuracy", 0.7, 0.5}},
                                                        {{"accuracy", 0.5, 0.5}, {"accuracy", 0.5, 0.5}});
  VerificationFacts facts;

  explicit TwoLearners(double of_grey) {
    victims.push_back({true, true, 0, {0, 1}, {{"accuracy", 0.5, 0.5}, {"accuracy", of_grey, 0.5}}, 1});
    facts.tasks = {{"smile", Kind::Binary, {"no", "yes"}}, {"pitch", Kind::Binary, {"up", "down"}}};
    facts.test_images = 1000;
    facts.options.stl = false;
    facts.learners = {"usual", "grey"};
  }
};

TEST(LearnerOutcomes, TheStrongestCounts) {
  const TwoLearners two(0.7);
  const auto outcomes = learner_outcomes(two.victims, 1000);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].left, 0.0);
  EXPECT_NEAR(outcomes[1].left, (0.6 - 0.5) / (0.8 - 0.5), 1e-12);
  EXPECT_EQ(strongest(outcomes)->learner, 1U);
  EXPECT_EQ(verdict_of(outcomes, true), Verdict::Protected);
  EXPECT_EQ(verdict_of(outcomes, false), Verdict::NotMeasured) << "a learner failed";
  EXPECT_EQ(verdict_of({outcomes[0]}, true), Verdict::NotMeasured) << "one learner says too little";
  EXPECT_EQ(strongest({}), nullptr);
  EXPECT_EQ(verdict_of({}, true), Verdict::NotMeasured);
  const auto more = learner_outcomes(TwoLearners(0.8).victims, 1000);
  EXPECT_NEAR(more[1].left, 0.5, 1e-12);
  EXPECT_EQ(verdict_of(more, true), Verdict::NotProtected);
  EXPECT_EQ(verdict_of(more, false), Verdict::NotProtected) << "who else fails changes nothing";
}

TEST(LearnerOutcomes, ATaskThatCleanImagesDoNotTeachIsLeftOut) {
  TwoLearners two(0.7);
  two.victims[0].scores[1].value = 0.51;
  const auto outcomes = learner_outcomes(two.victims, 1000);
  EXPECT_THAT(outcomes[1].unmeasured, ElementsAre(1));
  EXPECT_EQ(outcomes[1].left, 0.0);
  two.victims[0].scores[0].value = 0.5;
  EXPECT_EQ(verdict_of(learner_outcomes(two.victims, 1000), true), Verdict::NotMeasured);
}

TEST(LearnerOutcomes, ALearnerOfCleanImagesIsItsOwnReference) {
  TwoLearners two(0.7);
  two.victims.push_back({false, true, 0, {0, 1}, {{"accuracy", 0.7, 0.5}, {"accuracy", 0.7, 0.5}}, 1});
  EXPECT_NEAR(learner_outcomes(two.victims, 1000)[1].left, 0.5, 1e-12);
}

TEST(VerificationAnswer, IsAboutTheStrongestLearner) {
  TwoLearners two(0.8);
  EXPECT_THAT(verification_answer(two.victims, two.facts),
              testing::AllOf(testing::StartsWith("Not protected. "),
                             testing::HasSubstr("the strongest of 2 learners (grey) gets 65.0"),
                             testing::HasSubstr("50.0"), testing::HasSubstr("most is left is pitch, with 150.0")));
  const auto json = to_json(two.victims, two.facts);
  EXPECT_EQ(json.at("verdict"), "not protected");
  EXPECT_EQ(json.at("strongest").at("learner"), "grey");
  EXPECT_EQ(json.at("learners").size(), 2U);
  EXPECT_EQ(json.at("protected").at("mtl").at("mean"), 0.5) << "of the usual learner";
  const auto table = learners_table(two.victims, two.facts);
  EXPECT_EQ(std::get<std::string>(table.rows.at(0).at(0)), "grey");
  EXPECT_EQ(std::get<double>(table.rows.at(0).at(6)), 0.8);
  EXPECT_THAT(report::to_html(verification_page(two.victims, two.facts)),
              testing::AllOf(testing::HasSubstr("the strongest learner, grey"),
                             testing::HasSubstr("the usual learner, one network")));
  TwoLearners held(0.6);
  EXPECT_THAT(verification_answer(held.victims, held.facts),
              testing::StartsWith("Protected against these 2 learners. "));
  held.facts.failures = {"--victim on the clean images: exit status 3"};
  EXPECT_THAT(
      verification_answer(held.victims, held.facts),
      testing::AllOf(testing::Not(testing::HasSubstr("Protected against")), testing::HasSubstr("exit status 3")));
}

TEST(LearnersTable, WithoutCleanVictimsTheLargestMeanComesFirst) {
  TwoLearners two(0.7);
  two.victims.erase(two.victims.begin());
  two.facts.options.clean = false;
  const auto table = learners_table(two.victims, two.facts);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(std::get<std::string>(table.rows.at(0).at(0)), "grey");
  EXPECT_EQ(std::get<std::string>(table.rows.at(0).at(0)),
            to_json(two.victims, two.facts).at("strongest").at("learner"));
}

TEST(VerificationAnswer, OfTheProtectedCopyAloneHasNoComparison) {
  VerificationFacts facts;
  facts.tasks = {{"smile", Kind::Binary, {"no", "yes"}}};
  facts.options.stl = false;
  facts.options.clean = false;
  const std::vector<Victim> victims = {{true, true, 0, {0}, {{"accuracy", 0.75, 0.5}}}};
  EXPECT_THAT(verification_answer(victims, facts),
              testing::AllOf(testing::HasSubstr("gets 75.0"), testing::HasSubstr("is not known")));
  EXPECT_EQ(verification_table(victims, facts, true).rows.size(), 1U);
}

}  // namespace
}  // namespace crosstalk::image
