//===- StreamErrors.h - What streams say when they fail ---------*- C++ -*-===//
//
// Every backend words its errors alike, so that code above can tell them apart
// and users read the same whatever the transport.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_TRANSPORT_STREAMERRORS_H
#define FLEET_RUNTIME_TRANSPORT_STREAMERRORS_H

#include "runtime/base/Status.h"

namespace fleet {

/// The deadline passed before `peer` did "take" or "send" all of a message;
/// `any` says whether it did a part of it.
inline Status deadlineError(const std::string &peer, const char *what,
                            bool any) {
  if (any)
    return makeError(StatusCode::DataLoss,
                     "{} stopped in the middle of a message until the deadline",
                     peer);
  return makeError(StatusCode::DeadlineExceeded,
                   "{} did not {} anything before the deadline", peer, what);
}

inline Status closedError(const std::string &peer) {
  return makeError(StatusCode::Unavailable, "{} closed the connection", peer);
}

} // namespace fleet

#endif // FLEET_RUNTIME_TRANSPORT_STREAMERRORS_H
