#include "crosstalk/attack/row_gradient.hpp"

namespace crosstalk::attack {

RowDerivatives patom_row_gradient(const AttackState& state) {
  const auto& [risk, injected, fit, learner, utility_gradient] = state;
  // The sum over the batch is in grad U already, so the double loop of Algorithm 1 is one product with Phi.
  const auto phi = [&l = learner](double omega) {
    const double denominator = l.lambda1 * omega + l.lambda2;
    return denominator > 0.0 ? omega / denominator : 1.0 / l.lambda1;  // no coupling: Phi = I / l1
  };
  const Eigen::MatrixXd shared = fit.covariance.apply_on_right(utility_gradient, phi);
  RowDerivatives result{std::vector<Eigen::MatrixXd>(injected.size()), std::vector<Eigen::VectorXd>(injected.size())};
  for (std::size_t i = 0; i < injected.size(); ++i) {
    const auto column = static_cast<Eigen::Index>(i);
    const Task& task = injected[i];
    if (task.rows() == 0) continue;
    const auto n = static_cast<double>(risk.rows(column));
    Eigen::VectorXd alpha = task.features * fit.weights.col(column);
    for (Eigen::Index j = 0; j < alpha.size(); ++j) alpha[j] = -risk.loss().at(alpha[j], task.labels[j]).first / n;
    result.features[i] = alpha * shared.col(column).transpose();
    result.labels[i] = Eigen::VectorXd::Zero(task.rows());
  }
  return result;
}

RowDerivatives row_gradient_from(const AttackState& state, const Eigen::MatrixXd& adjoint) {
  const auto& [risk, injected, fit, learner, utility_gradient] = state;
  RowDerivatives result{std::vector<Eigen::MatrixXd>(injected.size()), std::vector<Eigen::VectorXd>(injected.size())};
  for (std::size_t i = 0; i < injected.size(); ++i) {
    const Task& task = injected[i];
    if (task.rows() == 0) continue;
    const auto column = static_cast<Eigen::Index>(i);
    const auto n = static_cast<double>(risk.rows(column));
    const auto w = fit.weights.col(column);
    const auto l = adjoint.col(column);
    Eigen::VectorXd on_l = task.features * w;
    Eigen::VectorXd on_w = task.features * l;
    Eigen::VectorXd& on_y = result.labels[i];
    on_y.resize(task.rows());
    for (Eigen::Index j = 0; j < task.rows(); ++j) {
      const mtrl::Loss::Jet jet = risk.loss().at(on_l[j], task.labels[j]);
      on_y[j] = -jet.mixed * on_w[j] / n;
      on_l[j] = -jet.first / n;
      on_w[j] *= -jet.second / n;
    }
    result.features[i].noalias() = on_l * l.transpose();
    result.features[i].noalias() += on_w * w.transpose();
  }
  return result;
}

RowDerivatives exact_row_gradient(const AttackState& state) {
  const auto& [risk, injected, fit, learner, utility_gradient] = state;
  return row_gradient_from(state, mtrl::adjoint(risk, learner, fit.weights, utility_gradient));
}

RowDerivatives fixed_covariance_row_gradient(const AttackState& state) {
  const auto& [risk, injected, fit, learner, utility_gradient] = state;
  return row_gradient_from(state, mtrl::fixed_covariance_adjoint(risk, learner, fit, utility_gradient));
}

}  // namespace crosstalk::attack
