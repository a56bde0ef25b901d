#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "crosstalk/image/codec.hpp"

using namespace cli;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

// The commands when one call of theirs fails (inject_fault.cpp), and when the system has little to give. However it
// goes: it ends by itself, with the right result or with one line that says why not; what stands in the output folder
// is whole, and nothing outside of it has changed.
// CROSSTALK_INJECTED_FAULTS says how many allocations of each command fail; every other call fails once then. Draws
// have the seeds 1, 2, ..., so that a failure can be had again.
class Faults : public Command {
 protected:
  struct Kind {
    std::string name;
    std::vector<std::string> words;
    Finished end = {};  // of a run where nothing fails
    std::map<std::string, std::string> files = {};
    std::map<std::string, long> calls = {};  // open, write, ...
  };

  void SetUp() override {
    write("ratings.csv", ratings_csv());
    fs::create_directories(path("photos"));
    std::string labels = "file,kind\n";
    for (int i = 0; i < 6; ++i) {
      std::vector<std::uint8_t> pixels(16 * 16);
      for (std::size_t p = 0; p < pixels.size(); ++p)
        pixels[p] = static_cast<std::uint8_t>(p * 7 + p / 16 + 40U * static_cast<unsigned>(i));
      write(fmt::format("photos/{}.png", i), crosstalk::image::encode_png({1, 16, 16}, pixels));
      labels += fmt::format("{}.png,{}\n", i, i % 2);
    }
    write("photos/labels.csv", labels);
    ASSERT_TRUE(ended_well(crosstalk(on_ratings("fit") + std::vector<std::string>{"--quiet", "--out", "model"})));
    const std::vector<std::string> end = {"--quiet", "--threads", "1", "--out", "out"};
    const auto learn = [&](const std::string& command, const std::vector<std::string>& more) {
      kinds_.push_back({command, on_ratings(command) + more + end});
    };
    learn("fit", {});
    kinds_.push_back(
        {"predict", std::vector<std::string>{"predict", "model/model.json", "ratings.csv", "--keep-columns"} + end});
    learn("attack", {"--budget", "0.4", "--iterations", "1"});
    learn("audit", {"--budgets", "0.4", "--method", "random", "--repeats", "1", "--resume"});
    learn("defend", {});
    kinds_.push_back({"data", {"data", "schema", "ratings.csv", "--task", "shop", "--label", "stars"}});
    kinds_.push_back({"protect", std::vector<std::string>{"protect", "photos", "--method", "lsp"} + end});
    for (Kind& kind : kinds_) {
      kind.end = run(kind, "");
      ASSERT_EQ(kind.end.exit_code, 0) << kind.name << kind.end.err;
      kind.files = ended();
      for (std::istringstream lines(read_file(report())); lines;) {
        std::string word;
        std::string call;
        long count = 0;
        if (lines >> word >> call >> count && word == "calls") kind.calls[call] = count;
      }
      ASSERT_EQ(kind.calls.size(), 8U) << kind.name << ": the library was not loaded";
      fs::remove_all(path("out"));
    }
    outside_ = outside();
  }

  [[nodiscard]] fs::path report() const { return elsewhere_.path() / "report"; }

  // With a fault, or with none. gnuplot is not found: a run of it takes longer than all the rest.
  [[nodiscard]] Finished run(const Kind& kind, const std::string& fault) const {
    fs::remove(report());
    return crosstalk_with({"LD_PRELOAD=" CROSSTALK_INJECT_FAULT, "CROSSTALK_FAULT=" + fault,
                           "CROSSTALK_FAULT_REPORT=" + report().string(), "PATH=/nonexistent",
                           "ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1"},
                          kind.words);
  }

  [[nodiscard]] std::map<std::string, std::string> ended(const std::string& folder = "out") const {
    auto found = files(folder);
    if (const auto at = found.find("run.json"); at != found.end())
      at->second = without_timings(nlohmann::json::parse(at->second)).dump(1);
    return found;
  }

