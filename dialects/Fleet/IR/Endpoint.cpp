//===- Endpoint.cpp - Where a server listens ------------------------------===//

#include "dialects/Fleet/IR/Fleet.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fleet::dist;

/// Host names and IPv4 addresses alike: dot-separated labels.
static bool isHostName(StringRef host) {
  if (host.empty() || host.size() > 253)
    return false;
  SmallVector<StringRef> labels;
  host.split(labels, '.');
  return llvm::all_of(labels, [](StringRef label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' &&
           label.back() != '-' && llvm::all_of(label, [](char c) {
             return llvm::isAlnum(c) || c == '-' || c == '_';
           });
  });
}

/// Looks only like four numbers with dots: then it must be an address, or a
/// resolver would be asked for a host named "127.0.0.300".
static bool isBadIPv4(StringRef host) {
  if (!llvm::all_of(host, [](char c) { return llvm::isDigit(c) || c == '.'; }))
    return false;
  SmallVector<StringRef> parts;
  host.split(parts, '.');
  return parts.size() != 4 || llvm::any_of(parts, [](StringRef part) {
           unsigned value = 0;
           return part.size() > 3 || part.getAsInteger(10, value) ||
                  value > 255;
         });
}

/// Up to eight groups of up to four hexadecimal digits, one "::" at most; a
/// zone ("%eth0") is not taken, as it means something on one machine only.
static bool isIPv6(StringRef host) {
  size_t gap = host.find("::");
  if (gap != StringRef::npos && host.find("::", gap + 1) != StringRef::npos)
    return false;
  auto countGroups = [](StringRef text, int &groups) {
    if (text.empty())
      return true;
    SmallVector<StringRef> parts;
    text.split(parts, ':');
    groups += static_cast<int>(parts.size());
    return llvm::all_of(parts, [](StringRef part) {
      return !part.empty() && part.size() <= 4 &&
             llvm::all_of(part, llvm::isHexDigit);
    });
  };
  int groups = 0;
  if (gap == StringRef::npos)
    return countGroups(host, groups) && groups == 8;
  return countGroups(host.take_front(gap), groups) &&
         countGroups(host.drop_front(gap + 2), groups) && groups < 8;
}

std::optional<Endpoint> mlir::fleet::dist::parseEndpoint(StringRef text,
                                                         std::string &why) {
  auto fail = [&](const llvm::Twine &reason) {
    why = reason.str();
    return std::nullopt;
  };
  StringRef host, port;
  if (text.starts_with("[")) {
    size_t end = text.find(']');
    if (end == StringRef::npos)
      return fail("has no closing bracket");
    host = text.slice(1, end);
    if (!isIPv6(host))
      return fail("has no IPv6 address between its brackets");
    StringRef rest = text.drop_front(end + 1);
    if (!rest.consume_front(":"))
      return fail("has no port");
    port = rest;
  } else {
    if (text.count(':') > 1)
      return fail("has more than one colon; an IPv6 address goes in brackets");
    if (!text.contains(':'))
      return fail("has no port");
    std::tie(host, port) = text.split(':');
    if (host.empty())
      return fail("has no host");
    if (!isHostName(host) || isBadIPv4(host))
      return fail("has the host '" + host +
                  "', which is neither a name nor an address");
  }
  unsigned number = 0;
  if (port.empty())
    return fail("has no port");
  if (!llvm::all_of(port, llvm::isDigit) || port.getAsInteger(10, number) ||
      number < 1 || number > 65535)
    return fail("has the port '" + port + "', expected 1 to 65535");
  return Endpoint{host.lower(), static_cast<uint16_t>(number)};
}
