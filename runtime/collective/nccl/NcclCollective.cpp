//===- NcclCollective.cpp - Collectives of CUDA devices -------------------===//

#include "runtime/collective/nccl/NcclCollective.h"

#include <climits>
#include <cstring>
#include <thread>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// A device call takes microseconds; who waits for longer looks less often.
static constexpr auto kSpin = std::chrono::microseconds(100);
static constexpr auto kNap = std::chrono::microseconds(20);

static StatusOr<ncclDataType_t> convert(plan::DataType dtype) {
  switch (dtype) {
  case plan::F16:
    return ncclFloat16;
  case plan::BF16:
    return ncclBfloat16;
  case plan::F32:
    return ncclFloat32;
  case plan::F64:
    return ncclFloat64;
  case plan::I32:
    return ncclInt32;
  case plan::I64:
    return ncclInt64;
  case plan::I1:
  case plan::I8:
    return ncclInt8;
  default:
    return makeError(StatusCode::InvalidArgument, "NCCL has no element type {}",
                     static_cast<int>(dtype));
  }
}

static ncclRedOp_t convert(Reduction reduction) {
  switch (reduction) {
  case Reduction::Sum:
    return ncclSum;
  case Reduction::Max:
    return ncclMax;
  case Reduction::Min:
    return ncclMin;
  }
  return ncclSum;
}

/// What `call` reads and writes of one rank's memory, and where within a buffer
/// that holds both in place.
struct CallExtent {
  size_t inBytes, outBytes, inOffset, outOffset;
  size_t bytes() const { return std::max(inBytes, outBytes); }
};

static CallExtent extentOf(const CollectiveCall &call, uint32_t rank,
                           uint32_t size) {
  size_t part = partBytes(call);
  switch (call.kind) {
  case Kind::AllReduce:
    return {part, part, 0, 0};
  case Kind::ReduceScatter:
    return {part * size, part, 0, part * rank};
  case Kind::AllGather:
    return {part, part * size, part * rank, 0};
  case Kind::Broadcast:
    return {call.root == rank ? part : 0, part, 0, 0};
  case Kind::Barrier:
    break;
  }
  return {0, 0, 0, 0};
}

NcclCollective::NcclCollective(NcclMeeting meeting)
    : meeting(std::move(meeting)), member(this->meeting.rank),
      members(this->meeting.size),
      allocations(this->meeting.memory == NcclMemory::Host
                      ? NcclBuffer::Kind::PinnedHost
                      : NcclBuffer::Kind::Device) {}

Status NcclCollective::chooseDevice() {
  int devices = 0;
  cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0)
    return makeError(
        StatusCode::Unavailable, "backend nccl needs a CUDA device: {}",
        error != cudaSuccess ? cudaGetErrorString(error) : "there is none");
  device = static_cast<int>(meeting.localRank) % devices;
  return createStream();
}

Status NcclCollective::createStream() {
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  FLEET_RETURN_IF_ERROR(
      cudaStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                 "cudaStreamCreateWithFlags"));
  for (Call &call : calls)
    FLEET_RETURN_IF_ERROR(cudaStatus(
        cudaEventCreateWithFlags(&call.complete, cudaEventDisableTiming),
        "cudaEventCreateWithFlags"));
  return scratch.reserve(sizeof(int32_t));
}

StatusOr<std::unique_ptr<Collective>>
NcclCollective::create(NcclMeeting meeting) {
  std::unique_ptr<NcclCollective> collective(
      new NcclCollective(std::move(meeting)));
  // Everybody learns who cannot: "!" and why, or the id of rank 0.
  Status status = collective->chooseDevice();
  ncclUniqueId id;
  if (status.ok() && collective->rank() == 0)
    status = ncclStatus(ncclGetUniqueId(&id), "ncclGetUniqueId");
  std::string mine = status.ok() ? "" : "!" + status.message();
  if (status.ok() && collective->rank() == 0)
    mine.assign(id.internal, sizeof(id.internal)).insert(0, 1, ' ');
  FLEET_ASSIGN_OR_RETURN(std::vector<std::string> all,
                         collective->meeting.exchange(mine));
  if (!status.ok())
    return status;
  for (size_t r = 0; r < all.size(); ++r)
    if (all[r].rfind('!', 0) == 0)
      return makeError(StatusCode::Unavailable, "rank {}: {}", r,
                       all[r].substr(1));
  FLEET_RETURN_IF_ERROR(collective->connect(all[0].substr(1)));
  return std::unique_ptr<Collective>(std::move(collective));
}

