#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;

namespace {

class CheckGradientCommand : public Command {
 protected:
  void SetUp() override { write("ratings.csv", ratings_csv()); }
  [[nodiscard]] Finished check(const std::vector<std::string>& more) const {
    return crosstalk(on_ratings("check-gradient") +
                     std::vector<std::string>{"--targets", "alpha,beta", "--quiet", "--out", "out"} + more);
  }
};

TEST_F(CheckGradientCommand, SetsTheThreeGradientsBesideDifferences) {
  ASSERT_TRUE(ended_well(check({"--smoothing", "0.1"})));
  const auto gradients = record("out").at("gradients");
  EXPECT_EQ(gradients.size(), 3U);
  EXPECT_LE(gradients.at("exact").at("relative_error").get<double>(), 1e-6);
  EXPECT_LE(gradients.at("exact").at("label_error").get<double>(), 1e-6);
  EXPECT_NEAR(gradients.at("exact").at("cosine").get<double>(), 1.0, 1e-6);
  EXPECT_GT(gradients.at("patom").at("relative_error").get<double>(), 0.01);
  EXPECT_GT(gradients.at("fixed_covariance").at("relative_error").get<double>(), 1e-3);
  EXPECT_GT(gradients.at("exact").at("seconds").get<double>(), 0.0);
  EXPECT_EQ(cells_of(files("out").at("gradients.csv")).rows.size(), 3U);
}

TEST_F(CheckGradientCommand, ComparesAsManyEntriesAsAsked) {
  ASSERT_TRUE(ended_well(check({"--entries", "7"})));
  EXPECT_EQ(record("out").at("entries"), 7);
}

TEST_F(CheckGradientCommand, NamesWhatCannotBe) {
  EXPECT_TRUE(was_refused(check({"--entries", "0"}), 2, {"--entries is 0; it must be >= 1"}));
  EXPECT_TRUE(was_refused(check({"--spacing", "0"}), 2, {"--spacing is 0; it must be > 0"}));
  EXPECT_TRUE(was_refused(check({"--budget", "0"}), 2, {"there is no injected row"}));
  EXPECT_TRUE(was_refused(check({"--targets", "omega"}), 2, {"omega"}));
}

}  // namespace
