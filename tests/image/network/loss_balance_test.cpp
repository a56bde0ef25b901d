#include <gtest/gtest.h>

#include "crosstalk/image/network/loss_balance.hpp"
#include "crosstalk/image/network/task_loss.hpp"
#include "crosstalk/image/network/training.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using Gradients = std::map<std::string, torch::Tensor>;

constexpr Weighting kAll[] = {Weighting::Equal,      Weighting::Uncertainty, Weighting::Random,
                              Weighting::AlignedMtl, Weighting::FairGrad,    Weighting::PcGrad,
                              Weighting::CaGrad,     Weighting::Mgda,        Weighting::GradNorm};

// A net and a minibatch of one of the sets.
struct Problem {
  explicit Problem(const MemorySet& set) : specs(task_specs(set, all_rows(set.size()))) {
    Rng rng(1);
    net = MultiTaskNet(BackboneName::Small, set.shape(), specs, rng);
    const Loader data(set, all_rows(set.size()), specs, {.batch = set.size()});
    data.pass(nullptr, [&](const MiniBatch& batch) {
      pixels = batch.pixels.clone();
      labels = batch.labels;
      return true;
    });
  }

  [[nodiscard]] LossBalance::Losses losses() const {
    return [this](const Outputs& outputs) { return task_losses(outputs, labels, specs); };
  }

  Gradients gradients(const std::function<void()>& backward) {
    net->zero_grad();
    backward();
    Gradients result;
    for (const auto& parameter : net->named_parameters())
      result[parameter.key()] = parameter->grad().defined() ? parameter->grad().clone() : torch::zeros_like(*parameter);
    return result;
  }
  Gradients of(Weighting weighting, std::vector<double> task_weights = {}) {
    LossBalance balance(weighting, std::move(task_weights), specs.size(), torch::kCPU);
    Rng rng(2);
    return gradients([&] { balance.backward(net, pixels, losses(), rng); });
  }
  Gradients of_mean(const std::vector<double>& task_weights = {}) {
    return gradients([&] { mean_loss(losses()(net->forward(pixels)), task_weights).backward(); });
  }

  TaskSpecs specs;
  MultiTaskNet net{nullptr};
  torch::Tensor pixels;
  Labels labels;
};

// Largest difference, over the largest magnitude of `b`.
double distance(const Gradients& a, const Gradients& b) {
  double difference = 0;
  double largest = 0;
  for (const auto& [name, gradient] : b) {
    difference = std::max(difference, (a.at(name) - gradient).abs().max().item<double>());
    largest = std::max(largest, gradient.abs().max().item<double>());
  }
  return difference / largest;
}

bool of_backbone(const std::string& parameter) {
  return parameter.starts_with("backbone");
}

TEST(LossBalance, EqualWeightsAtTheFeaturesGiveTheGradientOfTheMeanLoss) {
  for (const MemorySet& set : {separable_set(16), dense_set()}) {
    Problem problem(set);
    const auto K = static_cast<Eigen::Index>(problem.specs.size());
    const auto features = problem.gradients([&] {
      backward_at_features(problem.net, problem.pixels, problem.losses(),
                           [&](const Eigen::MatrixXd& gram, const Eigen::VectorXd& losses) -> GradientWeights {
                             EXPECT_EQ(gram.rows(), K);
                             EXPECT_EQ(losses.size(), K);
                             const Eigen::VectorXd equal = Eigen::VectorXd::Constant(K, 1.0 / static_cast<double>(K));
                             return {equal, equal};
                           });
    });
    EXPECT_LT(distance(features, problem.of_mean()), 1e-6);  // single precision
  }
}

