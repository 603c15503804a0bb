//===- DataSpec.cpp - What --data= says -----------------------------------===//

#include "runtime/data/DataSpec.h"

#include <charconv>

using namespace fleet;

namespace {

bool endsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.substr(text.size() - suffix.size()) == suffix;
}

bool parseColumn(std::string_view text, int64_t &column) {
  const char *end = text.data() + text.size();
  auto [next, error] = std::from_chars(text.data(), end, column);
  return error == std::errc() && next == end && column >= 0;
}

Status checkNew(const DataSpec &spec, std::string_view name) {
  for (const DataSpec::Entry &entry : spec.entries)
    if (entry.input == name)
      return makeError(StatusCode::InvalidArgument,
                       "--data: input '{}' is named twice", name);
  return {};
}

/// One `name=0..12` or `name=13`.
StatusOr<DataSpec::Entry> parseRange(std::string_view text) {
  DataSpec::Entry entry;
  size_t equals = text.find('=');
  std::string_view range =
      equals == std::string_view::npos ? "" : text.substr(equals + 1);
  size_t dots = range.find("..");
  bool valid = dots == std::string_view::npos
                   ? parseColumn(range, entry.firstColumn)
                   : parseColumn(range.substr(0, dots), entry.firstColumn) &&
                         parseColumn(range.substr(dots + 2), entry.lastColumn);
  if (!valid || equals == 0)
    return makeError(StatusCode::InvalidArgument,
                     "--data: '{}' is not a column range; write e.g. x=0..12 "
                     "or y=13",
                     text);
  if (dots == std::string_view::npos)
    entry.lastColumn = entry.firstColumn;
  if (entry.lastColumn < entry.firstColumn)
    return makeError(StatusCode::InvalidArgument,
                     "--data: the column range '{}' ends before it begins",
                     text);
  entry.input = text.substr(0, equals);
  return entry;
}

/// One `name=file.npy`.
StatusOr<DataSpec::Entry> parseNpyFile(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 ||
      !endsWith(text, ".npy") || equals + 5 >= text.size())
    return makeError(StatusCode::InvalidArgument,
                     "--data: '{}' is not of the form name=file.npy", text);
  DataSpec::Entry entry;
  entry.input = text.substr(0, equals);
  entry.file = text.substr(equals + 1);
  return entry;
}

template <typename Parse>
Status parseEntries(std::string_view list, DataSpec &spec, Parse parse) {
  while (true) {
    size_t comma = list.find(',');
    FLEET_ASSIGN_OR_RETURN(DataSpec::Entry entry, parse(list.substr(0, comma)));
    FLEET_RETURN_IF_ERROR(checkNew(spec, entry.input));
    spec.entries.push_back(std::move(entry));
    if (comma == std::string_view::npos)
      return {};
    list.remove_prefix(comma + 1);
  }
}

} // namespace

StatusOr<DataSpec> fleet::parseDataSpec(std::string_view text) {
  DataSpec spec;
  if (text.empty())
    return makeError(StatusCode::InvalidArgument,
                     "--data is empty; write file.csv#x=0..12,y=13 or "
                     "x=x.npy,y=y.npy or file.npz");

  // The last one: a path may have a '#' in it, a column range may not.
  size_t hash = text.rfind('#');
  if (hash != std::string_view::npos) {
    spec.format = DataSpec::Format::Csv;
    spec.file = text.substr(0, hash);
    if (spec.file.empty())
      return makeError(StatusCode::InvalidArgument,
                       "--data={}: there is no file before the '#'", text);
    FLEET_RETURN_IF_ERROR(
        parseEntries(text.substr(hash + 1), spec, parseRange));
    return spec;
  }
  if (endsWith(text, ".npz")) {
    spec.format = DataSpec::Format::Npz;
    spec.file = text;
    return spec;
  }
  if (endsWith(text, ".npy")) {
    spec.format = DataSpec::Format::Npy;
    FLEET_RETURN_IF_ERROR(parseEntries(text, spec, parseNpyFile));
    spec.file = spec.entries.front().file;
    return spec;
  }
  if (endsWith(text, ".csv"))
    return makeError(StatusCode::InvalidArgument,
                     "--data={0}: say which columns are which input, e.g. "
                     "{0}#x=0..12,y=13",
                     text);
  return makeError(StatusCode::InvalidArgument,
                   "--data={}: expected file.csv#x=0..12,y=13 or "
                   "x=x.npy,y=y.npy or file.npz",
                   text);
}
