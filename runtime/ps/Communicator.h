//===- Communicator.h - Pushes and pulls beside the training ----*- C++ -*-===//
//
// Asynchronous training: a step hands its gradients over and goes on. A thread
// takes what has come together, merges it into one push (the mean over
// examples, as a larger batch would give), and keeps what the servers answer,
// for whenever a step asks.
//
// The bound on staleness: at most `queue` steps are handed over and not yet
// answered, so that a step computes with parameters that have all of this
// trainer's own updates but the last `queue`. Rows of tables are looked up as
// the servers have them, between two pushes.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_PS_COMMUNICATOR_H
#define FLEET_RUNTIME_PS_COMMUNICATOR_H

#include "runtime/ps/ParameterClient.h"
#include "runtime/ps/ParameterService.h"

#include <condition_variable>
#include <mutex>

namespace fleet {

/// Used by one thread, apart from its own. Every wait ends at the deadline, and
/// what went wrong in its thread is what the next call returns.
class Communicator {
public:
  struct Options {
    uint32_t queue = 1; ///< steps that may be under way; at least 1
    uint32_t merge = 1; ///< steps in one push, at most; at least 1
    Duration deadline = std::chrono::seconds(60);
  };
  /// A block as the client numbers it.
  struct Block {
    uint32_t server, index;
    plan::DataType dtype; ///< F32 or F64
    size_t bytes;
  };
  /// A table of the plan, at its index there.
  using Tables = std::vector<plan::Table>;
  /// How far behind the parameters of steps were, in this trainer's own steps.
  struct Staleness {
    uint64_t steps = 0, pushes = 0;
    uint64_t most = 0;
    double mean = 0;
  };

  /// `client` and `transport` outlive it; nobody else uses the client before
  /// drain().
  static StatusOr<std::unique_ptr<Communicator>>
  create(ParameterClient &client, Transport &transport,
         std::vector<Block> blocks, Options options, const Tables &tables = {});
  /// Gives up what is under way, unless it was drained.
  ~Communicator();

  /// Notes a gradient block; submit() copies it.
  Status enqueueSend(uint32_t server, uint32_t block, const void *data,
                     size_t bytes);
  /// Notes where a parameter block goes at the next fetchLatest().
  Status enqueueRecv(uint32_t server, uint32_t block, void *data, size_t bytes);
  /// Looks rows up at once. Waits for the answer to a push that is under way.
  Status pullRows(const std::vector<RowSet> &sets);
  /// Notes gradients of rows; submit() copies them.
  Status pushRows(const RowSet &set);
  /// Hands over what was noted, of `examples` rows (at least 1); waits while
  /// the queue is full.
  Status submit(uint64_t examples);
  /// Copies the newest parameters to where they were asked for, if any have
  /// come since the last time; does not wait.
  Status fetchLatest();
  /// Waits until everything has been pushed and answered.
  Status drain();

  /// Own steps that the parameters of the last fetchLatest() lack.
  uint64_t staleness() const { return submitted - fetched; }
  /// What staleness() never exceeds.
  uint32_t bound() const { return options.queue; }
  Staleness summary() const;
  /// Bytes that have left so far, headers included.
  uint64_t bytesSent() const { return client.bytesSent(); }

private:
  /// The gradients of rows of one table in one step.
  struct Rows {
    std::vector<int64_t> ids;
    AlignedBuffer gradients;
  };
  /// The gradients of one step.
  struct Slot {
    std::vector<AlignedBuffer> blocks;
    std::vector<Rows> tables;
    uint64_t examples = 0;
  };

  Communicator(ParameterClient &client, std::vector<Block> blocks,
               Options options)
      : client(client), blocks(std::move(blocks)), options(options) {}
  size_t find(uint32_t server, uint32_t block, size_t bytes) const;
  void run();
  Status push(uint64_t first, uint64_t count);
  /// Merges the rows of table number `table` and notes them for the client.
  Status mergeRows(size_t table, uint64_t first, uint64_t count,
                   uint64_t examples);
  /// Waits until at most `left` steps are under way.
  Status waitFor(uint64_t left);

  ParameterClient &client;
  std::vector<Block> blocks;
  Options options;
  std::vector<Slot> slots; ///< step s (from 0) in slots[s % queue]
  std::vector<ConstBuffer> sends;
  std::vector<MutableBuffer> recvs;
  std::vector<RowSet> rowSends; ///< one a table; no batch: nothing noted
  uint64_t fetched = 0; ///< own steps in the parameters that were fetched
  uint64_t stalenessSum = 0, stalenessMost = 0;

  std::mutex usingClient; ///< a push and its answer, or a look-up
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t submitted = 0; ///< changed by the user's thread only
  uint64_t answered = 0, pushes = 0;
  std::vector<AlignedBuffer> latest;   ///< parameters after `answered` steps
  std::vector<AlignedBuffer> incoming; ///< of the thread
  std::vector<Contribution> contributions;
  std::vector<RowBatch> merges; ///< one a table
  bool stopping = false;
  Status broken;
  std::unique_ptr<Thread> thread; ///< joined first
};

} // namespace fleet

#endif // FLEET_RUNTIME_PS_COMMUNICATOR_H
