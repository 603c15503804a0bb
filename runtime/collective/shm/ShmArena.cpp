//===- ShmArena.cpp - Memory that co-located ranks share ------------------===//

#include "runtime/collective/shm/ShmArena.h"

#include "runtime/base/AlignedBuffer.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace fleet;

static constexpr uint64_t kPage = 4096;

/// All regions together: addresses, not memory.
static constexpr uint64_t kMaxArenaBytes = uint64_t(16) << 40;

static std::string lastError() { return std::strerror(errno); }

static std::string readSmallFile(const char *path) {
  char text[256];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return "";
  ssize_t size = read(file, text, sizeof(text));
  close(file);
  std::string result(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  while (!result.empty() && result.back() == '\n')
    result.pop_back();
  return result;
}

StatusOr<std::string> fleet::hostIdentity() {
  std::string boot = readSmallFile("/proc/sys/kernel/random/boot_id");
  char space[64];
  ssize_t size = readlink("/proc/self/ns/pid", space, sizeof(space));
  if (boot.empty() || size < 0)
    return makeError(StatusCode::Unavailable,
                     "cannot tell which host this is: /proc is not there");
  return fmt::format("{} {} {}", boot,
                     std::string_view(space, static_cast<size_t>(size)),
                     geteuid());
}

ShmArena::~ShmArena() {
  if (base)
    munmap(base, mappedBytes);
  if (file >= 0)
    close(file);
}

/// Rank 0 makes the file. A region may take all memory of the machine, if the
/// others take none.
Status ShmArena::make(uint32_t ranks) {
  uint64_t memory = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * kPage;
  regionBytes = std::min(memory, kMaxArenaBytes / ranks) / kPage * kPage;
  file = memfd_create("fleet-collective", MFD_CLOEXEC);
  if (file < 0)
    return makeError(StatusCode::Unavailable, "cannot make shared memory: {}",
                     lastError());
  if (ftruncate(file, static_cast<off_t>(regionBytes * ranks)) != 0)
    return makeError(StatusCode::Unavailable,
                     "cannot make shared memory of {} bytes: {}",
                     regionBytes * ranks, lastError());
  return Status();
}

Status ShmArena::map() {
  void *memory = mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, file, 0);
  if (memory == MAP_FAILED)
    return makeError(StatusCode::Unavailable,
                     "cannot map shared memory of {} bytes: {}", mappedBytes,
                     lastError());
  base = static_cast<std::byte *>(memory);
  return Status();
}

StatusOr<std::shared_ptr<ShmArena>> ShmArena::create(Rendezvous &rendezvous) {
  std::shared_ptr<ShmArena> arena(new ShmArena());
  uint32_t ranks = rendezvous.size();
  arena->self = rendezvous.rank();
  // What a rank says first: where it is, whether it failed, and how the arena
  // can be opened (rank 0).
  FLEET_ASSIGN_OR_RETURN(std::string host, hostIdentity());
  std::string mine = host + "\n";
  if (arena->self == 0) {
    FLEET_RETURN_IF_ERROR(arena->make(ranks));
    mine += fmt::format("/proc/{}/fd/{} {}", getpid(), arena->file,
                        arena->regionBytes);
  }
  FLEET_ASSIGN_OR_RETURN(std::vector<std::string> all,
                         rendezvous.exchange(mine));
  for (uint32_t r = 0; r < ranks; ++r)
    if (all[r].substr(0, all[r].find('\n')) != host)
      return makeError(StatusCode::InvalidArgument,
                       "backend shm needs all ranks on one host, as one user "
                       "and in one pid namespace; rank {} is not with rank {}",
                       r, arena->self);
  std::string path = all[0].substr(host.size() + 1);
  size_t space = path.find(' ');
  if (space != std::string::npos && arena->self != 0) {
    std::from_chars(path.data() + space + 1, path.data() + path.size(),
                    arena->regionBytes);
    path.resize(space);
    arena->file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  }
  Status status;
  struct stat info {};
  arena->mappedBytes = arena->regionBytes * ranks;
  if (arena->file < 0)
    status = makeError(StatusCode::Unavailable,
                       "cannot open the shared memory of rank 0 ({}): {}", path,
                       lastError());
  else if (fstat(arena->file, &info) != 0 || arena->regionBytes == 0 ||
           arena->regionBytes > kMaxArenaBytes / ranks ||
           static_cast<uint64_t>(info.st_size) != arena->mappedBytes)
    status = makeError(StatusCode::DataLoss,
                       "the shared memory of rank 0 ({}) has another size than "
                       "it says",
                       path);
  else
    status = arena->map();
  FLEET_ASSIGN_OR_RETURN(all, rendezvous.exchange(status.message()));
  for (uint32_t r = 0; r < ranks; ++r)
    if (!all[r].empty())
      return makeError(StatusCode::Unavailable, "rank {}: {}", r, all[r]);
  return arena;
}

StatusOr<uint64_t> ShmArena::allocate(size_t bytes) {
  if (bytes > regionBytes)
    return makeError(StatusCode::InvalidArgument,
                     "shared memory of {} bytes cannot be had", bytes);
  uint64_t align = bytes < kPage ? bufferAlignment : kPage;
  uint64_t offset = (used + align - 1) / align * align;
  uint64_t padded = (std::max<uint64_t>(bytes, 1) + bufferAlignment - 1) /
                    bufferAlignment * bufferAlignment;
  if (offset > regionBytes || padded > regionBytes - offset)
    return makeError(StatusCode::InvalidArgument,
                     "shared memory of {} bytes cannot be had", bytes);
  // Takes the memory now: a page that cannot be had later would be a signal.
  if (int error =
          posix_fallocate(file, static_cast<off_t>(self * regionBytes + offset),
                          static_cast<off_t>(padded)))
    return makeError(StatusCode::InvalidArgument,
                     "shared memory of {} bytes cannot be had: {}", bytes,
                     std::strerror(error));
  used = offset + padded;
  return offset;
}

std::byte *ShmArena::at(uint32_t rank, uint64_t offset, size_t bytes) const {
  if (offset > regionBytes || bytes > regionBytes - offset)
    return nullptr;
  return base + rank * regionBytes + offset;
}

std::optional<uint64_t> ShmArena::find(const void *data, size_t bytes) const {
  uintptr_t region = reinterpret_cast<uintptr_t>(base) + self * regionBytes;
  uintptr_t address = reinterpret_cast<uintptr_t>(data);
  if (address < region || address - region > used ||
      bytes > used - (address - region))
    return std::nullopt;
  return address - region;
}
