#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/serialize.h>
#include <nlohmann/json.hpp>

#include "crosstalk/error.hpp"
#include "crosstalk/image/network/generator.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "tests/image/network/network_sets.hpp"

namespace crosstalk::image {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<torch::Tensor> random_tables(const std::vector<std::int64_t>& rows, torch::Dtype type = torch::kDouble) {
  torch::manual_seed(1);
  std::vector<torch::Tensor> tables;
  for (const std::int64_t count : rows) tables.push_back(torch::randn({count, 2, 3, 1}, type));
  return tables;
}

double cosine(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a * b).sum() / (a.norm() * b.norm())).item<double>();
}

TEST(Regularisers, AreTheirDefinitions) {
  const auto tables = random_tables({9, 5, 2});
  double intra = 0;
  double inter = 0;
  double pairs = 0;
  for (std::size_t k = 0; k < tables.size(); ++k) {
    const auto classes = tables[k].size(0);
    double sum = 0;
    for (std::int64_t m = 0; m < classes; ++m)
      for (std::int64_t n = 0; n < classes; ++n)
        if (m != n) sum += cosine(tables[k][m], tables[k][n]);
    intra += (1 + sum / static_cast<double>(classes * (classes - 1))) / static_cast<double>(tables.size());
    for (std::size_t l = k + 1; l < tables.size(); ++l)
      for (std::int64_t m = 0; m < classes; ++m)
        for (std::int64_t n = 0; n < tables[l].size(0); ++n) {
          inter += std::abs(cosine(tables[k][m], tables[l][n]));
          pairs += 1;
        }
  }
  const Regularisers terms = regularisers(tables);
  EXPECT_NEAR(terms.intra.item<double>(), intra, 1e-12);
  EXPECT_NEAR(terms.inter.item<double>(), inter / pairs, 1e-12);
}

TEST(Regularisers, WithinATaskTheLeastIsReachedByRowsThatPointApart) {
  const auto row = torch::tensor({1.0, -2.0, 0.5}, torch::kDouble);
  EXPECT_NEAR(regularisers({torch::stack({row, -3 * row})}).intra.item<double>(), 0.0, 1e-12);
  for (const std::int64_t classes : {3, 5, 9}) {
    const auto simplex = torch::eye(classes, torch::kDouble) - 1.0 / static_cast<double>(classes);
    EXPECT_NEAR(regularisers({simplex}).intra.item<double>(), 1.0 - 1.0 / static_cast<double>(classes - 1), 1e-12);
  }
}

TEST(Regularisers, BetweenTasksOrthogonalRowsHaveNone) {
  const auto axes = torch::eye(6, torch::kDouble);
  EXPECT_EQ(regularisers({axes.slice(0, 0, 2), 3 * axes.slice(0, 2, 6)}).inter.item<double>(), 0.0);
  EXPECT_NEAR(regularisers({axes.slice(0, 0, 1), -axes.slice(0, 0, 1)}).inter.item<double>(), 1.0, 1e-12);
}

TEST(Regularisers, OneTaskHasNothingBetweenTasks) {
  EXPECT_EQ(regularisers(random_tables({4})).inter.item<double>(), 0.0);
}

TEST(Regularisers, HaveTheGradientOfCentralDifferences) {
  auto tables = random_tables({3, 2});
  for (auto& table : tables) table.requires_grad_();
  const auto sum = [&] {
    const Regularisers terms = regularisers(tables);
    return terms.intra + 2 * terms.inter;
  };
  sum().backward();
  const torch::NoGradGuard no_grad;
  constexpr double step = 1e-6;
  for (auto& table : tables) {
    auto values = table.flatten();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      const double here = values[i].item<double>();
      values[i] = here + step;
      const double above = sum().item<double>();
      values[i] = here - step;
      const double below = sum().item<double>();
      values[i] = here;
      // Rounding: 1e-16 / step; curvature: step^2.
      EXPECT_NEAR(table.grad().flatten()[i].item<double>(), (above - below) / (2 * step), 1e-8);
    }
  }
}

TaskSpecs specs_of(std::vector<TaskInfo> tasks) {
  TaskSpecs specs;
  for (TaskInfo& task : tasks) specs.push_back({std::move(task)});
  return specs;
}

