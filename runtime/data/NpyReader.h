//===- NpyReader.h - Arrays that numpy saved --------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_DATA_NPYREADER_H
#define FLEET_RUNTIME_DATA_NPYREADER_H

#include "runtime/base/Status.h"
#include "runtime/data/Dataset.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fleet {

/// What the text of an NPY header says.
struct NpyHeader {
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  bool fortranOrder = false;
};

/// Parses the Python dictionary of an NPY header; errors do not name the file.
StatusOr<NpyHeader> parseNpyHeader(std::string_view text);

struct NpyArray {
  int64_t rows = 0;
  DatasetInput input;
};

/// The next `count` bytes of an array's file.
using NpyBytes = std::function<Status(void *out, size_t count)>;

/// Reads one array of `totalBytes` bytes, header included, for `request`;
/// `name` is what errors call it. Type and shape of a row must be those of the
/// request, dimensions of 1 aside. Memory is taken once the header fits the
/// bytes.
StatusOr<NpyArray> readNpy(const std::string &name, uint64_t totalBytes,
                           const NpyBytes &read, const InputRequest &request);

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_NPYREADER_H
