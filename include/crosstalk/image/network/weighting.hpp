#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/names.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

/// How one network combines the losses L_1..L_K of its tasks.
///
/// | word        | what is minimised, or which way the shared part goes                     | source                |
/// |-------------|--------------------------------------------------------------------------|-----------------------|
/// | ls          | the mean loss                                                            |                       |
/// | uw          | mean of L_k e^{-s_k} / 2 + s_k / 2, s_k learned from -0.5                | [Kendall18]           |
/// | rlw         | sum_k p_k L_k, p the softmax of K standard normal numbers, anew each step | [Lin22]               |
/// | gradnorm    | sum_k p_k L_k, p learned so that tasks learn at the same pace            | [Chen18]              |
/// | aligned-mtl | along sum_k w_k g_k, w of `shared_weights`                               | [Senushkin23]         |
/// | fairgrad    |                                                                          | [Ban24]               |
/// | pcgrad      |                                                                          | [Yu20]                |
/// | cagrad      |                                                                          | [Liu21]               |
/// | mgda        |                                                                          | [Sener18]             |
enum class Weighting { Equal, Uncertainty, Random, AlignedMtl, FairGrad, PcGrad, CaGrad, Mgda, GradNorm };

inline constexpr auto kWeightingNames = name_table<Weighting>("weighting", {{Weighting::Equal, "ls"},
                                                                            {Weighting::Uncertainty, "uw"},
                                                                            {Weighting::Random, "rlw"},
                                                                            {Weighting::AlignedMtl, "aligned-mtl"},
                                                                            {Weighting::FairGrad, "fairgrad"},
                                                                            {Weighting::PcGrad, "pcgrad"},
                                                                            {Weighting::CaGrad, "cagrad"},
                                                                            {Weighting::Mgda, "mgda"},
                                                                            {Weighting::GradNorm, "gradnorm"}});
/// @throws std::invalid_argument naming the word and those that are known.
Weighting weighting_named(std::string_view word);
std::string to_string(Weighting weighting);
/// Their words.
const std::vector<std::string>& weighting_names();

/// Whether it looks at the gradients of the single tasks.
bool needs_gradients(Weighting weighting);

/// The w of a shared gradient sum_k w_k g_k, from M = (<g_k, g_l>) alone. For equal gradients sum_k w_k = 1, so that
/// all give the gradient of the mean loss then:
///   ls           w = 1 / K
///   rlw          the softmax of K standard normal numbers
///   aligned-mtl  w = B 1 / K with B = sqrt(lambda_r) M^{-1/2} on the r eigenvectors of M with lambda > 0: the rows of
///                B G are equally long and orthogonal
///   fairgrad     M w = 1 / w (alpha = 1), as the length of sum_k w_k g_k is then sqrt K whatever the gradients,
///                multiplied to that of the mean gradient
///   pcgrad       mean over k of g_k less what conflicts in it with the others, one after the other in random order
///   cagrad       g_0 + c |g_0| g_v / |g_v| over 1 + c, g_0 the mean gradient, g_v = sum_k v_k g_k with v >= 0,
///                sum v = 1, and <g_v, g_0> + c |g_0| |g_v| least; c = 0.5
///   mgda         w >= 0, sum w = 1, the shortest sum_k w_k g_k
/// A task without gradient has weight 0 in the last five; the m others have m / K of the weight they would have alone.
/// @param gram  M, K x K, symmetric positive semidefinite; where it has a NaN or an infinity w = 1 / K.
/// @param rng   draws for rlw and pcgrad; the others take nothing from it.
/// @throws std::invalid_argument for uw and gradnorm, whose weights are learned.
Eigen::VectorXd shared_weights(Weighting weighting, const Eigen::MatrixXd& gram, Rng& rng);

/// The weights of [Chen18] over K. They follow, by Adam of rate 0.025, the subgradient of
///   sum_k | w_k |g_k| - t_k |,  t_k = (mean of w |g|) (r_k / mean of r)^1.5,  r_k = L_k / (first L_k)
/// with t fixed; w >= 0.001 and sum w = K after each step.
class GradNorm {
 public:
  explicit GradNorm(Eigen::Index tasks);

  /// w / K of this step; then learns from it.
  /// @param lengths  |g_k|.
  /// @param losses   L_k; a task whose loss is 0, for want of labels, has r_k = 1 and waits for its first loss.
  Eigen::VectorXd step(const Eigen::VectorXd& lengths, const Eigen::VectorXd& losses);

 private:
  Eigen::VectorXd weights_;
  Eigen::VectorXd first_losses_;
  Eigen::VectorXd first_moment_;
  Eigen::VectorXd second_moment_;
  int steps_ = 0;
};

}  // namespace crosstalk::image
