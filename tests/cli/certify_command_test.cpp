#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

using namespace cli;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

const std::vector<std::string> kWords = {"red", "green", "blue"};

double uniform(std::mt19937& source) {
  return static_cast<double>(source()) / 2147483648.0 - 1.0;
}

struct Line {
  std::string shop;
  std::string stars;
  std::string a;
  std::string b;
  std::string kind;
};
using Lines = std::vector<Line>;

// Twelve shops with 10 to 21 rows each, mixed.
Lines shops(bool signs = false) {
  std::mt19937 source(5);
  Lines lines;
  for (int row = 0; row < 21; ++row)
    for (int shop = 0; shop < 12; ++shop) {
      if (row >= 10 + shop) continue;
      const double a = uniform(source);
      const double b = uniform(source);
      const std::size_t kind = source() % 3;
      double stars = 3.0 + a - 0.5 * b + 0.3 * static_cast<double>(kind) + 0.2 * uniform(source);
      if (signs) stars = stars > 3.3 ? 1.0 : -1.0;
      lines.push_back({fmt::format("shop {}", shop), fmt::format("{:.6g}", stars), fmt::format("{:.6f}", a),
                       fmt::format("{:.6f}", b), kWords[kind]});
    }
  return lines;
}

std::string csv_of(const Lines& lines) {
  std::string text = "shop,stars,a,b,kind\n";
  for (const Line& line : lines)
    text += fmt::format("{},{},{},{},{}\n", line.shop, line.stars, line.a, line.b, line.kind);
  return text;
}

struct Certified {
  double truth;
  double prediction;
  std::vector<double> low;  // from k = 1 on
  std::vector<double> high;
};

// The rows of certified_predictions.csv by task, in their order.
std::map<std::string, std::vector<Certified>> certified(const std::string& csv) {
  std::map<std::string, std::vector<Certified>> tasks;
  for (const auto& row : cells_of(csv).rows) {
    Certified one{number(row[2]), number(row[3]), {}, {}};
    for (std::size_t j = 4; j + 1 < row.size(); j += 2) {
      one.low.push_back(number(row[j]));
      one.high.push_back(number(row[j + 1]));
    }
    tasks[row[1]].push_back(one);
  }
  return tasks;
}

std::vector<std::string> certify(const std::string& file, const std::string& out = "out") {
  return {"certify", file, "--task", "shop", "--label", "stars", "--groups", "5", "--out", out, "--quiet"};
}

std::size_t malicious_sets() {
  const char* const count = std::getenv("CROSSTALK_MALICIOUS_SETS");
  return count == nullptr ? 20 : std::stoul(count);
}

// Cells as an attacker writes them: 10^6 times too large, new words, words among numbers, numbers among words, nothing.
Line malicious_line(const std::string& shop, std::mt19937& source, bool plain) {
  const auto value = [&] { return fmt::format("{:.6g}", uniform(source) * (source() % 2 == 0 ? 1.0 : 1e6)); };
  const auto odd = [&](const std::string& usual, const std::string& strange) {
    return !plain && source() % 40 == 0 ? strange : usual;
  };
  const std::string kind = source() % 3 == 0 ? fmt::format("word{}", source() % 5) : kWords[source() % 3];
  return {shop, odd(value(), "many"), odd(value(), "text"), odd(value(), ""),
          odd(kind, source() % 2 == 0 ? "7" : "NA")};
}

class CertifyCommand : public Command {
 protected:
  void SetUp() override {
    write("shops.csv", csv_of(shops()));
    write("signs.csv", csv_of(shops(true)));
  }
};

TEST_F(CertifyCommand, WritesIntervalsAndTheLossesThatFollowFromThem) {
  ASSERT_TRUE(ended_well(crosstalk(certify("shops.csv"))));
  const auto found = files("out");
  for (const char* name :
       {"certificate.csv", "certified_predictions.csv", "tasks.csv", "model.json", "report.html", "run.json"})
    EXPECT_TRUE(found.contains(name)) << name;
  const auto predictions = certified(found.at("certified_predictions.csv"));
  EXPECT_EQ(cells_of(found.at("certified_predictions.csv")).header,
            (std::vector<std::string>{"row", "task", "truth", "prediction", "low_1", "high_1", "low_2", "high_2",
                                      "low_3", "high_3"}));
  double sum = 0.0;
  double rows = 0.0;
  for (const auto& [task, list] : predictions)
    for (const Certified& one : list) {
      ASSERT_EQ(one.low.size(), 3U);
      double low = one.prediction;
      double high = one.prediction;
      for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_LE(one.low[k], low);
        EXPECT_GE(one.high[k], high);
        low = one.low[k];
        high = one.high[k];
      }
      sum += std::pow(one.prediction - one.truth, 2);
      rows += 1.0;
    }
  const Cells certificate = cells_of(found.at("certificate.csv"));
  ASSERT_EQ(certificate.rows.size(), 4U);
  EXPECT_EQ(certificate.header[0], "k");
  const std::size_t proven = certificate.column("rmse_proven");
  EXPECT_NEAR(number(certificate.rows[0][proven]), std::sqrt(sum / rows), 1e-9);
  for (std::size_t k = 1; k < 4; ++k)
    EXPECT_GE(number(certificate.rows[k][proven]), number(certificate.rows[k - 1][proven]));
  // k = 1 by hand: the worst choice of all tasks but one.
  double worst = 0.0;
  for (const auto& [left_out, unused] : predictions) {
    double squares = 0.0;
    double count = 0.0;
    for (const auto& [task, list] : predictions) {
      if (task == left_out) continue;
      for (const Certified& one : list) {
        squares += std::pow(std::max(one.truth - one.low[0], one.high[0] - one.truth), 2);
        count += 1.0;
      }
    }
    worst = std::max(worst, squares / count);
  }
  EXPECT_NEAR(number(certificate.rows[1][proven]), std::sqrt(worst), 1e-9);
}

