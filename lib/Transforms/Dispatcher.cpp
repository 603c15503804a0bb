//===- Dispatcher.cpp - Which server gets which block ---------------------===//

#include "fleet/Transforms/Dispatcher.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/xxhash.h"

#include <numeric>
#include <queue>

using namespace mlir;
using namespace mlir::fleet;

/// Largest first, each to the least loaded server; equal ones in order.
static SmallVector<int64_t> balance(ArrayRef<DispatchedBlock> blocks,
                                    int64_t servers) {
  SmallVector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](size_t a, size_t b) {
    return blocks[a].bytes > blocks[b].bytes;
  });
  using Load = std::pair<int64_t, int64_t>; // bytes, server
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (int64_t server = 0; server < servers; ++server)
    loads.push({0, server});
  SmallVector<int64_t> owners(blocks.size());
  for (size_t i : order) {
    auto [bytes, server] = loads.top();
    loads.pop();
    owners[i] = server;
    loads.push({bytes + blocks[i].bytes, server});
  }
  return owners;
}

SmallVector<int64_t>
mlir::fleet::dispatchBlocks(ArrayRef<DispatchedBlock> blocks, int64_t servers,
                            Dispatcher dispatcher) {
  if (dispatcher == Dispatcher::Balanced)
    return balance(blocks, servers);
  SmallVector<int64_t> owners;
  for (auto [i, block] : llvm::enumerate(blocks)) {
    uint64_t key =
        dispatcher == Dispatcher::Hash ? llvm::xxh3_64bits(block.name) : i;
    owners.push_back(key % static_cast<uint64_t>(servers));
  }
  return owners;
}
