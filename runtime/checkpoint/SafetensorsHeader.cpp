//===- SafetensorsHeader.cpp - The JSON at a checkpoint's start -----------===//

#include "runtime/checkpoint/SafetensorsHeader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

using namespace fleet;

namespace {

struct TypeName {
  plan::DataType dtype;
  std::string_view name;
};
constexpr TypeName typeNames[] = {
    {plan::I1, "BOOL"}, {plan::I8, "I8"},   {plan::I32, "I32"},
    {plan::I64, "I64"}, {plan::F16, "F16"}, {plan::BF16, "BF16"},
    {plan::F32, "F32"}, {plan::F64, "F64"},
};

constexpr size_t maxRank = 32;

/// Takes the parser's events. The form of a header is fixed, so any event that
/// it does not have ends the parse: nothing nests deeper than three levels, and
/// a key that comes twice is seen (a tree of JSON values would drop one).
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
public:
  SafetensorsHeader header;
  std::string error;

  bool start_object(std::size_t) override {
    if (level == Level::Outside)
      level = Level::Header;
    else if (level == Level::Header && !name.empty())
      level = name == "__metadata__" ? Level::Metadata : Level::Tensor;
    else
      return unexpected();
    return true;
  }

  bool key(string_t &text) override {
    switch (level) {
    case Level::Header:
      name = text;
      if (name.empty())
        return fail("a tensor has an empty name");
      if (name == "__metadata__") {
        if (hasMetadata)
          return duplicate(name);
        hasMetadata = true;
        return true;
      }
      if (!header.entries.emplace(name, Checkpoint::Entry()).second)
        return duplicate(name);
      seen = 0;
      begin = end = 0;
      return true;
    case Level::Metadata:
      field = text;
      if (header.metadata.count(field))
        return duplicate(field);
      return true;
    case Level::Tensor: {
      field = text;
      unsigned bit = field == "dtype"          ? 1
                     : field == "shape"        ? 2
                     : field == "data_offsets" ? 4
                                               : 0;
      if (bit == 0)
        return fail(
            fmt::format("tensor '{}' has an unknown field '{}'", name, field));
      if (seen & bit)
        return duplicate(field);
      seen |= bit;
      return true;
    }
    default:
      return unexpected();
    }
  }

  bool string(string_t &text) override {
    if (level == Level::Metadata) {
      header.metadata.emplace(field, text);
      return true;
    }
    if (level != Level::Tensor || field != "dtype")
      return unexpected();
    for (const TypeName &candidate : typeNames)
      if (text == candidate.name) {
        entry().dtype = candidate.dtype;
        return true;
      }
    return fail(fmt::format("tensor '{}' has the unknown type '{}'", name,
                            text.substr(0, 16)));
  }

  bool start_array(std::size_t) override {
    if (level != Level::Tensor || (field != "shape" && field != "data_offsets"))
      return unexpected();
    level = Level::Numbers;
    numbers.clear();
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (level != Level::Numbers || numbers.size() == maxRank ||
        value > static_cast<uint64_t>(INT64_MAX))
      return unexpected();
    numbers.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool end_array() override {
    level = Level::Tensor;
    if (field == "shape") {
      entry().shape = numbers;
      return true;
    }
    if (numbers.size() != 2)
      return unexpected();
    begin = static_cast<uint64_t>(numbers[0]);
    end = static_cast<uint64_t>(numbers[1]);
    return true;
  }

  bool end_object() override {
    if (level == Level::Header) {
      level = Level::Outside;
      return true;
    }
    if (level == Level::Tensor && !finishTensor())
      return false;
    level = Level::Header;
    name.clear();
    return true;
  }

  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_integer(number_integer_t) override { return unexpected(); }
  bool number_float(number_float_t, const string_t &) override {
    return unexpected();
  }
  bool binary(binary_t &) override { return unexpected(); }
  bool parse_error(std::size_t position, const std::string &,
                   const nlohmann::detail::exception &) override {
    return fail(
        fmt::format("the header is not valid json at its byte {}", position));
  }

private:
  enum class Level { Outside, Header, Metadata, Tensor, Numbers };

  Checkpoint::Entry &entry() { return header.entries[name]; }

  bool finishTensor() {
    if (seen != 7)
      return fail(fmt::format(
          "tensor '{}' lacks its dtype, shape or data_offsets", name));
    StatusOr<int64_t> bytes = byteSize(entry().dtype, entry().shape);
    if (!bytes.ok())
      return fail(
          fmt::format("tensor '{}': {}", name, bytes.status().message()));
    if (end < begin || end - begin != static_cast<uint64_t>(*bytes))
      return fail(fmt::format(
          "tensor '{}' of {} {} takes {} bytes, but its offsets are {} and {}",
          name, dataTypeName(entry().dtype), formatShape(entry().shape), *bytes,
          begin, end));
    entry().offset = begin;
    entry().bytes = end - begin;
    return true;
  }

  bool fail(std::string why) {
    if (error.empty())
      error = std::move(why);
    return false;
  }
  bool duplicate(const std::string &what) {
    return fail(fmt::format("'{}' is there twice", what));
  }
  bool unexpected() {
    return fail(name.empty()
                    ? std::string("the header is malformed")
                    : fmt::format("the header is malformed at '{}'", name));
  }

  Level level = Level::Outside;
  bool hasMetadata = false;
  std::string name, field;
  unsigned seen = 0;
  uint64_t begin = 0, end = 0;
  std::vector<int64_t> numbers;
};

/// Sorted by where they lie, the tensors leave no gap and do not overlap.
Status checkCover(const SafetensorsHeader &header, uint64_t payloadBytes) {
  std::vector<std::pair<const Checkpoint::Entry *, const std::string *>> sorted;
  for (const auto &[name, entry] : header.entries)
    sorted.emplace_back(&entry, &name);
  std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
    return std::make_pair(a.first->offset, a.first->bytes) <
           std::make_pair(b.first->offset, b.first->bytes);
  });
  uint64_t next = 0;
  for (const auto &[entry, name] : sorted) {
    if (entry->offset != next)
      return makeError(StatusCode::DataLoss,
                       "tensor '{}' begins at byte {} of the data instead of "
                       "{}",
                       *name, entry->offset, next);
    next += entry->bytes; // at most INT64_MAX each, and next <= offset
  }
  if (next != payloadBytes)
    return makeError(StatusCode::DataLoss,
                     "the tensors take {} bytes, but {} follow the header",
                     next, payloadBytes);
  return {};
}

} // namespace

std::string_view fleet::safetensorsName(plan::DataType dtype) {
  for (const TypeName &candidate : typeNames)
    if (candidate.dtype == dtype)
      return candidate.name;
  return {};
}

StatusOr<SafetensorsHeader>
fleet::parseSafetensorsHeader(std::string_view text, uint64_t payloadBytes) {
  HeaderEvents events;
  if (text.empty() || text[0] != '{')
    return makeError(StatusCode::DataLoss,
                     "the header does not begin with '{{'");
  if (!nlohmann::json::sax_parse(text, &events))
    return Status(StatusCode::DataLoss, events.error);
  FLEET_RETURN_IF_ERROR(checkCover(events.header, payloadBytes));
  return std::move(events.header);
}

size_t fleet::findChecksum(std::string_view text, std::string_view digits) {
  // Quotes inside of names are escaped, so this cannot be part of one.
  std::string pattern = fmt::format("\"{}\":\"{}\"", checksumKey, digits);
  size_t at = text.find(pattern);
  return at == std::string_view::npos ? at
                                      : at + pattern.size() - 1 - digits.size();
}