Status NcclCollective::connect(const std::string &bytes) {
  ncclUniqueId id;
  if (bytes.size() != sizeof(id.internal))
    return makeError(StatusCode::DataLoss, "rank 0 sent no id of NCCL");
  std::memcpy(id.internal, bytes.data(), sizeof(id.internal));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0; // so that deadlines hold
  return settle(ncclCommInitRankConfig(&communicator, static_cast<int>(size()),
                                       id, static_cast<int>(rank()), &config),
                "ncclCommInitRankConfig",
                std::chrono::steady_clock::now() + meeting.deadline);
}

NcclCollective::~NcclCollective() {
  bool isAborted = communicator && (broken || completed < started);
  if (isAborted)
    ncclCommAbort(communicator);
  // Copies that are still to come end now, before their memory does.
  if (stream && isAborted)
    cudaStreamSynchronize(stream);
  graphs.clear();
  if (communicator && !isAborted &&
      settle(ncclCommFinalize(communicator), "ncclCommFinalize",
             std::chrono::steady_clock::now() + meeting.deadline)
          .ok())
    ncclCommDestroy(communicator);
  for (Call &call : calls)
    if (call.complete)
      cudaEventDestroy(call.complete);
  if (stream)
    cudaStreamDestroy(stream);
}

StatusOr<void *> NcclCollective::allocate(size_t bytes) {
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  return allocations.allocate(bytes);
}

StatusOr<std::unique_ptr<Collective>> NcclCollective::split(uint32_t colour,
                                                            uint32_t key) {
  if (colour > INT_MAX || key > INT_MAX)
    return makeError(StatusCode::InvalidArgument,
                     "split: colour {} or key {} is above {}", colour, key,
                     INT_MAX);
  if (started > completed)
    FLEET_RETURN_IF_ERROR(wait(started));
  TimePoint deadline = std::chrono::steady_clock::now() + meeting.deadline;
  std::unique_ptr<NcclCollective> part(new NcclCollective(meeting));
  part->device = device;
  FLEET_RETURN_IF_ERROR(part->createStream());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  FLEET_RETURN_IF_ERROR(
      settle(ncclCommSplit(communicator, static_cast<int>(colour),
                           static_cast<int>(key), &part->communicator, &config),
             "ncclCommSplit", deadline));
  // The new one is there some time after the old one has said that it is done.
  auto *const volatile &created = part->communicator;
  while (!created) {
    if (std::chrono::steady_clock::now() >= deadline)
      return makeError(
          StatusCode::DeadlineExceeded,
          "ncclCommSplit: the other ranks did not take part before "
          "the deadline");
    if (Status failure = meeting.failure(); !failure.ok())
      return failure;
    FLEET_RETURN_IF_ERROR(settle(ncclInProgress, "ncclCommSplit", deadline));
    std::this_thread::sleep_for(kNap);
  }
  FLEET_RETURN_IF_ERROR(
      part->settle(ncclInProgress, "ncclCommSplit", deadline));
  int number = 0, count = 0;
  FLEET_RETURN_IF_ERROR(ncclStatus(
      ncclCommUserRank(part->communicator, &number), "ncclCommUserRank"));
  FLEET_RETURN_IF_ERROR(
      ncclStatus(ncclCommCount(part->communicator, &count), "ncclCommCount"));
  part->member = static_cast<uint32_t>(number);
  part->members = static_cast<uint32_t>(count);
  return std::unique_ptr<Collective>(std::move(part));
}

