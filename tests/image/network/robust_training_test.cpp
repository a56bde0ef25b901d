#include "crosstalk/image/network/robust_training.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/image/network/task_loss.hpp"
#include "crosstalk/image/network/training.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

// Pixel p of channel c of image i: random, the maps of a task of every kind.
View dense_view() {
  const MemorySet set = dense_set();
  const MiniBatch batch = to_tensors(set.read(0, 6), task_specs(set, all_rows(12)));
  return {batch.pixels, batch.labels};
}

TaskSpecs dense_specs() {
  const MemorySet set = dense_set();
  return task_specs(set, all_rows(12));
}

View random_view(std::int64_t n, std::int64_t channels, std::int64_t side) {
  torch::manual_seed(3);
  return {torch::rand({n, channels, side, side}), {torch::zeros({n, 1}), {}}};
}

bool same(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::allclose(a, b, 0.0, 0.0, true);
}

const std::vector<std::size_t> kPartners = {3, 0, 2, 5, 1, 4};

TEST(Hardened, WithNothingAskedForNothingHappensAndNothingIsDrawn) {
  const View view = dense_view();
  Rng rng(1);
  const MixedView mixed = robust_view(view, {}, rng);
  EXPECT_TRUE(mixed.view.pixels.is_same(view.pixels));
  EXPECT_EQ(mixed.lambda, 1.0);
  EXPECT_EQ(rng.bits(), Rng(1).bits());
}

TEST(MixedUp, AreWeightedMeansOfImagesAndOfLosses) {
  const View view = dense_view();
  const MixedView mixed = mixed_up(view, kPartners, 0.75);
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto partner = static_cast<std::int64_t>(kPartners[static_cast<std::size_t>(i)]);
    EXPECT_TRUE(same(mixed.view.pixels[i], 0.75 * view.pixels[i] + 0.25 * view.pixels[partner]));
    EXPECT_TRUE(same(mixed.view.labels.images[i], view.labels.images[i]));
    EXPECT_TRUE(same(mixed.partner.images[i], view.labels.images[partner]));
    for (const std::size_t k : {2, 3, 4}) {
      EXPECT_TRUE(same(mixed.view.labels.maps[k][i], view.labels.maps[k][i]));
      EXPECT_TRUE(same(mixed.partner.maps[k][i], view.labels.maps[k][partner]));
    }
  }
  const TaskSpecs specs = dense_specs();
  Rng rng(2);
  MultiTaskNet net(BackboneName::Small, Shape{1, 8, 8}, specs, rng);
  const Outputs outputs = net->forward(mixed.view.pixels);
  const auto losses = mixed_losses(outputs, mixed, specs);
  const auto own = task_losses(outputs, mixed.view.labels, specs);
  const auto others = task_losses(outputs, mixed.partner, specs);
  for (std::int64_t k = 0; k < 5; ++k) {
    EXPECT_FLOAT_EQ(losses[k].item<float>(), 0.75F * own[k].item<float>() + 0.25F * others[k].item<float>());
    EXPECT_NE(own[k].item<float>(), others[k].item<float>()) << k;
  }
  EXPECT_TRUE(same(mixed_losses(outputs, {mixed.view}, specs), own));
}

TEST(CutAndMixed, PastesThePartnersRegionIntoPixelsAndMaps) {
  const View view = dense_view();
  const MixedView mixed = cut_and_mixed(view, kPartners, {1, 3, 4, 2});
  EXPECT_DOUBLE_EQ(mixed.lambda, 1.0 - 8.0 / 64.0);
  const auto is_pasted = [](const torch::Tensor& after, const torch::Tensor& before) {
    bool right = true;
    for (std::int64_t i = 0; i < 6; ++i)
      for (std::int64_t y = 0; y < 8; ++y)
        for (std::int64_t x = 0; x < 8; ++x) {
          const bool inside = y >= 1 && y < 5 && x >= 3 && x < 5;
          const auto from = inside ? static_cast<std::int64_t>(kPartners[static_cast<std::size_t>(i)]) : i;
          right = right && same(after[i].select(1, y).select(1, x), before[from].select(1, y).select(1, x));
        }
    return right;
  };
  EXPECT_TRUE(is_pasted(mixed.view.pixels, view.pixels));
  EXPECT_TRUE(same(mixed.view.labels.images, view.labels.images));
  EXPECT_TRUE(same(mixed.partner.images[0], view.labels.images[3]));
  for (const std::size_t k : {2, 3, 4}) {
    EXPECT_TRUE(is_pasted(mixed.view.labels.maps[k], view.labels.maps[k]));
    EXPECT_TRUE(same(mixed.partner.maps[k], mixed.view.labels.maps[k]));
  }
  EXPECT_FALSE(mixed.partner.maps[0].defined());
}

