#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/image/codec.hpp"
#include "data/small_landmine.hpp"

using namespace cli;
namespace fs = std::filesystem;

namespace {

// A run that is stopped at a random moment, again and again, and then goes on: its files are those of a run that
// nobody stopped, nothing else lies beside them, and nothing outside its folder has changed.
// CROSSTALK_KILL_CHAINS says how many chains; seeds count from 1, so that a chain that fails can be had again. With
// CROSSTALK_KILL_ALL the long commands are among them: reproduce, and those that train networks where there are some.
class KillChains : public Command {
 protected:
  struct Kind {
    std::string words;
    double seconds = 0.0;                    // of a run that nobody stops
    int exit_code = 0;                       // of that run
    std::map<std::string, std::string> end;  // its files
  };

  void SetUp() override {
    write("ratings.csv", ratings_csv());
    fs::create_directories(path("photos"));
    std::string labels = "file,kind,lit\n";
    for (int i = 0; i < 60; ++i) {
      std::vector<std::uint8_t> pixels(3 * 48 * 48);
      for (std::size_t p = 0; p < pixels.size(); ++p)
        pixels[p] = static_cast<std::uint8_t>(p * 7 + p / 48 + 40U * static_cast<unsigned>(i));
      write(fmt::format("photos/{}.png", i), crosstalk::image::encode_png({3, 48, 48}, pixels));
      labels += fmt::format("{}.png,{},{}\n", i, i % 3, i % 2);
    }
    write("photos/labels.csv", labels);
    fs::create_directories(path("sets/landmine"));
    write("sets/landmine/LandmineData.mat", crosstalk::data::small_landmine());
    const std::string columns = "ratings.csv --task shop --label stars --lambda1 0.01 --lambda2 0.05 --quiet --out out";
    add_kind("audit --budgets 0.2,0.4 --iterations 20 --resume " + columns);
    add_kind("defend " + columns);
    add_kind("protect photos --method lsp --quiet --out out");
    if (std::getenv("CROSSTALK_KILL_ALL") == nullptr) return;
    add_kind("reproduce patom --data-dir sets --only figure1 --seeds 1 --resume --quiet --out out",
             1);  // two sets lack
    if (!has_networks()) return;
    add_kind("protect photos --method tap --epochs 3 --resume --quiet --out out");
    ASSERT_TRUE(ended_well(shell("exec \"$CROSSTALK\" protect photos --method lsp --quiet --out copy")));
    add_kind(
        "verify photos --protected copy --panel quick --groups leaks --epochs 1 --jobs 1 --resume --quiet --out out");
  }

  [[nodiscard]] bool has_networks() const {
    const Finished tried = shell("exec \"$CROSSTALK\" protect photos --method tap --epochs 1 --quiet --out tried");
    fs::remove_all(path("tried"));
    return tried.exit_code == 0;
  }

  void add_kind(const std::string& words, int exit_code = 0) {
    const auto start = std::chrono::steady_clock::now();
    const Finished whole = run(words);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_EQ(whole.exit_code, exit_code) << words << "\n" << whole.err;
    kinds_.push_back({words, seconds, exit_code, ended()});
    fs::remove_all(path("out"));
  }

  // Small data take the place of known sets, and no others are in reach.
  // The shell outlives what it runs, so that a signal that ends it is an exit code of its own: 137 for SIGKILL, which
  // `timeout` gives itself, too, and 139 for a crash.
  // A killed process may be a moment in dying, after its shell has gone, and holds its folder's lock for so long.
  [[nodiscard]] Finished run(const std::string& words, const std::string& under = "") const {
    const std::string script =
        "export XDG_CACHE_HOME=\"$PWD/no cache\" CROSSTALK_UNCHECKED_SETS=1; unset CROSSTALK_DATA; " + under +
        " \"$CROSSTALK\" " + words + "; exit $?";
    Finished finished = shell(script);
    for (int again = 0; again < 50 && finished.err.find("is in use by another run") != std::string::npos; ++again) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      finished = shell(script);
    }
    return finished;
  }

