#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crosstalk/image/panel.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::pages {

struct PanelFacts {
  std::string set;
  std::string published;  ///< folder
  std::string panel;      ///< quick or paper
  std::size_t seeds = 1;
  std::string version = {};
  std::string command = {};
};

/// One row a cell, of one group, or of all when `group` is empty.
report::Table panel_table(const std::vector<image::PanelResult>& results, const std::string& group);
nlohmann::ordered_json to_json(const std::vector<image::PanelResult>& results);
/// The panel's outcome in a sentence: the usual learner, and the one who gets most.
std::string panel_answer(const std::vector<image::PanelResult>& results);
report::Page panel_page(const std::vector<image::PanelResult>& results, const PanelFacts& facts);

}  // namespace crosstalk::pages
