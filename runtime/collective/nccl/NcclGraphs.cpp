//===- NcclGraphs.cpp - Calls that are made again -------------------------===//

#include "runtime/collective/nccl/NcclGraphs.h"

using namespace fleet;

/// Beyond that many different calls somebody does not repeat them.
static constexpr size_t kMaxGraphs = 1024;

Status NcclGraphs::capture(cudaStream_t stream,
                           const std::function<Status()> &enqueue,
                           cudaGraphExec_t &graph) {
  // Relaxed: a communicator that does not block gives its work to the stream
  // from a thread of its own.
  FLEET_RETURN_IF_ERROR(
      cudaStatus(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed),
                 "cudaStreamBeginCapture"));
  Status status = enqueue();
  cudaGraph_t captured = nullptr;
  // Also ends it after an error.
  Status ended = cudaStatus(cudaStreamEndCapture(stream, &captured),
                            "cudaStreamEndCapture");
  if (status.ok())
    status = ended;
  if (status.ok())
    status = cudaStatus(cudaGraphInstantiate(&graph, captured, 0),
                        "cudaGraphInstantiate");
  if (captured)
    cudaGraphDestroy(captured);
  return status;
}

Status NcclGraphs::run(const CollectiveCall &call, cudaStream_t stream,
                       const std::function<Status()> &enqueue) {
  Key key(call.kind, call.dtype, call.reduction, call.in, call.out, call.count,
          call.root);
  auto found = graphs.find(key);
  if (found == graphs.end()) {
    if (graphs.size() < kMaxGraphs)
      graphs.emplace(key, nullptr);
    return enqueue();
  }
  if (!found->second)
    FLEET_RETURN_IF_ERROR(capture(stream, enqueue, found->second));
  ++count;
  return cudaStatus(cudaGraphLaunch(found->second, stream), "cudaGraphLaunch");
}

void NcclGraphs::clear() {
  for (auto &[key, graph] : graphs)
    if (graph)
      cudaGraphExecDestroy(graph);
  graphs.clear();
}
