//===- MpiEngine.h - Messages of MPI, on a thread of their own --*- C++ -*-===//
//
// All calls of MPI between initialization and the end are made by one thread.
// It sends what others have put into its queue and hands over what arrives; so
// nobody else ever waits for MPI, and every wait has its deadline.
//
// A message is a head and up to kMaxDataBytes. Messages from one rank to
// another arrive in the order in which they were sent.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_MPI_MPIENGINE_H
#define FLEET_RUNTIME_TRANSPORT_MPI_MPIENGINE_H

// The C++ bindings were removed from the standard and are not needed.
#define OMPI_SKIP_MPICXX 1

#include "runtime/base/Status.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mpi.h>
#include <mutex>
#include <thread>
#include <vector>

namespace fleet {

/// Data of one message at most; a large payload is sent in pieces, so that both
/// sides copy one while another is on its way.
constexpr size_t kMaxDataBytes = size_t(256) << 10;

struct MpiMessage {
  enum Kind : uint32_t {
    Open = 1, ///< stream: the sender's; data: the endpoint that is called
    Accept,   ///< stream: the receiver's; value: the sender's stream
    Refuse,   ///< stream: the receiver's; nobody listens there
    Data,     ///< stream: the receiver's
    Credit,   ///< stream: the receiver's; value: bytes that it may send more
    Close,    ///< stream: the receiver's
  };
  struct Head {
    uint32_t kind;
    uint32_t zero;
    uint64_t stream;
    uint64_t value;
  };
  int peer = 0;            ///< rank of the receiver, or of the sender
  std::vector<char> bytes; ///< the head, then data

  static MpiMessage make(int peer, Kind kind, uint64_t stream, uint64_t value,
                         const void *data = nullptr, size_t size = 0);
  Head head() const;
  const char *data() const { return bytes.data() + sizeof(Head); }
  size_t dataSize() const { return bytes.size() - sizeof(Head); }
};

class MpiEngine {
public:
  /// All ranks call it. Initializes MPI unless somebody has, and then finalizes
  /// it at the end. `arrived` is called on the engine's thread.
  static StatusOr<std::unique_ptr<MpiEngine>>
  create(std::function<void(MpiMessage)> arrived);
  /// Sends what is queued, then waits for all other ranks to do the same.
  ~MpiEngine();

  int rank() const { return self; }
  int size() const { return ranks; }
  /// From any thread; never waits.
  void send(MpiMessage message);

private:
  struct Receive {
    MpiMessage message;
    MPI_Request request;
  };

  explicit MpiEngine(std::function<void(MpiMessage)> arrived)
      : arrived(std::move(arrived)) {}
  Status open();
  void run();
  bool sendQueued();
  bool finishSends();
  bool matchArrivals();
  bool finishReceives();

  std::function<void(MpiMessage)> arrived;
  bool finalizes = false;
  int self = 0, ranks = 1;
  MPI_Comm communicator = MPI_COMM_NULL;

  std::mutex mutex; ///< guards `queue` and `stopping`
  std::condition_variable changed;
  std::deque<MpiMessage> queue;
  bool stopping = false;

  // Of the thread.
  std::vector<MPI_Request> sends;
  std::vector<std::vector<char>> sending;    ///< what they send
  std::vector<std::deque<Receive>> receives; ///< by rank, in order
  size_t receiving = 0;
  std::thread thread;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_MPI_MPIENGINE_H
