#include <cmath>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr Shape kShape{1, 12, 12};

NoiseOptions few_steps(Base base, bool generator) {
  NoiseOptions options;
  options.base = base;
  options.generator = generator;
  options.tasks = {0, 1};
  options.epochs = 4;
  options.batch = 16;
  options.surrogate_epochs = 2;
  options.checkpoints = 2;
  options.surrogate_batches = 4;
  options.round = 2;
  options.step = 1.6;
  return options;
}

std::vector<float> changes_of(const Method& method, const Source& set) {
  return method.changes(set.read(0, set.size()), 1);
}

struct Store {
  std::map<std::string, std::string> files;
  std::function<void(const std::string&)> kept = {};

  Checkpoints checkpoints() {
    return {[this](const std::string& name) {
              const auto file = files.find(name);
              return file == files.end() ? std::nullopt : std::optional(file->second);
            },
            [this](const std::string& name, const std::string& content) {
              files[name] = content;
              if (kept) kept(name);
            }};
  }
};

class EverySource : public testing::TestWithParam<std::tuple<Base, bool>> {
 protected:
  NoiseOptions options = few_steps(std::get<0>(GetParam()), std::get<1>(GetParam()));
  MemorySet set = random_set(64, kShape, {2, 3});
};

TEST_P(EverySource, LowersItsObjectiveWithinEpsilon) {
  options.round = options.epochs;  // Em: one surrogate for all passes
  options.surrogate_batches = 32;
  const LearnedNoise noise = learn_noise(set, options);
  NoiseOptions idle = options;  // the same crops and batches
  idle.learning_rate = idle.step = 1e-9;
  EXPECT_TRUE(noise.complete);
  ASSERT_EQ(noise.losses.size(), 4U);
  EXPECT_LT(noise.losses.back(), learn_noise(set, idle).losses.back());
  EXPECT_EQ(noise.generator.empty(), !options.generator);
  float largest = 0;
  for (const float change : changes_of(*noise.method, set)) {
    ASSERT_LE(std::abs(change), 8.0001F);  // single precision
    largest = std::max(largest, std::abs(change));
  }
  EXPECT_GT(largest, 0.5F);  // rounds to a change
  ChangeMeter meter;
  const Batch images = set.read(0, 64);
  meter.add(images.pixels, protect(images, *noise.method).pixels);
  EXPECT_LE(meter.largest(), 8);
}

TEST_P(EverySource, TheSameSeedGivesTheSameBytes) {
  const LearnedNoise once = learn_noise(set, options);
  const LearnedNoise again = learn_noise(set, options);
  EXPECT_EQ(changes_of(*once.method, set), changes_of(*again.method, set));
  EXPECT_EQ(once.losses, again.losses);
  options.seed = 2;
  EXPECT_NE(changes_of(*once.method, set), changes_of(*learn_noise(set, options).method, set));
}

TEST_P(EverySource, GoesOnAfterAStopAsIfThereHadBeenNone) {
  const LearnedNoise whole = learn_noise(set, options);
  Store store;
  std::stop_source after_a_pass;
  store.kept = [&](const std::string& name) {
    if (name == "noise") after_a_pass.request_stop();
  };
  const LearnedNoise first = learn_noise(set, options, store.checkpoints(), {{}, after_a_pass.get_token()});
  EXPECT_FALSE(first.complete);
  EXPECT_EQ(first.losses.size(), 1U);

  store.kept = {};
  std::stop_source within_a_pass;
  const auto stop_late = [&](double done, const std::string&) {
    if (done > 0.65) within_a_pass.request_stop();
  };
  const LearnedNoise second = learn_noise(set, options, store.checkpoints(), {stop_late, within_a_pass.get_token()});
  EXPECT_FALSE(second.complete);
  EXPECT_EQ(second.losses.size(), 2U);

  const LearnedNoise third = learn_noise(set, options, store.checkpoints());
  EXPECT_TRUE(third.complete);
  EXPECT_EQ(third.losses, whole.losses);
  EXPECT_EQ(changes_of(*third.method, set), changes_of(*whole.method, set));
}

INSTANTIATE_TEST_SUITE_P(LearnedNoise, EverySource,
                         testing::Combine(testing::Values(Base::Em, Base::Tap, Base::Sep), testing::Bool()),
                         [](const auto& param) {
                           return to_string(std::get<0>(param.param)) +
                                  (std::get<1>(param.param) ? "Generator" : "Free");
                         });

