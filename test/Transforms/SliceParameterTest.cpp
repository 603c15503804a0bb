//===- SliceParameterTest.cpp - How parameters are cut and dealt ----------===//

#include "lib/Transforms/SliceParameter.h"

#include "fleet/Transforms/Dispatcher.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::fleet;
using testing::ElementsAre;

namespace {

/// The numbers of elements of the blocks of a parameter of `shape`.
std::vector<int64_t> slice(std::vector<int64_t> shape, int64_t servers,
                           int64_t minBlockElements) {
  MLIRContext context;
  auto type = RankedTensorType::get(shape, Builder(&context).getF32Type());
  std::vector<int64_t> elements;
  for (int64_t rows : sliceRows(type, {servers, minBlockElements}))
    elements.push_back(shape.empty() ? rows
                                     : rows * type.getNumElements() / shape[0]);
  return elements;
}

std::vector<int64_t> repeat(int count, int64_t value, int64_t last = 0) {
  std::vector<int64_t> result(count, value);
  if (last)
    result.push_back(last);
  return result;
}

// The values that DistributeTranspiler's slice_variable gives.
TEST(SliceParameter, CutsAsDistributeTranspilerDid) {
  EXPECT_EQ(slice({3, 5}, 10, 1024), repeat(1, 15));
  EXPECT_EQ(slice({1024}, 10, 1024), repeat(1, 1024));
  EXPECT_EQ(slice({28, 784}, 10, 1024), repeat(9, 2352, 784));
  EXPECT_EQ(slice({8, 1020}, 10, 1024), repeat(4, 2040));
  EXPECT_EQ(slice({800, 10}, 10, 1024), repeat(6, 1150, 1100));
  EXPECT_EQ(slice({28, 784}, 10, 8192), repeat(2, 10976));
  EXPECT_EQ(slice({8, 1020}, 10, 8192), repeat(1, 8160));
  EXPECT_EQ(slice({800, 10}, 10, 8192), repeat(1, 8000));
  EXPECT_EQ(slice({6, 33, 33, 33}, 10, 8192), repeat(6, 35937));
  EXPECT_EQ(slice({1000, 1000}, 2, 8192), repeat(2, 500000));
  EXPECT_EQ(slice({1000, 1000}, 2, 1048576), repeat(1, 1000000));
  EXPECT_EQ(slice({16385}, 2, 8192), repeat(1, 8193, 8192));
  EXPECT_EQ(slice({1, 100000}, 4, 8192), repeat(1, 100000));
  EXPECT_EQ(slice({3, 100000}, 2, 8192), repeat(1, 200000, 100000));
  EXPECT_EQ(slice({5, 10000}, 4, 8192), repeat(2, 20000, 10000));
  EXPECT_EQ(slice({7, 8192}, 3, 8192), repeat(2, 24576, 8192));
  EXPECT_EQ(slice({127, 129}, 2, 8192), repeat(1, 16383));
  EXPECT_EQ(slice({1000001, 10}, 4, 8192), repeat(3, 2500010, 2499980));
  EXPECT_EQ(slice({100000, 3}, 7, 8192), repeat(6, 42858, 42852));
}

TEST(SliceParameter, ScalarsStayWhole) {
  EXPECT_EQ(slice({}, 4, 1), repeat(1, 1));
}

TEST(SliceParameter, MoreThanTwoBillionElements) {
  EXPECT_EQ(slice({65536, 65536}, 2, 8192), repeat(2, int64_t(1) << 31));
}

TEST(SliceParameter, NamesOfBlocksAreUnique) {
  MLIRContext context;
  auto type = RankedTensorType::get({4, 2}, Builder(&context).getF32Type());
  llvm::StringSet<> taken;
  auto names = [&](StringRef name, int64_t servers) {
    std::vector<std::string> result;
    for (const ParameterBlock &block :
         sliceParameter(name, type, {servers, 1}, taken))
      result.push_back(block.name);
    return result;
  };
  EXPECT_THAT(names("w.block1", 1), ElementsAre("w.block1"));
  EXPECT_THAT(names("w", 2), ElementsAre("w.block0", "w.block1_"));
  EXPECT_THAT(names("w.block1_", 1), ElementsAre("w.block1__"));
}

TEST(Dispatcher, RoundRobinGoesOnOverParameters) {
  SmallVector<DispatchedBlock> blocks = {
      {"fc_b", 4000}, {"fc_w.block0", 2000000}, {"fc_w.block1", 2000000}};
  EXPECT_THAT(dispatchBlocks(blocks, 2, Dispatcher::RoundRobin),
              ElementsAre(0, 1, 0));
}

TEST(Dispatcher, BlocksOfAGroupGoToDifferentServers) {
  // Server 0 would be the least loaded for both blocks of the group.
  SmallVector<DispatchedBlock> blocks = {
      {"big", 100}, {"t0", 10, 0}, {"t1", 10, 0}, {"u0", 10, 1}};
  EXPECT_THAT(dispatchBlocks(blocks, 2, Dispatcher::Balanced),
              ElementsAre(0, 1, 0, 1));
  for (Dispatcher dispatcher :
       {Dispatcher::Balanced, Dispatcher::RoundRobin, Dispatcher::Hash}) {
    SmallVector<DispatchedBlock> table;
    for (int i = 0; i < 7; ++i)
      table.push_back({"t.block" + std::to_string(i), 8, 0});
    SmallVector<int64_t> owners = dispatchBlocks(table, 7, dispatcher);
    llvm::sort(owners);
    EXPECT_THAT(owners, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  }
}

TEST(Dispatcher, BalancedDealsBytes) {
  SmallVector<DispatchedBlock> blocks = {
      {"a", 10}, {"big", 100}, {"b", 40}, {"c", 60}, {"d", 10}};
  // big | c, b | and the small ones where there is room.
  EXPECT_THAT(dispatchBlocks(blocks, 2, Dispatcher::Balanced),
              ElementsAre(0, 0, 1, 1, 1));
}

TEST(Dispatcher, HashDependsOnTheNameOnly) {
  SmallVector<DispatchedBlock> blocks;
  for (int i = 0; i < 100; ++i)
    blocks.push_back({"w" + std::to_string(i), 1});
  SmallVector<int64_t> all = dispatchBlocks(blocks, 3, Dispatcher::Hash);
  EXPECT_EQ(
      dispatchBlocks(ArrayRef(blocks).drop_front(50), 3, Dispatcher::Hash),
      SmallVector<int64_t>(ArrayRef(all).drop_front(50)));
  for (int64_t server = 0; server < 3; ++server)
    EXPECT_GT(llvm::count(all, server), 10);
  // Known values: another process, machine or version gives the same.
  EXPECT_THAT(ArrayRef(all).take_front(6), ElementsAre(2, 0, 1, 1, 2, 0));
}

} // namespace