  // The files in out; records without times, and without the log of a panel's cell, which says that it was interrupted
  // where that came as it ended.
  [[nodiscard]] std::map<std::string, std::string> ended() const {
    auto found = files("out");
    std::erase_if(found, [](const auto& file) { return fs::path(file.first).filename() == "log.txt"; });
    for (auto& [name, content] : found)
      if (fs::path(name).filename() == "run.json")
        content = without_timings(record((fs::path("out") / name).parent_path().string())).dump(1);
    return found;
  }

  // Everything outside of out, with what would change if it were written.
  [[nodiscard]] std::map<std::string, std::string> outside() const {
    std::map<std::string, std::string> found;
    for (fs::recursive_directory_iterator at(path("")), end; at != end; ++at) {
      if (at->path().filename() == "out" && at.depth() == 0)
        at.disable_recursion_pending();
      else
        found[at->path().string()] =
            at->is_regular_file()
                ? fmt::format("{} {}", read_file(at->path()), at->last_write_time().time_since_epoch().count())
                : "folder";
    }
    return found;
  }

  std::vector<Kind> kinds_;
};

TEST_F(KillChains, EndAsIfNobodyHadStoppedThem) {
  const char* const wanted = std::getenv("CROSSTALK_KILL_CHAINS");
  const int chains = wanted != nullptr ? std::atoi(wanted) : 20;
  const auto before = outside();
  int stopped = 0;
  int late = 0;
  for (int seed = 1; seed <= chains; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    const Kind& kind = kinds_[static_cast<std::size_t>(seed) % kinds_.size()];
    constexpr std::array<const char*, 4> signals = {"KILL", "TERM", "INT", "HUP"};
    const int stops = 1 + static_cast<int>(random() % 3);
    std::string story = kind.words;
    for (int stop = 0; stop < stops; ++stop) {
      const char* const signal = signals[random() % signals.size()];
      const double after = std::max(0.001, 1.1 * kind.seconds * static_cast<double>(random() % 1000) / 1000.0);
      story += fmt::format("; SIG{} after {:.3f} s", signal, after);
      // Without LeakSanitizer: its tracer is in the process group that timeout signals and dies of it, and the command
      // it holds stays stopped for ever (9 of 600 runs of twelve lines that do nothing else; none without it).
      const Finished part =
          run(kind.words, fmt::format("ASAN_OPTIONS=detect_leaks=0 timeout -s {} {:.3f}", signal, after));
      // 124 by a signal that it handles, 137 by SIGKILL; the code of a whole run when it was done before.
      EXPECT_THAT(part.exit_code, testing::AnyOf(kind.exit_code, 124, 137)) << seed << ": " << story << "\n"
                                                                            << part.err;
      ++(part.exit_code == kind.exit_code ? late : stopped);
    }
    const Finished last = run(kind.words);
    ASSERT_EQ(last.exit_code, kind.exit_code) << "chain " << seed << ": " << story << "\n" << last.err;
    const auto end = ended();
    for (const auto& [name, content] : kind.end) {
      ASSERT_TRUE(end.contains(name)) << "chain " << seed << ": " << story << " has no " << name;
      EXPECT_TRUE(end.at(name) == content) << "chain " << seed << ": " << story << " has another " << name;
    }
    EXPECT_EQ(end.size(), kind.end.size()) << "chain " << seed << ": " << story;
    EXPECT_TRUE(outside() == before) << "chain " << seed << ": " << story;
    fs::remove_all(path("out"));
    if (wanted != nullptr) std::cout << "chain " << seed << " of " << chains << '\n' << std::flush;
  }
  RecordProperty("runs_stopped", stopped);
  RecordProperty("runs_done_before_the_signal", late);
  EXPECT_GT(stopped, late);
}

}  // namespace
