#include "support/browser.hpp"

#include <map>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "support/process.hpp"

namespace test_support {

namespace fs = std::filesystem;

namespace {

constexpr const char* program = "chromium";
constexpr int seconds = 60;

std::string address(const fs::path& page) {
  return "file://" + fs::absolute(page).string();
}

// The proxy is a port that nobody listens on and no name resolves, so that neither the page nor Chromium's own
// services reach anything.
Finished run_chromium(const fs::path& folder, const std::vector<std::string>& more) {
  std::vector<std::string> command = {program,
                                      "--headless",
                                      "--no-sandbox",
                                      "--disable-gpu",
                                      "--disable-quic",
                                      "--disable-dev-shm-usage",
                                      "--no-first-run",
                                      "--disable-background-networking",
                                      "--disable-component-update",
                                      "--disable-sync",
                                      "--hide-scrollbars",
                                      "--proxy-server=127.0.0.1:9",
                                      "--host-resolver-rules=MAP * ~NOTFOUND",
                                      "--user-data-dir=" + (folder / "profile").string()};
  command.insert(command.end(), more.begin(), more.end());
  return run(command, folder, seconds);
}

std::vector<std::string> console_messages(const std::string& log) {
  std::vector<std::string> messages;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);)
    if (line.find(":CONSOLE") != std::string::npos) messages.push_back(line);
  return messages;
}

// Chromium's own requests say that their initiator is "not an origin"; a page's name the page's origin. A preconnect
// is seen where its connection is planned.
std::vector<std::string> page_requests(const std::string& net_log) {
  const auto log = nlohmann::json::parse(net_log);
  std::map<int, std::string> names;
  for (const auto& [name, number] : log.at("constants").at("logEventTypes").items()) names[number.get<int>()] = name;
  std::vector<std::string> urls;
  for (const auto& event : log.at("events")) {
    const auto params = event.value("params", nlohmann::json::object());
    const std::string name = names[event.at("type").get<int>()];
    const bool request = name == "URL_REQUEST_START_JOB" && params.value("initiator", "") != "not an origin";
    const bool preconnect = name == "HTTP_STREAM_JOB_CONTROLLER" && params.value("is_preconnect", false);
    if ((request || preconnect) && params.contains("url")) urls.push_back(params.at("url").get<std::string>());
  }
  return urls;
}

// The page in a frame: a window of headless Chromium has a least width, a frame has none.
fs::path framed(const fs::path& folder, const fs::path& page, int width, int height) {
  const fs::path frame = folder / "frame.html";
  write_file(frame, fmt::format(R"(<!DOCTYPE html><html><body style="margin:0">
<iframe id="page" src="{}" style="border:0;display:block;width:{}px;height:{}px"></iframe>
<script>
document.getElementById("page").onload = event => {{
  document.body.dataset.wantedWidth = event.target.contentDocument.documentElement.scrollWidth;
}};
</script></body></html>)",
                                address(page), width, height));
  return frame;
}

}  // namespace

bool has_browser() {
  return is_installed(program);
}

Visit visit(const fs::path& page) {
  const TemporaryFolder folder;
  const fs::path net_log = folder.path() / "net.json";
  const Finished ended = run_chromium(
      folder.path(),
      {"--enable-logging=stderr", "--v=0", "--log-net-log=" + net_log.string(), "--dump-dom", address(page)});
  Visit result;
  result.finished = ended.exit_code == 0 && !ended.out.empty();
  result.dom = ended.out;
  result.console = console_messages(ended.err);
  if (result.finished) result.requests = page_requests(read_file(net_log));
  return result;
}

int wanted_width(const fs::path& page, int window_width) {
  const TemporaryFolder folder;
  const fs::path frame = framed(folder.path(), page, window_width, 800);
  const Finished ended = run_chromium(folder.path(), {"--allow-file-access-from-files", "--dump-dom", address(frame)});
  std::smatch found;
  if (!std::regex_search(ended.out, found, std::regex("data-wanted-width=\"(\\d+)\""))) return -1;
  return std::stoi(found[1]);
}

bool screenshot(const fs::path& page, int width, int height, const fs::path& png) {
  const TemporaryFolder folder;
  const fs::path frame = framed(folder.path(), page, width, height);
  run_chromium(folder.path(), {fmt::format("--window-size={},{}", width, height),
                               "--screenshot=" + fs::absolute(png).string(), address(frame)});
  return fs::exists(png);
}

}  // namespace test_support