TEST(Hardened, MixesHalfTheMinibatches) {
  const View view = dense_view();
  for (const auto& [cutmix, mixup] : {std::pair{true, false}, {false, true}, {true, true}}) {
    RobustTraining robust_training;
    robust_training.cutmix = cutmix;
    robust_training.mixup = mixup;
    Rng rng(4);
    int mixed = 0;
    int pasted = 0;
    double lambda = 0;
    for (int draw = 0; draw < 400; ++draw) {
      const MixedView seen = robust_view(view, robust_training, rng);
      if (!seen.partner.images.defined()) continue;
      mixed += 1;
      lambda += seen.lambda;
      pasted += same(seen.partner.maps[2], seen.view.labels.maps[2]) ? 1 : 0;
    }
    EXPECT_NEAR(mixed, 200, 40);  // four deviations of 10
    EXPECT_NEAR(pasted, cutmix && mixup ? mixed / 2 : cutmix ? mixed : 0, cutmix && mixup ? 30 : 8);
    // A uniform share, but what CutMix's rectangle loses at the edges and to whole pixels.
    EXPECT_NEAR(lambda / mixed, 0.6, 0.2);
  }
}

TEST(CutOut, HidesASquareOfHalfTheSideBehindTheMean) {
  const View view = random_view(8, 3, 10);
  Rng rng(5);
  const auto after = cut_out(view.pixels, rng);
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t i = 0; i < 8; ++i) {
    const auto changed = (after[i] != view.pixels[i]).any(0).nonzero();
    ASSERT_EQ(changed.size(0), 25);
    const auto top = std::get<0>(changed.min(0))[0].item<std::int64_t>();
    const auto left = std::get<0>(changed.min(0))[1].item<std::int64_t>();
    places.insert({top, left});
    const auto square = after[i].slice(1, top, top + 5).slice(2, left, left + 5);
    EXPECT_TRUE(torch::allclose(square, view.pixels[i].mean({1, 2}, true).expand({3, 5, 5})));
  }
  EXPECT_GT(places.size(), 3U);
}

TEST(Noisy, HasItsDeviationAndStaysBetweenBlackAndWhite) {
  Rng rng(6);
  const auto grey = torch::full({4, 1, 40, 40}, 0.5);
  const auto change = noisy(grey, 0.03, rng) - grey;
  EXPECT_NEAR(change.std().item<double>(), 0.03, 0.002);  // 6400 values: 0.9 % of it
  EXPECT_NEAR(change.mean().item<double>(), 0.0, 0.002);
  const auto black = noisy(torch::zeros({1, 1, 20, 20}), 0.03, rng);
  EXPECT_EQ(black.min().item<float>(), 0.0F);
  EXPECT_EQ(noisy(torch::ones({1, 1, 20, 20}), 0.03, rng).max().item<float>(), 1.0F);
}

// A ramp stays a ramp, of a slope of 1/2 to 1, and the map shows the same place to within a pixel.
TEST(ResizedCrop, ShowsAPartOfEachImageAndItsMapsEnlarged) {
  const std::int64_t side = 16;
  const auto ramp = (torch::arange(side, torch::kFloat) / 16.0).view({1, 1, 1, side}).expand({12, 2, side, side});
  View view{ramp.contiguous(), {torch::zeros({12, 2}), {torch::Tensor(), ramp.slice(1, 0, 1).contiguous()}}};
  view.labels.maps[1][0].fill_(std::nanf(""));
  Rng rng(7);
  const View part = resized_crop(view, rng);
  EXPECT_EQ(part.pixels.sizes(), view.pixels.sizes());
  EXPECT_FALSE(part.labels.maps[0].defined());
  EXPECT_TRUE(part.labels.maps[1][0].isnan().all().item<bool>());
  std::set<int> slopes;
  for (std::int64_t i = 0; i < 12; ++i) {
    const auto row = part.pixels[i][0][5];
    const double slope = (row[12] - row[3]).item<double>() * 16.0 / 9.0;
    EXPECT_GE(slope, 0.5 - 1e-4);
    EXPECT_LE(slope, 1.0 + 1e-4);
    EXPECT_NEAR((row[12] - row[8]).item<double>() * 16.0 / 4.0, slope, 1e-4);
    slopes.insert(static_cast<int>(100 * slope));
    if (i > 0) {
      EXPECT_LE((part.labels.maps[1][i] - part.pixels[i].slice(0, 0, 1)).abs().max().item<double>(), 0.5 / 16 + 1e-4);
    }
  }
  EXPECT_GT(slopes.size(), 5U);
  const auto allowed = part.labels.maps[1].slice(0, 1) * 16.0;
  EXPECT_TRUE(same(allowed, allowed.round()));
}

