//===- Dataset.h - Training data in memory ----------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_DATA_DATASET_H
#define FLEET_RUNTIME_DATA_DATASET_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/base/DataTypes.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"
#include "runtime/data/DataSpec.h"

#include <string>
#include <vector>

namespace fleet {

/// An input of the program, without its first (batch) dimension.
struct InputRequest {
  std::string name;
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> rowShape;
  /// I32 and I64 only: elements are from 0 to below this; 0: no bound.
  int64_t upperBound = 0;
};

/// All rows of one input: contiguous, row major, on a cache line, so that rows
/// [b, e) are a pointer into it.
struct DatasetInput {
  std::string name;
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> rowShape;
  size_t rowBytes = 0; ///< distance of two rows
  AlignedBuffer values;

  const std::byte *row(int64_t index) const {
    return values.data() + static_cast<size_t>(index) * rowBytes;
  }
};

/// The data of a program, in the order of the requests it was loaded for.
/// Immutable once loaded, so readable from any thread. Movable without changing
/// the address of a row.
class Dataset {
public:
  /// Checks that all inputs hold `rows` rows of what they say.
  static StatusOr<Dataset> create(std::string source, int64_t rows,
                                  std::vector<DatasetInput> inputs);

  int64_t rows() const { return rowCount; }
  const std::vector<DatasetInput> &inputs() const { return columns; }
  /// The file it came from, for messages.
  const std::string &source() const { return from; }

private:
  Dataset() = default;
  std::string from;
  int64_t rowCount = 0;
  std::vector<DatasetInput> columns;
};

/// Loads what the program asks for. CSV columns are converted to the requested
/// type (f32, f64, i32, i64; a number that is not whole in an integer column is
/// an error); NPY and NPZ arrays must have it already. Everything is checked
/// before memory is taken, but upper bounds, once the values are there; every
/// error names the file, and for CSV FILE:LINE:COLUMN.
StatusOr<Dataset> loadDataset(const DataSpec &spec,
                              const std::vector<InputRequest> &requests,
                              Files &files);

/// Checks the elements of all `rows` rows of an input, loaded for `request` or
/// one of the same type, against the bound of `request`. The error names
/// `source`, the input, the row (from 0) and the value.
Status checkUpperBound(const InputRequest &request, const DatasetInput &input,
                       int64_t rows, const std::string &source);

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_DATASET_H