TEST(LossBalance, TheGramMatrixIsThatOfGradientsAtTheFeatures) {
  Problem problem(dense_set());
  Eigen::MatrixXd gram;
  backward_at_features(problem.net, problem.pixels, problem.losses(),
                       [&](const Eigen::MatrixXd& M, const Eigen::VectorXd& losses) -> GradientWeights {
                         gram = M;
                         return {Eigen::VectorXd::Zero(losses.size()), Eigen::VectorXd::Zero(losses.size())};
                       });
  const auto gradient = [&](std::int64_t k) {
    SharedFeatures features = problem.net->features(problem.pixels);
    features.deep = features.deep.detach().requires_grad_();
    features.fine = features.fine.detach().requires_grad_();
    problem.losses()(problem.net->heads(features))[k].backward();
    const auto part = [](const torch::Tensor& t) {
      return t.grad().defined() ? t.grad().flatten() : torch::zeros_like(t).flatten();
    };
    return torch::cat({part(features.deep), part(features.fine)});
  };
  for (std::int64_t k = 0; k < 5; ++k)
    for (std::int64_t l = 0; l < 5; ++l)
      EXPECT_NEAR(gram(k, l), gradient(k).dot(gradient(l)).item<double>(), 1e-5 * gram.diagonal().maxCoeff());
}

TEST(LossBalance, TheBackboneGetsTheWeightsOfGradientsAndTheHeadsThoseOfLosses) {
  Problem problem(separable_set(16));
  const auto mixed = problem.gradients([&] {
    backward_at_features(problem.net, problem.pixels, problem.losses(),
                         [](const Eigen::MatrixXd&, const Eigen::VectorXd&) -> GradientWeights {
                           return {Eigen::VectorXd{{0.9, 0.1}}, Eigen::VectorXd{{0.25, 0.75}}};
                         });
  });
  const auto shared = problem.of_mean({0.9, 0.1});
  const auto heads = problem.of_mean({0.25, 0.75});
  for (const auto& [name, gradient] : mixed)
    EXPECT_TRUE(torch::allclose(gradient, (of_backbone(name) ? shared : heads).at(name), 1e-4, 1e-6)) << name;
}

TEST(LossBalance, EqualWeightingIsTheMeanLossToTheLastBit) {
  Problem problem(dense_set());
  for (const std::vector<double>& task_weights : {std::vector<double>{}, {1.0, 0.0, 2.0, 0.0, 1.0}})
    EXPECT_EQ(distance(problem.of(Weighting::Equal, task_weights), problem.of_mean(task_weights)), 0.0);
}

class EveryWeighting : public testing::TestWithParam<Weighting> {};

TEST_P(EveryWeighting, WithOneActiveTaskIsTheLossOfThatTask) {
  Problem problem(separable_set(16));
  EXPECT_EQ(distance(problem.of(GetParam(), {0.0, 1.0}), problem.of_mean({0.0, 1.0})), 0.0);
}

TEST_P(EveryWeighting, TasksOfWeightZeroTakeNoPart) {
  Problem problem(dense_set());
  const auto gradients = problem.of(GetParam(), {1.0, 0.0, 1.0, 1.0, 0.0});
  EXPECT_EQ(gradients.at("dense4.weight").abs().max().item<double>(), 0.0);
  EXPECT_GT(gradients.at("dense3.weight").abs().max().item<double>(), 0.0);
  problem.labels.images.select(1, 1).neg_();
  problem.labels.maps[4] = problem.labels.maps[4].neg();
  EXPECT_EQ(distance(problem.of(GetParam(), {1.0, 0.0, 1.0, 1.0, 0.0}), gradients), 0.0);
}

TEST_P(EveryWeighting, GivesFiniteGradientsWhereATaskHasNoLabels) {
  Problem problem(dense_set());
  problem.labels.images.fill_(NAN);
  for (const auto& [name, gradient] : problem.of(GetParam()))
    EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << name;
}

TEST_P(EveryWeighting, LearnsAndDependsOnItsSeedAlone) {
  const MemorySet set = separable_set(96);
  const auto trained = [&](int epochs) {
    Rng rng(1);
    const Loader data(set, all_rows(96), task_specs(set, all_rows(96)), {.batch = 8});
    MultiTaskNet net(BackboneName::Small, set.shape(), data.specs(), rng);
    TrainingOptions options;
    options.epochs = epochs;
    options.weighting = GetParam();
    EXPECT_TRUE(train(net, data, options, rng));
    std::vector<double> scores;
    for (const TaskScore& score : evaluate(net, data, {})) scores.push_back(score.value);
    scores.push_back(net->parameters().front().abs().sum().item<double>());
    return scores;
  };
  const auto scores = trained(8);
  EXPECT_GT(scores[0], 0.9);  // chance: 0.5
  EXPECT_GT(scores[1], 0.8);  // 0.33
  torch::manual_seed(1);
  const auto first = trained(1);
  torch::manual_seed(2);
  EXPECT_EQ(trained(1), first);
}

