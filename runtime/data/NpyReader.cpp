//===- NpyReader.cpp - Arrays that numpy saved ----------------------------===//

#include "runtime/data/NpyReader.h"

#include <algorithm>
#include <charconv>
#include <cstring>

using namespace fleet;

namespace {

constexpr char magic[] = "\x93NUMPY";
constexpr size_t magicSize = 6;
/// numpy itself refuses longer headers unless told to trust the file.
constexpr uint32_t maxHeaderBytes = 10000;
constexpr size_t maxRank = 32;

/// Parses the few forms that a header has: {'key': value, ...} with strings,
/// True / False, and tuples of whole numbers.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  StatusOr<NpyHeader> parse() {
    NpyHeader header;
    bool haveType = false, haveOrder = false, haveShape = false;
    if (!take('{'))
      return malformed();
    while (!take('}')) {
      std::string_view key;
      if (!takeString(key) || !take(':'))
        return malformed();
      bool *have = key == "descr"           ? &haveType
                   : key == "fortran_order" ? &haveOrder
                   : key == "shape"         ? &haveShape
                                            : nullptr;
      if (!have || *have)
        return malformed();
      *have = true;
      if (have == &haveType)
        FLEET_RETURN_IF_ERROR(parseType(header.dtype));
      else if (have == &haveOrder ? !takeBool(header.fortranOrder)
                                  : !takeShape(header.shape))
        return malformed();
      if (!take(',') && peek() != '}')
        return malformed();
    }
    skipBlanks();
    if (!haveType || !haveOrder || !haveShape || !rest.empty())
      return malformed();
    return header;
  }

private:
  static Status malformed() {
    return makeError(StatusCode::DataLoss, "the npy header is malformed");
  }

  void skipBlanks() {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n'))
      rest.remove_prefix(1);
  }
  char peek() {
    skipBlanks();
    return rest.empty() ? '\0' : rest[0];
  }
  bool take(char c) {
    if (peek() != c)
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool takeWord(std::string_view word) {
    skipBlanks();
    if (rest.substr(0, word.size()) != word)
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  bool takeString(std::string_view &text) {
    char quote = peek();
    if (quote != '\'' && quote != '"')
      return false;
    size_t end = rest.find(quote, 1);
    if (end == std::string_view::npos)
      return false;
    text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return true;
  }
  bool takeBool(bool &value) {
    value = takeWord("True");
    return value || takeWord("False");
  }
  bool takeShape(std::vector<int64_t> &shape) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skipBlanks();
      int64_t extent = 0;
      auto [next, error] =
          std::from_chars(rest.data(), rest.data() + rest.size(), extent);
      if (error != std::errc() || extent < 0 || shape.size() == maxRank)
        return false;
      rest.remove_prefix(static_cast<size_t>(next - rest.data()));
      shape.push_back(extent);
      if (!take(',') && peek() != ')')
        return false;
    }
    return true;
  }
  Status parseType(plan::DataType &dtype) {
    if (peek() == '[')
      return makeError(StatusCode::InvalidArgument,
                       "structured arrays are not supported; save one array "
                       "an input");
    std::string_view text;
    if (!takeString(text))
      return malformed();
    struct {
      const char *text;
      plan::DataType dtype;
    } static constexpr known[] = {
        {"<f4", plan::F32}, {"<f8", plan::F64}, {"<f2", plan::F16},
        {"<i4", plan::I32}, {"<i8", plan::I64}, {"|i1", plan::I8},
        {"|b1", plan::I1},
    };
    for (const auto &candidate : known)
      if (text == candidate.text) {
        dtype = candidate.dtype;
        return {};
      }
    if (!text.empty() && text[0] == '>')
      return makeError(StatusCode::InvalidArgument,
                       "dtype '{}' is big endian; save it little endian", text);
    return makeError(StatusCode::InvalidArgument,
                     "dtype '{}' is not supported; there are float16, float32, "
                     "float64, int8, int32, int64 and bool",
                     text);
  }

  std::string_view rest;
};

/// Without dimensions of 1: (506,) and (506, 1) are the same numbers.
std::vector<int64_t> squeeze(const std::vector<int64_t> &shape) {
  std::vector<int64_t> result;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(result),
               [](int64_t extent) { return extent != 1; });
  return result;
}

