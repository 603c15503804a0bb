//===- Checkpoint.h - Parameters and optimizer state on disk ----*- C++ -*-===//
//
// One safetensors file, DIR/model.safetensors, whichever mode wrote it: whole
// tensors under their original names, "w" for a parameter and "w/velocity" for
// a slot of its optimizer state. Any safetensors reader opens it. Ours also
// writes a checksum of the whole file into the metadata, and checks it.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_CHECKPOINT_CHECKPOINT_H
#define FLEET_RUNTIME_CHECKPOINT_CHECKPOINT_H

#include "runtime/base/DataTypes.h"
#include "runtime/base/Files.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fleet {

using CheckpointMetadata = std::map<std::string, std::string>;

/// A tensor to be written; the caller owns the data (row major, little endian).
struct CheckpointTensor {
  std::string name;
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> shape;
  const void *data = nullptr;
};

/// "DIR/model.safetensors".
std::string checkpointFile(const std::string &directory);

/// Makes `directory` and writes the file whole or not at all: until the new one
/// is complete on disk, the old one stays. Metadata keys that start with
/// "fleet." are reserved.
Status writeCheckpoint(Files &files, const std::string &directory,
                       const std::vector<CheckpointTensor> &tensors,
                       const CheckpointMetadata &metadata);

/// A checkpoint open for reading. Thread-safe: all reads are positional.
class Checkpoint {
public:
  struct Entry {
    plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
    std::vector<int64_t> shape;
    uint64_t offset = 0; ///< in the file
    uint64_t bytes = 0;
  };

  /// Opens DIR/model.safetensors and validates all of it: header, exact cover
  /// of the file by the tensors, checksum (required of files that we wrote; a
  /// file of another tool need not have one). Memory taken is bounded by the
  /// header, which is at most 100 MB and lies within the file.
  static StatusOr<Checkpoint> open(Files &files, const std::string &directory);

  const std::string &file() const { return path; }
  const CheckpointMetadata &metadata() const { return info; }
  const std::map<std::string, Entry> &tensors() const { return entries; }

  /// The whole tensor into `out`. The error names file, tensor, what was
  /// expected and what was found.
  Status read(const std::string &name, plan::DataType dtype,
              const std::vector<int64_t> &shape, void *out) const;

  /// Rows [firstRow, firstRow + rowCount) of dimension 0 of a tensor whose
  /// whole shape must be `shape`. A scalar has one row.
  Status readRows(const std::string &name, plan::DataType dtype,
                  const std::vector<int64_t> &shape, int64_t firstRow,
                  int64_t rowCount, void *out) const;

private:
  Checkpoint() = default;
  std::string path;
  CheckpointMetadata info;
  std::map<std::string, Entry> entries;
  std::shared_ptr<ReadableFile> contents;
};

} // namespace fleet

#endif // FLEET_RUNTIME_CHECKPOINT_CHECKPOINT_H
