#include "crosstalk/image/network/training.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>
#include <torch/optim/adam.h>

#include "crosstalk/image/network/loss_balance.hpp"
#include "crosstalk/image/network/robust_training.hpp"
#include "crosstalk/image/network/task_loss.hpp"
#include "learning_rate.hpp"

namespace crosstalk::image {

namespace {

// Answers of a task with classes: how often class t was taken for class p.
class Confusion {
 public:
  explicit Confusion(std::size_t classes) : classes_(static_cast<std::int64_t>(classes)) {
    counts_ = torch::zeros({classes_ * classes_}, torch::kLong);
  }

  // truth, answer: the same size; NaN of the truth does not count.
  void add(const torch::Tensor& truth, const torch::Tensor& answer) {
    const auto here = truth.isfinite();
    const auto cell = truth.masked_select(here).to(torch::kLong) * classes_ + answer.masked_select(here);
    counts_ += torch::bincount(cell.cpu(), {}, classes_ * classes_);
  }

  [[nodiscard]] TaskScore accuracy() const {
    TaskScore score{"accuracy", 0, 0, 0};
    double present = 0;
    for (std::int64_t c = 0; c < classes_; ++c) {
      const double members = row_sum(c);
      score.value += count(c, c) / total();
      score.baseline = std::max(score.baseline, members / total());
      if (members == 0) continue;
      present += 1;
      score.balanced += count(c, c) / members;
    }
    score.balanced /= present;
    return score;
  }

  [[nodiscard]] TaskScore mean_overlap() const {
    TaskScore score = accuracy();
    const double commonest = score.baseline;
    score.metric = "mIoU";
    score.value = 0;
    double present = 0;
    for (std::int64_t c = 0; c < classes_; ++c) {
      if (row_sum(c) == 0) continue;
      present += 1;
      double answered = 0;
      for (std::int64_t t = 0; t < classes_; ++t) answered += count(t, c);
      score.value += count(c, c) / (row_sum(c) + answered - count(c, c));
    }
    score.value /= present;
    score.baseline = commonest / present;
    return score;
  }

 private:
  [[nodiscard]] double count(std::int64_t truth, std::int64_t answer) const {
    return static_cast<double>(counts_.data_ptr<std::int64_t>()[truth * classes_ + answer]);
  }
  [[nodiscard]] double row_sum(std::int64_t truth) const {
    double sum = 0;
    for (std::int64_t p = 0; p < classes_; ++p) sum += count(truth, p);
    return sum;
  }
  [[nodiscard]] double total() const { return std::max(1.0, static_cast<double>(counts_.sum().item<std::int64_t>())); }

  std::int64_t classes_;
  torch::Tensor counts_;
};

// Errors of a task with numbers or normals.
class Errors {
 public:
  explicit Errors(const TaskSpec& spec) : spec_(spec) {}

  void add(const torch::Tensor& truth, const torch::Tensor& answer) {
    if (spec_.info.kind == Kind::Normals) {
      auto viewer = torch::zeros_like(answer);
      viewer.select(1, 2).fill_(1.0);
      const auto here = truth.isfinite().all(1);
      count(angle(truth, answer).masked_select(here), angle(truth, viewer).masked_select(here));
    } else {
      const auto here = truth.isfinite();
      count((truth - answer).abs().masked_select(here), truth.abs().masked_select(here));
    }
  }

  [[nodiscard]] TaskScore score() const {
    const bool normals = spec_.info.kind == Kind::Normals;
    const double unit = normals ? 180.0 / std::numbers::pi : spec_.deviation;
    return {normals ? "angle" : "error", unit * own_ / n_, unit * constant_ / n_};
  }

 private:
  static torch::Tensor angle(const torch::Tensor& a, const torch::Tensor& b) {
    return torch::acos(torch::cosine_similarity(a, b, 1).clamp(-1.0, 1.0));
  }
  void count(const torch::Tensor& own, const torch::Tensor& constant) {
    n_ += static_cast<double>(own.numel());
    own_ += own.sum().item<double>();
    constant_ += constant.sum().item<double>();
  }

  const TaskSpec& spec_;
  double n_ = 0;
  double own_ = 0;
  double constant_ = 0;
};

// The weights of a network at some time.
class Kept {
 public:
  void keep(MultiTaskNet& net) {
    values_.clear();
    for (const auto& value : values_of(net)) values_.push_back(value.detach().clone());
  }
  void restore(MultiTaskNet& net) const {
    const torch::NoGradGuard no_grad;
    auto values = values_of(net);
    for (std::size_t i = 0; i < values_.size(); ++i) values[i].copy_(values_[i]);
  }

