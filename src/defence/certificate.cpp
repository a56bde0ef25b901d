#include "crosstalk/defence/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "crosstalk/brent_minimum.hpp"

namespace crosstalk::defence {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// How far c'x can rise above c'centre.
double spread(const Admitted& admitted, const Eigen::VectorXd& c) {
  if (c.isZero(0.0)) return 0.0;
  return admitted.half_widths.size() > 0 ? admitted.half_widths.dot(c.cwiseAbs()) : admitted.radius * c.norm();
}

// Where it does so, by `sign` up or down.
Eigen::VectorXd support_point(const Admitted& admitted, const Eigen::VectorXd& c, double sign) {
  if (c.isZero(0.0)) return admitted.centre;
  if (admitted.half_widths.size() > 0) return admitted.centre + sign * admitted.half_widths.cwiseProduct(c.cwiseSign());
  return admitted.centre + sign * admitted.radius / c.norm() * c;
}

struct WorstRow {
  Eigen::VectorXd features;  // without the bias
  double label = 0.0;
  double loss = kInfinity;  // no admitted row has more
};

// The largest loss of an admitted row under weights w. Ball and slab bound it each on its own; the smaller bound holds.
class Game {
 public:
  Game(const mtrl::Loss& loss, bool bias) : loss_(loss), bias_(bias) {}

  [[nodiscard]] WorstRow worst(const Admitted& admitted, const Eigen::VectorXd& w) const {
    return loss_.is_classification() ? worst_sign(admitted, w) : worst_number(admitted, w);
  }

 private:
  [[nodiscard]] Eigen::VectorXd slope(const Eigen::VectorXd& w) const { return w.head(w.size() - (bias_ ? 1 : 0)); }
  [[nodiscard]] double at_centre(const Admitted& admitted, const Eigen::VectorXd& w) const {
    return slope(w).dot(admitted.centre) + (bias_ ? w[w.size() - 1] : 0.0);
  }

  [[nodiscard]] WorstRow worst_number(const Admitted& admitted, const Eigen::VectorXd& w) const {
    const Eigen::VectorXd c = slope(w);
    const double middle = at_centre(admitted, w);
    const double reach = spread(admitted, c);
    const double above = admitted.high - (middle - reach);
    const double below = middle + reach - admitted.low;
    WorstRow worst{support_point(admitted, c, above >= below ? -1.0 : 1.0),
                   above >= below ? admitted.high : admitted.low, loss_.at(0.0, std::max(above, below)).value};
    if (admitted.weights.size() == 0) return worst;
    // y - w'x = (y - u'x) + v'x with v = u - w.
    const Eigen::VectorXd v = admitted.weights - w;
    const double offset = at_centre(admitted, v);
    const double within = loss_.at(0.0, admitted.width + std::abs(offset) + spread(admitted, slope(v))).value;
    if (within < worst.loss) {
      const double sign = offset >= 0.0 ? 1.0 : -1.0;
      worst.features = support_point(admitted, slope(v), sign);
      worst.label = slope(admitted.weights).dot(worst.features) +
                    (bias_ ? admitted.weights[admitted.weights.size() - 1] : 0.0) + sign * admitted.width;
      worst.loss = within;
    }
    return worst;
  }

  [[nodiscard]] WorstRow worst_sign(const Admitted& admitted, const Eigen::VectorXd& w) const {
    const Eigen::VectorXd c = slope(w);
    const double middle = at_centre(admitted, w);
    const double label = middle >= 0.0 ? -1.0 : 1.0;
    double margin = -std::abs(middle) - spread(admitted, c);
    if (admitted.weights.size() > 0) {
      // y w'x = y u'x - y v'x
      const Eigen::VectorXd v = admitted.weights - w;
      margin = std::max(margin, -admitted.width - std::abs(at_centre(admitted, v)) - spread(admitted, slope(v)));
    }
    return {support_point(admitted, c, -label), label, loss_.at(margin, 1.0).value};
  }

  const mtrl::Loss& loss_;
  bool bias_;
};

class Certifier {
 public:
  Certifier(const mtrl::EmpiricalRisk& clean, const mtrl::Options& learner, const std::vector<Admitted>& admitted,
            const std::vector<Eigen::Index>& injected, bool bias)
      : clean_(clean),
        learner_(learner),
        admitted_(admitted),
        injected_(injected),
        bias_(bias),
        game_(clean.loss(), bias),
        clean_part_(clean.weighted(clean_shares())) {}

  [[nodiscard]] Certificate run(const mtrl::Fit& fit, const std::vector<std::size_t>& targets) const {
    const Eigen::MatrixXd& W = fit.weights;
    Certificate result;
    result.objective = most_objective(W);
    if (!std::isfinite(result.objective)) return result;
    double least = 0.0;
    for (const std::size_t i : targets)
      least = std::max(least, static_cast<double>(clean_.clean()[i].rows() + injected_[i]));
    Eigen::MatrixXd start = W;
    const auto bound = [&](double log_factor) {
      const double value = most_loss(least * std::exp(log_factor), result.objective, targets, start);
      result.most = std::min(result.most, value);
      return value;
    };
    bound(0.0);
    brent_minimum(bound, 0.0, std::log(100.0), 0.015);  // the bound is convex in c
    return result;
  }

