//===- Checksum.h - XXH3 over bytes -----------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_BASE_CHECKSUM_H
#define FLEET_RUNTIME_BASE_CHECKSUM_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace fleet {

/// XXH3-64 of `size` bytes. Detects accidents, not attacks.
uint64_t checksum(const void *data, size_t size);
inline uint64_t checksum(std::string_view bytes) {
  return checksum(bytes.data(), bytes.size());
}

/// XXH3-64 of bytes that come in pieces: the same value as checksum() over all
/// of them in one piece. Not thread-safe.
class StreamingChecksum {
public:
  StreamingChecksum();
  ~StreamingChecksum();
  /// Forgets what was added.
  void reset();
  void update(const void *data, size_t size);
  uint64_t digest() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace fleet

#endif // FLEET_RUNTIME_BASE_CHECKSUM_H
