//===- ParameterExchange.h - A step's calls to servers ----------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_EXECUTOR_PARAMETEREXCHANGE_H
#define FLEET_RUNTIME_EXECUTOR_PARAMETEREXCHANGE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/executor/RowExchange.h"

#include <cstddef>
#include <cstdint>

namespace fleet {

/// The executor's side of the parameter service: one call an instruction.
/// `server` and `block` are indices into Plan.servers and Server.blocks.
/// Memory stays the executor's; it is valid and unchanged until the barrier
/// that ends the transfer. Called by one thread; every wait has a deadline.
/// A program ends its transfers by barriers, or (asynchronous training) by
/// submit() and fetchLatest().
class ParameterExchange : public RowExchange {
public:
  Status pullRows(const std::vector<RowSet> &) override { return noRows(); }
  Status pushRows(const RowSet &) override { return noRows(); }

  /// Notes a gradient block that leaves at the next sendBarrier().
  virtual Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                             size_t bytes) = 0;
  /// Notes where a parameter block goes by the end of the next fetchBarrier().
  virtual Status enqueueRecv(uint32_t server, uint32_t block, void *data,
                             size_t bytes) = 0;
  /// Sends what was noted, one message a server. `examples` is the number of
  /// rows in this trainer's part of the batch; with 0 nothing was noted, and
  /// every server learns that this trainer has no share in the step.
  virtual Status sendBarrier(int64_t examples) = 0;
  /// Between the barriers: adds what servers have made of the merged gradients
  /// of these blocks, in this order, as doubles or as floats, and tells them.
  virtual Status agree(const plan::Agree &agree, bool isDouble) = 0;
  /// Returns when all blocks that were noted have arrived.
  virtual Status fetchBarrier() = 0;
  /// Takes over the gradients that were noted, to send them some time; waits
  /// only for as long as too many wait already. `examples` is at least 1.
  virtual Status submit(int64_t examples) = 0;
  /// Replaces the blocks that were noted by newer ones, if any have come.
  virtual Status fetchLatest() = 0;
  /// Own steps that the parameters lack after the last fetchLatest(); -1 where
  /// there are none by construction.
  virtual int64_t staleness() const { return -1; }
  /// Bytes sent so far, headers included.
  virtual uint64_t bytesSent() const { return 0; }

private:
  static Status noRows() {
    return makeError(StatusCode::Internal, "nobody here has rows of tables");
  }
};

} // namespace fleet

#endif // FLEET_RUNTIME_EXECUTOR_PARAMETEREXCHANGE_H
