//===- EndpointTest.cpp - HOST:PORT ---------------------------------------===//

#include "runtime/transport/Endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

TEST(EndpointTest, ReadsHostsAndPorts) {
  struct {
    const char *text, *host;
    int port;
  } cases[] = {{"127.0.0.1:6170", "127.0.0.1", 6170},
               {"node-7.cluster:0", "node-7.cluster", 0},
               {"[::1]:65535", "::1", 65535}};
  for (auto &c : cases) {
    auto endpoint = parseEndpoint(c.text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status().message();
    EXPECT_EQ(endpoint->host, c.host);
    EXPECT_EQ(endpoint->port, c.port);
  }
}

TEST(EndpointTest, NamesWhatIsWrong) {
  struct {
    const char *text, *why;
  } cases[] = {{"", "has no port"},
               {"host", "has no port"},
               {"host:", "has no port from 0 to 65535"},
               {"host:x", "has no port from 0 to 65535"},
               {"host:65536", "has no port from 0 to 65535"},
               {"host:-1", "has no port from 0 to 65535"},
               {"host:80 ", "has no port from 0 to 65535"},
               {":80", "has no host"},
               {"::1:80", "without brackets"}};
  for (auto &c : cases) {
    Status status = parseEndpoint(c.text).status();
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << c.text;
    EXPECT_THAT(status.message(), HasSubstr(c.why));
    EXPECT_THAT(status.message(), HasSubstr("'" + std::string(c.text) + "'"));
  }
}