  [[nodiscard]] std::map<std::string, std::string> outside() const {
    std::map<std::string, std::string> found;
    for (fs::recursive_directory_iterator at(path("")), end; at != end; ++at) {
      if (at.depth() == 0 && (at->path().filename() == "out" || at->path().filename() == "kept"))
        at.disable_recursion_pending();
      else
        found[at->path().string()] = at->is_regular_file() ? read_file(at->path()) : "folder";
    }
    return found;
  }

  // @param whole  names of files that must be there when the run succeeded: those of a run without a fault
  void expect_sound(const Kind& kind, const Finished& finished, const std::string& story,
                    const std::string& folder = "out") const {
    SCOPED_TRACE(fmt::format("crosstalk {}: {}\nexit code {}\nstderr: {}", fmt::join(kind.words, " "), story,
                             finished.exit_code, finished.err));
    EXPECT_FALSE(finished.timed_out);
    const auto found = ended(folder);
    if (finished.exit_code == 0) {
      EXPECT_EQ(finished.err, kind.end.err);
      static const std::regex seconds("[0-9.]+ s\\b");
      EXPECT_EQ(std::regex_replace(finished.out, seconds, "N s"), std::regex_replace(kind.end.out, seconds, "N s"));
      EXPECT_TRUE(found == kind.files) << "another result";
    } else {
      EXPECT_EQ(finished.exit_code, 1);
      EXPECT_TRUE(finished.err.starts_with("crosstalk: "));
      EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << "the message is not one line";
      for (const auto& [name, content] : found) {
        if (name.starts_with("unfinished/")) {
          EXPECT_TRUE(nlohmann::json::accept(content)) << name;
          continue;
        }
        EXPECT_TRUE(kind.files.contains(name)) << name << " is left";
        EXPECT_TRUE(!kind.files.contains(name) || kind.files.at(name) == content) << name << " is another";
      }
    }
    EXPECT_TRUE(outside() == outside_) << "something outside of --out has changed";
  }

  // One call fails. @return whether it did
  bool try_fault(const Kind& kind, const std::string& call, long number, int error) {
    const std::string fault = fmt::format("{}:{}:{}", call, number, error);
    const Finished finished = run(kind, fault);
    const std::string what = read_file(report());
    expect_sound(kind, finished, fmt::format("CROSSTALK_FAULT={} {}", fault, what));
    if (finished.exit_code != 0) {
      if (call == "allocation")
        EXPECT_THAT(finished.err, HasSubstr("out of memory")) << kind.name << " " << fault;
      else
        EXPECT_THAT(finished.err,
                    testing::AnyOf(HasSubstr("out/"), HasSubstr("out:"), HasSubstr("--out"), HasSubstr("stdout"),
                                   HasSubstr("ratings.csv"), HasSubstr("model.json"), HasSubstr("photos")))
            << kind.name << " " << fault << ": the message names no file";
    }
    ++tried_;
    (finished.exit_code == 0 ? right_ : refused_) += 1;
    fs::remove_all(path("out"));
    return what.starts_with("failed");
  }

  std::vector<Kind> kinds_;
  std::map<std::string, std::string> outside_;
  test_support::TemporaryFolder elsewhere_;
  int tried_ = 0;
  int right_ = 0;
  int refused_ = 0;
};

constexpr std::array kErrors = {ENOSPC, EIO, EDQUOT};

