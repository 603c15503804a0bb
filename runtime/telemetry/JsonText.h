//===- JsonText.h - Strings as JSON -----------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_TELEMETRY_JSONTEXT_H
#define FLEET_RUNTIME_TELEMETRY_JSONTEXT_H

#include <nlohmann/json.hpp>

#include <string>

namespace fleet {

/// `text` with its quotes; what is not UTF-8 becomes U+FFFD.
inline std::string jsonString(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

} // namespace fleet

#endif // FLEET_RUNTIME_TELEMETRY_JSONTEXT_H
