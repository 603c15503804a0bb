//===- Endpoint.cpp - HOST:PORT -------------------------------------------===//

#include "runtime/transport/Endpoint.h"

#include <charconv>

using namespace fleet;

StatusOr<Endpoint> fleet::parseEndpoint(const std::string &text) {
  auto fail = [&](const char *why) {
    return makeError(StatusCode::InvalidArgument,
                     "endpoint '{}' {}; expected HOST:PORT, such as "
                     "127.0.0.1:6170 or [::1]:6170",
                     text, why);
  };
  size_t colon = text.rfind(':');
  if (colon == std::string::npos)
    return fail("has no port");
  Endpoint endpoint;
  endpoint.host = text.substr(0, colon);
  if (endpoint.host.size() > 2 && endpoint.host.front() == '[' &&
      endpoint.host.back() == ']')
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  else if (endpoint.host.find(':') != std::string::npos)
    return fail("has an IPv6 address without brackets");
  if (endpoint.host.empty())
    return fail("has no host");
  const char *begin = text.data() + colon + 1, *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(begin, end, endpoint.port);
  if (begin == end || error != std::errc() || rest != end)
    return fail("has no port from 0 to 65535");
  return endpoint;
}
