#pragma once

#include <string>

namespace crosstalk::report {

/// An SVG file, as gnuplot writes it, made fit to stand inside an HTML page.
///
/// Prologue, comments and the file's own titles go; width and height become a size that follows the page. Elements
/// and attributes outside a short list of drawing ones are left out, so nothing in it runs or loads: no scripts, no
/// handlers, no styles, no references but those inside the picture and images embedded as PNG. Every id, and every
/// reference to one, gets the prefix, so that several pictures can share a page. Text takes the page's font.
/// @param title, description  read by screen readers (role="img").
/// @param id_prefix  letters, digits, - and _; begins with a letter; another one for every picture of a page.
/// @throws DataError when the text is not one well-formed SVG element with a viewBox or a size.
/// @throws std::invalid_argument for a prefix that breaks the rule.
std::string inline_svg(const std::string& svg, const std::string& title, const std::string& description,
                       const std::string& id_prefix);

}  // namespace crosstalk::report
