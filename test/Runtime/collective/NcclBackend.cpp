//===- NcclBackend.cpp - All tests of collectives, on CUDA devices --------===//
//
// NCCL wants a device a rank: groups that are larger than the number of devices
// are skipped, and without a device all of them.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/DataTypes.h"
#include "runtime/collective/nccl/NcclModule.h"
#include "runtime/transport/inproc/InprocTransport.h"
#include "test/Runtime/collective/TestCollectives.h"

#include <algorithm>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <map>

using namespace fleet;

using Kind = CollectiveCall::Kind;

namespace {

void copy(void *to, const void *from, size_t bytes) {
  ASSERT_EQ(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), cudaSuccess);
  // Of memory that is not pinned, the last bytes may still be under way.
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

/// Lets tests, which have memory of the host, call on memory of the device: the
/// same there for a call on the same memory here.
class DeviceMirror final : public Collective {
public:
  explicit DeviceMirror(std::unique_ptr<Collective> device)
      : device(std::move(device)) {}

  uint32_t rank() const override { return device->rank(); }
  uint32_t size() const override { return device->size(); }
  const char *name() const override { return "nccl"; }
  StatusOr<void *> allocate(size_t bytes) override {
    allocated.emplace_back(bytes + 64);
    auto address = reinterpret_cast<uintptr_t>(allocated.back().data());
    return reinterpret_cast<void *>((address + 63) / 64 * 64);
  }

  StatusOr<Ticket> start(const CollectiveCall &call) override {
    bool hasMemory = call.kind != Kind::Barrier && call.in && call.out;
    if (!hasMemory)
      return device->start(call);
    size_t part = call.count * dataTypeSize(call.dtype);
    size_t inBytes = call.kind == Kind::ReduceScatter ? part * size() : part;
    size_t outBytes = call.kind == Kind::AllGather ? part * size() : part;
    auto *in = static_cast<const unsigned char *>(call.in);
    auto *out = static_cast<unsigned char *>(call.out);
    // In place, one lies within the other.
    const unsigned char *low = std::min<const unsigned char *>(in, out);
    bool inPlace = call.kind == Kind::AllGather
                       ? in >= out && in < out + outBytes
                       : out >= in && out < in + inBytes;
    CollectiveCall mirrored = call;
    if (inPlace) {
      FLEET_ASSIGN_OR_RETURN(unsigned char *both,
                             mirror(low, std::max(inBytes, outBytes)));
      mirrored.in = both + (in - low);
      mirrored.out = both + (out - low);
    } else {
      FLEET_ASSIGN_OR_RETURN(mirrored.in, mirror(in, inBytes));
      FLEET_ASSIGN_OR_RETURN(mirrored.out, mirror(out, outBytes));
    }
    copy(const_cast<void *>(mirrored.in), in, inBytes);
    FLEET_ASSIGN_OR_RETURN(Ticket ticket, device->start(mirrored));
    results[ticket] = {out, mirrored.out, outBytes};
    return ticket;
  }

  Status wait(Ticket ticket) override {
    FLEET_RETURN_IF_ERROR(device->wait(ticket));
    for (auto it = results.begin(); it != results.end() && it->first <= ticket;
         it = results.erase(it))
      copy(it->second.to, it->second.from, it->second.bytes);
    return Status();
  }

  StatusOr<std::unique_ptr<Collective>> split(uint32_t colour,
                                              uint32_t key) override {
    FLEET_ASSIGN_OR_RETURN(std::unique_ptr<Collective> part,
                           device->split(colour, key));
    return std::unique_ptr<Collective>(new DeviceMirror(std::move(part)));
  }
  uint64_t bytesSent() const override { return device->bytesSent(); }
  void abort(const std::string &reason) override { device->abort(reason); }

private:
  struct Result {
    void *to;
    const void *from;
    size_t bytes;
  };

  StatusOr<unsigned char *> mirror(const void *host, size_t bytes) {
    void *&memory = mirrors[{host, bytes}];
    if (!memory) {
      FLEET_ASSIGN_OR_RETURN(memory, device->allocate(bytes));
    }
    return static_cast<unsigned char *>(memory);
  }

  std::unique_ptr<Collective> device;
  std::vector<std::vector<unsigned char>> allocated;
  std::map<std::pair<const void *, size_t>, void *> mirrors;
  std::map<Ticket, Result> results;
};

bool hasDevices(uint32_t size) {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess &&
         static_cast<int>(size) <= devices;
}

void runNccl(uint32_t size, Duration deadline, NcclMemory memory,
             const RankBody &body) {
  InprocTransport transport;
  runRanks(size, [&](uint32_t rank) {
    Rendezvous::Options options;
    options.job.programHash = "00112233445566778899aabbccddeeff";
    options.job.trainers = size;
    options.rank = rank;
    options.endpoint = "127.0.0.1:6170";
    options.deadline = deadline;
    auto rendezvous = Rendezvous::join(options, transport);
    ASSERT_TRUE(rendezvous.ok()) << rendezvous.status().message();
    auto collective = openNcclCollective(std::move(*rendezvous), rank, memory);
    ASSERT_TRUE(collective.ok()) << collective.status().message();
    if (memory == NcclMemory::Device)
      *collective = std::make_unique<DeviceMirror>(std::move(*collective));
    body(*collective);
  });
}

void runOnHost(uint32_t size, Duration deadline, const RankBody &body) {
  runNccl(size, deadline, NcclMemory::Host, body);
}

void runOnDevice(uint32_t size, Duration deadline, const RankBody &body) {
  runNccl(size, deadline, NcclMemory::Device, body);
}

} // namespace

const std::vector<CollectiveBackend> &fleet::collectiveBackends() {
  static const std::vector<CollectiveBackend> backends = {
      {"nccl", /*oneProcess=*/true, hasDevices, runOnHost},
      {"ncclDevice", /*oneProcess=*/true, hasDevices, runOnDevice},
  };
  return backends;
}
