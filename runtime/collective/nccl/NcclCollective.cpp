//===- NcclCollective.cpp - Collectives on device memory ------------------===//

#include "runtime/collective/nccl/NcclCollective.h"

#include <cstring>
#include <thread>

using namespace fleet;

using Kind = CollectiveCall::Kind;

/// A device call takes microseconds; who waits for longer looks less often.
static constexpr auto kSpin = std::chrono::microseconds(100);
static constexpr auto kNap = std::chrono::microseconds(20);

static Status cudaStatus(cudaError_t error, const char *function) {
  if (error == cudaSuccess)
    return Status();
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   cudaGetErrorString(error));
}

static Status ncclStatus(ncclResult_t result, const char *function) {
  if (result == ncclSuccess)
    return Status();
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   ncclGetErrorString(result));
}

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

Status NcclCollective::chooseDevice() {
  int devices = 0;
  cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0)
    return makeError(
        StatusCode::Unavailable, "backend nccl needs a CUDA device: {}",
        error != cudaSuccess ? cudaGetErrorString(error) : "there is none");
  device = static_cast<int>(meeting.localRank) % devices;
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  FLEET_RETURN_IF_ERROR(
      cudaStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                 "cudaStreamCreateWithFlags"));
  for (Call &call : calls)
    FLEET_RETURN_IF_ERROR(cudaStatus(
        cudaEventCreateWithFlags(&call.complete, cudaEventDisableTiming),
        "cudaEventCreateWithFlags"));
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaMalloc(&scratch, 4), "cudaMalloc"));
  return cudaStatus(cudaMemset(scratch, 0, 4), "cudaMemset");
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
  if (communicator && (broken || completed < started))
    ncclCommAbort(communicator);
  else if (communicator &&
           settle(ncclCommFinalize(communicator), "ncclCommFinalize",
                  std::chrono::steady_clock::now() + meeting.deadline)
               .ok())
    ncclCommDestroy(communicator);
  for (void *memory : allocated)
    cudaFree(memory);
  cudaFree(scratch);
  for (Call &call : calls)
    if (call.complete)
      cudaEventDestroy(call.complete);
  if (stream)
    cudaStreamDestroy(stream);
}

StatusOr<void *> NcclCollective::allocate(size_t bytes) {
  void *memory = nullptr;
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  FLEET_RETURN_IF_ERROR(
      cudaStatus(cudaMalloc(&memory, bytes == 0 ? 1 : bytes), "cudaMalloc"));
  allocated.push_back(memory);
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaMemset(memory, 0, bytes), "cudaMemset"));
  FLEET_RETURN_IF_ERROR(
      cudaStatus(cudaDeviceSynchronize(), "cudaDeviceSynchronize"));
  return memory;
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
  meeting.fail(makeError(StatusCode::Aborted, "rank {}: {}", rank(), reason));
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
  if (Status status = enqueue(call); !status.ok())
    return endWith(status, number);
  if (Status status = cudaStatus(cudaEventRecord(entry.complete, stream),
                                 "cudaEventRecord");
      !status.ok())
    return endWith(status, number);
  sent.store(sent.load(std::memory_order_relaxed) + partBytes(call),
             std::memory_order_relaxed);
  return number;
}

Status NcclCollective::enqueue(const CollectiveCall &call) {
  FLEET_RETURN_IF_ERROR(cudaStatus(cudaSetDevice(device), "cudaSetDevice"));
  TimePoint deadline = std::chrono::steady_clock::now() + meeting.deadline;
  if (call.kind == Kind::Barrier)
    return settle(ncclAllReduce(scratch, scratch, 1, ncclInt32, ncclMax,
                                communicator, stream),
                  "ncclAllReduce", deadline);
  if (call.count == 0)
    return Status();
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
  for (;;) {
    cudaError_t state = cudaEventQuery(calls[number % kNcclCalls].complete);
    if (state == cudaSuccess) {
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
