// A bench for defences over honest sets, generated laws and attackers (experiments/README.md).
//   defence_bench HALF FIRST_SEED LAST_SEED FILE.csv [SET,... [ATTACKER,...]]
// Appends a line a defence; a case whose lines are in the file is passed over. Attacks are read from and written to
// the folder $CROSSTALK_BENCH_CASES where it is set.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "cases.hpp"
#include "crosstalk/defence/defend.hpp"
#include "crosstalk/mtrl/metrics.hpp"

namespace {

using namespace bench;
using namespace crosstalk;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

struct Counts {
  double honest = 0.0;
  double honest_left_out = 0.0;
  double honest_flagged = 0.0;
  double injected = 0.0;
  double injected_left_out = 0.0;
};

Counts counted(const Case& problem, const defence::Defended& defended) {
  Counts counts;
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    std::vector<bool> kept(problem.injected[i].size(), false);
    for (const Eigen::Index j : defended.kept[i]) kept[static_cast<std::size_t>(j)] = true;
    for (std::size_t j = 0; j < kept.size(); ++j) {
      const bool injected = problem.injected[i][j];
      (injected ? counts.injected : counts.honest) += 1.0;
      if (!kept[j]) (injected ? counts.injected_left_out : counts.honest_left_out) += 1.0;
      if (!injected && defended.rows[i].flagged[j]) counts.honest_flagged += 1.0;
    }
  }
  return counts;
}

double task_auc(const Case& problem, const defence::Defended& defended) {
  Eigen::VectorXd scores(static_cast<Eigen::Index>(problem.rows.size()));
  Eigen::VectorXd attacked(scores.size());
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    const auto& rows = problem.injected[static_cast<std::size_t>(i)];
    scores[i] = defended.tasks[static_cast<std::size_t>(i)].score;
    attacked[i] = std::ranges::find(rows, true) != rows.end() ? 1.0 : -1.0;
  }
  return mtrl::auc(scores, attacked);
}

std::string lines_of(const CaseName& name, const std::string& folder) {
  const Case problem = case_of(name, folder);
  Case honest = problem;
  honest.rows = honest.honest.train;
  const double clean = learned_metric(honest, defence::all_rows(honest.rows));
  const double attacked = learned_metric(problem, defence::all_rows(problem.rows));

  const Preparation preparation = Preparation::fit(problem.rows, problem.honest.preparation);
  const TaskSet prepared = preparation.apply(problem.rows);
  const mtrl::Options learner = chosen_learner(prepared, *problem.honest.loss);
  std::string lines;
  const std::clock_t begin = std::clock();
  const defence::Defended defended = defence::defend(prepared, *problem.honest.loss, {.learner = learner});
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const Counts counts = counted(problem, defended);
  const double value = defended.left_out == 0.0 ? attacked : learned_metric(problem, defended.kept);
  lines += fmt::format("{},trim,{:.6g},{:.6g},{:.6g},{:.4f},{:.4f},{:.4f},{:.4f},{:.3f}\n", name.text(), clean,
                       attacked, value, counts.honest_left_out / counts.honest,
                       counts.injected > 0.0 ? counts.injected_left_out / counts.injected : 0.0,
                       counts.honest_flagged / counts.honest, task_auc(problem, defended), seconds);
  for (const defence::Decision& decision : defended.decisions)
    if (std::getenv("CROSSTALK_BENCH_VERBOSE") != nullptr)
      fmt::print(stderr, "{}: {} {} rows, gain {:.3f}, p {:.2g}, {}\n", name.text(), decision.detector, decision.rows,
                 decision.gain, decision.p, decision.accepted ? "left out" : "kept");
  return lines;
}

void run(const std::vector<std::string>& words) {
  if (words.size() < 4)
    throw std::invalid_argument("usage: HALF FIRST_SEED LAST_SEED FILE.csv [SET,... [ATTACKER,...]]");
  const Half half = half_named(words[0]);
  const auto chosen = [&](std::size_t k, const std::string& name) {
    if (words.size() <= k || words[k] == "all") return true;
    const auto names = words_of(words[k]);
    return std::ranges::find(names, name) != names.end();
  };
  const char* folder = std::getenv("CROSSTALK_BENCH_CASES");
  std::string done;
  {
    std::ifstream file(words[3]);
    done.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::ofstream file(words[3], std::ios::app);
  if (done.empty())
    file << "set,attacker,kind,budget,seed,defence,clean,attacked,defended,honest_left_out,injected_left_out,"
            "honest_flagged,task_auc,seconds\n";
  for (std::uint64_t seed = std::stoull(words[1]); seed <= std::stoull(words[2]); ++seed)
    for (const CaseName& name : cases_of(half, seed)) {
      if (!chosen(4, name.set) || !chosen(5, name.attacker)) continue;
      if (done.find("\n" + name.text() + ",") != std::string::npos) continue;
      try {
        file << lines_of(name, folder == nullptr ? "" : folder) << std::flush;
      } catch (const std::exception& error) {
        file << name.text() << ",error,,,,,,,,\n" << std::flush;
        fmt::print(stderr, "{}: {}\n", name.text(), error.what());
      }
    }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