 private:
  static std::vector<torch::Tensor> values_of(MultiTaskNet& net) {
    auto values = net->parameters();
    for (const auto& buffer : net->buffers()) values.push_back(buffer);
    return values;
  }
  std::vector<torch::Tensor> values_;
};

}  // namespace

double mean_knowledge(const std::vector<TaskScore>& scores, const std::vector<double>& task_weights) {
  double sum = 0;
  double tasks = 0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (!task_weights.empty() && task_weights[k] == 0.0) continue;
    const double known = scores[k].more_is_better() ? scores[k].value : 1.0 - scores[k].value / scores[k].baseline;
    if (!std::isfinite(known)) continue;  // no label
    sum += known;
    tasks += 1;
  }
  return tasks > 0 ? sum / tasks : 0.0;
}

bool train(MultiTaskNet& net, const Loader& data, const TrainingOptions& options, Rng& rng, const RunControl& control) {
  torch::optim::Adam adam(net->parameters(),
                          torch::optim::AdamOptions(options.learning_rate).weight_decay(options.weight_decay));
  LossBalance balance(options.weighting, options.task_weights, data.specs().size(), net->parameters().front().device());
  balance.learn_with(adam);
  net->train();
  Kept best;
  double most_known = -std::numeric_limits<double>::infinity();
  for (int epoch = options.resume ? options.resume(adam) : 0; epoch < options.epochs; ++epoch) {
    set_learning_rate(adam, options.learning_rate * decay(epoch, options.epochs));
    std::size_t done = 0;
    data.pass(&rng, [&](const MiniBatch& batch) {
      if (control.stop.stop_requested()) return false;
      if (batch.size() < 2 && data.size() > 1) return true;  // batch normalisation needs two
      MixedView seen = robust_view(augment(batch.pixels, batch.labels, data.specs(), options.augmentation, &rng),
                                   options.robust_training, rng);
      const auto loss_of = [&](const torch::Tensor& pixels) {
        return mean_loss(mixed_losses(net->forward(pixels), seen, data.specs()), options.task_weights);
      };
      if (options.robust_training.adversarial > 0)
        seen.view.pixels = attacked(seen.view.pixels, loss_of, options.robust_training.adversarial / 255.0, rng);
      adam.zero_grad();
      balance.backward(
          net, seen.view.pixels, [&](const Outputs& outputs) { return mixed_losses(outputs, seen, data.specs()); },
          rng);
      torch::nn::utils::clip_grad_norm_(net->parameters(), options.largest_gradient);
      adam.step();
      done += batch.size();
      if (control.progress)
        control.progress((epoch + static_cast<double>(done) / static_cast<double>(data.size())) / options.epochs,
                         "training");
      return true;
    });
    if (control.stop.stop_requested()) return false;
    if (options.validation != nullptr) {
      const double known =
          mean_knowledge(evaluate(net, *options.validation, options.augmentation), options.task_weights);
      if (known > most_known) best.keep(net);
      most_known = std::max(most_known, known);
    }
    if (options.after_epoch) options.after_epoch(epoch);
    if (options.keep) options.keep(epoch, adam);
  }
  if (options.validation != nullptr) best.restore(net);
  return true;
}

std::vector<TaskScore> evaluate(MultiTaskNet& net, const Loader& data, const Augmentation& augmentation) {
  const torch::NoGradGuard no_grad;
  net->eval();
  const TaskSpecs& specs = data.specs();
  std::vector<Confusion> confusions;
  std::vector<Errors> errors;
  for (const TaskSpec& spec : specs) {
    confusions.emplace_back(spec.info.classes.empty() ? 1 : spec.outputs());
    errors.emplace_back(spec);
  }
  data.pass(nullptr, [&](const MiniBatch& batch) {
    const View view = augment(batch.pixels, batch.labels, specs, augmentation, nullptr);
    const Outputs outputs = net->forward(view.pixels);
    std::int64_t at = 0;
    for (std::size_t k = 0; k < specs.size(); ++k) {
      const bool dense = specs[k].info.is_dense();
      const auto width = static_cast<std::int64_t>(specs[k].outputs());
      const auto output = dense ? outputs.maps[k] : outputs.images.slice(1, at, at + width);
      auto truth = dense ? view.labels.maps[k]
                         : view.labels.images.slice(1, static_cast<std::int64_t>(k), static_cast<std::int64_t>(k) + 1);
      if (!specs[k].info.classes.empty())
        confusions[k].add(truth.squeeze(1), output.argmax(1));
      else
        errors[k].add(truth, output);
      if (!dense) at += width;
    }
    return true;
  });
  net->train();
  std::vector<TaskScore> scores;
  for (std::size_t k = 0; k < specs.size(); ++k)
    scores.push_back(specs[k].info.classes.empty()              ? errors[k].score()
                     : specs[k].info.kind == Kind::Segmentation ? confusions[k].mean_overlap()
                                                                : confusions[k].accuracy());
  return scores;
}

}  // namespace crosstalk::image
