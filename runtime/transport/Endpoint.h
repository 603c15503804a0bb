//===- Endpoint.h - HOST:PORT ------------------------------------*- C++
//-*-===//

#ifndef FLEET_RUNTIME_TRANSPORT_ENDPOINT_H
#define FLEET_RUNTIME_TRANSPORT_ENDPOINT_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace fleet {

struct Endpoint {
  std::string host; ///< name or address; IPv6 without its brackets
  uint16_t port = 0;
};

/// Reads `HOST:PORT` or `[V6]:PORT`; port 0 asks for any.
StatusOr<Endpoint> parseEndpoint(const std::string &text);

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_ENDPOINT_H
