#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> stages = {
      {"base", {"base"}},
      {"data", {"base", "data"}},
      {"mtrl", {"base", "mtrl"}},
      {"problem", {"base", "data", "mtrl", "problem"}},
      {"report", {"base", "report"}},
      {"victim", {"base", "data", "victim"}},
      {"image", {"base", "data", "report", "victim", "image"}},
      {"attack", {"base", "data", "mtrl", "problem", "report", "attack"}},
      {"defence", {"base", "data", "mtrl", "problem", "report", "defence"}},
      {"evaluate", {"base", "data", "mtrl", "problem", "report", "attack", "defence", "victim", "evaluate"}},
      {"pages", {"base", "data", "mtrl", "problem", "report", "attack", "defence", "image", "evaluate", "pages"}},
  };
  return stages;
}

// "crosstalk/mtrl/solve.hpp" -> "mtrl"; a header at the root is "base".
std::string stage_of(const std::string& path) {
  const auto slash = path.find('/');
  return slash == std::string::npos ? "base" : path.substr(0, slash);
}

// The arrows that the rule forbids, as "file includes header".
std::vector<std::string> forbidden(const std::string& file, const std::string& stage, std::istream& text) {
  static const std::regex include("^\\s*#\\s*include\\s*\"crosstalk/([^\"]+)\"");
  std::vector<std::string> found;
  std::smatch match;
  for (std::string line; std::getline(text, line);)
    if (std::regex_search(line, match, include) && !allowed().at(stage).contains(stage_of(match[1])))
      found.push_back(file + " includes " + match[1].str());
  return found;
}

TEST(IncludeRule, NoArrowPointsBack) {
  const fs::path root = CROSSTALK_SOURCE_DIR;
  std::size_t files = 0;
  for (const char* part : {"include/crosstalk", "src"})
    for (const auto& entry : fs::recursive_directory_iterator(root / part)) {
      const auto extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      const std::string relative = fs::relative(entry.path(), root / part).string();
      const std::string stage = stage_of(relative);
      ASSERT_TRUE(allowed().contains(stage)) << relative << " belongs to no stage";
      std::ifstream text(entry.path());
      EXPECT_EQ(forbidden(relative, stage, text), std::vector<std::string>{});
      ++files;
    }
  EXPECT_GT(files, 20u);
}

TEST(IncludeRule, SeesADefenceThatKnowsTheAttack) {
  std::istringstream text(
      "#pragma once\n#include \"crosstalk/attack/patom.hpp\"\n#include \"crosstalk/mtrl/solve.hpp\"\n");
  EXPECT_EQ(forbidden("defence/trim.hpp", "defence", text),
            std::vector<std::string>{"defence/trim.hpp includes attack/patom.hpp"});
}

}  // namespace
