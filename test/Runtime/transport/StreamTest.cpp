//===- StreamTest.cpp - What every transport promises ---------------------===//

#include "test/Runtime/transport/TestNetwork.h"

#include <atomic>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

using std::chrono::milliseconds;

class StreamTest : public ::testing::TestWithParam<TestBackend> {
protected:
  void run(const std::function<void()> &body) {
    Status status = network->run(body);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  TimePoint in(Duration wait) { return transport.clock().now() + wait; }
  TimePoint soon() { return in(milliseconds(20)); }
  TimePoint ample() { return in(std::chrono::seconds(30)); }
  void sleep(Duration wait) { transport.clock().sleepUntil(in(wait)); }

  std::unique_ptr<Listener> listen() {
    auto listener = transport.listen("127.0.0.1:0");
    EXPECT_TRUE(listener.ok()) << listener.status().message();
    return std::move(*listener);
  }
  std::unique_ptr<Stream> connect(const std::string &endpoint) {
    auto stream = transport.connect(endpoint, ample());
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    return std::move(*stream);
  }
  /// Two ends of one connection.
  void makePair(std::unique_ptr<Stream> &client,
                std::unique_ptr<Stream> &server) {
    auto listener = listen();
    auto thread =
        transport.spawn([&] { client = connect(listener->endpoint()); });
    auto accepted = listener->accept(ample());
    thread.reset();
    ASSERT_TRUE(accepted.ok()) << accepted.status().message();
    server = std::move(*accepted);
  }

  std::unique_ptr<TestNetwork> network = GetParam().make();
  Transport &transport = network->transport();
};

/// Cuts [data, data + size) in pieces of drawn sizes, empty ones among them.
template <typename Buffer, typename Byte>
std::vector<Buffer> cut(Byte *data, size_t size, std::mt19937_64 &random) {
  std::vector<Buffer> pieces;
  for (size_t done = 0; done < size;) {
    size_t piece = std::min<size_t>(random() % (1 + size / 3), size - done);
    pieces.push_back({data + done, piece});
    done += piece;
    if (pieces.size() == 200) {
      pieces.push_back({data + done, size - done});
      break;
    }
  }
  return pieces;
}

TEST_P(StreamTest, EchoesAllSizesHoweverTheyAreCut) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    const std::vector<size_t> sizes = {
        0, 1, 2, 71, 72, 4096, 65535, 65536, 100001, 1 << 20, 5000011};
    auto thread = transport.spawn([&] {
      std::mt19937_64 random(1);
      for (size_t size : sizes) {
        std::vector<char> data(size);
        Status status = server->read(
            cut<MutableBuffer>(data.data(), size, random), ample());
        ASSERT_TRUE(status.ok()) << status.message();
        status =
            server->write(cut<ConstBuffer>(data.data(), size, random), ample());
        ASSERT_TRUE(status.ok()) << status.message();
      }
    });
    std::mt19937_64 random(2);
    for (size_t size : sizes) {
      std::vector<char> sent(size), back(size);
      for (char &c : sent)
        c = static_cast<char>(random());
      Status status =
          client->write(cut<ConstBuffer>(sent.data(), size, random), ample());
      ASSERT_TRUE(status.ok()) << status.message();
      status =
          client->read(cut<MutableBuffer>(back.data(), size, random), ample());
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(sent, back) << size;
    }
  });
}

TEST_P(StreamTest, ManyMessagesArriveInOrder) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    constexpr uint64_t count = 3000;
    auto thread = transport.spawn([&] {
      for (uint64_t i = 0; i < count; ++i)
        ASSERT_TRUE(client->write({{&i, sizeof(i)}}, ample()).ok());
    });
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t got = 0;
      ASSERT_TRUE(server->read({{&got, sizeof(got)}}, ample()).ok());
      ASSERT_EQ(got, i);
    }
  });
}

