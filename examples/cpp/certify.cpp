// A bound that no attack can exceed: the loss of one task, wherever 10 % injected rows of another lie.
//   certify shops.csv
#include <cstdio>

#include <crosstalk/attack/threat.hpp>
#include <crosstalk/defence/certificate.hpp>
#include <crosstalk/evaluate/adaptive_attack.hpp>
#include <crosstalk/problem/problem.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: certify FILE.csv\n"), 2;
  const Problem shops =
      load_problem(argv[1], {.load = {.csv = {.task_column = "shop", .label_columns = {"sales"}}}, .hold_out = false});
  const TaskSet& train = shops.train;
  const mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2};
  const mtrl::EmpiricalRisk clean(train, mtrl::squared_loss());
  const mtrl::Fit fit = mtrl::solve(clean, learner);

  const std::size_t market = task_index(train, "market");
  const attack::Threat threat = {{market}, {task_index(train, "harbour")}, 0.1};
  const attack::FeasibleSet feasible = {.radius = shops.preparation.largest_norm(train)};
  const defence::Certificate certificate =
      defence::certify(clean, learner, fit, evaluate::admitted_rows(train, feasible),
                       attack::injected_rows(threat, train), threat.targets, feasible.bias);
  const double rows = static_cast<double>(train[market].rows());
  const double now = clean.evaluate(fit.weights).values[static_cast<Eigen::Index>(market)];
  std::printf("mean squared error of \"market\" %.4f; at most %.4f after any such attack\n", now,
              certificate.most / rows);
}
