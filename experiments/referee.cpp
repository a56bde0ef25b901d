// The exact attack, the true optimum and the certificate on tiny problems: attack <= optimum <= bound.
//   referee INSTANCES MOST_BOXES FILE.csv
// Branch and bound over one injected row (features in a box, the label in an interval) of squared-loss problems with
// two tasks and one or two features. Writes a line an instance; the exit code is 1 when the order is broken.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <limits>
#include <queue>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>

#include "crosstalk/attack/exact_attack.hpp"
#include "crosstalk/attack/threat.hpp"
#include "crosstalk/defence/certificate.hpp"
#include "crosstalk/mtrl/solve.hpp"
#include "crosstalk/rng.hpp"

namespace {

using namespace crosstalk;

constexpr double kHalfWidth = 1.5;  // of the box of the features
constexpr double kAccuracy = 0.01;  // the optimum is known to this share

struct Instance {
  TaskSet tasks;
  std::size_t attacker = 0;
  mtrl::Options learner;
  double low = 0.0;  // of the injected label
  double high = 0.0;
};

// Task 0 is the target; the attacker has a row in task 1, or in task 0 in every third instance.
Instance instance(std::size_t number) {
  Rng rng = Rng::stream(3, "referee", number);
  const auto d = static_cast<Eigen::Index>(1 + number % 2);
  Instance result;
  result.attacker = number % 3 == 0 ? 0 : 1;
  result.learner.lambda1 = number % 4 < 2 ? 0.1 : 0.3;
  result.learner.lambda2 = number % 5 < 3 ? 0.1 : 1.0;
  result.learner.smoothing = 0.1;
  result.learner.tolerance = 1e-13;
  Eigen::VectorXd direction(d);
  for (double& w : direction) w = rng.normal();
  for (int i = 0; i < 2; ++i) {
    const auto n = static_cast<Eigen::Index>(5 + rng.below(5));
    Task task{fmt::format("task {}", i), Eigen::MatrixXd::Ones(n, d + 1), Eigen::VectorXd(n)};
    for (double& x : task.features.leftCols(d).reshaped()) x = rng.uniform(-1.0, 1.0);
    for (Eigen::Index r = 0; r < n; ++r)
      task.labels[r] = task.features.row(r).head(d).dot(direction) + 0.3 + 0.2 * rng.normal();
    result.tasks.tasks.push_back(std::move(task));
  }
  const Eigen::VectorXd& labels = result.tasks[result.attacker].labels;
  result.low = labels.minCoeff();
  result.high = labels.maxCoeff();
  return result;
}

// A box of injected rows: the features, then the label.
struct Box {
  Eigen::VectorXd centre;
  Eigen::VectorXd half_widths;
  double bound = 0.0;  // no row in the box gives the target more loss

  bool operator<(const Box& other) const { return bound < other.bound; }
};

struct Optimum {
  double found = 0.0;  // the loss at the best row that was tried
  double bound = 0.0;  // of every row
  std::size_t boxes = 0;
};

class Referee {
 public:
  explicit Referee(const Instance& instance)
      : instance_(instance),
        clean_(instance.tasks, mtrl::squared_loss()),
        fit_(mtrl::solve(clean_, instance.learner)),
        inverse_(curvature(instance.attacker).inverse()) {
    const Eigen::MatrixXd& X = instance.tasks[0].features;
    const Eigen::MatrixXd seen = X * curvature(0).inverse() * X.transpose();
    target_norm_ = std::sqrt(Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(seen).eigenvalues().maxCoeff());
  }

  [[nodiscard]] const mtrl::EmpiricalRisk& clean() const { return clean_; }
  [[nodiscard]] const mtrl::Fit& fit() const { return fit_; }

  Optimum optimum(std::size_t most_boxes) {
    const Eigen::Index d = instance_.tasks.features() - 1;
    Box all{Eigen::VectorXd::Zero(d + 1), Eigen::VectorXd::Constant(d + 1, kHalfWidth)};
    all.centre[d] = 0.5 * (instance_.low + instance_.high);
    all.half_widths[d] = 0.5 * (instance_.high - instance_.low);
    best_ = 0.0;
    std::size_t boxes = 0;
    std::priority_queue<Box> open;
    const auto add = [&](Box box) {
      bound(box);
      ++boxes;
      open.push(std::move(box));
    };
    try_corners(all);
    add(all);
    while (open.top().bound > (1.0 + kAccuracy) * best_ && boxes < most_boxes) {
      const Box box = open.top();
      open.pop();
      Eigen::Index widest = 0;
      box.half_widths.maxCoeff(&widest);
      for (const double side : {-0.5, 0.5}) {
        Box half = box;
        half.half_widths[widest] *= 0.5;
        half.centre[widest] += side * box.half_widths[widest];
        add(std::move(half));
      }
    }
    return {best_, std::max(best_, open.top().bound), boxes};
  }

 private:
  // A_i = 2 X'X / N_i + l1 I: what the poisoned objective curves at least in the weights of task i.
  [[nodiscard]] Eigen::MatrixXd curvature(std::size_t i) const {
    const Eigen::MatrixXd& X = instance_.tasks[i].features;
    const double rows = static_cast<double>(X.rows() + (i == instance_.attacker ? 1 : 0));
    return 2.0 / rows * X.transpose() * X + instance_.learner.lambda1 * Eigen::MatrixXd::Identity(X.cols(), X.cols());
  }

