#include "download.hpp"

#include <array>
#include <memory>
#include <new>

#include <curl/curl.h>
#include <fmt/format.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/sha256.hpp"
#include "crosstalk/error.hpp"

namespace crosstalk::app {

namespace {

struct Transfer {
  const Download& file;
  const RunControl& control;
  std::string content;
  bool too_large = false;
};

std::size_t receive(char* data, std::size_t, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (count > transfer.file.bytes - transfer.content.size()) {
    transfer.too_large = true;
    return 0;  // ends the transfer
  }
  transfer.content.append(data, count);
  return count;
}

// Called by curl several times a second; anything but 0 ends the transfer.
int follow(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.control.progress && transfer.file.bytes > 0)
    transfer.control.progress(static_cast<double>(transfer.content.size()) / static_cast<double>(transfer.file.bytes),
                              transfer.file.target.filename().string());
  return transfer.control.stop.stop_requested() ? 1 : 0;
}

}  // namespace

void download(const Download& file, const RunControl& control) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw std::bad_alloc();
  Transfer transfer{file, control, {}};
  std::array<char, CURL_ERROR_SIZE> reason{};
  constexpr long most_redirects = 5;
  constexpr long seconds_to_connect = 20;
  constexpr long slowest_bytes_a_second = 1000;
  constexpr long seconds_of_slowness = 30;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl.get(), option, value); };
  set(CURLOPT_URL, file.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https,file");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, most_redirects);
  set(CURLOPT_CONNECTTIMEOUT, seconds_to_connect);
  set(CURLOPT_LOW_SPEED_LIMIT, slowest_bytes_a_second);
  set(CURLOPT_LOW_SPEED_TIME, seconds_of_slowness);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FAILONERROR, 1L);
  set(CURLOPT_USERAGENT, "crosstalk");
  set(CURLOPT_ERRORBUFFER, reason.data());
  set(CURLOPT_WRITEFUNCTION, receive);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_XFERINFOFUNCTION, follow);
  set(CURLOPT_XFERINFODATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);

  const CURLcode status = curl_easy_perform(curl.get());
  const auto fail = [&](const std::string& what) { throw DataError(fmt::format("{}: {}", file.url, what)); };
  if (transfer.too_large) fail(fmt::format("is larger than the {} bytes expected", file.bytes));
  if (status == CURLE_ABORTED_BY_CALLBACK) fail("the download was stopped");
  if (status != CURLE_OK) fail(reason[0] != '\0' ? reason.data() : curl_easy_strerror(status));
  if (transfer.content.size() != file.bytes)
    fail(fmt::format("has {} bytes where {} are expected", transfer.content.size(), file.bytes));
  if (const std::string sha256 = data::sha256_hex(transfer.content); sha256 != file.sha256)
    fail(fmt::format("has SHA-256 {} where {} is expected", sha256, file.sha256));

  std::error_code error;
  if (file.target.has_parent_path()) std::filesystem::create_directories(file.target.parent_path(), error);
  if (error) throw DataError(fmt::format("{}: {}", file.target.parent_path().string(), error.message()));
  data::write_file(file.target, transfer.content);
}

}  // namespace crosstalk::app
