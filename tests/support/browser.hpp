#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace test_support {

/// What headless Chromium made of a page.
struct Visit {
  bool finished = false;              ///< Chromium ended in time and well
  std::string dom;                    ///< the document after loading, as HTML
  std::vector<std::string> console;   ///< messages of the page: errors, warnings, broken policies
  std::vector<std::string> requests;  ///< addresses that the page asked the network for, reached or not
};

/// True when `chromium` is installed; tests skip otherwise.
bool has_browser();

/// Opens a local file in a fresh headless Chromium, cut off from the network, for at most a minute.
Visit visit(const std::filesystem::path& page);

/// The width the page wants in a window of the given width: more than the window's means that it scrolls sideways.
/// The page itself stays as it is (it is framed). -1 when it could not be measured.
int wanted_width(const std::filesystem::path& page, int window_width);

/// A picture of the page in a window of the given size; false when there is none. For a person to look at.
bool screenshot(const std::filesystem::path& page, int width, int height, const std::filesystem::path& png);

}  // namespace test_support
