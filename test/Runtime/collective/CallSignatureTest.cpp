//===- CallSignatureTest.cpp - What ranks have to agree on ----------------===//

#include "runtime/collective/CallSignature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fleet;
using ::testing::HasSubstr;

namespace {

using Kind = CollectiveCall::Kind;

CollectiveCall makeCall(Kind kind, const void *in, void *out, size_t count) {
  CollectiveCall call;
  call.kind = kind;
  call.in = in;
  call.out = out;
  call.count = count;
  return call;
}

TEST(CallSignatureTest, Descriptions) {
  float data[4] = {};
  CollectiveCall call = makeCall(Kind::AllReduce, data, data, 4);
  EXPECT_EQ(describeCall(CallSignature(call), 3),
            "all-reduce 3 (sum of 4 f32)");
  call.kind = Kind::Broadcast;
  call.root = 2;
  EXPECT_EQ(describeCall(CallSignature(call), 1),
            "broadcast 1 (4 f32 from rank 2)");
  call.kind = Kind::ReduceScatter;
  call.reduction = Reduction::Min;
  EXPECT_EQ(describeCall(CallSignature(call), 2),
            "reduce-scatter 2 (minimum of 4 f32)");
  call.kind = Kind::Barrier;
  EXPECT_EQ(describeCall(CallSignature(call), 9), "barrier 9");
}

TEST(CallSignatureTest, WhatDoesNotMatterIsNotCompared) {
  CollectiveCall a = makeCall(Kind::Barrier, nullptr, nullptr, 4);
  CollectiveCall b = makeCall(Kind::Barrier, nullptr, nullptr, 5);
  EXPECT_EQ(CallSignature(a), CallSignature(b));
  a.kind = b.kind = Kind::AllReduce;
  EXPECT_NE(CallSignature(a), CallSignature(b));
}

TEST(CallSignatureTest, CallsThatCannotBeMade) {
  float data[16] = {};
  auto check = [&](CollectiveCall call) {
    Status status = checkCall(call, 1, 2);
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    return status.message();
  };
  CollectiveCall call = makeCall(Kind::AllReduce, data, data, 4);
  EXPECT_TRUE(checkCall(call, 1, 2).ok());
  call.dtype = plan::I8;
  EXPECT_THAT(check(call), HasSubstr("all-reduce cannot reduce i8"));
  call.dtype = static_cast<plan::DataType>(77);
  EXPECT_THAT(check(call), HasSubstr("unknown elements"));
  call.dtype = plan::F32;
  call.in = nullptr;
  EXPECT_THAT(check(call), HasSubstr("all-reduce without memory"));
  call.in = data + 1;
  EXPECT_THAT(check(call), HasSubstr("overlap"));
  call.in = data;
  call.count = SIZE_MAX / 2;
  EXPECT_THAT(check(call), HasSubstr("more than memory can hold"));
  call = makeCall(Kind::Broadcast, nullptr, data, 4);
  EXPECT_TRUE(checkCall(call, 1, 2).ok()); // rank 0 sends
  call.root = 2;
  EXPECT_THAT(check(call), HasSubstr("from rank 2 in a group of 2"));
}

TEST(CallSignatureTest, InPlaceIsThePartOfTheRank) {
  float data[16] = {};
  auto fits = [&](Kind kind, const void *in, void *out) {
    return checkCall(makeCall(kind, in, out, 4), /*rank=*/1, /*size=*/2).ok();
  };
  EXPECT_TRUE(fits(Kind::ReduceScatter, data, data + 4));
  EXPECT_TRUE(fits(Kind::ReduceScatter, data, data + 8));
  EXPECT_FALSE(fits(Kind::ReduceScatter, data, data));
  EXPECT_TRUE(fits(Kind::AllGather, data + 4, data));
  EXPECT_TRUE(fits(Kind::AllGather, data + 8, data));
  EXPECT_FALSE(fits(Kind::AllGather, data, data));
}

TEST(CallSignatureTest, SlicesCoverEverythingAtCacheLines) {
  for (size_t count : {0u, 1u, 15u, 16u, 17u, 1000u, 4096u})
    for (uint32_t size : {1u, 2u, 3u, 7u, 64u}) {
      size_t end = 0;
      for (uint32_t r = 0; r < size; ++r) {
        Slice slice = sliceOf(count, 4, r, size);
        EXPECT_EQ(slice.begin, end);
        EXPECT_LE(slice.begin, slice.end);
        EXPECT_TRUE(slice.begin % 16 == 0 || slice.begin == count);
        end = slice.end;
      }
      EXPECT_EQ(end, count);
    }
}

} // namespace
