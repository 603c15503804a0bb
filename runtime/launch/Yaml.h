//===- Yaml.h - Writes YAML -------------------------------------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_LAUNCH_YAML_H
#define FLEET_RUNTIME_LAUNCH_YAML_H

#include <nlohmann/json.hpp>

#include <string>

namespace fleet {

/// `value` as a YAML document in block style. Strings that could be read as
/// anything else are quoted as in JSON, of which YAML 1.2 is a superset; every
/// string is valid UTF-8.
std::string toYaml(const nlohmann::ordered_json &value);

/// True when `text` is valid UTF-8.
bool isUtf8(const std::string &text);

} // namespace fleet

#endif // FLEET_RUNTIME_LAUNCH_YAML_H
