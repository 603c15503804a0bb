//===- FrameTest.cpp - Frame headers --------------------------------------===//

#include "runtime/transport/Frame.h"

#include "runtime/base/Checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

using namespace fleet;
using ::testing::HasSubstr;

static FrameHeader makeHeader() {
  FrameHeader header;
  header.kind = FrameKind::Push;
  header.job = 0x0123456789abcdef;
  header.role = 2;
  header.rank = 0xfedcba98;
  header.incarnation = 0x1122334455667788;
  header.sequence = 0xffffffffffffffff;
  header.step = 0x8000000000000001;
  header.argument = 77;
  header.length = uint64_t(1) << 40;
  return header;
}

/// Makes the checksum of the header fit again.
static void seal(FrameBytes &bytes) {
  uint64_t sum = checksum(bytes.data(), kFrameHeaderBytes - 8);
  for (size_t i = 0; i < 8; ++i)
    bytes[kFrameHeaderBytes - 8 + i] =
        static_cast<unsigned char>(sum >> (8 * i));
}

TEST(FrameTest, EveryKindMakesTheRoundTrip) {
  for (uint16_t kind = 1; kind <= kLastFrameKind; ++kind) {
    FrameHeader header = makeHeader();
    header.kind = static_cast<FrameKind>(kind);
    auto decoded = decodeHeader(encodeHeader(header));
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(decoded->kind, header.kind);
    EXPECT_EQ(decoded->job, header.job);
    EXPECT_EQ(decoded->role, header.role);
    EXPECT_EQ(decoded->rank, header.rank);
    EXPECT_EQ(decoded->incarnation, header.incarnation);
    EXPECT_EQ(decoded->sequence, header.sequence);
    EXPECT_EQ(decoded->step, header.step);
    EXPECT_EQ(decoded->argument, header.argument);
    EXPECT_EQ(decoded->length, header.length);
    EXPECT_STRNE(frameKindName(header.kind), "unknown");
  }
}

TEST(FrameTest, BytesAreThoseOfTheFormat) {
  FrameBytes bytes = encodeHeader(makeHeader());
  const unsigned char begin[] = {
      'F',  'L',  'T',  '1',  2, 0, 4, 0, 0xef, 0xcd, 0xab, 0x89,
      0x67, 0x45, 0x23, 0x01, 2, 0, 0, 0, 0x98, 0xba, 0xdc, 0xfe};
  EXPECT_TRUE(std::equal(std::begin(begin), std::end(begin), bytes.begin()));
}

TEST(FrameTest, RefusesOtherMagicVersionKindAndReservedBytes) {
  struct {
    size_t offset;
    unsigned char value;
    const char *why;
  } cases[] = {{0, 'G', "no frame of a fleet job"},
               {3, '2', "no frame of a fleet job"},
               {4, 1, "version 1 of the protocol, expected 2"},
               {6, 0, "unknown kind 0"},
               {6, 255, "unknown kind 255"},
               {7, 1, "unknown kind 260"},
               {18, 1, "reserved"},
               {119, 1, "reserved"}};
  for (auto &c : cases) {
    FrameBytes bytes = encodeHeader(makeHeader());
    bytes[c.offset] = c.value;
    seal(bytes);
    auto decoded = decodeHeader(bytes);
    ASSERT_FALSE(decoded.ok()) << c.why;
    EXPECT_THAT(decoded.status().message(), HasSubstr(c.why));
  }
}

TEST(FrameTest, RefusesEverySingleFlippedBit) {
  const FrameBytes good = encodeHeader(makeHeader());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    FrameBytes bytes = good;
    bytes[bit / 8] ^= 1u << (bit % 8);
    EXPECT_FALSE(decodeHeader(bytes).ok()) << "bit " << bit;
  }
}

TEST(FrameTest, NoMutatedHeaderWithAWrongChecksumIsAccepted) {
  std::mt19937_64 random(20);
  const FrameBytes good = encodeHeader(makeHeader());
  size_t accepted = 0, sealed = 0;
  for (int round = 0; round < 200000; ++round) {
    FrameBytes bytes = good;
    if (round % 4 == 0) // nothing like a header
      for (unsigned char &byte : bytes)
        byte = static_cast<unsigned char>(random());
    for (uint64_t i = 0, count = 1 + random() % 8; i < count; ++i)
      bytes[random() % bytes.size()] = static_cast<unsigned char>(random());
    if (round % 4 == 1) {
      seal(bytes);
      ++sealed;
    }
    FrameBytes fitting = bytes;
    seal(fitting);
    auto decoded = decodeHeader(bytes);
    if (!decoded.ok()) {
      EXPECT_FALSE(decoded.status().message().empty());
      continue;
    }
    ++accepted;
    ASSERT_EQ(bytes, fitting) << "round " << round;
    // What was read is all that there is: encoding gives the same bytes.
    ASSERT_EQ(encodeHeader(*decoded), bytes);
  }
  EXPECT_GT(accepted, sealed / 16); // the test does reach the fields
}