TEST(Attacked, StaysWithinEpsilonAndRaisesTheLoss) {
  const MemorySet set = separable_set(64);
  const Loader data(set, all_rows(64), task_specs(set, all_rows(64)), {.batch = 16});
  Rng rng(8);
  MultiTaskNet net(BackboneName::Small, set.shape(), data.specs(), rng);
  TrainingOptions training;
  training.epochs = 8;
  train(net, data, training, rng);
  const MiniBatch batch = to_tensors(set.read(0, 64), data.specs());
  const auto loss = [&](const torch::Tensor& pixels) {
    return mean_loss(task_losses(net->forward(pixels), batch.labels, data.specs()), {});
  };
  net->zero_grad();
  const double epsilon = 8.0 / 255.0;
  const auto images = attacked(batch.pixels, loss, epsilon, rng);
  EXPECT_FALSE(images.requires_grad());
  EXPECT_LE((images - batch.pixels).abs().max().item<double>(), epsilon + 1e-6);
  EXPECT_GT((images - batch.pixels).abs().mean().item<double>(), epsilon / 2);
  EXPECT_GE(images.min().item<float>(), 0.0F);
  EXPECT_LE(images.max().item<float>(), 1.0F);
  const auto random = (batch.pixels + epsilon * (2 * torch::rand(batch.pixels.sizes()) - 1)).clamp(0.0, 1.0);
  EXPECT_GT(loss(images).item<double>(), 2 * loss(random).item<double>());
  for (const auto& parameter : net->parameters())
    if (parameter.grad().defined()) {
      EXPECT_EQ(parameter.grad().abs().sum().item<float>(), 0.0F);  // of the images alone
    }
}

TEST(Train, EveryHardeningLearnsEveryKindOfTask) {
  const MemorySet set = dense_set();
  const Loader data(set, all_rows(12), task_specs(set, all_rows(12)), {.batch = 6});
  const auto weights_after = [&](const std::string& words) {
    Rng rng(9);
    MultiTaskNet net(BackboneName::Small, Shape{1, 7, 7}, data.specs(), rng);
    TrainingOptions training;
    training.epochs = 2;
    training.augmentation = {7, 7, true};
    training.robust_training = countermeasure_named(words).robust_training;
    EXPECT_TRUE(train(net, data, training, rng));
    double sum = 0;
    for (const auto& parameter : net->parameters()) sum += parameter.abs().sum().item<double>();
    EXPECT_TRUE(std::isfinite(sum)) << words;
    return sum;
  };
  std::set<double> sums;
  for (const char* words : {"none", "cutout", "cutmix", "mixup", "resized-crop", "noise", "adversarial",
                            "cutout+cutmix+mixup+resized-crop+noise+adversarial"})
    sums.insert(weights_after(words));
  EXPECT_EQ(sums.size(), 8U);
}

// The images do not show their labels: what is known of others goes up and down.
TEST(Train, StoppingEarlyKeepsTheEpochThatKnowsMostOfTheValidationImages) {
  const MemorySet set = random_set(88, {1, 12, 12}, {2, 3});
  const TaskSpecs specs = task_specs(set, all_rows(88));
  const auto rows = all_rows(88);
  const Loader data(set, {rows.begin(), rows.begin() + 48}, specs, {.batch = 8});
  const Loader validation(set, {rows.begin() + 48, rows.end()}, specs);
  for (const std::vector<double>& task_weights : {std::vector<double>{}, std::vector<double>{0.0, 1.0}}) {
    // Whether the last epoch, and the best by the other measure, know less; else this would prove nothing.
    bool proves = false;
    for (std::uint64_t seed = 15; !proves && seed < 45; ++seed) {
      const auto scores_of = [&](MultiTaskNet& net) {
        const auto scores = evaluate(net, validation, {});
        return std::pair(scores[0].value + scores[1].value, scores[1].value);
      };
      Rng rng(seed);
      MultiTaskNet net(BackboneName::Small, set.shape(), specs, rng);
      TrainingOptions training;
      training.epochs = 8;
      training.task_weights = task_weights;
      training.validation = &validation;
      std::vector<std::pair<double, double>> by_epoch;  // of both tasks, of the second
      training.after_epoch = [&](int) { by_epoch.push_back(scores_of(net)); };
      ASSERT_TRUE(train(net, data, training, rng));
      ASSERT_EQ(by_epoch.size(), 8U);
      const bool both = task_weights.empty();
      const auto own = [&](const auto& scores) { return both ? scores.first : scores.second; };
      const auto other = [&](const auto& scores) { return both ? scores.second : scores.first; };
      const double best = own(*std::ranges::max_element(by_epoch, {}, own));
      EXPECT_DOUBLE_EQ(own(scores_of(net)), best);
      proves = own(by_epoch.back()) < best && own(*std::ranges::max_element(by_epoch, {}, other)) < best;
    }
    EXPECT_TRUE(proves);
  }
}

}  // namespace
}  // namespace crosstalk::image