TEST_P(StreamTest, ManyConnectionsAtOnceDoNotMix) {
  run([&] {
    auto listener = listen();
    constexpr int count = 12;
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < count; ++i)
      threads.push_back(transport.spawn([&, i] {
        auto stream = connect(listener->endpoint());
        for (int round = 0; round < 20; ++round) {
          int sent = 1000 * i + round, back = -1;
          ASSERT_TRUE(stream->write({{&sent, sizeof(sent)}}, ample()).ok());
          ASSERT_TRUE(stream->read({{&back, sizeof(back)}}, ample()).ok());
          ASSERT_EQ(back, sent);
        }
      }));
    for (int i = 0; i < count; ++i) {
      auto accepted = listener->accept(ample());
      ASSERT_TRUE(accepted.ok()) << accepted.status().message();
      std::shared_ptr<Stream> stream = std::move(*accepted);
      threads.push_back(transport.spawn([&, stream] {
        for (int round = 0; round < 20; ++round) {
          int value = 0;
          ASSERT_TRUE(stream->read({{&value, sizeof(value)}}, ample()).ok());
          ASSERT_TRUE(stream->write({{&value, sizeof(value)}}, ample()).ok());
        }
      }));
    }
  });
}

TEST_P(StreamTest, BothDirectionsMoveAtTheSameTime) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    const std::vector<char> data(3 << 20, 'x');
    auto write = [&](Stream &stream) {
      EXPECT_TRUE(stream.write({{data.data(), data.size()}}, ample()).ok());
    };
    auto read = [&](Stream &stream) {
      std::vector<char> got(data.size());
      EXPECT_TRUE(stream.read({{got.data(), got.size()}}, ample()).ok());
      EXPECT_EQ(got, data);
    };
    auto one = transport.spawn([&] { write(*client); });
    auto two = transport.spawn([&] { write(*server); });
    auto three = transport.spawn([&] { read(*client); });
    read(*server);
  });
}

TEST_P(StreamTest, AcceptEndsAtItsDeadlineAndNamesTheEndpoint) {
  run([&] {
    auto listener = listen();
    Status status = listener->accept(soon()).status();
    EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
    EXPECT_THAT(status.message(), HasSubstr(listener->endpoint()));
    // It can be tried again.
    auto thread = transport.spawn([&] { connect(listener->endpoint()); });
    EXPECT_TRUE(listener->accept(ample()).ok());
  });
}

TEST_P(StreamTest, ReadEndsAtItsDeadlineAndLosesNothing) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    int value = 0, sent = 42;
    TimePoint deadline = soon();
    Status status = server->read({{&value, sizeof(value)}}, deadline);
    EXPECT_EQ(status.code(), StatusCode::DeadlineExceeded);
    EXPECT_THAT(status.message(), HasSubstr(server->peer()));
    EXPECT_GE(transport.clock().now(), deadline);
    ASSERT_TRUE(client->write({{&sent, sizeof(sent)}}, ample()).ok());
    ASSERT_TRUE(server->read({{&value, sizeof(value)}}, ample()).ok());
    EXPECT_EQ(value, sent);
  });
}

TEST_P(StreamTest, ReadThatStopsInTheMiddleCannotBeTriedAgain) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    char sent[4] = {}, got[8];
    ASSERT_TRUE(client->write({{sent, sizeof(sent)}}, ample()).ok());
    Status status = server->read({{got, sizeof(got)}}, in(milliseconds(100)));
    EXPECT_EQ(status.code(), StatusCode::DataLoss) << status.message();
    EXPECT_THAT(status.message(), HasSubstr("in the middle of a message"));
  });
}

TEST_P(StreamTest, WriteEndsAtItsDeadlineWhenNobodyReads) {
  if (!GetParam().writesWait)
    GTEST_SKIP() << "writes of this transport never wait";
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    std::vector<char> data(64 << 20);
    Status status = client->write({{data.data(), data.size()}}, soon());
    EXPECT_EQ(status.code(), StatusCode::DataLoss) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(client->peer()));
  });
}