Status NcclCollective::settle(ncclResult_t result, const char *function,
                              TimePoint deadline) {
  while (result == ncclInProgress) {
    if (std::chrono::steady_clock::now() >= deadline)
      return makeError(StatusCode::DeadlineExceeded,
                       "{}: the other ranks did not take part before the "
                       "deadline",
                       function);
    if (Status failure = meeting.failure(); !failure.ok())
      return failure;
    ncclResult_t asynchronous = ncclInProgress;
    if (Status status =
            ncclStatus(ncclCommGetAsyncError(communicator, &asynchronous),
                       "ncclCommGetAsyncError");
        !status.ok())
      return status;
    result = asynchronous;
    if (result == ncclInProgress)
      std::this_thread::sleep_for(kNap);
  }
  return ncclStatus(result, function);
}

void NcclCollective::abort(const std::string &reason) {
  meeting.fail(
      makeError(StatusCode::Aborted, "rank {}: {}", meeting.rank, reason));
}

/// `status` ended call `number`, and with it the job.
Status NcclCollective::endWith(const Status &status, uint64_t number) {
  broken = true;
  Status named = addCall(status, calls[number % kNcclCalls].signature, number);
  meeting.fail(named);
  return named;
}

StatusOr<Collective::Ticket> NcclCollective::start(const CollectiveCall &call) {
  CallSignature signature(call);
  if (Status failure = meeting.failure(); !failure.ok() || broken)
    return addCall(failure, signature, started + 1);
  if (Status status = checkCall(call, rank(), size()); !status.ok()) {
    abort(status.message());
    return status;
  }
  if (started - completed == kNcclCalls)
    FLEET_RETURN_IF_ERROR(finish(completed + 1));
  uint64_t number = ++started;
  Call &entry = calls[number % kNcclCalls];
  entry.signature = signature;
  if (Status status = begin(call, entry); !status.ok())
    return endWith(status, number);
  if (Status status = cudaStatus(cudaEventRecord(entry.complete, stream),
                                 "cudaEventRecord");
      !status.ok())
    return endWith(status, number);
  sent.store(sent.load(std::memory_order_relaxed) + partBytes(call),
             std::memory_order_relaxed);
  return number;
}

Status NcclCollective::begin(const CollectiveCall &call, Call &entry) {
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  entry.result = nullptr;
  if (call.kind == Kind::Barrier)
    return enqueue(call);
  if (call.count == 0)
    return Status();
  if (!onHost() && meeting.graphs)
    return graphs.run(call, stream, [&] { return enqueue(call); });
  if (!onHost())
    return enqueue(call);
  if (size_t bytes = extentOf(call, rank(), size()).bytes();
      bytes > staging.size()) {
    // Calls that use the old one.
    if (started - 1 > completed)
      FLEET_RETURN_IF_ERROR(wait(started - 1));
    FLEET_RETURN_IF_ERROR(staging.reserve(bytes));
  }
  CollectiveCall pinned = call;
  FLEET_RETURN_IF_ERROR(bounce(pinned, entry));
  return enqueueStaged(pinned);
}

/// Lets `call` use memory that CUDA can copy from at any time: it would
/// otherwise make this thread wait, without a deadline.
Status NcclCollective::bounce(CollectiveCall &call, Call &entry) {
  CallExtent extent = extentOf(call, rank(), size());
  bool inMoves =
      extent.inBytes > 0 && !allocations.contains(call.in, extent.inBytes);
  bool outMoves = !allocations.contains(call.out, extent.outBytes);
  if (!inMoves && !outMoves)
    return Status();
  FLEET_RETURN_IF_ERROR(entry.bounce.reserve(extent.bytes()));
  unsigned char *memory = entry.bounce.data();
  if (inMoves) {
    std::memcpy(memory + extent.inOffset, call.in, extent.inBytes);
    call.in = memory + extent.inOffset;
  }
  if (outMoves) {
    entry.result = call.out;
    entry.resultBytes = extent.outBytes;
    entry.resultOffset = extent.outOffset;
    call.out = memory + extent.outOffset;
  }
  return Status();
}