TEST(LearnedNoise, AStopWhileTheSurrogateLearnsEndsWithoutNoise) {
  std::stop_source stop;
  stop.request_stop();
  const LearnedNoise noise =
      learn_noise(random_set(16, kShape, {2, 3}), few_steps(Base::Tap, true), {}, {{}, stop.get_token()});
  EXPECT_FALSE(noise.complete);
  EXPECT_EQ(noise.method, nullptr);
}

// 512 channels of 12 x 12 values: 33 images go through the generator at a time, and a batch has 64.
TEST(LearnedNoise, ABatchTooLargeForTheGeneratorIsMadeInParts) {
  const MemorySet set = separable_set(64);
  NoiseOptions options = few_steps(Base::Tap, true);
  options.sizes.size.stem = 512;
  options.sizes.intra = options.sizes.inter = 0.0;
  options.learning_rate = 0.01;
  options.epsilon = 32;
  options.batch = 64;
  options.epochs = 10;
  options.surrogate_epochs = 30;
  const LearnedNoise noise = learn_noise(set, options);
  NoiseOptions idle = options;
  idle.learning_rate = 1e-9;
  EXPECT_LT(noise.losses.back(), 0.9 * learn_noise(set, idle).losses.back());
  const std::vector<float> together = changes_of(*noise.method, set);
  for (const std::size_t i : {0, 32, 33, 63}) {
    const std::vector<float> alone = noise.method->changes(set.read(i, 1), 1);
    for (std::size_t p = 0; p < alone.size(); ++p)
      ASSERT_NEAR(alone[p], together[i * 144 + p], 1e-3);  // single precision
  }
}

TEST(LearnedNoise, NothingIsLearnedAfterMostSeconds) {
  for (const Base base : {Base::Em, Base::Tap}) {
    NoiseOptions options = few_steps(base, true);
    options.most_seconds = 1e-9;
    std::vector<double> shares;
    const LearnedNoise noise = learn_noise(random_set(16, kShape, {2, 3}), options, {},
                                           {[&](double done, const std::string&) { shares.push_back(done); }, {}});
    EXPECT_FALSE(noise.complete);
    EXPECT_EQ(noise.losses.size(), 0U);
    EXPECT_EQ(noise.method, nullptr);
    for (const double share : shares) EXPECT_EQ(share, 1.0);  // the time is over, whatever is left to do
  }
}

// Whatever epoch a surrogate is stopped in, those before are kept and the noise is that of one run.
TEST(LearnedNoise, ASurrogateGoesOnWhereItWasStopped) {
  for (const Base base : {Base::Tap, Base::Sep}) {
    NoiseOptions options = few_steps(base, true);
    options.surrogate_epochs = 4;
    const MemorySet set = random_set(64, kShape, {2, 3});
    const LearnedNoise whole = learn_noise(set, options);
    Store store;
    int epochs = 0;
    for (LearnedNoise part; !part.complete || part.method == nullptr;) {
      std::stop_source after_an_epoch;
      store.kept = [&](const std::string& name) {
        if (name == "surrogates") {
          ++epochs;
          after_an_epoch.request_stop();
        }
      };
      part = learn_noise(set, options, store.checkpoints(), {{}, after_an_epoch.get_token()});
      if (part.complete) {
        EXPECT_EQ(part.losses, whole.losses);
        EXPECT_EQ(changes_of(*part.method, set), changes_of(*whole.method, set));
      }
    }
    EXPECT_EQ(epochs, 4);  // none was learned twice
  }
}

TEST(LearnedNoise, EveryKindOfTaskCanBeProtected) {
  for (const bool generator : {false, true}) {
    NoiseOptions options = few_steps(Base::Tap, generator);
    options.tasks = {0, 1, 2, 3, 4};
    options.flip = true;
    options.epochs = 20;
    options.surrogate_epochs = 60;  // one that has learned nothing cannot be led anywhere
    const MemorySet set = dense_set();
    const LearnedNoise noise = learn_noise(set, options);
    // Passes differ by their crops and mirrors.
    const auto sum_of = [](auto first) { return std::accumulate(first, first + 5, 0.0); };
    EXPECT_LT(sum_of(noise.losses.end() - 5), sum_of(noise.losses.begin())) << testing::PrintToString(noise.losses);
    for (const float change : changes_of(*noise.method, set)) ASSERT_LE(std::abs(change), 8.0001F);
  }
}

