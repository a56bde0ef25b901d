#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace crosstalk::report {

/// The text with every byte that is not valid UTF-8 replaced by U+FFFD, so that HTML, SVG and gnuplot all read it.
std::string valid_utf8(std::string_view text);

/// valid_utf8 with control characters (line breaks and tabs among them) turned into spaces: safe as a label.
std::string one_line(std::string_view text);

/// one_line cut to at most `characters` code points (at least 1), the last of them an ellipsis when something was
/// left out.
std::string shortened(std::string_view text, std::size_t characters);

/// Text made inert for HTML and XML, as content and inside double or single quoted attributes. Line breaks and tabs
/// stay; other control characters become U+FFFD.
std::string escape_html(std::string_view text);

/// Number of code points of valid UTF-8.
std::size_t code_points(std::string_view text);

}  // namespace crosstalk::report
