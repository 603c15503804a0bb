//===- MpiCollective.h - Collectives by messages of MPI ---------*- C++ -*-===//
//
// Made of non-blocking messages rather than of MPI's own collectives: those
// that block cannot end at a deadline, those that do not (libnbc) take up to
// twice as long, and neither sums in the order of ranks. A call:
//
//   1  Every rank sends every other what it calls, by which ranks that
//      disagree find out, and all of its input along with it if that is small.
//      Otherwise it sends each other rank that one's part of the input,
//   2  and, when all parts are here, reduces its own, in the order of ranks,
//      and sends it to all others.
//
// Who waits drives the messages; while nobody does, a thread of the collective
// does. A rank that cannot wait any longer tells the others why.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_MPI_MPICOLLECTIVE_H
#define FLEET_RUNTIME_COLLECTIVE_MPI_MPICOLLECTIVE_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/collective/CallSignature.h"
#include "runtime/collective/mpi/MpiWorld.h"

#include <condition_variable>
#include <thread>

namespace fleet {

/// Calls of a rank that can be in flight; start() waits for the oldest beyond.
constexpr uint64_t kMpiCalls = 16;
/// Inputs up to this size travel with the call, the first bytes in its message:
/// as much as Open MPI sends at once between processes of a host.
constexpr size_t kMpiSmallBytes = 8000;
constexpr size_t kMpiFirstBytes = 4000;

/// One rank of a group.
class MpiCollective final : public Collective {
public:
  /// The group of all ranks that mpirun has started, which call it together.
  static StatusOr<std::unique_ptr<Collective>> create(Duration deadline);
  ~MpiCollective() override;

  uint32_t rank() const override { return self; }
  uint32_t size() const override { return static_cast<uint32_t>(names.size()); }
  const char *name() const override { return "mpi"; }
  StatusOr<void *> allocate(size_t bytes) override;
  StatusOr<Ticket> start(const CollectiveCall &call) override;
  Status wait(Ticket ticket) override;
  Status run(const CollectiveCall &call) override;
  StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                              uint32_t key) override;
  uint64_t bytesSent() const override { return sent; }
  void abort(const std::string &reason) override;

private:
  /// What a message of step 1 begins with.
  struct Head {
    uint64_t number;
    CallSignature signature;
  };
  /// A call in flight.
  struct Call {
    CollectiveCall call;
    uint64_t number = 0;
    int step = 0;                      ///< 0: complete
    AlignedBuffer openings;            ///< of all ranks, this one's too
    std::vector<MPI_Request> requests; ///< first those of openings, one a rank
    AlignedBuffer parts;               ///< received, to be reduced
  };

  MpiCollective(std::shared_ptr<MpiWorld> world, MPI_Comm communicator,
                std::vector<uint32_t> names, uint32_t self, bool whole);

  // With the world's mutex held.
  StatusOr<Ticket> begin(const CollectiveCall &call);
  Status finish(std::unique_lock<std::mutex> &lock, uint64_t number);
  Status endAt(Call &call, const char *what);
  Status advance();
  Status advance(Call &call);
  void complete(Call &call);
  Status checkOpenings(Call &call);
  Status compare(Call &call);
  bool isSmall(const CollectiveCall &call) const;
  Head &headOf(Call &call, uint32_t rank) const {
    return *reinterpret_cast<Head *>(call.openings.data() +
                                     rank * openingBytes);
  }
  std::byte *dataOf(Call &call, uint32_t rank) const {
    return call.openings.data() + rank * openingBytes + sizeof(Head);
  }
  // Steps (MpiSteps.cpp).
  Status sendOpening(Call &call);
  void readSmall(Call &call);
  Status sendParts(Call &call);
  Status reduceParts(Call &call);
  Status send(Call &call, const std::byte *data, size_t bytes, uint32_t to);
  Status receive(Call &call, std::byte *data, size_t bytes, uint32_t from);
  int tagOf(const Call &call, bool opening) const;

  void driveMessages();

  std::shared_ptr<MpiWorld> world;
  MPI_Comm communicator;
  std::vector<uint32_t> names;
  uint32_t self;
  bool whole; ///< not split off another
  size_t openingBytes;
  uint64_t started = 0, completed = 0;
  std::vector<Call> calls; ///< by number modulo their count
  std::vector<AlignedBuffer> allocated;
  // The last that was used is taken first: it is in the caches.
  std::vector<AlignedBuffer> freeOpenings, freeParts;
  std::vector<const void *> inputs;
  std::atomic<uint64_t> sent{0};

  std::condition_variable handedOver;
  bool driving = false; ///< the thread drives, nobody waits
  bool stopping = false;
  std::thread driver; ///< from the first start() on
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_MPI_MPICOLLECTIVE_H
