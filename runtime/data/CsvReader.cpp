//===- CsvReader.cpp - Numbers in columns ---------------------------------===//

#include "runtime/data/CsvReader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

using namespace fleet;

namespace {

constexpr uint64_t maxCsvBytes = uint64_t(16) << 30;
/// How much of a field an error shows.
constexpr size_t shownCharacters = 40;

bool isBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && isBlank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back()))
    text.remove_suffix(1);
  return text;
}

/// Goes through the lines of a text.
class Lines {
public:
  explicit Lines(std::string_view text) : rest(text) {}

  /// The next line that is not blank, without its line break.
  bool next(std::string_view &line) {
    while (!rest.empty()) {
      ++lineNumber;
      size_t end = rest.find('\n');
      line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
      if (!trim(line).empty())
        return true;
    }
    return false;
  }
  /// Of the last line, from 1.
  int64_t number() const { return lineNumber; }

private:
  std::string_view rest;
  int64_t lineNumber = 0;
};

/// Goes through the fields of a line.
class Fields {
public:
  explicit Fields(std::string_view line) : line(line) {}

  /// The next field, trimmed and without quotes; false at the end. A quote that
  /// is not closed, or text after a closed one, stays in the field, where it is
  /// not a number.
  bool next(std::string_view &field) {
    if (position > line.size())
      return false;
    size_t begin = position;
    while (begin < line.size() && isBlank(line[begin]))
      ++begin;
    size_t search = begin;
    bool quoted = begin < line.size() && line[begin] == '"';
    if (quoted) {
      size_t close = line.find('"', begin + 1);
      // A doubled quote stands for one; only text has them, not numbers.
      while (close != std::string_view::npos && close + 1 < line.size() &&
             line[close + 1] == '"')
        close = line.find('"', close + 2);
      if (close != std::string_view::npos)
        search = close;
    }
    size_t end = std::min(line.find(',', search), line.size());
    field = trim(line.substr(begin, end - begin));
    fieldBegin = begin;
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
      field = trim(field.substr(1, field.size() - 2));
    position = end + 1;
    return true;
  }
  /// Where the last field begins in the line, from 1.
  size_t column() const { return fieldBegin + 1; }

private:
  std::string_view line;
  size_t position = 0;
  size_t fieldBegin = 0;
};

int64_t countFields(std::string_view line) {
  Fields fields(line);
  std::string_view field;
  int64_t count = 0;
  while (fields.next(field))
    ++count;
  return count;
}

enum class Parsed { Number, NotNumber, NotWhole, TooLarge };

/// from_chars does not know a leading plus.
std::string_view withoutPlus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-')
    text.remove_prefix(1);
  return text;
}

template <typename T> Parsed parseFloating(std::string_view text, T &value) {
  text = withoutPlus(text);
  const char *end = text.data() + text.size();
  auto [next, error] = std::from_chars(text.data(), end, value);
  if (next != end || error == std::errc::invalid_argument || text.empty())
    return Parsed::NotNumber;
  if (error == std::errc::result_out_of_range) {
    // from_chars says the same for 1e999 and for 1e-999, which is zero enough.
    double wide = std::strtod(std::string(text).c_str(), nullptr);
    value = static_cast<T>(std::abs(wide) >= 1 ? 0 : wide);
    return std::abs(wide) >= 1 ? Parsed::TooLarge : Parsed::Number;
  }
  return Parsed::Number;
}

template <typename T> Parsed parseInteger(std::string_view text, T &value) {
  text = withoutPlus(text);
  const char *end = text.data() + text.size();
  auto [next, error] = std::from_chars(text.data(), end, value);
  if (next == end && error == std::errc() && !text.empty())
    return Parsed::Number;
  if (next == end && error == std::errc::result_out_of_range)
    return Parsed::TooLarge;
  // "3.0" and "1e3" are whole, too, as far as a double can tell.
  double wide;
  Parsed parsed = parseFloating(text, wide);
  if (parsed != Parsed::Number)
    return parsed;
  if (wide != std::trunc(wide)) // also true of nan
    return Parsed::NotWhole;
  if (std::abs(wide) > 0x1p53 ||
      wide < static_cast<double>(std::numeric_limits<T>::min()) ||
      wide > static_cast<double>(std::numeric_limits<T>::max()))
    return Parsed::TooLarge;
  value = static_cast<T>(wide);
  return Parsed::Number;
}