TEST(LearnedNoise, NeedsTwoImagesOfEveryProtectedClass) {
  const MemorySet set = random_set(5, kShape, {4, 2});
  NoiseOptions options = few_steps(Base::Em, true);
  EXPECT_THAT(
      [&] { learn_noise(set, options); },
      ThrowsMessage<DataError>("class \"1\" of task \"task0\" has one image only; noise is learned from two or more: "
                               "merge rare classes (`merge_rare=2`), or protect other tasks"));
  options.tasks = {1};
  options.epochs = 1;
  EXPECT_NO_THROW(learn_noise(set, options));
}

TEST(LearnedNoise, NeedsTwoImages) {
  Batch one{0, {1, 8, 8}, std::vector<std::uint8_t>(64, 100), Eigen::MatrixXd::Constant(1, 1, 3.0)};
  const MemorySet set({{"number", Kind::Regression}}, std::move(one));
  NoiseOptions options = few_steps(Base::Em, true);
  options.tasks = {0};
  EXPECT_THAT([&] { learn_noise(set, options); }, ThrowsMessage<DataError>("noise is learned from two or more images"));
}

TEST(LearnedNoise, OptionsOutOfRangeAreRefused) {
  const MemorySet set = random_set(16, kShape, {2, 3});
  const auto refusal = [&](const std::function<void(NoiseOptions&)>& change) {
    NoiseOptions options = few_steps(Base::Sep, true);
    change(options);
    try {
      learn_noise(set, options);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.epsilon = 0; }), HasSubstr("epsilon is 0; it must be between 1 and 255"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.epsilon = 256; }), HasSubstr("epsilon is 256"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.tasks = {}; }), HasSubstr("no task to protect"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.tasks = {2}; }), HasSubstr("there is no task 2"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.epochs = 0; }), HasSubstr("epochs is 0"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.batch = 1; }), HasSubstr("batch is 1"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.sizes.gain = 0; }), HasSubstr("gain is 0"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.checkpoints = 3; }),
              HasSubstr("checkpoints is 3; it must be between 1 and the surrogate's epochs, 2"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.round = 0; }), HasSubstr("round is 0"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.sizes.size.stem = 6; }), HasSubstr("generator: 6 channels"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.sizes.size.last = 0; }), HasSubstr("generator: 0 channels"));
  EXPECT_THAT(refusal([](NoiseOptions& o) { o.sizes.size.stem_blocks = 17; }), HasSubstr("17 blocks"));
}

TEST(LearnedNoise, ACheckpointOfAnotherRunIsRefused) {
  const MemorySet set = random_set(16, kShape, {2, 3});
  NoiseOptions options = few_steps(Base::Tap, true);
  options.epochs = 1;
  Store store;
  learn_noise(set, options, store.checkpoints());
  ASSERT_EQ(store.files.size(), 2U);
  const auto whole = store.files;
  NoiseOptions other = options;
  other.seed = 2;
  EXPECT_THAT([&] { learn_noise(set, other, store.checkpoints()); },
              ThrowsMessage<DataError>("surrogates: is a checkpoint of another run"));
  for (const char* name : {"surrogates", "noise"}) {
    store.files = whole;
    store.files[name] = "nonsense";
    EXPECT_THAT([&] { learn_noise(set, options, store.checkpoints()); },
                ThrowsMessage<DataError>(HasSubstr(std::string(name) + ": is no file of crosstalk's networks")));
  }
  store.files = whole;
  store.files["noise"] = whole.at("surrogates");
  EXPECT_THAT([&] { learn_noise(set, options, store.checkpoints()); },
              ThrowsMessage<DataError>("noise: is damaged, or of another kind"));
}

struct AGenerator {
  MemorySet set = random_set(16, kShape, {2, 3});
  LearnedNoise noise;

  AGenerator() {
    NoiseOptions options = few_steps(Base::Em, true);
    options.epochs = 1;
    options.tasks = {1};
    options.sizes.squash = Squash::Tanh;
    options.epsilon = 5;
    noise = learn_noise(set, options);
  }
  [[nodiscard]] std::string refusal(const std::string& content, const Source& source) const {
    try {
      open_generator(content, "g.pt", source);
    } catch (const DataError& error) {
      return error.what();
    }
    return "none";
  }
};

TEST(OpenGenerator, GivesTheChangesOfTheMethodItCameFrom) {
  const AGenerator made;
  const auto opened = open_generator(made.noise.generator, "g.pt", made.set);
  EXPECT_EQ(changes_of(*opened, made.set), changes_of(*made.noise.method, made.set));
}

