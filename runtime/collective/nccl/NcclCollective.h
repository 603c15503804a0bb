//===- NcclCollective.h - Collectives on device memory ----------*- C++ -*-===//
//
// `in` and `out` of a call are memory of the device, ready when start() is
// called; calls run in the order of a stream of their own. NCCL sums in an
// order of its own, the same on all ranks, half precision in half precision. It
// cannot tell a disagreement between ranks: one ends at the deadline.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H

#include "runtime/collective/CallSignature.h"
#include "runtime/collective/nccl/NcclModule.h"

#include <atomic>
#include <cuda_runtime_api.h>
#include <nccl.h>

namespace fleet {

/// Calls of a rank that can be in flight; start() waits for the oldest beyond.
constexpr uint64_t kNcclCalls = 32;

/// One rank.
class NcclCollective final : public Collective {
public:
  static StatusOr<std::unique_ptr<Collective>> create(NcclMeeting meeting);
  ~NcclCollective() override;

  uint32_t rank() const override { return meeting.rank; }
  uint32_t size() const override { return meeting.size; }
  const char *name() const override { return "nccl"; }
  /// On the device.
  StatusOr<void *> allocate(size_t bytes) override;
  StatusOr<Ticket> start(const CollectiveCall &call) override;
  Status wait(Ticket ticket) override;
  uint64_t bytesSent() const override { return sent; }
  void abort(const std::string &reason) override;

private:
  explicit NcclCollective(NcclMeeting meeting) : meeting(std::move(meeting)) {}
  Status chooseDevice();
  Status connect(const std::string &id);
  Status enqueue(const CollectiveCall &call);
  /// Until NCCL has taken what it was asked for.
  Status settle(ncclResult_t result, const char *function, TimePoint deadline);
  Status finish(uint64_t number);
  Status endWith(const Status &status, uint64_t number);

  struct Call {
    CallSignature signature;
    cudaEvent_t complete = nullptr;
  };

  NcclMeeting meeting;
  int device = 0;
  ncclComm_t communicator = nullptr;
  cudaStream_t stream = nullptr;
  Call calls[kNcclCalls];  ///< by number modulo their count
  void *scratch = nullptr; ///< for barriers
  std::vector<void *> allocated;
  uint64_t started = 0, completed = 0;
  bool broken = false;
  std::atomic<uint64_t> sent{0};
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_NCCL_NCCLCOLLECTIVE_H