 private:
  [[nodiscard]] double share(std::size_t i) const {
    const auto p = static_cast<double>(injected_[i]);
    return p / (static_cast<double>(clean_.clean()[i].rows()) + p);
  }
  [[nodiscard]] Eigen::VectorXd clean_shares() const {
    Eigen::VectorXd shares(static_cast<Eigen::Index>(injected_.size()));
    for (std::size_t i = 0; i < injected_.size(); ++i) shares[static_cast<Eigen::Index>(i)] = 1.0 - share(i);
    return shares;
  }

  // H(V) + sum_i a_i worst_i(V); the worst rows join those that are known.
  [[nodiscard]] double most_objective_at(const Eigen::MatrixXd& V, std::vector<std::vector<WorstRow>>* known) const {
    double sum = mtrl::objective(clean_part_, learner_, V);
    for (std::size_t i = 0; i < injected_.size(); ++i) {
      if (injected_[i] == 0) continue;
      WorstRow worst = game_.worst(admitted_[i], V.col(static_cast<Eigen::Index>(i)));
      sum += share(i) * worst.loss;
      if (known != nullptr) (*known)[i].push_back(std::move(worst));
    }
    return sum;
  }

  // The smallest found: over answers that are pulled to zero ever harder, since the worst row of a ball gains from long
  // weights; then by fictitious play (Brown 1951) from the best of them, the learner's answers to all worst rows so far
  // against the worst rows for the mean of its answers.
  [[nodiscard]] double most_objective(const Eigen::MatrixXd& W) const {
    constexpr int kPulls = 24;  // by factors of 2
    constexpr int kRounds = 60;
    constexpr int kSteps = 4;  // of Newton an answer: the bound holds for any, and one near the best is enough
    mtrl::Options coarse = learner_;
    coarse.tolerance = std::max(coarse.tolerance, 1e-6);
    Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(W.rows(), W.cols());
    double most = most_objective_at(mean, nullptr);
    mtrl::Options pulled = coarse;
    Eigen::MatrixXd V = W;
    for (int k = 0; k < kPulls; ++k) {
      if (k > 0) V = mtrl::improve(clean_part_, pulled, V, kSteps).weights;
      if (const double objective = most_objective_at(V, nullptr); objective < most) {
        most = objective;
        mean = V;
      }
      pulled.lambda1 *= 2.0;
    }
    std::vector<std::vector<WorstRow>> known(injected_.size());
    if (!std::isfinite(most_objective_at(W, &known))) return most;
    static_cast<void>(most_objective_at(mean, &known));
    for (int round = 1; round <= kRounds; ++round) {
      V = mtrl::improve(clean_.with_rows(dealt(known)), coarse, V, kSteps).weights;
      most = std::min(most, most_objective_at(V, nullptr));
      mean += (V - mean) / (round + 1.0);
      most = std::min(most, most_objective_at(mean, &known));
    }
    return most;
  }

  // As many rows as are injected, of each of the last worst rows as many as of the others.
  [[nodiscard]] TaskSet dealt(const std::vector<std::vector<WorstRow>>& rows) const {
    TaskSet dealt;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      dealt.tasks.push_back({clean_.clean()[i].name, Eigen::MatrixXd::Zero(injected_[i], clean_.features()),
                             Eigen::VectorXd::Zero(injected_[i])});
      const std::size_t known = rows[i].size();
      for (Eigen::Index j = 0; j < injected_[i]; ++j) {
        const WorstRow& row = rows[i][known - 1 - static_cast<std::size_t>(j) % known];
        dealt[i].features.row(j).head(row.features.size()) = row.features.transpose();
        if (bias_) dealt[i].features(j, row.features.size()) = 1.0;
        dealt[i].labels[j] = row.label;
      }
    }
    return dealt;
  }

  // c M - min over W of c H(W) - U(W), from below by the fit's gap.
  [[nodiscard]] double most_loss(double c, double objective, const std::vector<std::size_t>& targets,
                                 Eigen::MatrixXd& start) const {
    Eigen::VectorXd weights = clean_shares();
    for (const std::size_t i : targets) {
      double& weight = weights[static_cast<Eigen::Index>(i)];
      weight = std::max(0.0, weight - static_cast<double>(clean_.clean()[i].rows()) / c);
    }
    const mtrl::Fit fit = mtrl::solve_from(clean_.weighted(weights), learner_, start);
    start = fit.weights;
    return c * (objective - fit.objective + fit.gap);
  }

  const mtrl::EmpiricalRisk& clean_;
  mtrl::Options learner_;
  const std::vector<Admitted>& admitted_;
  const std::vector<Eigen::Index>& injected_;
  bool bias_;
  Game game_;
  mtrl::EmpiricalRisk clean_part_;  // H without the penalties
};

}  // namespace

Certificate certify(const mtrl::EmpiricalRisk& clean, const mtrl::Options& learner, const mtrl::Fit& fit,
                    const std::vector<Admitted>& admitted, const std::vector<Eigen::Index>& injected,
                    const std::vector<std::size_t>& targets, bool bias) {
  const TaskSet& tasks = clean.clean();
  if (admitted.size() != tasks.size() || injected.size() != tasks.size() || targets.empty() ||
      *std::max_element(targets.begin(), targets.end()) >= tasks.size() ||
      *std::min_element(injected.begin(), injected.end()) < 0)
    throw std::invalid_argument("certify: the rows or targets are not those of the tasks");
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (injected[i] > 0 && admitted[i].centre.size() != tasks.features() - (bias ? 1 : 0))
      throw std::invalid_argument("certify: the centre of admitted rows has not the tasks' features");
  return Certifier(clean, learner, admitted, injected, bias).run(fit, targets);
}

}  // namespace crosstalk::defence