TEST_F(CertifyCommand, SaysThatTheBoundIsNotForTheModelOfFit) {
  const auto ended = crosstalk(certify("shops.csv"));
  ASSERT_TRUE(ended_well(ended));
  EXPECT_THAT(ended.out, HasSubstr("not for the model of `fit`"));
  EXPECT_THAT(read_file(path("out/report.html")), HasSubstr("nothing about the model that"));
  EXPECT_THAT(ended.out, HasSubstr("lambda1 0.001, lambda2 0.01, smoothing 0.3 (constants)"));
}

TEST_F(CertifyCommand, PredictAnswersWithTheSameIntervals) {
  ASSERT_TRUE(ended_well(crosstalk(certify("shops.csv"))));
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "shops.csv", "--out", "all", "--quiet"})));
  ASSERT_TRUE(ended_well(crosstalk({"predict", "out/model.json", "shops.csv", "--k", "2", "--out", "two", "--quiet"})));
  const Cells all = cells_of(read_file(path("all/predictions.csv")));
  const Cells two = cells_of(read_file(path("two/predictions.csv")));
  EXPECT_EQ(two.header, (std::vector<std::string>{"row", "task", "prediction", "class", "score", "low_2", "high_2"}));
  ASSERT_EQ(all.rows.size(), shops().size());
  for (const auto& row : cells_of(read_file(path("out/certified_predictions.csv"))).rows) {
    const auto& same = all.rows.at(static_cast<std::size_t>(number(row[0])) - 1);
    EXPECT_EQ(same[1], row[1]);
    EXPECT_NEAR(number(same[4]), number(row[3]), 1e-9);
    for (std::size_t j = 4; j < row.size(); ++j) EXPECT_NEAR(number(same[j + 1]), number(row[j]), 1e-9);
  }
  EXPECT_TRUE(
      was_refused(crosstalk({"predict", "out/model.json", "shops.csv", "--k", "4"}), 2, {"--k: 4", "between 1 and 3"}));
  write("new.csv", "shop,a,b,kind\nanother,1,1,red\n");
  EXPECT_TRUE(was_refused(crosstalk({"predict", "out/model.json", "new.csv", "--unknown-task", "mean"}), 1,
                          {"row 1", "\"another\""}));
  ASSERT_TRUE(ended_well(crosstalk(
      {"fit", "shops.csv", "--task", "shop", "--label", "stars", "--lambda1", "0.1", "--out", "plain", "--quiet"})));
  EXPECT_TRUE(was_refused(crosstalk({"predict", "plain/model.json", "shops.csv", "--k", "1"}), 2, {"--k", "certify"}));
}

TEST_F(CertifyCommand, ClassesAreCertifiedBySign) {
  EXPECT_TRUE(was_refused(crosstalk(certify("signs.csv")), 1, {"signs.csv", "two values", "--loss"}));
  ASSERT_TRUE(ended_well(crosstalk(certify("signs.csv") + std::vector<std::string>{"--loss", "logistic"})));
  const Cells certificate = cells_of(read_file(path("out/certificate.csv")));
  ASSERT_EQ(certificate.rows.size(), 3U);  // nothing is proven beyond half of the groups
  const std::size_t proven = certificate.column("accuracy_proven");
  EXPECT_GT(number(certificate.rows[0][proven]), 0.6);
  for (std::size_t k = 1; k < 3; ++k)
    EXPECT_LE(number(certificate.rows[k][proven]), number(certificate.rows[k - 1][proven]));
}

