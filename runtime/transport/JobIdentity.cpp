//===- JobIdentity.cpp - What processes of a job agree on -----------------===//

#include "runtime/transport/JobIdentity.h"

#include <algorithm>
#include <charconv>

uint64_t fleet::JobIdentity::frameId() const {
  uint64_t id = 0;
  size_t digits = std::min<size_t>(16, programHash.size());
  std::from_chars(programHash.data(), programHash.data() + digits, id, 16);
  return id;
}