TEST(OpenGenerator, RefusesOtherImages) {
  const AGenerator made;
  const auto refusal = [&](const Source& source) { return made.refusal(made.noise.generator, source); };
  EXPECT_EQ(refusal(random_set(4, {1, 12, 13}, {2, 3})),
            "g.pt: was made for images of 12 x 12 pixels and 1 channels, these have 13 x 12 and 1");
  EXPECT_EQ(refusal(random_set(4, kShape, {2, 4})),
            "g.pt: does not know class \"3\" of task \"task1\"; it was made for \"0\", \"1\", \"2\"");
  auto tasks = made.set.tasks();
  tasks[1] = {"task1", Kind::Regression, {}};
  EXPECT_EQ(refusal(MemorySet(tasks, made.set.read(0, 16))),
            "g.pt: knows task \"task1\" as another kind of label than the images have");
}

// Task1 is the one that it protects.
TEST(OpenGenerator, TakesSomeOfItsTasksAndClassesInAnyOrder) {
  const AGenerator made;
  const std::vector<float> all = changes_of(*made.noise.method, made.set);
  const Batch images = made.set.read(0, 16);
  Batch some{0, kShape, {}, {}, {}};
  std::vector<double> labels;
  std::vector<float> expected;
  for (std::size_t row = 0; row < 16; ++row) {
    if (images.label(row, 1) == 0.0) continue;  // class 0 is not among them
    const auto pixels = images.image(row);
    some.pixels.insert(some.pixels.end(), pixels.begin(), pixels.end());
    labels.push_back(images.label(row, 1) == 2.0 ? 0.0 : 1.0);
    const auto values = std::span(all).subspan(row * kShape.values(), kShape.values());
    expected.insert(expected.end(), values.begin(), values.end());
  }
  some.labels.resize(static_cast<Eigen::Index>(labels.size()), 2);
  for (std::size_t row = 0; row < labels.size(); ++row) {
    some.labels(static_cast<Eigen::Index>(row), 0) = labels[row];
    some.labels(static_cast<Eigen::Index>(row), 1) = 0.0;
  }
  const MemorySet set({{"task1", Kind::Binary, {"2", "1.0"}}, {"unknown", Kind::Classes, {"x"}}}, some);
  const std::vector<float> changes = changes_of(*open_generator(made.noise.generator, "g.pt", set), set);
  ASSERT_EQ(changes.size(), expected.size());
  for (std::size_t i = 0; i < changes.size(); ++i) ASSERT_NEAR(changes[i], expected[i], 1e-4);  // other batches
}

TEST(OpenGenerator, ASingleImageWithoutLabelsIsChangedToo) {
  const AGenerator made;
  const GeneratorFacts facts = generator_facts(made.noise.generator, "g.pt");
  EXPECT_EQ(facts.shape, kShape);
  EXPECT_EQ(facts.epsilon, 5);
  EXPECT_EQ(facts.is_protected, (std::vector<bool>{false, true}));
  Batch one{0, kShape, made.set.read(3, 1).pixels, Eigen::MatrixXd(1, 0), {}};
  const MemorySet set({}, one);
  const std::vector<float> changes = changes_of(*open_generator(made.noise.generator, "g.pt", set), set);
  EXPECT_EQ(changes.size(), kShape.values());
  EXPECT_NE(changes, std::vector<float>(changes.size(), changes.front()));
  for (const float change : changes) EXPECT_LE(std::abs(change), 5.0001F);
}

TEST(OpenGenerator, RefusesWhatIsNoGeneratorInOneLine) {
  const AGenerator made;
  const std::string& whole = made.noise.generator;
  for (const std::string& content : {std::string(), std::string("nonsense"), whole.substr(0, whole.size() / 2)})
    EXPECT_EQ(made.refusal(content, made.set), "g.pt: is no file of crosstalk's networks, or is damaged");
  Store store;
  NoiseOptions options = few_steps(Base::Em, true);
  options.epochs = 1;
  learn_noise(made.set, options, store.checkpoints());
  EXPECT_EQ(made.refusal(store.files.at("noise"), made.set), "g.pt: is no generator of crosstalk");
}

// One changed bit anywhere: the file is refused, or the bit did not matter.
TEST(OpenGenerator, DamageIsFoundOrChangesNothing) {
  const AGenerator made;
  const auto noise = changes_of(*made.noise.method, made.set);
  int found = 0;
  for (std::size_t at = 0; at < made.noise.generator.size(); at += made.noise.generator.size() / 80) {
    std::string content = made.noise.generator;
    content[at] = static_cast<char>(content[at] ^ 0x10);
    try {
      EXPECT_EQ(changes_of(*open_generator(content, "g.pt", made.set), made.set), noise) << at;
    } catch (const DataError& error) {
      ++found;
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n"))) << at;
    }
  }
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace crosstalk::image
