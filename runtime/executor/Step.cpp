//===- Step.cpp - A function of a plan, ready to run ----------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/executor/Step.h"

#include "runtime/base/DataTypes.h"
#include "runtime/executor/ProgramTables.h"

#include <cstring>
#include <limits>

using namespace fleet;

void Step::prepare(const StepArguments &arguments) {
  if (examples.size() != 0)
    countExamples(arguments);
  if (poison && arena.size() != 0)
    std::memset(arena.data(), 0xff, arena.size()); // NaN as f16, f32 and f64
}

/// Everything that is not plain computing is one call away.
inline Status Step::execute(const Operation &op, ParameterExchange *peer) {
  switch (op.kind) {
  case Kind::Kernel:
    op.kernel(op.operands, symbols.data(), 0, op.count);
    return Status();
  case Kind::SplitKernel:
    pool->parallelFor(0, op.count, op.grain, [&](int64_t begin, int64_t end) {
      op.kernel(op.operands, symbols.data(), begin, end);
    });
    return Status();
  case Kind::MatMul:
    op.gemm->run(op.operands[0], op.operands[1], op.operands[2]);
    return Status();
  case Kind::SplitMatMul:
    pool->parallelFor(0, op.gemm->tiles(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile)
        op.gemm->runTile(tile, op.operands[0], op.operands[1], op.operands[2]);
    });
    return Status();
  case Kind::Copy:
    if (op.operands[0] != op.operands[1])
      std::memcpy(op.operands[1], op.operands[0],
                  static_cast<size_t>(op.count));
    return Status();
  case Kind::CopyPart: {
    auto *to = static_cast<std::byte *>(op.operands[1]);
    std::memcpy(to, op.operands[0], static_cast<size_t>(op.count));
    std::memset(to + op.count, 0, static_cast<size_t>(op.grain));
    return Status();
  }
  case Kind::PullRows:
  case Kind::PushRows:
    return transferRows(op, peer);
  case Kind::AllReduceStart:
  case Kind::PartsStart:
  case Kind::CollectiveWait:
  case Kind::Broadcast:
  case Kind::Connect:
    return collect(op);
  case Kind::MergeRows:
  case Kind::RowsPart:
  case Kind::UpdateRows:
  case Kind::BroadcastRows:
    return collectRows(op);
  default:
    return exchange(op, peer);
  }
}

Status Step::transferRows(const Operation &op, ParameterExchange *peer) {
  RowExchange *rows = peer;
  if (ownRows)
    rows = ownRows;
  if (!rows)
    return exchange(op, nullptr);
  Status status = op.kind == Kind::PullRows ? op.pull->run(op.operands, *rows)
                                            : op.push->run(op.operands, *rows);
  return status.ok() ? status : failure(op, status);
}

Status Step::exchange(const Operation &op, ParameterExchange *peer) {
  if (!peer)
    return failure(op, makeError(StatusCode::Internal,
                                 "no connection to parameter servers"));
  Status status;
  switch (op.kind) {
  case Kind::Send:
    status = peer->enqueueSend(op.peer.server, op.peer.block, op.operands[0],
                               static_cast<size_t>(op.count));
    break;
  case Kind::Recv:
    status = peer->enqueueRecv(op.peer.server, op.peer.block, op.operands[0],
                               static_cast<size_t>(op.count));
    break;
  case Kind::SendBarrier:
    status = peer->sendBarrier(symbols[0]);
    break;
  case Kind::Agree:
    status = peer->agree(*op.agree.parts, op.agree.isDouble);
    break;
  case Kind::Submit:
    status = peer->submit(symbols[0]);
    break;
  case Kind::FetchLatest:
    status = peer->fetchLatest();
    break;
  default:
    status = peer->fetchBarrier();
    break;
  }
  return status.ok() ? status : failure(op, status);
}

Status Step::failure(const Operation &op, const Status &status) const {
  return status.withContext(loaded->describe(
      functionIndex, static_cast<int>(&op - operations.data())));
}

Status Step::run(const StepArguments &arguments) {
  bindInputs(arguments.inputs);
  prepare(arguments);
  if (arguments.observer)
    return runObserved(arguments);
  for (const Operation &op : operations) {
    // The plain case first: a step is mostly small kernels.
    if (op.kind == Kind::Kernel) {
      op.kernel(op.operands, symbols.data(), 0, op.count);
      continue;
    }
    FLEET_RETURN_IF_ERROR(execute(op, arguments.exchange));
  }
  return Status();
}

Status Step::runObserved(const StepArguments &arguments) {
  int index = 0;
  for (const Operation &op : operations) {
    TimePoint begin = arguments.observer->now();
    Status status = execute(op, arguments.exchange);
    arguments.observer->executed(*this, index++, begin,
                                 arguments.observer->now());
    FLEET_RETURN_IF_ERROR(status);
  }
  return Status();
}

Status
Step::runInPieces(const StepArguments &arguments, int64_t piece,
                  const std::function<const void *(int64_t, int64_t)> &input) {
  prepare(arguments);
  for (const Operation &op : operations) {
    if (&op - operations.data() != pieceOperation) {
      FLEET_RETURN_IF_ERROR(execute(op, arguments.exchange));
      continue;
    }
    for (int64_t begin = 0; begin < op.count; begin += piece) {
      int64_t end = std::min(begin + piece, op.count);
      const auto *row = static_cast<const std::byte *>(input(begin, end));
      if (!row)
        return failure(op, makeError(StatusCode::Internal, "no input"));
      // Where row 0 would be.
      const void *inputs[] = {row - begin * pieceRowBytes};
      bindInputs(inputs);
      op.kernel(op.operands, symbols.data(), begin, end);
    }
  }
  return Status();
}

Status Step::runEmpty(const StepArguments &arguments) {
  if (world)
    return runWithoutRows(arguments);
  for (const Operation &op : operations) {
    if (op.kind == Kind::SendBarrier) {
      if (!arguments.exchange)
        return exchange(op, nullptr);
      Status status = arguments.exchange->sendBarrier(0);
      if (!status.ok())
        return failure(op, status);
    } else if (op.kind == Kind::Recv || op.kind == Kind::FetchBarrier ||
               op.kind == Kind::FetchLatest) {
      FLEET_RETURN_IF_ERROR(exchange(op, arguments.exchange));
    }
  }
  return Status();
}

Status Step::runWithoutRows(const StepArguments &arguments) {
  prepare(arguments);
  for (const Operation &op : operations) {
    if (op.ofBatch)
      continue;
    if (op.kind == Kind::AllReduceStart || op.kind == Kind::PartsStart)
      if (const Calls &call = calls[op.call]; call.addsOfBatch)
        std::memset(call.bucket, 0, call.bucketBytes);
    if (op.kind == Kind::MergeRows) {
      if (Status status = op.merge->runEmpty(); !status.ok())
        return failure(op, status);
      continue;
    }
    FLEET_RETURN_IF_ERROR(execute(op, arguments.exchange));
  }
  return Status();
}

double Step::output(uint32_t output) const {
  const OutputRef &ref = outputs[output];
  const void *data = operands[ref.operand];
  auto load = [&](auto value) {
    std::memcpy(&value, data, sizeof(value));
    return static_cast<double>(value);
  };
  switch (ref.dtype) {
  case plan::F32:
    return load(float());
  case plan::F64:
    return load(double());
  case plan::I1:
  case plan::I8:
    return load(int8_t());
  case plan::I32:
    return load(int32_t());
  case plan::I64:
    return load(int64_t());
  default:
    return std::numeric_limits<double>::quiet_NaN(); // refused by the loader
  }
}
