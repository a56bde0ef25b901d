// Learns all tasks of a CSV file together and prints how they are related.
//   learn shops.csv
#include <cstdio>

#include <crosstalk/data/dataset.hpp>
#include <crosstalk/mtrl/metrics.hpp>
#include <crosstalk/mtrl/solve.hpp>
#include <crosstalk/preparation.hpp>
#include <crosstalk/split.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: learn FILE.csv\n"), 2;
  const data::Dataset set = data::load(argv[1], {.csv = {.task_column = "shop", .label_columns = {"sales"}}});
  const Split raw = split_rows(set.train, 0.3, 1);
  const Preparation preparation = Preparation::fit(raw.train, {.scale = Scale::Standard, .labels = LabelScale::Pooled});
  const TaskSet train = preparation.apply(raw.train);
  const TaskSet test = preparation.apply(raw.test);

  const mtrl::Loss& loss = mtrl::squared_loss();
  const mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2};
  const mtrl::Fit fit = mtrl::solve(train, loss, learner);
  const mtrl::Metrics metrics = mtrl::evaluate(test, loss, fit.weights, preparation.label_units());
  std::printf("%s, optimal to %.0e of the objective\n", mtrl::to_string(fit.status).data(), learner.tolerance);
  std::printf("mean NMSE of held-out rows %.3f\n", metrics.mean(0));

  const Eigen::MatrixXd correlation = fit.covariance.correlation();
  for (std::size_t i = 0; i < train.size(); ++i) {
    std::printf("%-8s", train[i].name.c_str());
    for (std::size_t j = 0; j < train.size(); ++j)
      std::printf(" %6.2f", correlation(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
    std::printf("\n");
  }
}
