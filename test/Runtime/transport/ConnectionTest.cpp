//===- ConnectionTest.cpp - Frames over every transport -------------------===//

#include "runtime/transport/Connection.h"
#include "test/Runtime/transport/TestNetwork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

class ConnectionTest : public ::testing::TestWithParam<TestBackend> {
protected:
  TimePoint ample() {
    return transport.clock().now() + std::chrono::seconds(30);
  }
  /// Runs `body` with two ends of a connection.
  void run(const std::function<void()> &body) {
    Status status = network->run([&] {
      auto listener = transport.listen("127.0.0.1:0");
      ASSERT_TRUE(listener.ok()) << listener.status().message();
      auto thread = transport.spawn([&] {
        auto stream = transport.connect((*listener)->endpoint(), ample());
        ASSERT_TRUE(stream.ok()) << stream.status().message();
        raw = stream->get();
        client = std::make_unique<Connection>(std::move(*stream));
      });
      auto accepted = (*listener)->accept(ample());
      thread.reset();
      ASSERT_TRUE(accepted.ok()) << accepted.status().message();
      server = std::make_unique<Connection>(std::move(*accepted));
      body();
      client.reset();
      server.reset();
    });
    EXPECT_TRUE(status.ok()) << status.message();
  }

  /// Sends a header as it is.
  void sendRaw(const FrameBytes &bytes) {
    EXPECT_TRUE(raw->write({{bytes.data(), bytes.size()}}, ample()).ok());
  }

  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
  std::unique_ptr<Connection> client, server;
  Stream *raw = nullptr; ///< of the client
};

TEST_P(ConnectionTest, FramesOfEveryKindArrive) {
  run([&] {
    for (uint16_t kind = 1; kind <= kLastFrameKind; ++kind) {
      FrameHeader header;
      header.kind = static_cast<FrameKind>(kind);
      header.rank = kind;
      std::string text(kind * 100, static_cast<char>('a' + kind));
      ASSERT_TRUE(client->sendText(header, text, ample()).ok());
      auto got = server->receive(ample());
      ASSERT_TRUE(got.ok()) << got.status().message();
      EXPECT_EQ(got->kind, header.kind);
      EXPECT_EQ(got->rank, kind);
      EXPECT_EQ(got->sequence, kind - 1u);
      EXPECT_EQ(got->length, text.size());
      auto back = server->receiveText(*got, ample());
      ASSERT_TRUE(back.ok()) << back.status().message();
      EXPECT_EQ(*back, text);
    }
  });
}

TEST_P(ConnectionTest, PayloadsAreGatheredAndScattered) {
  run([&] {
    std::vector<float> a(1000), b(70000), c(70000), d(1000);
    for (size_t i = 0; i < a.size(); ++i)
      a[i] = static_cast<float>(i);
    for (size_t i = 0; i < b.size(); ++i)
      b[i] = -static_cast<float>(i);
    auto thread = transport.spawn([&] {
      EXPECT_TRUE(client
                      ->send(FrameHeader(),
                             {{a.data(), 4000}, {b.data(), 280000}}, ample())
                      .ok());
    });
    auto header = server->receive(ample());
    ASSERT_TRUE(header.ok()) << header.status().message();
    // Both in parts of their own, with 32 bytes of padding between them.
    Status status = server->receivePayload(
        *header, {{d.data(), 4000}, {c.data(), 280000}}, ample());
    ASSERT_TRUE(status.ok()) << status.message();
    thread.reset();
    EXPECT_EQ(a, d);
    EXPECT_EQ(b, c);
    EXPECT_EQ(client->bytesSent(), frameBytes(4032 + 280000));
    // Small parts may be cut differently on the other side.
    thread = transport.spawn([&] {
      EXPECT_TRUE(
          client
              ->send(FrameHeader(), {{a.data(), 60}, {b.data(), 4000}}, ample())
              .ok());
    });
    header = server->receive(ample());
    ASSERT_TRUE(header.ok()) << header.status().message();
    std::vector<float> whole(1015);
    status = server->receivePayload(*header, {{whole.data(), 4060}}, ample());
    ASSERT_TRUE(status.ok()) << status.message();
    thread.reset();
    EXPECT_EQ(std::vector<float>(whole.begin() + 15, whole.end()),
              std::vector<float>(b.begin(), b.begin() + 1000));
  });
}

