//===- MpiWorld.h - What a process has of MPI -------------------*- C++ -*-===//
//
// One lock around all calls of MPI, and a channel beside the collectives by
// which ranks tell each other that they are done or have failed, and why.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_COLLECTIVE_MPI_MPIWORLD_H
#define FLEET_RUNTIME_COLLECTIVE_MPI_MPIWORLD_H

// The C++ bindings were removed from the standard and are not needed.
#define OMPI_SKIP_MPICXX 1

#include "runtime/base/Clock.h"
#include "runtime/base/Status.h"

#include <atomic>
#include <mpi.h>
#include <mutex>
#include <vector>

namespace fleet {

/// "MPI_Isend: MPI_ERR_COMM: invalid communicator"; nothing for MPI_SUCCESS.
Status mpiStatus(int code, const char *function);

/// Shared by all groups of a process. The members that are not const need
/// `mutex` to be held.
class MpiWorld {
public:
  /// All ranks call it. Initializes MPI unless somebody has, and then finalizes
  /// it at the end, unless the job has failed: peers that are gone would make
  /// that wait for ever.
  static StatusOr<std::shared_ptr<MpiWorld>> create(Duration deadline);
  ~MpiWorld();

  uint32_t rank() const { return self; }
  uint32_t size() const { return static_cast<uint32_t>(left.size()); }

  /// The first failure counts; tells the others.
  void fail(const Status &reason);
  /// This rank makes no more calls.
  void leave();
  /// Takes what others have told.
  void poll();
  const Status &failure() const { return failed; }
  bool hasLeft(uint32_t rank) const { return left[rank]; }

  const Duration deadline;
  MPI_Comm communicator() const { return all; }

  std::mutex mutex;

private:
  static constexpr int kMaxText = 1024;
  struct Word {
    uint32_t code; ///< a StatusCode; Ok: the rank is done
    char text[kMaxText];
  };

  explicit MpiWorld(Duration deadline) : deadline(deadline) {}
  Status open();
  void listen();
  void tell(const Word &word);

  bool finalizes = false;
  uint32_t self = 0;
  MPI_Comm all = MPI_COMM_NULL, control = MPI_COMM_NULL;
  MPI_Request listening = MPI_REQUEST_NULL;
  Word heard{};
  Status failed;
  std::vector<bool> left;
};

} // namespace fleet

#endif // FLEET_RUNTIME_COLLECTIVE_MPI_MPIWORLD_H
