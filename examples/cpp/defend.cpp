// Injects rows, and compares the learner with the one behind a defence.
//   defend shops.csv
#include <cstdio>

#include <crosstalk/attack/threat.hpp>
#include <crosstalk/defence/defend.hpp>
#include <crosstalk/problem/problem.hpp>

using namespace crosstalk;

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: defend FILE.csv\n"), 2;
  const Problem shops = load_problem(argv[1], {.load = {.csv = {.task_column = "shop", .label_columns = {"sales"}}}});
  const TaskSet& train = shops.train;
  const mtrl::Loss& loss = *shops.loss;
  const mtrl::Options learner = {.lambda1 = 1e-3, .lambda2 = 1e-2};

  // Random rows in "park" with extreme labels, a fifth as many as it has.
  Rng rng(1);
  const std::size_t park = task_index(train, "park");
  const attack::FeasibleSet feasible = {.radius = shops.preparation.largest_norm(train)};
  const TaskSet injected = attack::random_rows(train, {{park}, {park}, 0.2}, feasible, attack::LabelRule::Ends, rng);
  const TaskSet poisoned = join_rows(train, injected);

  const auto nmse = [&](const Eigen::MatrixXd& W) {
    return mtrl::evaluate(shops.test, loss, W).values(static_cast<Eigen::Index>(park), 0);
  };
  std::printf("NMSE of \"park\": clean %.3f, poisoned %.3f\n", nmse(mtrl::solve(train, loss, learner).weights),
              nmse(mtrl::solve(poisoned, loss, learner).weights));
  for (const auto method : {defence::Method::Trim, defence::Method::Huber}) {
    const defence::Defended defended = defence::defend(poisoned, loss, {.learner = learner, .method = method});
    std::printf("  behind %-5s %.3f, %.0f %% of its rows left out\n", defence::to_string(method).data(),
                nmse(defended.weights), 100.0 * defended.tasks[park].left_out);
  }
}
