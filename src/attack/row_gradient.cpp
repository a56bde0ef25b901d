#include "crosstalk/attack/row_gradient.hpp"

namespace crosstalk::attack {

std::vector<Eigen::MatrixXd> patom_row_gradient(const Situation& situation) {
  const auto& [risk, injected, fit, learner, utility_gradient] = situation;
  // The sum over the batch is in grad U already, so the double loop of Algorithm 1 is one product with Phi.
  const auto phi = [&l = learner](double omega) {
    const double denominator = l.lambda1 * omega + l.lambda2;
    return denominator > 0.0 ? omega / denominator : 1.0 / l.lambda1;  // no coupling: Phi = I / l1
  };
  const Eigen::MatrixXd shared = fit.covariance.apply_on_right(utility_gradient, phi);
  std::vector<Eigen::MatrixXd> result(injected.size());
  for (std::size_t i = 0; i < injected.size(); ++i) {
    const auto column = static_cast<Eigen::Index>(i);
    const Task& task = injected[i];
    if (task.rows() == 0) continue;
    const auto n = static_cast<double>(risk.rows(column));
    Eigen::VectorXd alpha = task.features * fit.weights.col(column);
    for (Eigen::Index j = 0; j < alpha.size(); ++j) alpha[j] = -risk.loss().at(alpha[j], task.labels[j]).first / n;
    result[i] = alpha * shared.col(column).transpose();
  }
  return result;
}

}  // namespace crosstalk::attack
