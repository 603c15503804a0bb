//===- ParameterServer.h - Serves parameters to trainers --------*- C++ -*-===//
//
// The protocol, frame by frame (Frame.h; T: trainer, S: server):
//
//   T Hello            S Welcome, or Refused with the reason
//   T Pull             S Parameters: all blocks as they are
//   T PullRows         S Rows: their values, as they are
//   T Push(step)       S Parameters, once the step has been applied
//                      or, where blocks have parts of a sum, S Parts, once the
//                      gradients have been merged, and then
//   T Sums(step)       S Parameters, once the step has been applied
//   T StateRequest     S StateDirectory, State
//   T Complete         -
//   T Abort            S Error to all others
//
// Blocks travel in the order of Server.blocks in the plan, gathered from and
// scattered to where they lie; how rows of tables travel, RowFrames.h says. The
// step of a synchronous job begins after the answer to the step before, so what
// it looks up needs no barrier of its own. When anything fails, every trainer
// gets an Error frame that names the cause.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PS_PARAMETERSERVER_H
#define FLEET_RUNTIME_PS_PARAMETERSERVER_H

#include "runtime/base/Failpoints.h"
#include "runtime/ps/ParameterService.h"
#include "runtime/ps/RemoteState.h"
#include "runtime/transport/Connection.h"
#include "runtime/transport/JobIdentity.h"

#include <atomic>
#include <mutex>

namespace fleet {

/// Something that a server holds, for checkpoints.
struct ServedState {
  std::string origin, slot;
  plan::DataType dtype;
  std::vector<int64_t> originShape;
  int64_t rowOffset = 0;
  const void *data = nullptr;
  size_t bytes = 0;
};

class ParameterServer {
public:
  struct Options {
    JobIdentity job;
    Duration deadline = std::chrono::seconds(60);
    Failpoints failpoints{};
  };
  /// `transport` and what `states` point to outlive the server.
  ParameterServer(Options options, Transport &transport,
                  std::unique_ptr<Listener> listener,
                  std::unique_ptr<ParameterService> service,
                  std::vector<ServedState> states);
  ~ParameterServer();

  /// Serves until every trainer is done (success), something fails, or stop()
  /// is called. Call once.
  Status serve();

  /// Ends the job with `reason`: trainers get it, serve() returns it. Any
  /// thread may call it.
  void stop(const Status &reason);

  const std::string &endpoint() const { return listener->endpoint(); }
  uint64_t appliedSteps();

private:
  /// Memory of a connection, for rows that are looked up.
  struct RowBuffers {
    AlignedBuffer asked, found;
    std::vector<RowSpan> spans;
    std::vector<ConstBuffer> answer;
  };

  struct Trainer {
    std::shared_ptr<Connection> connection; ///< null: not connected
    uint64_t incarnation = 0;
  };

  void handleConnection(std::shared_ptr<Connection> connection);
  Status shakeHands(Connection &connection, FrameHeader &hello);
  Status handleFrame(Connection &connection, uint32_t rank,
                     const FrameHeader &header, RowBuffers &rows);
  Status handlePullRows(Connection &connection, uint32_t rank,
                        const FrameHeader &header, RowBuffers &rows);
  Status handlePush(Connection &connection, uint32_t rank,
                    const FrameHeader &header);
  /// Goes on with a step that a push, or the end of a trainer, brought forward.
  Status proceed(ParameterService::Push result, uint64_t step);
  Status handleSums(Connection &connection, uint32_t rank,
                    const FrameHeader &header);
  Status sendState(Connection &connection);
  /// Answers one trainer by itself; not SYNC.
  Status answerTrainer(Connection &connection, uint32_t rank, uint64_t step);
  Status sendParameters(Connection &connection, uint64_t step,
                        const std::vector<ConstBuffer> &blocks);
  Status answerStep(uint64_t step);
  /// Sends a frame to everybody who pushed `step`. Holds `answering`.
  Status tellContributors(FrameKind kind, uint64_t step,
                          const std::vector<ConstBuffer> &payload);
  Status checkSilence();
  bool hasEnded();
  FrameHeader makeHeader(FrameKind kind) const;
  Status reach(Failpoint point) {
    return options.failpoints.hit(point, transport.clock());
  }
  TimePoint deadlineFromNow() {
    return transport.clock().now() + options.deadline;
  }

  Options options;
  Transport &transport;
  std::unique_ptr<Listener> listener;
  std::vector<ServedState> states;
  std::vector<ConstBuffer> parameters; ///< all blocks

  /// Held while the parameters of a step leave: a trainer that is quick to push
  /// again, or does not wait for them, changes none under way. Before `mutex`.
  std::mutex answering;
  std::mutex mutex; ///< guards what follows
  std::unique_ptr<ParameterService> service;
  std::vector<Trainer> trainers;
  Status failure;
  unsigned stopping = 0; ///< calls of stop() that still tell trainers
  bool finished = false;
};

} // namespace fleet

#endif // FLEET_RUNTIME_PS_PARAMETERSERVER_H