TEST_F(Faults, OneCallFails) {
  const char* const wanted = std::getenv("CROSSTALK_INJECTED_FAULTS");
  const bool all = wanted != nullptr;
  const int allocations = all ? std::atoi(wanted) : 2;
  std::mt19937 random(1);
  for (const Kind& kind : kinds_) {
    std::vector<std::pair<std::string, long>> calls;
    for (const auto& [call, count] : kind.calls)
      for (long n = 1; n <= count && call != "allocation"; ++n) calls.emplace_back(call, n);
    if (!all) {
      std::shuffle(calls.begin(), calls.end(), random);
      calls.resize(std::min<std::size_t>(calls.size(), 2));
    }
    for (std::size_t k = 0; k < calls.size(); ++k)
      EXPECT_TRUE(try_fault(kind, calls[k].first, calls[k].second,
                            calls[k].first == "look" ? EMFILE : kErrors[k % kErrors.size()]))
          << kind.name << " has no call " << calls[k].first << " " << calls[k].second;
    std::set<long> numbers;
    const long most = kind.calls.at("allocation");
    while (static_cast<int>(numbers.size()) < std::min<long>(allocations, most))
      numbers.insert(1 + static_cast<long>(random() % static_cast<unsigned long>(most)));
    for (const long number : numbers)
      EXPECT_TRUE(try_fault(kind, "allocation", number, ENOMEM)) << kind.name << " has no allocation " << number;
    if (all)
      fmt::print("{}: {} calls and {} of {} allocations failed\n", kind.name, calls.size(), numbers.size(), most);
  }
  if (all) fmt::print("faults: {} tried, {} refused, {} with the right result\n", tried_, refused_, right_);
  RecordProperty("tried", tried_);
  EXPECT_GT(refused_, tried_ / 2);
}

std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += fmt::format(" '{}'", word);
  return text;
}

TEST_F(Faults, TheDiskIsFull) {
  if (shell("unshare -rm mount -t tmpfs none photos").exit_code != 0) GTEST_SKIP() << "no file system can be mounted";
  for (const Kind& kind : kinds_) {
    if (kind.files.empty()) continue;
    std::size_t bytes = 0;
    for (const auto& [name, content] : kind.files) bytes += content.size() / 4096 * 4096 + 4096;
    for (const std::size_t size : {std::size_t{4096}, bytes / 2}) {
      const std::string script =
          fmt::format("mount -t tmpfs -o size={} none out && \"$CROSSTALK\"{}; code=$?; cp -r out kept && exit $code",
                      size, quoted(kind.words));
      fs::create_directories(path("out"));
      const Finished finished = shell("PATH=/bin:/usr/bin exec unshare -rm sh -c '" +
                                      std::regex_replace(script, std::regex("'"), "'\\''") + "'");
      EXPECT_EQ(finished.exit_code, 1) << kind.name;
      expect_sound(kind, finished, fmt::format("{} bytes of disk", size), "kept");
      EXPECT_THAT(finished.err, HasSubstr("No space left")) << kind.name;
      fs::remove_all(path("kept"));
      fs::remove_all(path("out"));
    }
  }
}

TEST_F(Faults, TheFolderCannotBeWritten) {
  if (shell("unshare -rm mount -t tmpfs none photos").exit_code != 0) GTEST_SKIP() << "no file system can be mounted";
  for (const Kind& kind : kinds_) {
    if (kind.files.empty()) continue;
    fs::create_directories(path("out"));
    const std::string script =
        fmt::format("mount -t tmpfs -o ro none out && exec \"$CROSSTALK\"{}", quoted(kind.words));
    const Finished finished =
        shell("exec unshare -rm sh -c '" + std::regex_replace(script, std::regex("'"), "'\\''") + "'");
    expect_sound(kind, finished, "a folder that cannot be written");
    EXPECT_TRUE(was_refused(finished, 1, {"--out", "out"})) << kind.name;
    fs::remove_all(path("out"));
  }
}

TEST_F(Faults, FewDescriptorsAndSmallFiles) {
  for (const Kind& kind : kinds_)
    for (const std::string limit : {"-n 7", "-n 8", "-n 9", "-n 10", "-n 12", "-f 1", "-f 8"}) {
      const Finished finished =
          shell(fmt::format("ulimit {}; PATH=/nonexistent; exec \"$CROSSTALK\"{}", limit, quoted(kind.words)));
      // The loader and UBSan's look at an object's type need descriptors of their own.
      const bool is_ours = finished.exit_code != 127 && finished.err.find("has invalid vptr") == std::string::npos;
      if (is_ours) expect_sound(kind, finished, "ulimit " + limit);
      fs::remove_all(path("out"));
    }
}

}  // namespace