/// The dictionary's text, after magic, version and length.
StatusOr<std::string> readHeaderText(uint64_t totalBytes, const NpyBytes &read,
                                     uint64_t &headerEnd) {
  auto truncated = [] {
    return makeError(StatusCode::DataLoss, "the npy header is truncated");
  };
  uint8_t start[magicSize + 2];
  if (totalBytes < sizeof(start))
    return truncated();
  FLEET_RETURN_IF_ERROR(read(start, sizeof(start)));
  if (std::memcmp(start, magic, magicSize) != 0)
    return makeError(StatusCode::DataLoss, "not an npy file");
  uint8_t major = start[magicSize];
  if (major < 1 || major > 3)
    return makeError(StatusCode::InvalidArgument,
                     "npy version {} is not known; there are 1, 2 and 3",
                     major);
  size_t lengthBytes = major == 1 ? 2 : 4;
  headerEnd = sizeof(start) + lengthBytes;
  if (totalBytes < headerEnd)
    return truncated();
  uint8_t lengthText[4] = {};
  FLEET_RETURN_IF_ERROR(read(lengthText, lengthBytes));
  uint32_t length = lengthText[0] | uint32_t(lengthText[1]) << 8 |
                    uint32_t(lengthText[2]) << 16 |
                    uint32_t(lengthText[3]) << 24;
  if (totalBytes - headerEnd < length)
    return truncated();
  if (length > maxHeaderBytes)
    return makeError(StatusCode::InvalidArgument,
                     "the npy header has {} bytes; at most {} are accepted",
                     length, maxHeaderBytes);
  std::string text(length, '\0');
  FLEET_RETURN_IF_ERROR(read(text.data(), text.size()));
  headerEnd += length;
  return text;
}

StatusOr<NpyArray> readArray(uint64_t totalBytes, const NpyBytes &read,
                             const InputRequest &request) {
  uint64_t headerEnd = 0;
  FLEET_ASSIGN_OR_RETURN(std::string text,
                         readHeaderText(totalBytes, read, headerEnd));
  FLEET_ASSIGN_OR_RETURN(NpyHeader header, parseNpyHeader(text));

  if (header.dtype != request.dtype)
    return makeError(StatusCode::InvalidArgument,
                     "the array is of type {}, but input '{}' of the program "
                     "is {}",
                     dataTypeName(header.dtype), request.name,
                     dataTypeName(request.dtype));
  if (header.shape.empty() ||
      squeeze({header.shape.begin() + 1, header.shape.end()}) !=
          squeeze(request.rowShape)) {
    std::string wanted = formatShape(request.rowShape);
    wanted.insert(1, request.rowShape.empty() ? "rows" : "rows, ");
    return makeError(StatusCode::InvalidArgument,
                     "the array has shape {}, but input '{}' of the program "
                     "needs {}",
                     formatShape(header.shape), request.name, wanted);
  }
  if (header.fortranOrder && squeeze(header.shape).size() > 1)
    return makeError(StatusCode::InvalidArgument,
                     "the array is in fortran order; save "
                     "numpy.ascontiguousarray of it");
  FLEET_ASSIGN_OR_RETURN(int64_t bytes, byteSize(header.dtype, header.shape));
  if (totalBytes - headerEnd != static_cast<uint64_t>(bytes))
    return makeError(StatusCode::DataLoss,
                     "{} bytes of data, but shape {} of {} takes {}",
                     totalBytes - headerEnd, formatShape(header.shape),
                     dataTypeName(header.dtype), bytes);

  NpyArray array;
  array.rows = header.shape[0];
  array.input.name = request.name;
  array.input.dtype = request.dtype;
  array.input.rowShape = request.rowShape;
  FLEET_ASSIGN_OR_RETURN(int64_t rowBytes,
                         byteSize(request.dtype, request.rowShape));
  array.input.rowBytes = static_cast<size_t>(rowBytes);
  FLEET_ASSIGN_OR_RETURN(
      array.input.values,
      AlignedBuffer::allocate(static_cast<size_t>(bytes), "the array"));
  FLEET_RETURN_IF_ERROR(
      read(array.input.values.data(), static_cast<size_t>(bytes)));
  if (request.dtype == plan::I1) {
    const std::byte *data = array.input.values.data();
    if (std::any_of(data, data + bytes,
                    [](std::byte b) { return b > std::byte{1}; }))
      return makeError(StatusCode::DataLoss,
                       "an element of a bool array is neither 0 nor 1");
  }
  return array;
}

} // namespace

StatusOr<NpyHeader> fleet::parseNpyHeader(std::string_view text) {
  return HeaderParser(text).parse();
}

StatusOr<NpyArray> fleet::readNpy(const std::string &name, uint64_t totalBytes,
                                  const NpyBytes &read,
                                  const InputRequest &request) {
  StatusOr<NpyArray> array = readArray(totalBytes, read, request);
  if (!array.ok())
    return array.status().withContext(name);
  return array;
}