template <typename T, typename Parse>
Parsed parseInto(std::string_view text, std::byte *out, Parse parse) {
  T value{};
  Parsed parsed = parse(text, value);
  if (parsed == Parsed::Number)
    std::memcpy(out, &value, sizeof(T));
  return parsed;
}

Parsed parseField(std::string_view text, plan::DataType dtype, std::byte *out) {
  switch (dtype) {
  case plan::F32:
    return parseInto<float>(text, out, parseFloating<float>);
  case plan::F64:
    return parseInto<double>(text, out, parseFloating<double>);
  case plan::I32:
    return parseInto<int32_t>(text, out, parseInteger<int32_t>);
  default: // checked before: i64
    return parseInto<int64_t>(text, out, parseInteger<int64_t>);
  }
}

bool isHeader(std::string_view line) {
  Fields fields(line);
  std::string_view field;
  double ignored;
  while (fields.next(field))
    if (parseFloating(field, ignored) == Parsed::NotNumber)
      return true;
  return false;
}

/// One reading of one file.
class CsvLoader {
public:
  CsvLoader(const DataSpec &spec, const std::vector<InputRequest> &requests)
      : spec(spec), requests(requests) {}

  StatusOr<Dataset> load(std::string_view text) {
    // The byte order mark that some spreadsheets write.
    if (text.substr(0, 3) == "\xef\xbb\xbf")
      text.remove_prefix(3);
    Lines lines(text);
    std::string_view line;
    if (!lines.next(line))
      return makeError(StatusCode::InvalidArgument, "{} has no rows",
                       spec.file);
    columns = countFields(line);
    bool header = isHeader(line);
    FLEET_RETURN_IF_ERROR(choose());

    int64_t rows = header ? 0 : 1;
    int64_t first = lines.number();
    while (lines.next(line))
      ++rows;
    if (rows == 0)
      return makeError(StatusCode::InvalidArgument,
                       "{} has no rows under its header", spec.file);
    // A whole row takes a byte a column at least. A file that has too few for
    // all its lines has a ragged one, which is met before the memory ends.
    auto fitting =
        static_cast<int64_t>((text.size() + 1) / static_cast<size_t>(columns));
    FLEET_RETURN_IF_ERROR(allocate(std::min(rows, fitting)));

    lines = Lines(text);
    if (header)
      while (lines.number() < first)
        lines.next(line);
    for (int64_t row = 0; row < rows; ++row) {
      lines.next(line);
      FLEET_RETURN_IF_ERROR(parseRow(line, lines.number(), row));
    }
    return Dataset::create(spec.file, rows, std::move(inputs));
  }

private:
  struct Target {
    size_t input;
    size_t offset; // bytes in its row
    plan::DataType dtype;
  };

  /// Which columns go where.
  Status choose() {
    targetsOf.resize(static_cast<size_t>(columns));
    for (size_t i = 0; i < requests.size(); ++i) {
      const InputRequest &request = requests[i];
      const DataSpec::Entry &entry =
          *std::find_if(spec.entries.begin(), spec.entries.end(),
                        [&](const auto &e) { return e.input == request.name; });
      if (request.dtype != plan::F32 && request.dtype != plan::F64 &&
          request.dtype != plan::I32 && request.dtype != plan::I64)
        return makeError(StatusCode::InvalidArgument,
                         "input '{}' is of type {}; a csv file can give f32, "
                         "f64, i32 and i64",
                         request.name, dataTypeName(request.dtype));
      if (entry.lastColumn >= columns)
        return makeError(StatusCode::InvalidArgument,
                         "--data: there is no column {} for input '{}': {} "
                         "has {} columns, 0..{}",
                         entry.lastColumn, request.name, spec.file, columns,
                         columns - 1);
      FLEET_ASSIGN_OR_RETURN(int64_t wanted, elementCount(request.rowShape));
      int64_t given = entry.lastColumn - entry.firstColumn + 1;
      if (given != wanted)
        return makeError(StatusCode::InvalidArgument,
                         "--data: input '{}' takes {} numbers a row, but {} "
                         "columns ({}..{}) are given for it",
                         request.name, wanted, given, entry.firstColumn,
                         entry.lastColumn);
      size_t size = dataTypeSize(request.dtype);
      for (int64_t c = 0; c < given; ++c)
        targetsOf[static_cast<size_t>(entry.firstColumn + c)].push_back(
            {i, static_cast<size_t>(c) * size, request.dtype});
    }
    return {};
  }