  // The poisoned learner's weights, and the target's loss under them as a candidate for the best.
  Eigen::MatrixXd weights_at(const Eigen::VectorXd& row, double& loss) {
    const Eigen::Index d = row.size() - 1;
    TaskSet injected;
    for (std::size_t i = 0; i < instance_.tasks.size(); ++i) {
      const Eigen::Index rows = i == instance_.attacker ? 1 : 0;
      Task task{instance_.tasks[i].name, Eigen::MatrixXd::Ones(rows, d + 1), Eigen::VectorXd(rows)};
      if (rows == 1) {
        task.features.leftCols(d) = row.head(d).transpose();
        task.labels[0] = row[d];
      }
      injected.tasks.push_back(std::move(task));
    }
    const mtrl::EmpiricalRisk risk = clean_.with_rows(injected);
    const mtrl::Fit fit = mtrl::solve_from(risk, instance_.learner, fit_.weights);
    loss = (instance_.tasks[0].labels - instance_.tasks[0].features * fit.weights.col(0)).squaredNorm();
    best_ = std::max(best_, loss);
    gap_ = std::sqrt(2.0 * fit.gap);  // in the norm of A, by the same strong convexity
    return fit.weights;
  }

  void try_corners(const Box& box) {
    for (unsigned corner = 0; corner < (1U << static_cast<unsigned>(box.centre.size())); ++corner) {
      Eigen::VectorXd row = box.centre;
      for (Eigen::Index k = 0; k < row.size(); ++k)
        row[k] += ((corner >> static_cast<unsigned>(k)) % 2 == 0 ? -1.0 : 1.0) * box.half_widths[k];
      double loss = 0.0;
      weights_at(row, loss);
    }
  }

  // The objective of any row in the box is strongly convex in |V|_A^2 = sum_i v_i'A_i v_i. So its answer is within the
  // change of the gradient, in the norm of A^-1, of the answer for the centre; and |X_0 v_0| <= target_norm |V|_A.
  void bound(Box& box) {
    const Eigen::Index d = box.centre.size() - 1;
    double loss = 0.0;
    const Eigen::MatrixXd W = weights_at(box.centre, loss);
    const Eigen::VectorXd w = W.col(static_cast<Eigen::Index>(instance_.attacker));
    Eigen::VectorXd x(d + 1);
    x << box.centre.head(d), 1.0;
    const double residual = std::abs(w.dot(x) - box.centre[d]);
    const double reach = inverse_.diagonal().head(d).cwiseSqrt().dot(box.half_widths.head(d));
    const double change = w.head(d).cwiseAbs().dot(box.half_widths.head(d)) + box.half_widths[d];
    const double rows = static_cast<double>(instance_.tasks[instance_.attacker].rows() + 1);
    const double distance = 2.0 / rows * (residual * reach + change * (std::sqrt(x.dot(inverse_ * x)) + reach)) + gap_;
    box.bound = std::pow(std::sqrt(loss) + target_norm_ * distance, 2);
  }

  const Instance& instance_;
  mtrl::EmpiricalRisk clean_;
  mtrl::Fit fit_;
  Eigen::MatrixXd inverse_;  // of the attacking task's curvature
  double target_norm_ = 0.0;
  double best_ = 0.0;
  double gap_ = 0.0;
};

double attacked(const Instance& instance, const Referee& referee) {
  const Eigen::Index d = instance.tasks.features() - 1;
  attack::Threat threat{{0}, {instance.attacker}, 0.0};
  threat.rows = {instance.attacker == 0 ? 1 : 0, instance.attacker == 1 ? 1 : 0};
  attack::FeasibleSet feasible;
  feasible.radius = std::numeric_limits<double>::infinity();
  feasible.box.assign(static_cast<std::size_t>(d), {-kHalfWidth, kHalfWidth});
  const attack::LossUtility utility(instance.tasks, mtrl::squared_loss(), threat.targets);
  Rng rng = Rng::stream(1, "rows");
  const TaskSet start = attack::random_rows(instance.tasks, threat, feasible, attack::LabelRule::Uniform, rng);
  const auto found =
      attack::exact_attack({referee.clean(), utility, feasible, start, instance.learner, referee.fit(), rng},
                           {.starts = 8, .iterations = 100, .free_labels = true});
  return found.iterates.back().utility;
}

double certified(const Instance& instance, const Referee& referee) {
  std::vector<defence::Admitted> admitted(2);
  for (defence::Admitted& row : admitted) {
    row.centre = Eigen::VectorXd::Zero(instance.tasks.features() - 1);
    row.half_widths = Eigen::VectorXd::Constant(instance.tasks.features() - 1, kHalfWidth);
    row.low = instance.low;
    row.high = instance.high;
  }
  const std::vector<Eigen::Index> injected = {instance.attacker == 0 ? 1 : 0, instance.attacker == 1 ? 1 : 0};
  return defence::certify(referee.clean(), instance.learner, referee.fit(), admitted, injected, {0}, true).most;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "referee: the first lines of referee.cpp say what there is\n");
    return 2;
  }
  try {
    std::ofstream file(argv[3]);
    file << "instance,features,attack_is,lambda1,lambda2,clean,attack,optimum_at_least,optimum_at_most,bound,boxes\n";
    bool in_order = true;
    for (std::size_t n = 0; n < std::stoul(argv[1]); ++n) {
      const Instance one = instance(n);
      Referee referee(one);
      const double clean = (one.tasks[0].labels - one.tasks[0].features * referee.fit().weights.col(0)).squaredNorm();
      const double attack = attacked(one, referee);
      const Optimum optimum = referee.optimum(std::stoul(argv[2]));
      const double bound = certified(one, referee);
      in_order = in_order && attack <= optimum.bound && optimum.found <= bound;
      file << fmt::format("{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{}\n", n, one.tasks.features() - 1,
                          one.attacker == 0 ? "direct" : "indirect", one.learner.lambda1, one.learner.lambda2, clean,
                          attack, optimum.found, optimum.bound, bound, optimum.boxes);
      file.flush();
    }
    return in_order ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "referee: {}\n", error.what());
    return 1;
  }
}
