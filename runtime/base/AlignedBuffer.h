//===- AlignedBuffer.h - Owned memory on a cache line -----------*- C++ -*-===//

#ifndef FLEET_RUNTIME_BASE_ALIGNEDBUFFER_H
#define FLEET_RUNTIME_BASE_ALIGNEDBUFFER_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <sys/mman.h>

namespace fleet {

/// Every array that a kernel may touch starts on a multiple of this many bytes.
inline constexpr size_t bufferAlignment = 64;

/// Owns bytes that start on a cache line and are padded to a whole number of
/// them. Movable; moving does not change the address. Not thread-safe.
class AlignedBuffer {
public:
  AlignedBuffer() = default;

  /// `size` bytes, not initialized. Fails (InvalidArgument) instead of throwing
  /// when the machine does not have them; `what` names the owner in the error.
  static StatusOr<AlignedBuffer> allocate(size_t size, const char *what) {
    AlignedBuffer buffer;
    if (size > SIZE_MAX - 2 * bufferAlignment)
      return makeError(StatusCode::InvalidArgument,
                       "{} needs {} bytes, more than memory can hold", what,
                       size);
    size_t padded = (size / bufferAlignment + 1) * bufferAlignment;
    buffer.bytes.reset(
        static_cast<std::byte *>(std::aligned_alloc(bufferAlignment, padded)));
    if (!buffer.bytes)
      return makeError(StatusCode::InvalidArgument,
                       "{} needs {} bytes of memory, which cannot be had", what,
                       size);
    buffer.length = size;
    return buffer;
  }

  /// The same for memory that is read at random places: in pages of 2 MiB where
  /// the system has them, so that a look-up does not also miss the TLB.
  static StatusOr<AlignedBuffer> allocateLarge(size_t size, const char *what) {
    constexpr size_t kPage = size_t(2) << 20;
    if (size < kPage || size > SIZE_MAX - 2 * kPage)
      return allocate(size, what);
    AlignedBuffer buffer;
    size_t padded = (size + kPage - 1) / kPage * kPage;
    buffer.bytes.reset(
        static_cast<std::byte *>(std::aligned_alloc(kPage, padded)));
    if (!buffer.bytes)
      return makeError(StatusCode::InvalidArgument,
                       "{} needs {} bytes of memory, which cannot be had", what,
                       size);
    (void)::madvise(buffer.bytes.get(), padded, MADV_HUGEPAGE); // or small ones
    buffer.length = size;
    return buffer;
  }

  std::byte *data() { return bytes.get(); }
  const std::byte *data() const { return bytes.get(); }
  size_t size() const { return length; }

private:
  struct Free {
    void operator()(std::byte *memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> bytes;
  size_t length = 0;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_ALIGNEDBUFFER_H
