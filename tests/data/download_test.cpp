#include "apps/crosstalk/download.hpp"

#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/sha256.hpp"
#include "error_of.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::app {
namespace {

using data::TemporaryFolder;

/// A web server on this machine that gives one fixed answer to each of a number of requests.
class OneAnswer {
 public:
  OneAnswer(std::string answer, int requests) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 5) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no loopback port");
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, requests] {
      for (int i = 0; i < requests; ++i) {
        const int peer = ::accept(listener_, nullptr, nullptr);
        if (peer < 0) return;
        char request[4096];
        if (::recv(peer, request, sizeof request, 0) > 0) ::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        ::close(peer);
      }
    });
  }
  ~OneAnswer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/a"; }

 private:
  std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::jthread thread_;
};

class DownloadTest : public testing::Test {
 protected:
  TemporaryFolder folder;
  const std::string content = "the bytes";
  const std::filesystem::path source = folder.write("source", content);
  Download request() const {
    return {"file://" + source.string(), data::sha256_hex(content), content.size(), folder / "cache/set/target"};
  }
  std::string error(const Download& file, const RunControl& control = {}) {
    const std::string message = data::error_of(folder.path().string(), [&] { download(file, control); });
    EXPECT_FALSE(std::filesystem::exists(file.target));
    return message;
  }
};

// The digest of "abc" that the standard (FIPS 180) gives.
TEST(Sha256, AgreesWithTheStandard) {
  EXPECT_EQ(data::sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(DownloadTest, FetchesChecksAndMakesFolders) {
  double done = 0;
  download(request(), {.progress = [&](double share, const std::string&) { done = share; }, .stop = {}});
  EXPECT_EQ(data::read_file(folder / "cache/set/target"), content);
  EXPECT_EQ(done, 1.0);
}

TEST_F(DownloadTest, FetchesOverHttp) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe bytes", 1);
  Download file = request();
  file.url = server.url();
  download(file);
  EXPECT_EQ(data::read_file(file.target), content);
}

TEST_F(DownloadTest, RefusesOtherBytes) {
  Download file = request();
  file.sha256[0] = file.sha256[0] == '0' ? '1' : '0';
  EXPECT_EQ(error(file),
            "file://source: has SHA-256 " + data::sha256_hex(content) + " where " + file.sha256 + " is expected");
  file = request();
  file.bytes = 8;
  EXPECT_EQ(error(file), "file://source: is larger than the 8 bytes expected");
  file.bytes = 10;
  EXPECT_EQ(error(file), "file://source: has 9 bytes where 10 are expected");
}

TEST_F(DownloadTest, NamesWhatTheServerSays) {
  const OneAnswer server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 1);
  Download file = request();
  file.url = server.url();
  EXPECT_EQ(error(file), server.url() + ": The requested URL returned error: 404");
}

TEST_F(DownloadTest, StopsAtAnEndlessRedirect) {
  const OneAnswer server("HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 6);
  Download file = request();
  file.url = server.url();
  EXPECT_EQ(error(file), server.url() + ": Maximum (5) redirects followed");
}

// A server must not be able to hand out files of this machine.
TEST_F(DownloadTest, DoesNotFollowARedirectToAFile) {
  const OneAnswer server("HTTP/1.1 302 Found\r\nLocation: file://" + source.string() + "\r\nContent-Length: 0\r\n\r\n",
                         1);
  Download file = request();
  file.url = server.url();
  EXPECT_NE(error(file), "no error");
}

TEST_F(DownloadTest, NamesAnAddressThatDoesNotAnswer) {
  Download file = request();
  file.url = "file:///no/such/file";
  EXPECT_EQ(error(file).substr(0, 22), "file:///no/such/file: ");
  file.url = "ftp://127.0.0.1/a";
  // libcurl 7 says "not supported or disabled in libcurl", libcurl 8 "disabled".
  EXPECT_THAT(error(file), testing::MatchesRegex("ftp://127.0.0.1/a: Protocol \"ftp\" .*disabled.*"));
}

TEST_F(DownloadTest, EndsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe", 1);
  Download file = request();
  file.url = server.url();
  EXPECT_EQ(error(file, {.progress = {}, .stop = stop.get_token()}), server.url() + ": the download was stopped");
}

TEST_F(DownloadTest, NamesAFolderThatCannotBe) {
  Download file = request();
  file.target = source / "below/a/file";
  EXPECT_EQ(error(file), "source/below/a: Not a directory");
}

}  // namespace
}  // namespace crosstalk::app
