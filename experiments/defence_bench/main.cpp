// A bench for defences over honest sets, generated laws and attackers (experiments/README.md).
//   defence_bench HALF FIRST_SEED LAST_SEED FILE.csv [SET,... [ATTACKER,... [DEFENCE,...]]]
// Appends a line a defence; a case whose lines are in the file is passed over. Attacks are read from and written to
// the folder $CROSSTALK_BENCH_CASES where it is set.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "cases.hpp"
#include "contenders.hpp"
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

// What a defence leaves out of a case, as shares.
struct Counts {
  double honest_rows = 0.0;  ///< also those of tasks left out whole
  double injected_rows = 0.0;
  double honest_tasks = 0.0;
  double fictitious_tasks = 0.0;
};

Counts counted(const Case& problem, const Answer& answer) {
  Counts out;
  Counts all;
  for (std::size_t i = 0; i < problem.rows.size(); ++i) {
    const bool whole = !answer.left_out.empty() && answer.left_out[i];
    const bool is_honest = i < problem.honest.train.size();
    std::vector<bool> kept(problem.injected[i].size(), false);
    if (!whole)
      for (const Eigen::Index j : answer.kept[i]) kept[static_cast<std::size_t>(j)] = true;
    for (std::size_t j = 0; j < kept.size(); ++j) {
      (problem.injected[i][j] ? all.injected_rows : all.honest_rows) += 1.0;
      if (!kept[j]) (problem.injected[i][j] ? out.injected_rows : out.honest_rows) += 1.0;
    }
    (is_honest ? all.honest_tasks : all.fictitious_tasks) += 1.0;
    if (whole) (is_honest ? out.honest_tasks : out.fictitious_tasks) += 1.0;
  }
  const auto share = [](double part, double whole) { return whole > 0.0 ? part / whole : 0.0; };
  return {share(out.honest_rows, all.honest_rows), share(out.injected_rows, all.injected_rows),
          share(out.honest_tasks, all.honest_tasks), share(out.fictitious_tasks, all.fictitious_tasks)};
}

// Of the tasks with injected rows against the others.
double task_auc(const Case& problem, const Eigen::VectorXd& scores) {
  if (scores.size() == 0) return std::numeric_limits<double>::quiet_NaN();
  Eigen::VectorXd attacked(scores.size());
  for (Eigen::Index i = 0; i < scores.size(); ++i) {
    const auto& rows = problem.injected[static_cast<std::size_t>(i)];
    attacked[i] = std::ranges::find(rows, true) != rows.end() ? 1.0 : -1.0;
  }
  return mtrl::auc(scores, attacked);
}

std::string lines_of(const CaseName& name, const std::string& folder, const std::vector<std::string>& defences) {
  const Case problem = case_of(name, folder);
  Case honest = problem;
  honest.rows = honest.honest.train;
  const double clean = learned_metric(honest, defence::all_rows(honest.rows));
  const double attacked = learned_metric(problem, defence::all_rows(problem.rows));
  std::string lines;
  for (const std::string& defence : defences) {
    const std::clock_t begin = std::clock();
    const Answer answer = answer_of(defence, problem);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    const Counts out = counted(problem, answer);
    const double value = answer.metric ? *answer.metric
                         : out.honest_rows + out.injected_rows == 0.0
                             ? attacked
                             : learned_metric(problem, answer.kept, answer.left_out);
    lines += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.3f}\n", name.text(),
                         defence, clean, attacked, value, out.honest_rows, out.injected_rows, answer.honest_flagged,
                         out.honest_tasks, out.fictitious_tasks, task_auc(problem, answer.task_scores), seconds);
    if (std::getenv("CROSSTALK_BENCH_VERBOSE") == nullptr) continue;
    for (Eigen::Index i = 0; i < answer.task_scores.size(); ++i)
      fmt::print(stderr, "{}: score {:.2f} {}\n", name.text(), answer.task_scores[i],
                 i < static_cast<Eigen::Index>(problem.honest.train.size()) ? "honest" : "fictitious");
    for (const defence::Decision& decision : answer.decisions)
      fmt::print(stderr, "{}: {} {} tasks {} rows, gain {:.3f}, p {:.2g}, {}\n", name.text(), decision.detector,
                 decision.tasks, decision.rows, decision.gain, decision.p, decision.accepted ? "left out" : "kept");
  }
  return lines;
}

void run(const std::vector<std::string>& words) {
  if (words.size() < 4)
    throw std::invalid_argument("usage: HALF FIRST_SEED LAST_SEED FILE.csv [SET,... [ATTACKER,... [DEFENCE,...]]]");
  const Half half = half_named(words[0]);
  const auto chosen = [&](std::size_t k, const std::string& name) {
    if (words.size() <= k || words[k] == "all") return true;
    const auto names = words_of(words[k]);
    return std::ranges::find(names, name) != names.end();
  };
  const std::vector<std::string> defences = words.size() <= 6   ? std::vector<std::string>{"trim"}
                                            : words[6] == "all" ? all_defences()
                                                                : words_of(words[6]);
  const char* folder = std::getenv("CROSSTALK_BENCH_CASES");
  std::string done;
  {
    std::ifstream file(words[3]);
    done.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::ofstream file(words[3], std::ios::app);
  if (done.empty())
    file << "set,attacker,kind,budget,seed,defence,clean,attacked,defended,honest_left_out,injected_left_out,"
            "honest_flagged,honest_tasks_left_out,fictitious_tasks_left_out,task_auc,seconds\n";
  for (std::uint64_t seed = std::stoull(words[1]); seed <= std::stoull(words[2]); ++seed)
    for (const CaseName& name : cases_of(half, seed)) {
      if (!chosen(4, name.set) || !chosen(5, name.attacker)) continue;
      if (done.find("\n" + name.text() + ",") != std::string::npos) continue;
      try {
        file << lines_of(name, folder == nullptr ? "" : folder, defences) << std::flush;
      } catch (const std::exception& error) {
        file << name.text() << ",error,,,,,,,,,,\n" << std::flush;
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
