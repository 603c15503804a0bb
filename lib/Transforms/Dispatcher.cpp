//===- Dispatcher.cpp - Which server gets which block ---------------------===//

#include "fleet/Transforms/Dispatcher.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/xxhash.h"

#include <numeric>
#include <queue>
#include <set>

using namespace mlir;
using namespace mlir::fleet;

namespace {
/// Which servers have a block of each group.
class Groups {
public:
  /// True, from then on, if `server` may have `block`.
  bool take(const DispatchedBlock &block, int64_t server) {
    return !block.group || taken.insert({*block.group, server}).second;
  }

private:
  std::set<std::pair<size_t, int64_t>> taken;
};
} // namespace

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
  Groups groups;
  SmallVector<int64_t> owners(blocks.size());
  for (size_t i : order) {
    SmallVector<Load> passed;
    while (!groups.take(blocks[i], loads.top().second)) {
      passed.push_back(loads.top());
      loads.pop();
    }
    auto [bytes, server] = loads.top();
    loads.pop();
    owners[i] = server;
    loads.push({bytes + blocks[i].bytes, server});
    for (Load load : passed)
      loads.push(load);
  }
  return owners;
}

SmallVector<int64_t>
mlir::fleet::dispatchBlocks(ArrayRef<DispatchedBlock> blocks, int64_t servers,
                            Dispatcher dispatcher) {
  if (dispatcher == Dispatcher::Balanced)
    return balance(blocks, servers);
  Groups groups;
  SmallVector<int64_t> owners;
  for (auto [i, block] : llvm::enumerate(blocks)) {
    uint64_t key =
        dispatcher == Dispatcher::Hash ? llvm::xxh3_64bits(block.name) : i;
    auto owner = static_cast<int64_t>(key % static_cast<uint64_t>(servers));
    while (!groups.take(block, owner))
      owner = (owner + 1) % servers;
    owners.push_back(owner);
  }
  return owners;
}
