#pragma once

#include <map>
#include <string>
#include <vector>

#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/report/figure.hpp"
#include "session.hpp"

namespace crosstalk::app {

/// SVG, and the formats of a list "png,pdf".
/// @throws std::invalid_argument for another word.
std::vector<report::Format> drawing_formats(const std::string& list);

struct Drawing {
  std::string svg;      ///< its text, for Format::Svg
  std::string trouble;  ///< why there is no drawing, in a line; empty when there is one
};

/// Writes figures/NAME.csv and figures/NAME.gp into the session's folder and has gnuplot draw figures/NAME.svg (.png,
/// .pdf). Without gnuplot the numbers and the script are still there.
Drawing draw(const Session& session, const std::string& name, const report::Figure& figure, report::Format format);

/// Draws all figures in all formats, and says why when one is not drawn.
/// @return a figure's name -> its SVG.
std::map<std::string, std::string> draw_all(const Session& session, const std::vector<pages::AuditFigure>& figures,
                                            const std::vector<report::Format>& formats);

}  // namespace crosstalk::app
