// Learns all tasks of a CSV file together and prints how they are related.
//   learn shops.csv
#include <cstdio>

#include <crosstalk/problem/problem.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: learn FILE.csv\n"), 2;
  Problem shops = load_problem(argv[1], {.load = {.csv = {.task_column = "shop", .label_columns = {"sales"}}}});
  choose_lambdas(shops);
  const mtrl::Fit fit = mtrl::solve(shops.train, *shops.loss, shops.learner);
  const mtrl::Metrics metrics = shops.metrics(shops.test, fit.weights);
  std::printf("%s, optimal to %.0e of the objective\n", mtrl::to_string(fit.status).data(), shops.learner.tolerance);
  std::printf("mean NMSE of held-out rows %.3f\n", metrics.mean(0));

  const Eigen::MatrixXd correlation = fit.covariance.correlation();
  for (std::size_t i = 0; i < shops.train.size(); ++i) {
    std::printf("%-8s", shops.train[i].name.c_str());
    for (std::size_t j = 0; j < shops.train.size(); ++j)
      std::printf(" %6.2f", correlation(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
    std::printf("\n");
  }
}
