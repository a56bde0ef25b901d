#include "crosstalk/image/network/transformation.hpp"

#include <cmath>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/error.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/image/processing.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

// Waves of several lengths with a little noise, as a photo has, in levels.
Picture waves(const Shape& shape) {
  Picture picture{shape, {}};
  Rng rng(11);
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t y = 0; y < shape.height; ++y)
      for (std::size_t x = 0; x < shape.width; ++x) {
        const double a = 0.35 * static_cast<double>(x) + 0.8 * static_cast<double>(c);
        const double b = 0.6 * static_cast<double>(y) - 0.1 * static_cast<double>(x);
        const double level = 128 + 50 * std::sin(a) + 40 * std::cos(b) + 6 * rng.normal();
        picture.pixels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0))));
      }
  return picture;
}

torch::Tensor tensor_of(const Picture& picture, torch::Dtype type = torch::kFloat) {
  const Shape& shape = picture.shape;
  return torch::tensor(std::vector<double>(picture.pixels.begin(), picture.pixels.end()), type)
      .view({1, static_cast<std::int64_t>(shape.channels), static_cast<std::int64_t>(shape.height),
             static_cast<std::int64_t>(shape.width)})
      .div(255.0);
}

double mean_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return 255.0 * (a - b).abs().mean().item<double>();
}

TEST(LikeJpeg, IsWithinALevelOrTwoOfTheCodec) {
  for (const Shape& shape : {Shape{1, 32, 32}, Shape{1, 21, 30}, Shape{3, 32, 48}, Shape{3, 29, 35}})
    for (const int quality : {10, 30, 50, 75, 90}) {
      const Picture picture = waves(shape);
      const auto pixels = tensor_of(picture);
      const auto file = tensor_of(processed(picture, {Processing::Kind::Jpeg, static_cast<double>(quality)}));
      const double change = mean_difference(pixels, file);
      const double difference = mean_difference(like_jpeg(pixels, quality), file);
      // The cubic is off by up to an eighth of a step, and steps are wide at low quality.
      EXPECT_LT(difference, 0.5 + 0.2 * change) << shape.channels << " x " << shape.height << ", quality " << quality;
      EXPECT_LT(difference, 2.0) << shape.channels << " x " << shape.height << ", quality " << quality;
    }
}

TEST(LikeGrey, IsTheLumaOfProcessing) {
  const Picture picture = waves({3, 9, 9});
  const auto grey = tensor_of(processed(picture, {Processing::Kind::Grey, 0}));
  EXPECT_LE((like_grey(tensor_of(picture)) - grey).abs().max().item<double>(), 0.51 / 255);  // rounded there
  const auto one = tensor_of(waves({1, 9, 9}));
  EXPECT_TRUE(like_grey(one).is_same(one));
}

TEST(LikeBlurred, IsTheBlurOfProcessingInsideTheImage) {
  const Picture picture = waves({3, 20, 24});
  const auto blurred = tensor_of(processed(picture, {Processing::Kind::Blur, 1.2}));
  const auto difference = (like_blurred(tensor_of(picture), 1.2) - blurred).abs();
  EXPECT_LE(difference.slice(2, 4, 16).slice(3, 4, 20).max().item<double>(), 0.51 / 255);
}

TEST(LikeResized, LosesDetailAndKeepsEvenImagesAndTheSize) {
  const auto even = torch::full({1, 3, 11, 7}, 0.3);
  EXPECT_TRUE(torch::allclose(like_resized(even, 0.6), even));
  const auto pixels = tensor_of(waves({3, 11, 7}));
  EXPECT_TRUE(torch::allclose(like_resized(pixels, 1.0), pixels));
  const auto half = like_resized(pixels, 0.5);
  EXPECT_EQ(half.sizes(), pixels.sizes());
  EXPECT_LT(half.std().item<double>(), pixels.std().item<double>());
  EXPECT_NEAR(like_resized(pixels, 0.001).std({2, 3}).max().item<float>(), 0.0F, 1e-6F);  // LibTorch 2.6 rounds
}

