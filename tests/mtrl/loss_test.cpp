#include "crosstalk/mtrl/loss.hpp"

#include <cmath>

#include <gmock/gmock.h>

#include "support/gradient_check.hpp"

namespace crosstalk::mtrl {
namespace {

using test_support::is_gradient;
using testing::ThrowsMessage;

const std::vector<double> kScores = {-3.0, -1.3, -0.2, 0.0, 0.4, 0.9, 1.2, 4.0};  // away from the hinge's corner

class EveryLoss : public testing::TestWithParam<std::string> {
 protected:
  const Loss& loss = loss_named(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Loss, EveryLoss, testing::ValuesIn(loss_names()),
                         [](const auto& suite) { return suite.param == "squared-hinge" ? "hinge" : suite.param; });

Eigen::MatrixXd scalar(double x) {
  return Eigen::MatrixXd::Constant(1, 1, x);
}

TEST_P(EveryLoss, DerivativesAreThoseOfTheValue) {
  for (const double y : {-1.0, 1.0})
    for (const double z : kScores) {
      const Loss::Jet jet = loss.at(z, y);
      const auto value = [&](const Eigen::MatrixXd& at) { return loss.at(at(0, 0), y).value; };
      const auto first = [&](const Eigen::MatrixXd& at) { return loss.at(at(0, 0), y).first; };
      EXPECT_TRUE(is_gradient(value, scalar(z), scalar(jet.first))) << "z " << z << ", y " << y;
      EXPECT_TRUE(is_gradient(first, scalar(z), scalar(jet.second))) << "z " << z << ", y " << y;
      const auto first_of_label = [&](const Eigen::MatrixXd& label) { return loss.at(z, label(0, 0)).first; };
      EXPECT_TRUE(is_gradient(first_of_label, scalar(y), scalar(jet.mixed))) << "z " << z << ", y " << y;
    }
}

TEST_P(EveryLoss, IsConvexAndNeverNegative) {
  for (const double y : {-1.0, 1.0})
    for (double z = -5.0; z <= 5.0; z += 0.01) {
      EXPECT_GE(loss.at(z, y).value, 0.0);
      EXPECT_GE(loss.at(z, y).second, 0.0);
    }
}

TEST_P(EveryLoss, IsFoundByItsName) {
  EXPECT_EQ(loss.name(), GetParam());
  EXPECT_EQ(loss.is_squared(), GetParam() == "squared");
  EXPECT_EQ(loss.is_classification(), GetParam() != "squared");
}

TEST(Loss, ValuesByHand) {
  EXPECT_EQ(squared_loss().at(3.0, 5.0).value, 4.0);
  EXPECT_EQ(squared_loss().at(3.0, 5.0).first, -4.0);
  EXPECT_EQ(squared_hinge_loss().at(-1.0, 1.0).value, 4.0);
  EXPECT_EQ(squared_hinge_loss().at(-1.0, 1.0).first, -4.0);
  EXPECT_EQ(squared_hinge_loss().at(-1.0, -1.0).value, 0.0);  // the paper's formula without the max gives 0, too
  EXPECT_EQ(squared_hinge_loss().at(-3.0, -1.0).value, 0.0);  // and 4 here
  EXPECT_DOUBLE_EQ(logistic_loss().at(0.0, 1.0).value, std::log(2.0));
  EXPECT_DOUBLE_EQ(logistic_loss().at(2.0, -1.0).value, std::log1p(std::exp(2.0)));
}

TEST(Loss, LogisticNeitherOverflowsNorLosesItsTail) {
  for (const double y : {-1.0, 1.0}) {
    const Loss::Jet wrong = logistic_loss().at(-1e4 * y, y);
    EXPECT_EQ(wrong.value, 1e4);
    EXPECT_EQ(wrong.first, -y);
    EXPECT_EQ(wrong.second, 0.0);
    const Loss::Jet right = logistic_loss().at(1e4 * y, y);
    EXPECT_EQ(right.value, 0.0);
    EXPECT_EQ(right.first, 0.0);
    EXPECT_EQ(right.second, 0.0);
    EXPECT_DOUBLE_EQ(logistic_loss().at(50.0 * y, y).value, std::exp(-50.0));  // log(1 + e^-50) would round to 0
  }
}

TEST(Loss, UnknownNameListsTheKnownOnes) {
  EXPECT_THAT([] { loss_named("hinge"); }, ThrowsMessage<std::invalid_argument>(
                                               "unknown loss \"hinge\"; there are squared, squared-hinge, logistic"));
}

}  // namespace
}  // namespace crosstalk::mtrl