TEST_F(CertifyCommand, RefusesWhatWouldVoidTheBound) {
  const auto words = certify("shops.csv");
  const auto refused = [&](const std::vector<std::string>& more, int code, const std::vector<std::string>& parts) {
    EXPECT_TRUE(was_refused(crosstalk(words + more), code, parts)) << more[0];
  };
  refused({"--cv"}, 2, {"--cv", "constants"});
  refused({"--groups", "4"}, 2, {"--groups is 4", "odd and >= 3"});
  refused({"--groups", "1"}, 2, {"--groups is 1", "odd and >= 3"});
  refused({"--smoothing", "0"}, 2, {"--smoothing is 0", "> 0"});
  refused({"--split-by", "kind"}, 2, {"--split-by", "all tasks"});
  refused({"--missing", "mean"}, 2, {"--missing: mean", "refuse and drop"});
  refused({"--test-fraction", "1"}, 2, {"--test-fraction is 1"});

  const auto file_refused = [&](const std::string& text, const std::vector<std::string>& parts) {
    write("odd.csv", text);
    EXPECT_TRUE(was_refused(crosstalk(certify("odd.csv")), 1, parts));
  };
  Lines lines = shops();
  for (Line& line : lines)
    if (line.shop == "shop 1") line.a = "text";  // one task turns numbers into words
  file_refused(csv_of(lines), {"odd.csv"});
  lines = shops();
  for (Line& line : lines)
    if (line.shop != "shop 1") line.a = "text " + line.b.substr(0, 3);
  file_refused(csv_of(lines), {"odd.csv"});
  lines = shops();
  lines[3].kind = "7";
  file_refused(csv_of(lines), {"column \"kind\"", "the number \"7\" among words"});
  lines = shops();
  lines[3].kind = "NA";
  file_refused(csv_of(lines), {"column \"kind\"", "\"NA\" among its words"});
  lines = shops();
  for (Line& line : lines) line.b = line.a;
  file_refused(csv_of(lines), {"column \"b\" would be left out", "--ignore"});
  lines = shops();
  lines[3].kind = "gr\xfcn";
  file_refused(csv_of(lines), {"odd.csv", "UTF-8"});
}

TEST_F(CertifyCommand, DoesNotDependOnTheNumberOfThreads) {
  ASSERT_TRUE(ended_well(crosstalk(certify("shops.csv", "one") + std::vector<std::string>{"--threads", "1"})));
  ASSERT_TRUE(ended_well(crosstalk(certify("shops.csv", "two") + std::vector<std::string>{"--threads", "2"})));
  for (const char* name : {"certificate.csv", "certified_predictions.csv", "tasks.csv", "model.json", "report.html"})
    EXPECT_EQ(files("one").at(name), files("two").at(name)) << name;
}

// Malicious tasks change their rows, take new names and write what they like into the file: either the file is refused,
// or every prediction of every other task is inside its clean interval.
TEST_F(CertifyCommand, NoFileOfMaliciousTasksViolatesAnInterval) {
  ASSERT_TRUE(ended_well(crosstalk(certify("shops.csv"))));
  const auto clean = certified(read_file(path("out/certified_predictions.csv")));
  std::size_t taken = 0;
  std::size_t refused = 0;
  for (std::size_t n = 0; n < malicious_sets(); ++n) {
    std::mt19937 source(static_cast<unsigned>(100 + n));
    const std::size_t k = 1 + n % 2;
    const bool plain = n % 4 != 3;
    std::vector<std::string> malicious;
    for (std::size_t t = 0; t < k; ++t)
      malicious.push_back(source() % 3 == 0 ? fmt::format("new {}", source() % 1000)
                                            : fmt::format("shop {}", source() % 12));
    const auto is_malicious = [&](const std::string& shop) {
      return std::find(malicious.begin(), malicious.end(), shop) != malicious.end();
    };
    Lines lines;
    for (const Line& line : shops()) {
      if (!is_malicious(line.shop)) lines.push_back(line);
      if (source() % 8 == 0) lines.push_back(malicious_line(malicious[source() % k], source, plain));
    }
    write("attacked.csv", csv_of(lines));
    const auto ended = crosstalk_with({"PATH=/nonexistent"}, certify("attacked.csv", "attacked"));
    if (ended.exit_code == 1) {
      ++refused;
      continue;
    }
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    ++taken;
    for (const auto& [task, list] : certified(read_file(path("attacked/certified_predictions.csv")))) {
      if (is_malicious(task)) continue;
      const auto& before = clean.at(task);
      ASSERT_EQ(list.size(), before.size()) << task;
      for (std::size_t r = 0; r < list.size(); ++r) {
        EXPECT_EQ(list[r].truth, before[r].truth);
        EXPECT_GE(list[r].prediction, before[r].low[k - 1]) << "set " << n;
        EXPECT_LE(list[r].prediction, before[r].high[k - 1]) << "set " << n;
      }
    }
  }
  RecordProperty("taken", static_cast<int>(taken));
  RecordProperty("refused", static_cast<int>(refused));
  EXPECT_GT(taken, 0U);
  EXPECT_GT(refused, 0U);
}

}  // namespace
