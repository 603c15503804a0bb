//===- Checksum.cpp - XXH3 over bytes -------------------------------------===//

#include "runtime/base/Checksum.h"

#include <xxhash.h>
// The widest vectors of the processor at hand: two to three times as fast.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

using namespace fleet;

uint64_t fleet::checksum(const void *data, size_t size) {
  return XXH3_64bits(data, size);
}

struct StreamingChecksum::State {
  struct Free {
    void operator()(XXH3_state_t *state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> hash{XXH3_createState()};
};

StreamingChecksum::StreamingChecksum() : state(std::make_unique<State>()) {
  reset();
}

StreamingChecksum::~StreamingChecksum() = default;

void StreamingChecksum::reset() { XXH3_64bits_reset(state->hash.get()); }

void StreamingChecksum::update(const void *data, size_t size) {
  XXH3_64bits_update(state->hash.get(), data, size);
}

uint64_t StreamingChecksum::digest() const {
  return XXH3_64bits_digest(state->hash.get());
}