const TaskInfo kTwo{"two", Kind::Binary, {"no", "yes"}};
const TaskInfo kThree{"three", Kind::Classes, {"a", "b", "c"}};

std::int64_t side(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

TEST(Generator, KeepsTheSizeOfTheImageAndToEpsilon) {
  const torch::NoGradGuard no_grad;
  const TaskSpecs specs = specs_of({kTwo, kThree});
  const Labels labels{torch::tensor({{0.0F, 2.0F}, {1.0F, 0.0F}}), {}};
  for (const Squash squash : {Squash::Clamp, Squash::Tanh})
    for (const Shape& shape : {Shape{1, 20, 20}, Shape{3, 21, 19}, Shape{1, 200, 203}}) {
      Rng rng(1);
      GeneratorOptions options;
      options.squash = squash;
      options.gain = 1.0;  // so much that it is cut off
      Generator net(shape, specs, std::vector<std::size_t>{0, 1}, 8, options, rng);
      const auto pixels = torch::rand({2, side(shape.channels), side(shape.height), side(shape.width)});
      const auto noise = net->forward(pixels, labels);
      EXPECT_EQ(noise.sizes(), pixels.sizes());
      const double largest = noise.abs().max().item<double>() * 255;
      EXPECT_LE(largest, 8.0 + 1e-5);  // single precision
      EXPECT_GT(largest, 7.9);
      EXPECT_GT(noise.abs().min().item<double>(), 0.0);
    }
}

TEST(Generator, SquashesHaveTheGainAsSlopeWhereNothingIsCutOff) {
  const torch::NoGradGuard no_grad;
  const auto noise_of = [](Squash squash, double gain) {
    Rng rng(1);
    GeneratorOptions options;
    options.squash = squash;
    options.gain = gain;
    Generator net(Shape{1, 8, 8}, specs_of({kTwo}), std::vector<std::size_t>{0}, 8, options, rng);
    torch::manual_seed(1);
    return net->forward(torch::rand({1, 1, 8, 8}), {torch::ones({1, 1}), {}});
  };
  const auto once = noise_of(Squash::Clamp, 1e-5);
  EXPECT_TRUE(torch::allclose(noise_of(Squash::Clamp, 2e-5), 2 * once));
  EXPECT_TRUE(torch::allclose(noise_of(Squash::Tanh, 1e-5), once, 1e-4));
}

TEST(Generator, LargeImagesAreLookedAtFromAnEighth) {
  Rng rng(1);
  Generator large(Shape{1, 200, 203}, specs_of({kTwo}), std::vector<std::size_t>{0}, 8, GeneratorOptions{}, rng);
  EXPECT_EQ(large->named_parameters()["table0"].sizes().vec(), (std::vector<std::int64_t>{2, 4, 25, 26}));
  Generator small(Shape{1, 199, 203}, specs_of({kTwo}), std::vector<std::size_t>{0}, 8, GeneratorOptions{}, rng);
  EXPECT_EQ(small->named_parameters()["table0"].sizes().vec(), (std::vector<std::int64_t>{2, 4, 100, 102}));
}

struct AllKinds {
  MemorySet set = dense_set();
  TaskSpecs specs = task_specs(set, all_rows(set.size()));
  MiniBatch batch = to_tensors(set.read(1, 4), specs);

  [[nodiscard]] torch::Tensor noise(const std::vector<std::size_t>& tasks, const Labels& labels) const {
    Rng rng(2);
    Generator net(set.shape(), specs, tasks, 8, GeneratorOptions{}, rng);
    const torch::NoGradGuard no_grad;
    return net->forward(batch.pixels, labels);
  }
  // Another label of task k for every image, or none.
  [[nodiscard]] Labels other(std::size_t k, bool missing) const {
    Labels labels = batch.labels;
    labels.images = labels.images.clone();
    auto changed = specs[k].info.is_dense() ? labels.maps[k].clone() : labels.images.select(1, side(k));
    if (missing)
      changed.fill_(NAN);
    else if (specs[k].info.kind == Kind::Segmentation)
      changed.copy_(torch::remainder(changed + 1, 3));
    else if (k == 0)
      changed.copy_(1 - changed);
    else
      changed.mul_(-0.5);
    if (specs[k].info.is_dense()) labels.maps[k] = changed;
    return labels;
  }
};

TEST(Generator, OnlyTheLabelsOfProtectedTasksMatter) {
  const AllKinds all;
  const std::vector<std::size_t> every = {0, 1, 2, 3, 4};
  const auto with_all = all.noise(every, all.batch.labels);
  for (const std::size_t k : every) {
    std::vector<std::size_t> others = every;
    others.erase(others.begin() + side(k));
    const auto without = all.noise(others, all.batch.labels);
    EXPECT_FALSE(torch::equal(all.noise(every, all.other(k, false)), with_all)) << all.specs[k].info.name;
    EXPECT_TRUE(torch::equal(all.noise(others, all.other(k, false)), without)) << all.specs[k].info.name;
    EXPECT_TRUE(torch::equal(all.noise(others, all.other(k, true)), without)) << all.specs[k].info.name;
  }
}

TEST(Generator, AMissingLabelCountsAsATaskThatIsLeftOut) {
  const AllKinds all;
  for (const std::size_t k : {0, 1}) {
    const std::vector<std::size_t> others = {k == 0 ? std::size_t{1} : std::size_t{0}, 2, 3, 4};
    const auto missing = all.noise({0, 1, 2, 3, 4}, all.other(k, true));
    EXPECT_TRUE(missing.isfinite().all().item<bool>());
    EXPECT_TRUE(torch::equal(missing, all.noise(others, all.batch.labels))) << all.specs[k].info.name;
  }
  for (const std::size_t k : {2, 3, 4}) EXPECT_TRUE(all.noise({k}, all.other(k, true)).isfinite().all().item<bool>());
}

TEST(Generator, TheNoiseOfAnImageDoesNotDependOnTheOthers) {
  const AllKinds all;
  const auto together = all.noise({0, 1, 2, 3, 4}, all.batch.labels);
  Labels first{all.batch.labels.images.slice(0, 0, 1), {}};
  for (const auto& map : all.batch.labels.maps) first.maps.push_back(map.defined() ? map.slice(0, 0, 1) : map);
  Rng rng(2);
  Generator net(all.set.shape(), all.specs, std::vector<std::size_t>{0, 1, 2, 3, 4}, 8, GeneratorOptions{}, rng);
  EXPECT_TRUE(
      torch::allclose(net->forward(all.batch.pixels.slice(0, 0, 1), first), together.slice(0, 0, 1), 1e-4, 1e-7));
}

TEST(Generator, WithoutLatentTheImageAndWithoutEmbeddingsTheLabelsDoNotMatter) {
  const torch::NoGradGuard no_grad;
  const auto net_of = [](bool latent, bool embeddings) {
    Rng rng(1);
    GeneratorOptions options;
    options.latent = latent;
    options.embeddings = embeddings;
    return Generator(Shape{1, 8, 8}, specs_of({kTwo}), std::vector<std::size_t>{0}, 8, options, rng);
  };
  const auto pixels = torch::rand({1, 1, 8, 8});
  const Labels no{torch::zeros({1, 1}), {}};
  const Labels yes{torch::ones({1, 1}), {}};
  auto labels_only = net_of(false, true);
  EXPECT_TRUE(torch::equal(labels_only->forward(pixels, no), labels_only->forward(1 - pixels, no)));
  EXPECT_FALSE(torch::equal(labels_only->forward(pixels, no), labels_only->forward(pixels, yes)));
  auto image_only = net_of(true, false);
  EXPECT_TRUE(torch::equal(image_only->forward(pixels, no), image_only->forward(pixels, yes)));
  EXPECT_FALSE(torch::equal(image_only->forward(pixels, no), image_only->forward(1 - pixels, no)));
  EXPECT_EQ(image_only->penalty().item<double>(), 0.0);
  EXPECT_THAT([&] { net_of(false, false); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("neither the image nor its labels")));
}

TEST(Generator, ThePenaltyIsThatOfTheProtectedTasks) {
  Rng rng(1);
  GeneratorOptions options;
  options.intra = 10;
  options.inter = 200;
  Generator net(Shape{1, 8, 8}, specs_of({kTwo, kThree, kTwo}), std::vector<std::size_t>{0, 2}, 8, options, rng);
  const auto parameters = net->named_parameters();
  const Regularisers terms = regularisers({parameters["table0"], parameters["table2"]});
  EXPECT_FLOAT_EQ(net->penalty().item<float>(), (10 * terms.intra + 200 * terms.inter).item<float>());
  net->penalty().backward();
  EXPECT_FALSE(net->named_parameters()["table1"].grad().defined());
}

struct Counts {
  std::int64_t encoder = 0;
  std::int64_t tables = 0;
  std::int64_t decoder = 0;
};

Counts counts_of(const Shape& shape, const TaskSpecs& specs) {
  Rng rng(1);
  GeneratorOptions options;
  options.size = GeneratorSize::paper();
  const Generator net(shape, specs, std::vector<std::size_t>{0}, 8, options, rng);
  Counts counts;
  for (const auto& parameter : net->named_parameters()) {
    const auto& name = parameter.key();
    (name.starts_with("encoder") ? counts.encoder
     : name.starts_with("table") ? counts.tables
                                 : counts.decoder) += parameter->numel();
  }
  return counts;
}

TEST(Generator, OfThePapersSizeHasThePapersEncoderAndTables) {
  // 3 x 3 to 4 x 64 channels (rearranged to twice the size), 64 to 64, 64 to 32, 32 to 3, each with a bias an output.
  const auto decoder = [](std::int64_t channels) {
    return (channels * 9 + 1) * 4 * 64 + (64 * 9 + 1) * 64 + (64 * 9 + 1) * 32 + (32 * 9 + 1) * 3;
  };
  const Counts celeba = counts_of({3, 70, 70}, TaskSpecs(40, TaskSpec{kTwo}));
  EXPECT_EQ(celeba.encoder, 675'392);
  EXPECT_EQ(celeba.tables, 1'568'000);
  EXPECT_EQ(celeba.decoder, decoder(16 * 40 + 128));
  const auto of = [](std::size_t classes) {
    return TaskInfo{"task", Kind::Classes, std::vector<std::string>(classes)};
  };
  const Counts faces = counts_of({3, 140, 140}, specs_of({of(9), of(5), of(2)}));
  EXPECT_EQ(faces.encoder, 675'392);
  EXPECT_EQ(faces.tables, 1'254'400);
  EXPECT_EQ(faces.decoder, decoder(16 * 3 + 128));
}

TEST(OpenGenerator, RefusesADescriptionThatSaysSomethingImpossible) {
  const MemorySet set = random_set(8, {1, 12, 12}, {2});
  NoiseOptions options;
  options.base = Base::Em;
  options.tasks = {0};
  options.epochs = 1;
  torch::serialize::InputArchive whole;
  std::istringstream made(learn_noise(set, options).generator);
  whole.load_from(made);
  c10::IValue text;
  whole.read("description", text);
  const auto description = nlohmann::json::parse(text.toStringRef());
  c10::IValue hash;
  whole.read("hash", hash);
  const auto refusal = [&](const std::function<void(nlohmann::json&)>& change) {
    auto changed = description;
    change(changed);
    Rng rng(1);
    Generator net(Shape{1, 12, 12}, specs_of({kTwo}), std::vector<std::size_t>{0}, 8, GeneratorOptions{}, rng);
    torch::serialize::InputArchive weights;
    whole.read("generator", weights);
    net->load(weights);
    torch::serialize::OutputArchive net_archive;
    net->save(net_archive);
    torch::serialize::OutputArchive archive;
    archive.write("description", c10::IValue(changed.dump()));
    archive.write("generator", net_archive);
    archive.write("hash", hash);
    std::ostringstream content;
    archive.save_to(content);
    try {
      open_generator(content.str(), "g.pt", set);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  const std::string damaged = "g.pt: is damaged, or of another kind";
  EXPECT_EQ(refusal([](nlohmann::json&) {}), "none");
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["format"] = 1; }), "g.pt: is no generator of crosstalk");
  EXPECT_EQ(refusal([](nlohmann::json& d) { d.erase("epsilon"); }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["epsilon"] = 256; }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["shape"] = {1, 12}; }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["tasks"][0]["mean"] = "a"; }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["size"] = {8, 0}; }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["size"][0] = 1'000'000'000; }), damaged);
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["size"][0] = 16; }), damaged);  // weights of another size
  EXPECT_EQ(refusal([](nlohmann::json& d) { d["embeddings"] = false; }), damaged);
}

}  // namespace
}  // namespace crosstalk::image