  Status allocate(int64_t rows) {
    for (const InputRequest &request : requests) {
      DatasetInput input;
      input.name = request.name;
      input.dtype = request.dtype;
      input.rowShape = request.rowShape;
      FLEET_ASSIGN_OR_RETURN(int64_t rowBytes,
                             byteSize(request.dtype, request.rowShape));
      input.rowBytes = static_cast<size_t>(rowBytes);
      int64_t total;
      if (__builtin_mul_overflow(rows, rowBytes, &total))
        return makeError(StatusCode::InvalidArgument, "{} has too many rows",
                         spec.file);
      FLEET_ASSIGN_OR_RETURN(
          input.values,
          AlignedBuffer::allocate(static_cast<size_t>(total), "the data"));
      inputs.push_back(std::move(input));
    }
    return {};
  }

  Status parseRow(std::string_view line, int64_t number, int64_t row) {
    // Only a line that is too short can be met beyond the rows that fit.
    int64_t found = countFields(line);
    if (found != columns)
      return makeError(StatusCode::InvalidArgument,
                       "{}:{}: {} columns, but the first line has {}",
                       spec.file, number, found, columns);
    Fields fields(line);
    std::string_view field;
    for (size_t column = 0; fields.next(field); ++column)
      for (const Target &target : targetsOf[column]) {
        DatasetInput &input = inputs[target.input];
        std::byte *out = input.values.data() +
                         static_cast<size_t>(row) * input.rowBytes +
                         target.offset;
        Parsed parsed = parseField(field, target.dtype, out);
        if (parsed != Parsed::Number)
          return explain(parsed, field, number, fields.column(), target.dtype);
      }
    return {};
  }

  Status explain(Parsed parsed, std::string_view field, int64_t line,
                 size_t column, plan::DataType dtype) const {
    std::string shown(field.substr(0, shownCharacters));
    if (shown.size() < field.size())
      shown += "...";
    std::string why;
    switch (parsed) {
    case Parsed::NotWhole:
      why = fmt::format("is not a whole number, which the program's {} needs",
                        dataTypeName(dtype));
      break;
    case Parsed::TooLarge:
      why = fmt::format("does not fit into {}", dataTypeName(dtype));
      break;
    default:
      why = "is not a number";
    }
    return makeError(StatusCode::InvalidArgument, "{}:{}:{}: '{}' {}",
                     spec.file, line, column, shown, why);
  }

  const DataSpec &spec;
  const std::vector<InputRequest> &requests;
  int64_t columns = 0;
  std::vector<std::vector<Target>> targetsOf; // by column
  std::vector<DatasetInput> inputs;
};

} // namespace

StatusOr<Dataset> fleet::readCsv(const DataSpec &spec,
                                 const std::vector<InputRequest> &requests,
                                 Files &files) {
  FLEET_ASSIGN_OR_RETURN(auto file, files.openForReading(spec.file));
  if (file->size() > maxCsvBytes)
    return makeError(StatusCode::InvalidArgument,
                     "{} has {} bytes; csv files may have {}: convert it to "
                     "npy",
                     spec.file, file->size(), maxCsvBytes);
  FLEET_ASSIGN_OR_RETURN(
      AlignedBuffer text,
      AlignedBuffer::allocate(file->size(), "the text of the data"));
  FLEET_RETURN_IF_ERROR(file->readAt(0, text.data(), text.size()));
  return CsvLoader(spec, requests)
      .load({reinterpret_cast<const char *>(text.data()), text.size()});
}
