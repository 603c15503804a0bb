//===- NcclGraphs.h - Calls that are made again -----------------*- C++ -*-===//
//
// A training step makes the same calls on the same memory as the one before it.
// The second time, what NCCL gives the stream is captured; from then on it is
// one launch, without NCCL's own work on the host (bench-nccl: 1.4 to 1.5 times
// as fast up to 4 MB on one H100).
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLGRAPHS_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLGRAPHS_H

#include "runtime/collective/Collective.h"
#include "runtime/collective/nccl/NcclStatus.h"

#include <functional>
#include <map>
#include <tuple>

namespace fleet {

/// Graphs of one stream, by call.
class NcclGraphs {
public:
  NcclGraphs() = default;
  ~NcclGraphs() { clear(); }
  NcclGraphs(const NcclGraphs &) = delete;
  NcclGraphs &operator=(const NcclGraphs &) = delete;

  /// Gives `stream` what `enqueue` does for `call`, at once the first time and
  /// by a graph later.
  Status run(const CollectiveCall &call, cudaStream_t stream,
             const std::function<Status()> &enqueue);
  /// Forgets all of them; none may be under way. Before their communicator
  /// goes, which would wait for them.
  void clear();
  /// Of graphs, so far.
  uint64_t launches() const { return count; }

private:
  using Key = std::tuple<CollectiveCall::Kind, plan::DataType, Reduction,
                         const void *, void *, size_t, uint32_t>;
  Status capture(cudaStream_t stream, const std::function<Status()> &enqueue,
                 cudaGraphExec_t &graph);

  std::map<Key, cudaGraphExec_t> graphs; ///< null: called once so far
  uint64_t count = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLGRAPHS_H