// Central differences of a sum with random weights, along random directions, in double precision.
TEST(Transformations, GradientsAreThoseOfFiniteDifferences) {
  torch::manual_seed(5);
  const std::map<std::string, std::function<torch::Tensor(const torch::Tensor&)>> all = {
      {"jpeg 20", [](const torch::Tensor& x) { return like_jpeg(x, 20); }},
      {"jpeg 85", [](const torch::Tensor& x) { return like_jpeg(x, 85); }},
      {"grey", like_grey},
      {"resized", [](const torch::Tensor& x) { return like_resized(x, 0.63); }},
      {"blurred", [](const torch::Tensor& x) { return like_blurred(x, 0.8); }}};
  for (const std::int64_t channels : {1, 3})
    for (const auto& [name, function] : all) {
      // Between levels: of whole ones a coefficient can be just in the middle between two whole numbers.
      const auto levels = tensor_of(waves({static_cast<std::size_t>(channels), 13, 18}), torch::kDouble);
      const auto pixels = levels + 1e-3 * torch::randn(levels.sizes(), torch::kDouble);
      const auto weights = torch::randn(pixels.sizes(), torch::kDouble);
      auto variable = pixels.clone().requires_grad_(true);
      (function(variable) * weights).sum().backward();
      for (int direction = 0; direction < 3; ++direction) {
        const auto way = torch::randn(pixels.sizes(), torch::kDouble);
        constexpr double h = 1e-7;
        const auto value = [&](double step) { return (function(pixels + step * way) * weights).sum().item<double>(); };
        const double slope = (variable.grad() * way).sum().item<double>();
        EXPECT_NEAR((value(h) - value(-h)) / (2 * h), slope, 1e-5 * (1 + std::abs(slope))) << name;
      }
    }
}

TEST(Transformed, PassesOneOfThemOrNone) {
  const auto pixels = tensor_of(waves({3, 12, 12}));
  Rng rng(12);
  EXPECT_TRUE(transformed(pixels, {}, rng).is_same(pixels));
  EXPECT_EQ(rng.bits(), Rng(12).bits());
  using enum Transformation;
  const std::vector<Transformation> all = {Jpeg, Grey, Resize, Blur, Noise};
  int untouched = 0;
  int grey = 0;
  for (int draw = 0; draw < 300; ++draw) {
    const auto seen = transformed(pixels, all, rng);
    EXPECT_EQ(seen.sizes(), pixels.sizes());
    untouched += seen.is_same(pixels) ? 1 : 0;
    grey += torch::equal(seen, like_grey(pixels)) ? 1 : 0;
  }
  EXPECT_NEAR(untouched, 50, 26);  // four deviations of 6.5
  EXPECT_NEAR(grey, 50, 26);
}

NoiseOptions noise_options(Base base, bool generator) {
  NoiseOptions options;
  options.base = base;
  options.generator = generator;
  options.tasks = {0, 1};
  options.epochs = 4;
  options.batch = 16;
  options.step = 1.6;
  options.surrogate_epochs = 2;
  options.checkpoints = 1;
  options.surrogate_batches = 4;
  options.robust_to = transformations_named({"jpeg", "grey", "resize", "blur", "noise"});
  return options;
}

TEST(LearnNoise, WithstandingLowersItsObjectiveWithinEpsilon) {
  const MemorySet set = random_set(64, {3, 12, 12}, {2, 3});
  for (const bool generator : {false, true})
    for (const Base base : {Base::Em, Base::Tap}) {
      const NoiseOptions options = noise_options(base, generator);
      const LearnedNoise noise = learn_noise(set, options);
      NoiseOptions idle = options;  // the same transformations, crops and batches
      idle.learning_rate = idle.step = 1e-9;
      if (base == Base::Tap) {
        EXPECT_LT(noise.losses.back(), learn_noise(set, idle).losses.back());
      }
      const auto changes = noise.method->changes(set.read(0, 64), 1);
      for (const float change : changes) ASSERT_LE(std::abs(change), 8.0001F);  // single precision
      NoiseOptions plain = options;
      plain.robust_to = {};
      EXPECT_NE(changes, learn_noise(set, plain).method->changes(set.read(0, 64), 1));
      if (base == Base::Em) {
        EXPECT_EQ(changes, learn_noise(set, options).method->changes(set.read(0, 64), 1));
      }
    }
}

TEST(LearnNoise, ACheckpointOfNoiseThatWithstandsIsAnotherRuns) {
  const MemorySet set = random_set(64, {3, 12, 12}, {2, 3});
  NoiseOptions options = noise_options(Base::Em, true);
  options.epochs = 1;
  std::map<std::string, std::string> files;
  const Checkpoints checkpoints{[&](const std::string& name) {
                                  const auto file = files.find(name);
                                  return file == files.end() ? std::nullopt : std::optional(file->second);
                                },
                                [&](const std::string& name, const std::string& content) { files[name] = content; }};
  learn_noise(set, options, checkpoints);
  EXPECT_NO_THROW(learn_noise(set, options, checkpoints));
  options.robust_to.pop_back();
  EXPECT_THAT([&] { learn_noise(set, options, checkpoints); },
              testing::ThrowsMessage<DataError>("noise: is a checkpoint of another run"));
}

}  // namespace
}  // namespace crosstalk::image
