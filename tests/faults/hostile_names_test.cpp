#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

namespace {

// Names of tasks, columns and folders that mean something to whoever shows them next: a browser, gnuplot, a shell, a
// terminal. Every command ends well or refuses in one line; the page holds no tag of theirs, and nothing is run.
class HostileNames : public Command {
 protected:
  static std::vector<std::string> names() {
    return {"<script>touch('pwned')</script>",
            "\"><img src=x onerror=alert(1)>",
            "'; system('touch pwned'); '",
            "`touch pwned`",
            "$(touch pwned)",
            "@{touch pwned}",
            "\\n\" ; !touch pwned",
            "{/Symbol a}_{b}^{c}",
            "\u202Egnp.exe\u2066",
            "=HYPERLINK(\"x\")",
            "../../pwned",
            "-rf",
            "task\x01\x1b[31m",
            std::string(100'000, 'x')};
  }

  static std::string quoted(const std::string& text) {
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
    return cell + "\"";
  }

  // The sample with this name in place of a task's and of a column's.
  void write_named(const std::string& name) const {
    std::string text = ratings_csv();
    for (std::size_t at = text.find("alpha"); at != std::string::npos;
         at = text.find("alpha", at + quoted(name).size()))
      text.replace(at, 5, quoted(name));
    const std::size_t column = text.find(",a,");
    text.replace(column + 1, 1, quoted(name));
    write("ratings.csv", text);
  }

  void expect_harmless(const Finished& finished, const std::string& what) const {
    EXPECT_THAT(finished.exit_code, testing::AnyOf(0, 1, 2, 3)) << what << finished.err;
    EXPECT_THAT(finished.err, Not(HasSubstr("json.exception"))) << what;
    EXPECT_THAT(finished.err, Not(HasSubstr("terminate"))) << what;
    for (const auto& entry : fs::recursive_directory_iterator(path("")))
      EXPECT_NE(entry.path().filename(), "pwned") << what;
  }
};

TEST_F(HostileNames, NoCommandIsMovedByThem) {
  for (const std::string& name : names()) {
    write_named(name);
    const std::string shown = name.substr(0, 40);
    for (const std::string command : {"fit", "audit", "attack", "defend", "check-gradient"}) {
      fs::remove_all(path("out"));
      auto words = on_ratings(command) + std::vector<std::string>{"--quiet", "--out", "out"};
      if (command == "audit") words = words + std::vector<std::string>{"--budgets", "0.4", "--method", "random"};
      if (command == "attack") words = words + std::vector<std::string>{"--budget", "0.4", "--iterations", "1"};
      const Finished finished = crosstalk(words);
      expect_harmless(finished, command + " " + shown);
      const auto found = files("out");
      if (finished.exit_code == 0) {
        EXPECT_TRUE(nlohmann::json::accept(found.at("run.json"))) << command << shown;
      }
      if (found.contains("report.html")) {
        EXPECT_THAT(found.at("report.html"), Not(HasSubstr("<script"))) << command << shown;
        EXPECT_THAT(found.at("report.html"), Not(HasSubstr("<img src=x"))) << command << shown;
      }
      if (command == "fit" && finished.exit_code == 0)
        expect_harmless(crosstalk({"predict", "out/model.json", "ratings.csv", "--task", "shop", "--label", "stars",
                                   "--quiet", "--out", "predicted"}),
                        "predict " + shown);
    }
  }
}

TEST_F(HostileNames, AFolderMayHaveAnyName) {
  write("ratings.csv", ratings_csv());
  for (const std::string name :
       {"<b>", "a b", "'x'", "`touch pwned`", "$(touch pwned)", "-rf", "\u202Egnp", "\xff\xfe", "\x1b[31m", "%s%n"}) {
    const Finished finished =
        crosstalk(on_ratings("audit") +
                  std::vector<std::string>{"--budgets", "0.4", "--method", "random", "--quiet", "--out", "./" + name});
    EXPECT_TRUE(ended_well(finished)) << name;
    expect_harmless(finished, name);
    EXPECT_TRUE(nlohmann::json::accept(read_file(path(name) / "run.json"))) << name;
  }
}

}  // namespace
