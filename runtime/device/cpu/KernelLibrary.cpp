//===- KernelLibrary.cpp - The generated code of a plan -------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/cpu/KernelLibrary.h"

#include "runtime/device/cpu/CpuFeatures.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace fleet;

namespace {

/// "znver4" of "x86_64-pc-linux-gnu,znver4".
std::string targetCpu(const std::string &target) {
  size_t comma = target.find(',');
  return comma == std::string::npos ? target : target.substr(comma + 1);
}

Status checkFeatures(const plan::Plan &plan) {
  for (std::string feature : plan.required_cpu_features()) {
    if (!feature.empty() && feature[0] == '+')
      feature.erase(0, 1);
    std::optional<bool> has = cpuHasFeature(feature);
    if (has && *has)
      continue;
    return makeError(StatusCode::InvalidArgument,
                     "plan was compiled for {} (needs {}), {}; recompile with "
                     "--target-cpu=x86-64-v3",
                     targetCpu(plan.library_target()), feature,
                     has ? "this CPU has no " + feature
                         : std::string("which this program does not know"));
  }
  return Status();
}

/// The loader of the system trusts what it reads, so at least the kind of file
/// is checked first.
Status checkElf(const std::string &library) {
  Elf64_Ehdr header;
  if (library.size() < sizeof(header))
    return makeError(StatusCode::DataLoss,
                     "the kernel library has {} bytes, too few for ELF",
                     library.size());
  std::memcpy(&header, library.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN)
    return makeError(StatusCode::DataLoss,
                     "the kernel library is not a 64-bit ELF shared object");
#if defined(__x86_64__)
  constexpr int machine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr int machine = EM_AARCH64;
#endif
  if (header.e_machine != machine)
    return makeError(StatusCode::InvalidArgument,
                     "the kernel library is code for another kind of machine");
  auto inside = [&](uint64_t offset, uint64_t bytes) {
    return offset <= library.size() && bytes <= library.size() - offset;
  };
  bool good =
      header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phnum > 0 &&
      inside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr));
  for (int i = 0; good && i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment,
                library.data() + header.e_phoff +
                    static_cast<size_t>(i) * sizeof(segment),
                sizeof(segment));
    if (segment.p_type == PT_LOAD)
      good = inside(segment.p_offset, segment.p_filesz);
  }
  if (!good)
    return makeError(StatusCode::DataLoss,
                     "the kernel library is truncated or corrupt");
  return Status();
}

/// Loads the bytes of a shared object. On success `descriptor` is of the memory
/// that holds them and has to stay open as long as the library: the loader
/// takes a path for the library that it loaded under it before, and a
/// descriptor that was closed comes back for the next one.
StatusOr<void *> loadFromMemory(const std::string &library, int &descriptor) {
  int fd = ::memfd_create("fleet-kernels", MFD_CLOEXEC);
  if (fd < 0)
    return makeError(StatusCode::Internal,
                     "cannot make memory for the kernel library: {}",
                     std::strerror(errno));
  size_t done = 0;
  int error = 0;
  while (done < library.size() && error == 0) {
    ssize_t wrote = ::write(fd, library.data() + done, library.size() - done);
    if (wrote >= 0)
      done += static_cast<size_t>(wrote);
    else if (errno != EINTR)
      error = errno;
  }
  void *handle = nullptr;
  std::string reason;
  if (error != 0) {
    reason = std::strerror(error);
  } else {
    std::string path = fmt::format("/proc/self/fd/{}", fd);
    handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      if (const char *text = ::dlerror())
        reason = text;
  }
  if (!handle) {
    ::close(fd);
    return makeError(StatusCode::InvalidArgument,
                     "cannot load the kernel library: {}", reason);
  }
  descriptor = fd;
  return handle;
}

} // namespace

StatusOr<std::shared_ptr<const KernelLibrary>>
KernelLibrary::load(const plan::Plan &plan, const std::string &name) {
  std::shared_ptr<KernelLibrary> library(new KernelLibrary);
  if (plan.kernels_size() == 0)
    return std::shared_ptr<const KernelLibrary>(library);
  FLEET_RETURN_IF_ERROR(checkFeatures(plan).withContext(name));
  FLEET_RETURN_IF_ERROR(checkElf(plan.library()).withContext(name));
  StatusOr<void *> handle = loadFromMemory(plan.library(), library->descriptor);
  if (!handle.ok())
    return handle.status().withContext(name);
  library->handle = *handle;
  for (const plan::Kernel &kernel : plan.kernels()) {
    void *symbol = ::dlsym(library->handle, kernel.symbol().c_str());
    if (symbol) {
      library->functions.push_back(reinterpret_cast<KernelFunction>(symbol));
      continue;
    }
    return makeError(StatusCode::InvalidArgument,
                     "{}: the kernel library has no kernel '{}'", name,
                     kernel.symbol());
  }
  return std::shared_ptr<const KernelLibrary>(library);
}

KernelLibrary::~KernelLibrary() {
  if (handle)
    ::dlclose(handle);
  if (descriptor >= 0)
    ::close(descriptor);
}
