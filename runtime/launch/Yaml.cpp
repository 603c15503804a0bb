//===- Yaml.cpp - Writes YAML ---------------------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/launch/Yaml.h"

#include <algorithm>
#include <cctype>

using namespace fleet;
using Json = nlohmann::ordered_json;

/// Words that some version of YAML reads as no string.
static bool isReserved(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char *word :
       {"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
    if (text == word)
      return true;
  return false;
}

/// Begins with a letter or '/', so it is no number, and has nothing that means
/// something inside of a line.
static bool isPlainString(const std::string &text) {
  auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  auto inside = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  };
  return !text.empty() && (letter(text[0]) || text[0] == '/') &&
         std::all_of(text.begin(), text.end(), inside) && !isReserved(text);
}

static std::string scalar(const Json &value) {
  if (value.is_string() && isPlainString(value.get<std::string>()))
    return value.get<std::string>();
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

static void write(const Json &value, size_t indent, std::string &out) {
  const std::string margin(indent, ' ');
  bool list = value.is_array();
  for (auto it = value.begin(); it != value.end(); ++it) {
    out += margin + (list ? "-" : scalar(Json(it.key())) + ":");
    if (!it->is_structured() || it->empty()) {
      out += " " + scalar(*it) + "\n";
    } else if (list && it->is_object()) {
      // Its first key stands beside the dash.
      std::string nested;
      write(*it, indent + 2, nested);
      out += " " + nested.substr(indent + 2);
    } else {
      out += "\n";
      write(*it, indent + 2, out);
    }
  }
}

std::string fleet::toYaml(const Json &value) {
  std::string out;
  write(value, 0, out);
  return out;
}

bool fleet::isUtf8(const std::string &text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception &) {
    return false;
  }
}