TEST_P(StreamTest, ConnectingToNobodyNamesTheEndpoint) {
  run([&] {
    auto listener = listen();
    std::string endpoint = listener->endpoint();
    listener.reset();
    Status status = transport.connect(endpoint, soon()).status();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(), HasSubstr("cannot connect to " + endpoint));
  });
}

TEST_P(StreamTest, ConnectWaitsForAListenerThatComesLater) {
  run([&] {
    std::string endpoint = listen()->endpoint();
    auto thread = transport.spawn([&] { connect(endpoint); });
    sleep(milliseconds(10));
    auto listener = transport.listen(endpoint);
    ASSERT_TRUE(listener.ok()) << listener.status().message();
    EXPECT_TRUE((*listener)->accept(ample()).ok());
  });
}

TEST_P(StreamTest, EndpointInUseIsRefusedAndNamed) {
  run([&] {
    auto listener = listen();
    Status status = transport.listen(listener->endpoint()).status();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(),
                HasSubstr("cannot listen at " + listener->endpoint()));
    EXPECT_THAT(status.message(), HasSubstr("in use"));
  });
}

TEST_P(StreamTest, EndpointThatIsNoneIsRefused) {
  run([&] {
    EXPECT_EQ(transport.listen("nowhere").status().code(),
              StatusCode::InvalidArgument);
    EXPECT_EQ(transport.connect("nowhere", soon()).status().code(),
              StatusCode::InvalidArgument);
  });
}

TEST_P(StreamTest, WhatWasSentBeforeClosingArrivesThenTheEnd) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    int sent = 7, got = 0;
    ASSERT_TRUE(client->write({{&sent, sizeof(sent)}}, ample()).ok());
    client.reset();
    ASSERT_TRUE(server->read({{&got, sizeof(got)}}, ample()).ok());
    EXPECT_EQ(got, sent);
    Status status = server->read({{&got, sizeof(got)}}, ample());
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(), HasSubstr(server->peer()));
    EXPECT_THAT(status.message(), HasSubstr("closed the connection"));
  });
}

TEST_P(StreamTest, WritingToAPeerThatLeftFails) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    client.reset();
    int value = 0;
    Status status;
    // A first write may be under way before the end is known.
    for (int i = 0; i < 100 && status.ok(); ++i) {
      status = server->write({{&value, sizeof(value)}}, ample());
      sleep(milliseconds(1));
    }
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_THAT(status.message(), HasSubstr(server->peer()));
  });
}

TEST_P(StreamTest, CloseWakesAReader) {
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    Status status;
    auto thread = transport.spawn([&] {
      char byte;
      status = server->read({{&byte, 1}}, ample());
    });
    sleep(milliseconds(10));
    server->close();
    thread.reset();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
  });
}

TEST_P(StreamTest, CloseWakesAWriter) {
  if (!GetParam().writesWait)
    GTEST_SKIP() << "writes of this transport never wait";
  run([&] {
    std::unique_ptr<Stream> client, server;
    makePair(client, server);
    std::vector<char> data(64 << 20);
    Status status;
    auto thread = transport.spawn([&] {
      status = client->write({{data.data(), data.size()}}, ample());
    });
    sleep(milliseconds(10));
    client->close();
    thread.reset();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
  });
}

TEST_P(StreamTest, CloseWakesAccept) {
  run([&] {
    auto listener = listen();
    Status status;
    auto thread =
        transport.spawn([&] { status = listener->accept(ample()).status(); });
    sleep(milliseconds(10));
    listener->close();
    thread.reset();
    EXPECT_EQ(status.code(), StatusCode::Aborted) << status.message();
    EXPECT_EQ(listener->accept(ample()).status().code(), StatusCode::Aborted);
  });
}

INSTANTIATE_TEST_SUITE_P(Transports, StreamTest,
                         ::testing::ValuesIn(testBackends()),
                         [](const auto &info) { return nameOf(info.param); });

} // namespace
