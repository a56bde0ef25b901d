#include <cmath>
#include <map>

#include <set>

#include <gtest/gtest.h>

#include "crosstalk/image/network/loader.hpp"
#include "crosstalk/image/network/multi_task_net.hpp"
#include "crosstalk/image/network/task_loss.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

const std::map<BackboneName, std::int64_t> kDeepChannels = {
    {BackboneName::Small, 64},    {BackboneName::SmallVgg, 64},      {BackboneName::SmallDenseNet, 60},
    {BackboneName::SmallViT, 64}, {BackboneName::ResNet18, 512},     {BackboneName::ResNet50, 2048},
    {BackboneName::Vgg16, 512},   {BackboneName::DenseNet121, 1024}, {BackboneName::ViTBase, 768}};

std::int64_t parameters_of(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

TaskSpecs specs_of(const std::vector<TaskInfo>& tasks) {
  TaskSpecs specs;
  for (const TaskInfo& task : tasks) specs.push_back({task});
  return specs;
}

const TaskInfo kThree{"three", Kind::Classes, {"a", "b", "c"}};
const TaskInfo kTwo{"two", Kind::Binary, {"no", "yes"}};
const TaskInfo kNumber{"number", Kind::Regression};
const TaskInfo kAreas{"areas", Kind::Segmentation, {"a", "b", "c"}};
const TaskInfo kDepth{"depth", Kind::Depth};
const TaskInfo kNormals{"normals", Kind::Normals};

class EveryBackbone : public testing::TestWithParam<BackboneName> {};

TEST_P(EveryBackbone, TakesSmallGreyAndOddColouredImages) {
  const torch::NoGradGuard no_grad;
  for (const Shape& shape : {Shape{1, 18, 18}, Shape{3, 63, 63}, Shape{3, 17, 23}}) {
    const auto backbone = make_backbone(GetParam(), shape.channels, shape.height, shape.width);
    backbone->eval();
    const auto height = static_cast<std::int64_t>(shape.height);
    const auto width = static_cast<std::int64_t>(shape.width);
    const Features features =
        backbone->forward(torch::rand({1, static_cast<std::int64_t>(shape.channels), height, width}));
    EXPECT_EQ(backbone->deep_channels(), kDeepChannels.at(GetParam()));
    ASSERT_EQ(features.deep.dim(), 4);
    EXPECT_EQ(features.deep.size(1), backbone->deep_channels());
    EXPECT_GE(features.deep.size(2), 1);
    EXPECT_LE(features.deep.size(2), height);
    EXPECT_TRUE(features.deep.isfinite().all().item<bool>());
    ASSERT_EQ(features.fine.defined(), backbone->fine_channels() > 0);
    if (features.fine.defined()) {
      EXPECT_EQ(features.fine.sizes().vec(), (std::vector<std::int64_t>{1, backbone->fine_channels(), height, width}));
    }
  }
}

TEST_P(EveryBackbone, AStepAgainstTheGradientOfAllItsWeightsLowersTheLoss) {
  const Shape shape{1, 18, 18};
  const TaskSpecs specs = specs_of({kThree, kDepth});
  Rng rng(1);
  MultiTaskNet net(GetParam(), shape, specs, rng);
  torch::manual_seed(1);
  const auto pixels = torch::rand({4, 1, 18, 18});
  const Labels labels{torch::tensor({{0.0F, NAN}, {1.0F, NAN}, {2.0F, NAN}, {0.0F, NAN}}),
                      {torch::Tensor(), pixels - 0.5}};
  const auto loss_now = [&] { return mean_loss(task_losses(net->forward(pixels), labels, specs), {}); };
  const auto before = loss_now();
  before.backward();
  double squares = 0;
  for (const auto& parameter : net->named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    EXPECT_GT(parameter->grad().abs().max().item<double>(), 0.0) << parameter.key();
    squares += parameter->grad().square().sum().item<double>();
  }
  const torch::NoGradGuard no_grad;
  // So short that the loss falls by about 1e-2 were it linear.
  for (auto& parameter : net->parameters()) parameter.sub_(parameter.grad() * (1e-2 / squares));
  EXPECT_LT(loss_now().item<double>(), before.item<double>());
}

TEST_P(EveryBackbone, WeightsAreThoseOfTheGeneratorOfRandomNumbersAlone) {
  const Shape shape{1, 8, 8};
  Rng first(3);
  Rng second(3);
  torch::manual_seed(1);
  const MultiTaskNet net(GetParam(), shape, specs_of({kTwo}), first);
  torch::manual_seed(2);
  const MultiTaskNet like(GetParam(), shape, specs_of({kTwo}), second);
  const auto parameters = like->named_parameters();
  for (const auto& parameter : net->named_parameters())
    ASSERT_TRUE(torch::equal(*parameter, parameters[parameter.key()])) << parameter.key();
}

INSTANTIATE_TEST_SUITE_P(Nets, EveryBackbone,
                         testing::Values(BackboneName::Small, BackboneName::SmallVgg, BackboneName::SmallDenseNet,
                                         BackboneName::SmallViT, BackboneName::ResNet18, BackboneName::ResNet50,
                                         BackboneName::Vgg16, BackboneName::DenseNet121, BackboneName::ViTBase),
                         [](const auto& param) {
                           std::string name = to_string(param.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST(Backbones, HaveThePublishedNumbersOfParameters) {
  const auto count = [](BackboneName name) { return parameters_of(*make_backbone(name, 3, 224, 224)); };
  // Published for 1000 classes; the linear layer that gives them is not part of a backbone.
  EXPECT_EQ(count(BackboneName::ResNet18), 11'689'512 - (512 * 1000 + 1000));
  EXPECT_EQ(count(BackboneName::ResNet50), 25'557'032 - (2048 * 1000 + 1000));
  EXPECT_EQ(count(BackboneName::DenseNet121), 7'978'856 - (1024 * 1000 + 1000));
  EXPECT_EQ(count(BackboneName::ViTBase), 86'567'656 - (768 * 1000 + 1000));
  // Less the biases of the 13 convolutions, which batch normalisation would take away again, and three linear layers.
  const std::int64_t biases = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512;
  const std::int64_t linear = (25088 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000);
  EXPECT_EQ(count(BackboneName::Vgg16), 138'365'992 - linear - biases);
}

TEST(Backbones, LargeImagesLoseTheirSizeInTheFirstLayer) {
  const torch::NoGradGuard no_grad;
  const auto deep_of = [](std::int64_t side) {
    const auto backbone =
        make_backbone(BackboneName::ResNet18, 1, static_cast<std::size_t>(side), static_cast<std::size_t>(side));
    backbone->eval();
    return backbone->forward(torch::rand({1, 1, side, side}));
  };
  EXPECT_EQ(deep_of(99).deep.size(2), 13);
  const Features large = deep_of(100);
  EXPECT_EQ(large.deep.size(2), 4);
  EXPECT_FALSE(large.fine.defined());
}

TEST(VisionTransformer, HasAtLeastFourPatchesASide) {
  const torch::NoGradGuard no_grad;
  const auto patches = [](std::int64_t height, std::int64_t width, BackboneName name = BackboneName::ViTBase) {
    const auto backbone = make_backbone(name, 1, static_cast<std::size_t>(height), static_cast<std::size_t>(width));
    const auto deep = backbone->forward(torch::rand({1, 1, height, width})).deep;
    return std::vector<std::int64_t>{deep.size(2), deep.size(3)};
  };
  EXPECT_EQ(patches(18, 18), (std::vector<std::int64_t>{4, 4}));                            // of 5, padded to 20
  EXPECT_EQ(patches(49, 81), (std::vector<std::int64_t>{4, 6}));                            // of 16
  EXPECT_EQ(patches(5, 9), (std::vector<std::int64_t>{5, 9}));                              // of 1
  EXPECT_EQ(patches(20, 20, BackboneName::SmallViT), (std::vector<std::int64_t>{5, 5}));    // of 4
  EXPECT_EQ(patches(96, 160, BackboneName::SmallViT), (std::vector<std::int64_t>{6, 10}));  // of 16
}

TEST(VisionTransformer, RefusesImagesOfAnotherSize) {
  const auto backbone = make_backbone(BackboneName::ViTBase, 1, 8, 9);
  try {
    backbone->forward(torch::rand({1, 1, 8, 8}));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "vit-b was made for images of 8 x 9, these have 8 x 8");
  }
}

TEST(TaskLosses, AreThoseOfAComputationByHand) {
  const TaskSpecs specs = specs_of({kTwo, kThree, kNumber, kTwo, kAreas, kDepth, kNormals});
  Outputs outputs;
  outputs.images = torch::tensor(
      {{0.0F, 1.0F, 2.0F, 0.0F, 1.0F, 0.5F, 3.0F, 0.0F}, {1.0F, 1.0F, 0.0F, 0.0F, 0.0F, -1.0F, 0.0F, 0.0F}});
  outputs.maps.resize(7);
  outputs.maps[4] = torch::tensor({0.0F, 1.0F, 2.0F, 0.0F, 0.0F, 0.0F}).view({2, 3, 1, 1});
  outputs.maps[5] = torch::tensor({1.0F, -2.0F}).view({2, 1, 1, 1});
  outputs.maps[6] = torch::tensor({1.0F, 0.0F, 1.0F, 0.0F, 5.0F, 0.0F}).view({2, 3, 1, 1});
  Labels labels{torch::tensor({{1.0F, 0.0F, 2.0F, 0.0F, NAN, NAN, NAN}, {0.0F, 2.0F, -1.5F, 1.0F, NAN, NAN, NAN}}), {}};
  labels.maps.resize(7);
  labels.maps[4] = torch::tensor({1.0F, 2.0F}).view({2, 1, 1, 1});
  labels.maps[5] = torch::tensor({0.5F, 1.0F}).view({2, 1, 1, 1});
  labels.maps[6] = torch::tensor({0.0F, 0.0F, 1.0F, 0.0F, -1.0F, 0.0F}).view({2, 3, 1, 1});
  const auto e = [](double x) { return std::exp(x); };
  const std::vector<double> expected = {(-std::log(e(1) / (1 + e(1))) + std::log(2.0)) / 2,
                                        (-std::log(e(2) / (e(2) + 1 + e(1))) + std::log(3.0)) / 2,
                                        ((0.5 - 2.0) * (0.5 - 2.0) + 0.5 * 0.5) / 2,
                                        (-std::log(e(3) / (e(3) + 1)) + std::log(2.0)) / 2,
                                        (-std::log(e(1) / (1 + e(1) + e(2))) + std::log(3.0)) / 2,
                                        (0.5 + 3.0) / 2,
                                        ((1 - std::sqrt(0.5)) + 2.0) / 2};
  const auto losses = task_losses(outputs, labels, specs);
  for (std::size_t k = 0; k < expected.size(); ++k)
    EXPECT_NEAR(losses[static_cast<std::int64_t>(k)].item<double>(), expected[k], 1e-6) << specs[k].info.name;  // float
}

TEST(TaskLosses, MissingLabelsDoNotCount) {
  const TaskSpecs specs = specs_of({kTwo, kNumber, kAreas, kDepth, kNormals});
  torch::manual_seed(1);
  Outputs outputs{torch::rand({3, 3}), std::vector<torch::Tensor>(5)};
  outputs.maps[2] = torch::rand({3, 3, 2, 2});
  outputs.maps[3] = torch::rand({3, 1, 2, 2});
  outputs.maps[4] = torch::rand({3, 3, 2, 2});
  Labels labels{torch::tensor({{1.0F, 0.7F}, {0.0F, 0.1F}, {NAN, NAN}}).repeat({1, 1}), std::vector<torch::Tensor>(5)};
  labels.images = torch::cat({labels.images, torch::full({3, 3}, NAN)}, 1);
  labels.maps[2] = torch::ones({3, 1, 2, 2});
  labels.maps[3] = torch::rand({3, 1, 2, 2});
  labels.maps[4] = torch::rand({3, 3, 2, 2});
  for (auto& map : {labels.maps[2], labels.maps[3]}) map[2].fill_(NAN);
  labels.maps[4][2][1].fill_(NAN);  // one coordinate of a normal
  const auto part = [](const torch::Tensor& t) { return t.defined() ? t.slice(0, 0, 2) : t; };
  Outputs two{part(outputs.images), {}};
  Labels labels_of_two{part(labels.images), {}};
  for (std::size_t k = 0; k < 5; ++k) {
    two.maps.push_back(part(outputs.maps[k]));
    labels_of_two.maps.push_back(part(labels.maps[k]));
  }
  EXPECT_TRUE(torch::allclose(task_losses(outputs, labels, specs), task_losses(two, labels_of_two, specs)));
}

TEST(TaskLosses, ATaskWithoutAnyLabelHasNoLossAndNoGradient) {
  const TaskSpecs specs = specs_of({kTwo, kNumber, kAreas, kDepth, kNormals});
  Outputs outputs{torch::rand({2, 3}).requires_grad_(), std::vector<torch::Tensor>(5)};
  Labels labels{torch::full({2, 5}, NAN), std::vector<torch::Tensor>(5)};
  for (std::size_t k = 2; k < 5; ++k) {
    outputs.maps[k] = torch::rand({2, static_cast<std::int64_t>(specs[k].outputs()), 2, 2}).requires_grad_();
    labels.maps[k] = torch::full({2, k == 4 ? 3 : 1, 2, 2}, NAN);
  }
  const auto losses = task_losses(outputs, labels, specs);
  EXPECT_TRUE(torch::equal(losses, torch::zeros(5)));
  losses.sum().backward();
  EXPECT_TRUE(torch::equal(outputs.images.grad(), torch::zeros({2, 3})));
  for (std::size_t k = 2; k < 5; ++k)
    EXPECT_TRUE(torch::equal(outputs.maps[k].grad(), torch::zeros_like(outputs.maps[k]))) << specs[k].info.name;
}

TEST(MeanLoss, IsWeighted) {
  const auto losses = torch::tensor({1.0F, 4.0F, 10.0F});
  EXPECT_FLOAT_EQ(mean_loss(losses, {}).item<float>(), 5.0F);
  EXPECT_FLOAT_EQ(mean_loss(losses, {1.0, 2.0, 0.0}).item<float>(), 3.0F);
  EXPECT_THROW(mean_loss(losses, {1.0}), std::invalid_argument);
}

TEST(Shifted, MovesEveryKindOfLabelFarAway) {
  const TaskSpecs specs = specs_of({kThree, kTwo, kNumber, kAreas, kDepth, kNormals});
  Labels labels{torch::tensor({{0.0F, 0.0F, 1.5F}, {2.0F, 1.0F, -2.0F}, {NAN, NAN, NAN}}),
                std::vector<torch::Tensor>(6)};
  labels.images = torch::cat({labels.images, torch::full({3, 3}, NAN)}, 1);
  const auto untouched = labels.images.clone();
  labels.maps[3] = torch::tensor({0.0F, 2.0F, NAN}).view({3, 1, 1, 1});
  labels.maps[4] = torch::tensor({0.5F, -1.0F, NAN}).view({3, 1, 1, 1});
  labels.maps[5] = torch::tensor({0.6F, 0.0F, 0.8F}).view({1, 3, 1, 1}).repeat({3, 1, 1, 1});
  const Labels result = shifted(labels, specs);
  const auto same = [](const torch::Tensor& a, const torch::Tensor& b) { return torch::allclose(a, b, 0, 0, true); };
  EXPECT_TRUE(
      same(result.images.slice(1, 0, 3), torch::tensor({{1.0F, 1.0F, -1.5F}, {0.0F, 0.0F, 2.0F}, {NAN, NAN, NAN}})));
  EXPECT_TRUE(same(labels.images, untouched));
  EXPECT_TRUE(same(result.maps[3].flatten(), torch::tensor({1.0F, 0.0F, NAN})));
  EXPECT_TRUE(same(result.maps[4].flatten(), torch::tensor({-0.5F, 1.0F, NAN})));
  EXPECT_TRUE(same(result.maps[5][0].flatten(), torch::tensor({-0.6F, -0.0F, 0.8F})));
}

TEST(Loader, APassVisitsEveryRowOnce) {
  const MemorySet set = random_set(300, {1, 4, 4}, {2});
  const auto specs = task_specs(set, all_rows(300));
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < 300; i += 2) rows.push_back(i);
  rows.push_back(7);  // any order
  const std::size_t image_bytes = 16;
  for (const std::size_t memory : {std::size_t{1} << 20, 100 * image_bytes}) {  // all of them, and a window of 100
    const Loader data(set, rows, specs, {.batch = 32, .memory_bytes = memory});
    for (const bool shuffled : {false, true}) {
      Rng rng(1);
      std::vector<std::size_t> seen;
      data.pass(shuffled ? &rng : nullptr, [&](const MiniBatch& batch) {
        EXPECT_LE(batch.size(), 32U);
        for (std::size_t i = 0; i < batch.size(); ++i) {
          const Batch image = set.read(batch.rows[i], 1);
          const auto at = static_cast<std::int64_t>(i);
          EXPECT_EQ(batch.labels.images[at][0].item<double>(), image.label(0, 0));
          EXPECT_EQ(std::lround(batch.pixels[at].flatten()[5].item<double>() * 255), image.pixels[5]);
        }
        seen.insert(seen.end(), batch.rows.begin(), batch.rows.end());
        return true;
      });
      EXPECT_EQ(seen == rows, !shuffled);
      EXPECT_EQ(std::multiset<std::size_t>(seen.begin(), seen.end()),
                std::multiset<std::size_t>(rows.begin(), rows.end()));
    }
  }
}

TEST(Loader, APassEndsWhenItIsToldTo) {
  const MemorySet set = random_set(20, {1, 4, 4}, {2});
  const Loader data(set, all_rows(20), task_specs(set, all_rows(20)), {.batch = 5});
  int batches = 0;
  data.pass(nullptr, [&](const MiniBatch&) { return ++batches < 2; });
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(data.batches(), 4U);
}

TEST(Loader, NeedsAnImage) {
  const MemorySet set = random_set(4, {1, 4, 4}, {2});
  EXPECT_THROW(Loader(set, {}, task_specs(set, all_rows(4))), std::invalid_argument);
}

TEST(Loader, NumbersAreStandardisedAndClassesAreNot) {
  const MemorySet set = dense_set();
  const auto rows = all_rows(set.size());
  const TaskSpecs specs = task_specs(set, rows);
  const Loader data(set, rows, specs);
  data.pass(nullptr, [&](const MiniBatch& batch) {
    const auto number = batch.labels.images.select(1, 1);
    const auto there = number.masked_select(number.isfinite());
    EXPECT_EQ(there.numel(), number.numel() - 1);
    EXPECT_NEAR(there.mean().item<double>(), 0.0, 1e-5);
    EXPECT_NEAR(there.square().mean().item<double>(), 1.0, 1e-5);
    const auto& depth = batch.labels.maps[3];
    EXPECT_NEAR(depth.mean().item<double>(), 0.0, 1e-5);
    EXPECT_NEAR(depth.square().mean().item<double>(), 1.0, 1e-5);
    EXPECT_EQ(batch.labels.images[3][0].item<double>(), 1.0);
    EXPECT_FALSE(batch.labels.maps[0].defined());
    EXPECT_EQ(batch.labels.maps[4].size(1), 3);
    return true;
  });
}

TEST(Augment, WithoutRandomNumbersItTakesTheMiddle) {
  const auto pixels = torch::arange(2 * 5 * 7).view({2, 1, 5, 7}).to(torch::kFloat);
  const View view = augment(pixels, {torch::zeros({2, 1}), {}}, specs_of({kTwo}), {3, 5, true}, nullptr);
  EXPECT_TRUE(torch::equal(view.pixels, pixels.slice(2, 1, 4).slice(3, 1, 6)));
}

TEST(Augment, TakesAPartOfItsOwnFromEveryImageAndItsMaps) {
  const auto pixels = torch::arange(6 * 6).view({1, 1, 6, 6}).repeat({40, 1, 1, 1}).to(torch::kFloat);
  Rng rng(1);
  const View view = augment(pixels, {torch::zeros({40, 1}), {pixels.clone()}}, specs_of({kDepth}), {4, 3, false}, &rng);
  EXPECT_TRUE(torch::equal(view.pixels, view.labels.maps[0]));
  std::set<double> corners;
  for (std::int64_t i = 0; i < 40; ++i) {
    const auto corner = view.pixels[i][0][0][0].item<std::int64_t>();
    corners.insert(static_cast<double>(corner));
    EXPECT_TRUE(torch::equal(view.pixels[i][0],
                             pixels[i][0].slice(0, corner / 6, corner / 6 + 4).slice(1, corner % 6, corner % 6 + 3)));
  }
  EXPECT_GT(corners.size(), 6U);  // of 12
}

TEST(Augment, AMirrorImageTurnsMapsAndTheXOfNormals) {
  const auto pixels = torch::rand({30, 1, 3, 4});
  const auto areas = torch::rand({30, 1, 3, 4});
  const auto normals = torch::rand({30, 3, 3, 4});
  Rng rng(1);
  const View view =
      augment(pixels, {torch::zeros({30, 2}), {areas, normals}}, specs_of({kDepth, kNormals}), {0, 0, true}, &rng);
  int mirrored = 0;
  for (std::int64_t i = 0; i < 30; ++i) {
    const bool turned = !torch::equal(view.pixels[i], pixels[i]);
    mirrored += turned ? 1 : 0;
    const auto like = [&](const torch::Tensor& map) { return turned ? map.flip(-1) : map; };
    EXPECT_TRUE(torch::equal(view.pixels[i], like(pixels[i])));
    EXPECT_TRUE(torch::equal(view.labels.maps[0][i], like(areas[i])));
    EXPECT_TRUE(torch::equal(view.labels.maps[1][i][0], like(normals[i][0]) * (turned ? -1 : 1)));
    EXPECT_TRUE(torch::equal(view.labels.maps[1][i].slice(0, 1), like(normals[i].slice(0, 1))));
  }
  EXPECT_GT(mirrored, 5);
  EXPECT_LT(mirrored, 25);
}

TEST(Augment, TheGradientFlowsToThePartThatWasTaken) {
  const auto pixels = torch::rand({1, 1, 6, 6}).requires_grad_();
  Rng rng(1);
  augment(pixels, {torch::zeros({1, 1}), {}}, specs_of({kTwo}), {4, 4, true}, &rng).pixels.sum().backward();
  EXPECT_EQ(pixels.grad().sum().item<double>(), 16.0);
  EXPECT_EQ(pixels.grad().max().item<double>(), 1.0);
}

TEST(UsualCrop, IsNineTenthsOfEachSide) {
  const Augmentation crop = usual_crop({3, 70, 140});
  EXPECT_EQ(crop.height, 63U);
  EXPECT_EQ(crop.width, 126U);
}

}  // namespace
}  // namespace crosstalk::image
