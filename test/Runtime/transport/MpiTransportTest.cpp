//===- MpiTransportTest.cpp - Two ranks of mpirun -------------------------===//
//
// All tests of streams and connections run in each rank on its own, over MPI
// from a rank to itself; these run between the two.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/transport/TestNetwork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

class MpiTransportTest : public ::testing::Test {
protected:
  void SetUp() override {
    if (!rankText)
      GTEST_SKIP() << "not under mpirun";
    ASSERT_STREQ(std::getenv("OMPI_COMM_WORLD_SIZE"), "2");
    network = testBackends().front().make();
    transport = &network->transport();
  }
  bool isServer() const { return rankText[0] == '1'; }
  TimePoint ample() {
    return transport->clock().now() + std::chrono::seconds(30);
  }
  /// The two ends of one stream, each in its process.
  std::unique_ptr<Stream> meet() {
    StatusOr<std::unique_ptr<Stream>> stream = Status(StatusCode::Internal, "");
    if (isServer()) {
      auto listener = transport->listen(kEndpointOfRankOne);
      EXPECT_TRUE(listener.ok()) << listener.status().message();
      stream = (*listener)->accept(ample());
    } else {
      stream = transport->connect(kEndpointOfRankOne, ample());
    }
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    return std::move(*stream);
  }

  const char *rankText = std::getenv("OMPI_COMM_WORLD_RANK");
  std::unique_ptr<TestNetwork> network;
  Transport *transport = nullptr;
};

TEST_F(MpiTransportTest, MuchMoreThanTheWindowPassesInBothDirections) {
  auto stream = meet();
  std::vector<uint32_t> sent(8 << 20), got(sent.size()); // 32 MiB
  std::iota(sent.begin(), sent.end(), isServer() ? 1000u : 7u);
  auto writer = transport->spawn([&] {
    Status status = stream->write(
        {{sent.data(), 12}, {sent.data() + 3, sent.size() * 4 - 12}}, ample());
    EXPECT_TRUE(status.ok()) << status.message();
  });
  Status status = stream->read({{got.data(), got.size() * 4}}, ample());
  EXPECT_TRUE(status.ok()) << status.message();
  writer.reset();
  std::vector<uint32_t> expected(got.size());
  std::iota(expected.begin(), expected.end(), isServer() ? 7u : 1000u);
  EXPECT_EQ(got, expected);
}

TEST_F(MpiTransportTest, ThePeersNameIsItsRankOrEndpoint) {
  auto stream = meet();
  EXPECT_EQ(stream->peer(), isServer() ? "rank 0" : kEndpointOfRankOne);
  // Who is done first waits until the other is.
  char byte = 0;
  ASSERT_TRUE(stream->write({{&byte, 1}}, ample()).ok());
  ASSERT_TRUE(stream->read({{&byte, 1}}, ample()).ok());
}

TEST_F(MpiTransportTest, TheEndOfAPeerIsSeen) {
  auto stream = meet();
  char byte = 'x';
  if (isServer()) {
    ASSERT_TRUE(stream->write({{&byte, 1}}, ample()).ok());
    return;
  }
  ASSERT_TRUE(stream->read({{&byte, 1}}, ample()).ok());
  Status status = stream->read({{&byte, 1}}, ample());
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_THAT(status.message(), HasSubstr("closed the connection"));
}

TEST_F(MpiTransportTest, AnEndpointOfAnotherRankIsRefused) {
  if (isServer())
    return;
  Status status = transport->listen(kEndpointOfRankOne).status();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("it is rank 1's, this is rank 0"));
}

} // namespace