TEST_P(ConnectionTest, SendersDoNotInterleave) {
  run([&] {
    constexpr int count = 60;
    auto send = [&](char c) {
      std::string text(100000, c);
      for (int i = 0; i < count; ++i)
        ASSERT_TRUE(client->sendText(FrameHeader(), text, ample()).ok());
    };
    auto one = transport.spawn([&] { send('1'); });
    auto two = transport.spawn([&] { send('2'); });
    for (uint64_t i = 0; i < 2 * count; ++i) {
      auto header = server->receive(ample());
      ASSERT_TRUE(header.ok()) << header.status().message();
      EXPECT_EQ(header->sequence, i);
      auto text = server->receiveText(*header, ample());
      ASSERT_TRUE(text.ok()) << text.status().message();
      ASSERT_EQ(*text, std::string(100000, text->front()));
    }
  });
}

TEST_P(ConnectionTest, DamagedHeadersAreRefused) {
  run([&] {
    FrameBytes bytes = encodeHeader(FrameHeader());
    bytes[40] ^= 1;
    sendRaw(bytes);
    auto header = server->receive(ample());
    ASSERT_FALSE(header.ok());
    EXPECT_EQ(header.status().code(), StatusCode::DataLoss);
    EXPECT_THAT(header.status().message(), HasSubstr("checksum"));
  });
}

TEST_P(ConnectionTest, DamagedPayloadsAreRefused) {
  run([&] {
    FrameHeader header;
    header.kind = FrameKind::Push;
    header.length = 4;
    sendRaw(encodeHeader(header));
    EXPECT_TRUE(
        raw->write({{"abcd", 4},
                    {std::string(paddingAfter(4), 0).data(), paddingAfter(4)},
                    {"checksum", 8}},
                   ample())
            .ok());
    auto got = server->receive(ample());
    ASSERT_TRUE(got.ok()) << got.status().message();
    Status status = server->receiveText(*got, ample()).status();
    EXPECT_EQ(status.code(), StatusCode::DataLoss);
    EXPECT_THAT(status.message(),
                HasSubstr("the payload of a push frame is damaged"));
  });
}

TEST_P(ConnectionTest, LengthsAreCheckedBeforeAnythingIsAllocated) {
  run([&] {
    FrameHeader header;
    header.kind = FrameKind::Push;
    header.length = ~uint64_t(0);
    sendRaw(encodeHeader(header));
    auto got = server->receive(ample());
    ASSERT_TRUE(got.ok()) << got.status().message();
    Status status = server->receiveText(*got, ample()).status();
    EXPECT_EQ(status.code(), StatusCode::DataLoss);
    char bytes[8];
    status = server->receivePayload(*got, {{bytes, sizeof(bytes)}}, ample());
    EXPECT_EQ(status.code(), StatusCode::DataLoss);
    EXPECT_THAT(status.message(), HasSubstr("expected 8"));
  });
}

TEST_P(ConnectionTest, ReasonsAreOneLineAndShort) {
  run([&] {
    std::string reason = "bad\nnews\x1b[2J" + std::string(10000, 'x');
    ASSERT_TRUE(client->sendReason(FrameHeader(), reason, ample()).ok());
    auto header = server->receive(ample());
    ASSERT_TRUE(header.ok()) << header.status().message();
    auto text = server->receiveReason(*header, ample());
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_EQ(text->size(), kMaxReasonBytes);
    EXPECT_EQ(text->substr(0, 12), "bad news [2J");
  });
}

TEST_P(ConnectionTest, NobodySendsAfterAFrameThatWasCutOff) {
  if (!GetParam().writesWait)
    GTEST_SKIP() << "writes of this transport never wait";
  run([&] {
    std::vector<char> data(64 << 20);
    TimePoint soon = transport.clock().now() + std::chrono::milliseconds(20);
    Status first =
        client->send(FrameHeader(), {{data.data(), data.size()}}, soon);
    EXPECT_FALSE(first.ok());
    EXPECT_EQ(client->sendText(FrameHeader(), "x", ample()).message(),
              first.message());
  });
}

TEST_P(ConnectionTest, WaitingForTheOtherSenderHasADeadlineToo) {
  if (!GetParam().writesWait)
    GTEST_SKIP() << "writes of this transport never wait";
  run([&] {
    std::vector<char> data(64 << 20);
    auto thread = transport.spawn([&] {
      (void)client->send(FrameHeader(), {{data.data(), data.size()}}, ample());
    });
    // The end of a frame is not read: the sender is now in the middle of it.
    ASSERT_TRUE(server->receive(ample()).ok());
    TimePoint soon = transport.clock().now() + std::chrono::milliseconds(20);
    Status status = client->sendText(FrameHeader(), "x", soon);
    EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded) << status.message();
    client->close();
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, ConnectionTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
