//===- Server.cpp - A parameter server ------------------------------------===//

#include "runtime/job/Processes.h"

#include "runtime/ps/ParameterServer.h"

#include <atomic>
#include <poll.h>
#include <thread>

using namespace fleet;

namespace {

/// Ends a server when a stop is requested.
class StopWatch {
public:
  StopWatch(StopToken token, ParameterServer &server)
      : thread([this, token, &server] {
          while (!done) {
            pollfd entry{token.descriptor(), POLLIN, 0};
            if (::poll(&entry, 1, 50) > 0 && token.stopRequested()) {
              server.stop(token.status());
              return;
            }
          }
        }) {}
  ~StopWatch() {
    done = true;
    thread.join();
  }

private:
  std::atomic<bool> done{false};
  std::thread thread;
};

} // namespace

/// Bytes of a gradient that are merged, and then updated by, at once: less than
/// half of a small L1 cache, with as much of parameter and state beside them.
static constexpr int64_t kPieceBytes = 16 << 10;

/// How to update `block` piece by piece; empty if that is not possible, or if
/// it is one piece.
static std::function<Status(const MergedPiece &)>
updateInPieces(Step &update, const ServiceBlock &block) {
  int64_t rows = update.pieceRows();
  auto bytes = static_cast<int64_t>(block.bytes);
  if (rows == 0 || bytes % rows != 0)
    return {};
  int64_t rowBytes = bytes / rows;
  int64_t element = block.dtype == plan::F64 ? 8 : 4;
  // Pieces begin on cache lines, as kernels may take whole ones.
  constexpr int64_t kRows = 16;
  int64_t piece = std::max(kRows, kPieceBytes / rowBytes / kRows * kRows);
  if (piece >= rows || rowBytes % element != 0)
    return {};
  return [&update, piece, rowBytes, element](const MergedPiece &merged) {
    auto elements = [&](int64_t row) {
      return static_cast<size_t>(row * rowBytes / element);
    };
    return update.runInPieces(StepArguments(), piece,
                              [&](int64_t begin, int64_t end) {
                                return merged(elements(begin), elements(end));
                              });
  };
}

Status fleet::runServer(Program &program, const RoleChoice &role,
                        const RunOptions &options,
                        RunEnvironment &environment) {
  const plan::Plan &proto = program.plan().proto;
  const plan::Server &self =
      proto.servers(static_cast<int>(proto.service().server()));
  bool moved = !options.pservers.empty();
  if (proto.service().server() != role.rank ||
      (!moved && self.endpoint() != role.endpoint))
    return makeError(StatusCode::InvalidArgument,
                     "{}: the plan is of server {} at {}, this is server {} at "
                     "{}; transpile again",
                     program.plan().path, proto.service().server(),
                     self.endpoint(), role.rank, role.endpoint);
  std::vector<ServiceBlock> blocks(static_cast<size_t>(self.blocks_size()));
  std::vector<Step *> updates(blocks.size()), parts(blocks.size());
  for (const plan::Service::Handler &handler : proto.service().handlers()) {
    size_t i = handler.block();
    ServiceBlock &block = blocks[i];
    block.name = self.blocks(static_cast<int>(i)).name();
    block.dtype = self.blocks(static_cast<int>(i)).type().dtype();
    block.bytes = program.stateBytes(handler.state());
    block.parameter = program.stateData(handler.state());
    FLEET_ASSIGN_OR_RETURN(updates[i],
                           program.instantiate(handler.function(), 1));
    if (handler.part() == 0) {
      block.updateInPieces = updateInPieces(*updates[i], block);
      continue;
    }
    block.hasPart = true;
    FLEET_ASSIGN_OR_RETURN(parts[i],
                           program.instantiate(handler.part() - 1, 1));
  }
  std::vector<ServedState> states;
  for (int i = 0; i < proto.states_size(); ++i) {
    const plan::State &state = proto.states(i);
    if (state.transient())
      continue;
    ServedState served;
    served.origin = state.origin();
    served.slot = state.slot();
    served.dtype = state.type().dtype();
    // A scalar beside a parameter, such as a power of a beta, is whole.
    if (state.type().dims_size() > 0)
      served.originShape.assign(state.origin_shape().begin(),
                                state.origin_shape().end());
    served.rowOffset = state.row_offset();
    served.data = program.stateData(static_cast<uint32_t>(i));
    served.bytes = program.stateBytes(static_cast<uint32_t>(i));
    states.push_back(std::move(served));
  }
  auto update = [&](size_t block, const void *gradient, const void *second) {
    const void *inputs[] = {gradient, second};
    StepArguments arguments;
    arguments.inputs = inputs;
    return updates[block]->run(arguments);
  };
  auto part = [&](size_t block, const void *gradient) -> StatusOr<double> {
    StepArguments arguments;
    arguments.inputs = &gradient;
    FLEET_RETURN_IF_ERROR(parts[block]->run(arguments));
    return parts[block]->output(0);
  };
  std::vector<ServiceTable> tables;
  for (uint32_t i = 0; i < static_cast<uint32_t>(proto.tables_size()); ++i) {
    ProgramTables *owned = program.tables();
    if (!owned->rows(i))
      continue;
    ServiceTable &table = tables.emplace_back();
    table.rows = owned->rows(i);
    table.update = [owned, i](const int64_t *ids, int64_t count,
                              const void *gradients) {
      return owned->update(i, ids, count, gradients);
    };
    table.advance = [owned, i] { return owned->advance(i); };
  }
  FLEET_ASSIGN_OR_RETURN(auto service, ParameterService::create(
                                           std::move(blocks), proto.trainers(),
                                           proto.sync_mode(), update, part,
                                           std::move(tables)));
  FLEET_ASSIGN_OR_RETURN(auto listener,
                         environment.transport.listen(role.endpoint));
  ParameterServer::Options settings;
  settings.job = identify(proto, options);
  settings.deadline = options.deadline;
  settings.failpoints = environment.failpoints;
  ParameterServer server(settings, environment.transport, std::move(listener),
                         std::move(service), std::move(states));
  environment.print("Server listening on " + server.endpoint());
  std::optional<StopWatch> watch;
  if (environment.stop.descriptor() >= 0)
    watch.emplace(environment.stop, server);
  return server.serve();
}