Status NcclCollective::enqueueStaged(const CollectiveCall &call) {
  CallExtent extent = extentOf(call, rank(), size());
  CollectiveCall onDevice = call;
  onDevice.in = staging.data() + extent.inOffset;
  onDevice.out = staging.data() + extent.outOffset;
  if (extent.inBytes > 0)
    FLEET_RETURN_IF_ERROR(cudaStatus(
        cudaMemcpyAsync(staging.data() + extent.inOffset, call.in,
                        extent.inBytes, cudaMemcpyHostToDevice, stream),
        "cudaMemcpyAsync to the device"));
  FLEET_RETURN_IF_ERROR(enqueue(onDevice));
  return cudaStatus(cudaMemcpyAsync(call.out, onDevice.out, extent.outBytes,
                                    cudaMemcpyDeviceToHost, stream),
                    "cudaMemcpyAsync to the host");
}

Status NcclCollective::enqueue(const CollectiveCall &call) {
  TimePoint deadline = std::chrono::steady_clock::now() + meeting.deadline;
  if (call.kind == Kind::Barrier)
    return settle(ncclAllReduce(scratch.data(), scratch.data(), 1, ncclInt32,
                                ncclMax, communicator, stream),
                  "ncclAllReduce", deadline);
  FLEET_ASSIGN_OR_RETURN(ncclDataType_t dtype, convert(call.dtype));
  switch (call.kind) {
  case Kind::AllReduce:
    return settle(ncclAllReduce(call.in, call.out, call.count, dtype,
                                convert(call.reduction), communicator, stream),
                  "ncclAllReduce", deadline);
  case Kind::ReduceScatter:
    return settle(ncclReduceScatter(call.in, call.out, call.count, dtype,
                                    convert(call.reduction), communicator,
                                    stream),
                  "ncclReduceScatter", deadline);
  case Kind::AllGather:
    return settle(ncclAllGather(call.in, call.out, call.count, dtype,
                                communicator, stream),
                  "ncclAllGather", deadline);
  case Kind::Broadcast:
    return settle(ncclBroadcast(call.root == rank() ? call.in : call.out,
                                call.out, call.count, dtype,
                                static_cast<int>(call.root), communicator,
                                stream),
                  "ncclBroadcast", deadline);
  case Kind::Barrier:
    break;
  }
  return Status();
}

Status NcclCollective::wait(Ticket ticket) {
  if (ticket == 0 || ticket > started)
    return makeError(StatusCode::InvalidArgument,
                     "there is no call {} to wait for", ticket);
  while (completed < ticket)
    FLEET_RETURN_IF_ERROR(finish(completed + 1));
  return Status();
}

Status NcclCollective::finish(uint64_t number) {
  TimePoint start = std::chrono::steady_clock::now();
  Call &call = calls[number % kNcclCalls];
  for (;;) {
    cudaError_t state = cudaEventQuery(call.complete);
    if (state == cudaSuccess) {
      if (call.result)
        std::memcpy(call.result, call.bounce.data() + call.resultOffset,
                    call.resultBytes);
      completed = number;
      return Status();
    }
    if (state != cudaErrorNotReady)
      return endWith(cudaStatus(state, "cudaEventQuery"), number);
    if (Status failure = meeting.failure(); !failure.ok())
      return endWith(failure, number);
    ncclResult_t asynchronous = ncclSuccess;
    ncclResult_t asked = ncclCommGetAsyncError(communicator, &asynchronous);
    if (asked != ncclSuccess)
      return endWith(ncclStatus(asked, "ncclCommGetAsyncError"), number);
    if (asynchronous != ncclSuccess && asynchronous != ncclInProgress)
      return endWith(ncclStatus(asynchronous, "NCCL"), number);
    TimePoint now = std::chrono::steady_clock::now();
    if (now - start >= meeting.deadline)
      return endWith(
          makeError(StatusCode::DeadlineExceeded,
                    "not all ranks took part within {} s",
                    std::chrono::duration<double>(meeting.deadline).count()),
          number);
    if (now - start > kSpin)
      std::this_thread::sleep_for(kNap);
  }
}
