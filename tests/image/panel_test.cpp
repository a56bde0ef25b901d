#include "crosstalk/image/panel.hpp"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/pages/panel_page.hpp"

namespace crosstalk::image {
namespace {

using pages::panel_answer;
using pages::panel_page;
using pages::panel_table;
using pages::to_json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

TEST(Panel, EveryLearnerHasANameOfItsOwnAndTheUsualOneComesFirst) {
  for (const PanelSize size : {PanelSize::Quick, PanelSize::Paper}) {
    const auto cells = panel_cells(size, false);
    std::set<std::string> names;
    for (const PanelCell& cell : cells) names.insert(cell.name());
    EXPECT_EQ(names.size(), cells.size());
    EXPECT_EQ(cells.front().group, "usual");
    EXPECT_TRUE(cells.front().clean);
    EXPECT_EQ(cells.front().countermeasure, "none");
  }
}

TEST(Panel, ThePaperIsEachOfFiveBackbonesWithEachOfFiveWeightings) {
  std::set<std::pair<std::string, std::string>> pairs;
  for (const PanelCell& cell : panel_cells(PanelSize::Paper, false))
    if (cell.countermeasure == "none" && cell.leak == 0 && cell.mtl) pairs.insert({cell.backbone, cell.weighting});
  for (const char* backbone : {"resnet18", "resnet50", "vgg16", "densenet121", "vit-b"})
    for (const char* weighting : {"ls", "uw", "rlw", "aligned-mtl", "fairgrad"})
      EXPECT_TRUE(pairs.contains({backbone, weighting})) << backbone << ' ' << weighting;
}

TEST(Panel, GreyImagesAreSparedWhatTakesColoursAway) {
  const auto has_grey = [](bool grey) {
    for (const PanelCell& cell : panel_cells(PanelSize::Quick, grey))
      if (cell.countermeasure == "grey" || cell.countermeasure == "squeeze") return true;
    return false;
  };
  EXPECT_TRUE(has_grey(false));
  EXPECT_FALSE(has_grey(true));
}

TEST(Panel, GroupsAreChosenByName) {
  const auto cells = panel_cells(PanelSize::Quick, true, {"leaks"});
  ASSERT_EQ(cells.size(), 4U);
  EXPECT_EQ(cells[0].group, "usual");
  for (std::size_t c = 1; c < cells.size(); ++c) EXPECT_GT(cells[c].leak, 0);
  EXPECT_THAT([] { static_cast<void>(panel_cells(PanelSize::Quick, true, {"locks"})); },
              ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("\"locks\""), HasSubstr("weightings"))));
  EXPECT_THAT([] { static_cast<void>(panel_named("huge")); },
              ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("\"huge\""), HasSubstr("quick"))));
}

// Three learners: the usual one, one without clean images of its own, one that failed.
std::vector<PanelResult> results() {
  PanelCell usual{.group = "usual"};
  PanelCell leak{.group = "leaks", .leak = 50, .clean = false};
  PanelCell jpeg{.group = "countermeasures", .countermeasure = "jpeg10"};
  PanelCell blur{.group = "countermeasures", .countermeasure = "blur"};
  return {{usual, ConfidenceInterval{0.9}, ConfidenceInterval{0.6}, 0.5, ""},
          {leak, std::nullopt, ConfidenceInterval{0.8}, 0.5, ""},
          {jpeg, ConfidenceInterval{0.8}, ConfidenceInterval{0.7}, 0.5, ""},
          {blur, std::nullopt, std::nullopt, std::nan(""), "exit status 1: no memory"}};
}

TEST(Panel, WhatIsLeftIsMeasuredAgainstTheSameLearnerOnCleanImagesOrTheUsualOne) {
  const auto table = panel_table(results(), "");
  constexpr std::size_t left = 6;
  EXPECT_NEAR(std::get<double>(table.rows[0][left]), 0.25, 1e-12);
  EXPECT_NEAR(std::get<double>(table.rows[1][left]), 0.75, 1e-12);
  EXPECT_NEAR(std::get<double>(table.rows[2][left]), 2.0 / 3.0, 1e-12);
  EXPECT_TRUE(std::isnan(std::get<double>(table.rows[3][left])));
  EXPECT_THAT(std::get<std::string>(table.rows[3][1]), HasSubstr("no memory"));
  EXPECT_EQ(panel_table(results(), "leaks").rows.size(), 1U);
}

TEST(Panel, TheAnswerNamesTheBestLearnerThatHasNoCleanImages) {
  EXPECT_THAT(panel_answer(results()), AllOf(HasSubstr("jpeg10"), HasSubstr("60.0"), Not(HasSubstr("clean,"))));
  EXPECT_THAT(report::to_html(panel_page(results(), {"photos", "copy", "quick"})),
              AllOf(HasSubstr("Countermeasures"), HasSubstr("photos")));
  const auto json = to_json(results());
  EXPECT_EQ(json.at(3).at("failure"), "exit status 1: no memory");
  EXPECT_TRUE(json.at(1).at("clean").is_null());
}

}  // namespace
}  // namespace crosstalk::image