INSTANTIATE_TEST_SUITE_P(Weightings, EveryWeighting, testing::ValuesIn(kAll), [](const auto& param) {
  std::string name = to_string(param.param);
  std::erase(name, '-');
  return name;
});

TEST(LossBalance, UncertaintyGivesTheGradientOfKendallsLoss) {
  Problem problem(separable_set(16));
  // At s = -0.5 every loss has e^0.5 / 2 of its weight in the mean.
  const auto mean = problem.of_mean();
  for (const auto& [name, gradient] : problem.of(Weighting::Uncertainty))
    EXPECT_TRUE(torch::allclose(gradient, mean.at(name) * (std::exp(0.5) / 2), 1e-4, 1e-7)) << name;
}

TEST(LossBalance, UncertaintyFindsTheVarianceOfAConstantLoss) {
  // L e^{-s} / 2 + s / 2 is least at s = log L, where the gradient of the loss has the weight 1 / (2 L), over K.
  Problem problem(separable_set(16));
  LossBalance balance(Weighting::Uncertainty, {}, 2, torch::kCPU);
  torch::optim::Adam adam(problem.net->parameters(), torch::optim::AdamOptions(0.0).weight_decay(1.0));
  balance.learn_with(adam);
  ASSERT_EQ(adam.param_groups().size(), 2U);
  static_cast<torch::optim::AdamOptions&>(adam.param_groups()[1].options()).lr(0.1);
  const LossBalance::Losses constant = [&](const Outputs& outputs) {
    return torch::tensor({0.25F, 4.0F}) + 0.0F * outputs.images.sum();
  };
  Rng rng(1);
  for (int step = 0; step < 120; ++step) {
    adam.zero_grad();
    balance.backward(problem.net, problem.pixels, constant, rng);
    adam.step();
  }
  const auto& s = adam.param_groups()[1].params().front();
  EXPECT_NEAR(s[0].item<double>(), std::log(0.25), 0.02);
  EXPECT_NEAR(s[1].item<double>(), std::log(4.0), 0.02);
}

TEST(LossBalance, RandomWeightsAreThoseOfTheGenerator) {
  Problem problem(separable_set(16));
  Rng rng(2);
  const Eigen::VectorXd w = shared_weights(Weighting::Random, Eigen::MatrixXd::Identity(2, 2), rng);
  EXPECT_LT(distance(problem.of(Weighting::Random), problem.of_mean({w(0), w(1)})), 1e-6);
}

TEST(LossBalance, TheShortestGradientIsShorterThanTheMean) {
  Problem problem(separable_set(16));
  const auto at_features = [&](const std::function<Eigen::VectorXd(const Eigen::MatrixXd&)>& weigh) {
    double length = 0;
    backward_at_features(problem.net, problem.pixels, problem.losses(),
                         [&](const Eigen::MatrixXd& M, const Eigen::VectorXd& losses) -> GradientWeights {
                           const Eigen::VectorXd w = weigh(M);
                           length = w.dot(M * w);
                           return {w, Eigen::VectorXd::Zero(losses.size())};
                         });
    return length;
  };
  Rng rng(1);
  EXPECT_LT(at_features([&](const auto& M) { return shared_weights(Weighting::Mgda, M, rng); }),
            at_features([&](const auto& M) { return shared_weights(Weighting::Equal, M, rng); }));
  // And it is what LossBalance hands to the backbone.
  const auto own = problem.of(Weighting::Mgda);
  const auto expected =
      problem.gradients([&] { at_features([&](const auto& M) { return shared_weights(Weighting::Mgda, M, rng); }); });
  for (const auto& [name, gradient] : own) {
    if (of_backbone(name)) {
      EXPECT_TRUE(torch::equal(gradient, expected.at(name))) << name;
    }
  }
}

}  // namespace
}  // namespace crosstalk::image
