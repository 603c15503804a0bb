//===- NcclCollective.h - Collectives of CUDA devices -----------*- C++ -*-===//
//
// Calls run in the order of a stream of their own. NCCL sums in an order of its
// own, the same on all ranks, half precision in half precision. It cannot tell
// a disagreement between ranks: one ends at the deadline.
//
// Of a trainer on the device, `in` and `out` are memory of the device, ready
// when start() is called. Of a trainer on the host they are its memory, which
// is copied to the device and back within the call: from where it lies if
// allocate() gave it, else by way of a buffer that CUDA can copy from while the
// host does something else.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H

#include "runtime/collective/CallSignature.h"
#include "runtime/collective/nccl/NcclBuffers.h"
#include "runtime/collective/nccl/NcclGraphs.h"
#include "runtime/collective/nccl/NcclModule.h"

#include <atomic>

namespace fleet {

/// Calls of a rank that can be in flight; start() waits for the oldest beyond.
constexpr uint64_t kNcclCalls = 32;

/// One rank.
class NcclCollective final : public Collective {
public:
  static StatusOr<std::unique_ptr<Collective>> create(NcclMeeting meeting);
  ~NcclCollective() override;

  uint32_t rank() const override { return member; }
  uint32_t size() const override { return members; }
  const char *name() const override { return "nccl"; }
  StatusOr<void *> allocate(size_t bytes) override;
  StatusOr<Ticket> start(const CollectiveCall &call) override;
  Status wait(Ticket ticket) override;
  StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                              uint32_t key) override;
  uint64_t bytesSent() const override { return sent; }
  void abort(const std::string &reason) override;
  /// Calls so far that were one launch of what had been captured.
  uint64_t graphLaunches() const { return graphs.launches(); }

private:
  struct Call {
    CallSignature signature;
    cudaEvent_t complete = nullptr;
    /// For memory of the host that CUDA cannot copy from by itself.
    NcclBuffer bounce{NcclBuffer::Kind::PinnedHost};
    void *result = nullptr; ///< where the bounced result goes; null: nowhere
    size_t resultBytes = 0;
    size_t resultOffset = 0; ///< in `bounce`
  };

  explicit NcclCollective(NcclMeeting meeting);
  bool onHost() const { return meeting.memory == NcclMemory::Host; }
  Status chooseDevice();
  /// Of the device that was chosen.
  Status createStream();
  Status connect(const std::string &id);
  Status begin(const CollectiveCall &call, Call &entry);
  Status bounce(CollectiveCall &call, Call &entry);
  /// Copies to the device, calls, copies back.
  Status enqueueStaged(const CollectiveCall &call);
  /// `call` is on memory of the device.
  Status enqueue(const CollectiveCall &call);
  /// Until NCCL has taken what it was asked for.
  Status settle(ncclResult_t result, const char *function, TimePoint deadline);
  Status finish(uint64_t number);
  Status endWith(const Status &status, uint64_t number);

  NcclMeeting meeting;
  uint32_t member, members; ///< of this group
  int device = 0;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  Call calls[kNcclCalls]; ///< by number modulo their count
  NcclBuffer scratch{NcclBuffer::Kind::Device}; ///< for barriers
  NcclBuffer staging{NcclBuffer::Kind::Device}; ///< of one call at a time
  NcclAllocations allocations;
  NcclGraphs graphs;
  uint64_t started = 0, completed = 0;
  bool broken = false;
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H
