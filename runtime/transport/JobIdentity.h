//===- JobIdentity.h - What processes of a job agree on ---------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_JOBIDENTITY_H
#define FLEET_RUNTIME_TRANSPORT_JOBIDENTITY_H

#include <cstdint>
#include <string>

namespace fleet {

/// What both ends of a connection have to agree on.
struct JobIdentity {
  std::string name;
  std::string programHash; ///< hex, of the whole job module
  uint32_t trainers = 1;
  uint64_t seed = 0;

  /// First 64 bits of the hash: the job field of every frame.
  uint64_t frameId() const;
};

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_JOBIDENTITY_H
