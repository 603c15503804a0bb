//===- Collective.h - Calls that all ranks make together --------*- C++ -*-===//
//
// Backends: inproc, shm, mpi, nccl, each in a folder of its own and all held to
// one conformance suite (test/Runtime/collective). Every rank makes the same
// calls in the same order; a backend checks what it can of that (kind, count,
// type) and says which rank disagrees.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_COLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_COLLECTIVE_H

#include "fleet/Plan/plan.pb.h"
#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace fleet {

/// How elements of ranks become one. Sums run over ranks in their order, so
/// that they are the same on all of them and in every run, where the backend
/// allows it (inproc, shm).
enum class Reduction : uint8_t { Sum, Max, Min };

/// One call. `in` and `out` lie still until it is complete. They may be the
/// same memory where that makes sense: both of an all-reduce or a broadcast,
/// `out` as part number rank() of a reduce-scatter's `in`, `in` as part number
/// rank() of an all-gather's `out`. Otherwise they do not overlap.
struct CollectiveCall {
  enum class Kind : uint8_t {
    AllReduce,     ///< in, out: `count` elements
    ReduceScatter, ///< in: size() * count; out: `count`, part number rank()
    AllGather,     ///< in: `count`; out: size() * count, in the order of ranks
    Broadcast, ///< `count` elements, from `root`'s `in` to everybody's `out`;
               ///< the others' `in` is not read
    Barrier,   ///< nothing
  };
  Kind kind = Kind::AllReduce;
  plan::DataType dtype = plan::F32;
  Reduction reduction = Reduction::Sum;
  const void *in = nullptr;
  void *out = nullptr;
  size_t count = 0;
  uint32_t root = 0;
};

/// "all-reduce", for messages.
const char *collectiveName(CollectiveCall::Kind kind);

/// One rank's part in a group. Used by one thread; every wait ends at the
/// deadline that the collective was made with, and every error names the call
/// and, where that can be known, the rank that is missing, has failed or
/// disagrees. After an error no further call succeeds.
class Collective {
public:
  /// A call that has been started.
  using Ticket = uint64_t;

  virtual ~Collective() = default;

  virtual uint32_t rank() const = 0;
  virtual uint32_t size() const = 0;
  /// "shm", for messages.
  virtual const char *name() const = 0;

  /// Zeroed memory, aligned to a cache line, that calls are fastest on (shm:
  /// the ranks' shared arena, so nothing is copied). All ranks allocate the
  /// same sizes in the same order. Lives as long as the collective.
  virtual StatusOr<void *> allocate(size_t bytes) = 0;

  /// Begins a call; it may run beside what this thread does next. Calls
  /// complete in the order in which they were started.
  virtual StatusOr<Ticket> start(const CollectiveCall &call) = 0;
  /// Returns when the call is complete on this rank: `out` holds the result and
  /// `in` may change.
  virtual Status wait(Ticket ticket) = 0;

  /// start() and wait().
  virtual Status run(const CollectiveCall &call);

  /// A group of the ranks that give the same `colour`, in the order of `key`
  /// and then of rank(); a call like others, which all ranks make when nothing
  /// that they started is incomplete. The new group fails with this one and
  /// this one with it, has the same deadline, and lives no longer. Messages
  /// name ranks by their number in the first group.
  virtual StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                                      uint32_t key);

  /// Bytes that this rank has handed over so far, for metrics.
  virtual uint64_t bytesSent() const { return 0; }

  /// Ends the waits of all ranks, which get `reason` in their error; for good.
  /// May be called from any thread.
  virtual void abort(const std::string &reason) = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_COLLECTIVE_H
