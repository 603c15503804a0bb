//===- DataSpec.h - What --data= says ---------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_DATA_DATASPEC_H
#define FLEET_RUNTIME_DATA_DATASPEC_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleet {

/// Where the inputs of a program come from:
///
///     x=features.npy,y=labels.npy     one NPY file an input
///     data.npz                        its arrays, by name
///     data.csv#x=0..12,y=13           columns, counted from 0, ends included
struct DataSpec {
  enum class Format { Npy, Npz, Csv };

  struct Entry {
    std::string input;       ///< name of the program's input
    std::string file;        ///< Npy: the file
    int64_t firstColumn = 0; ///< Csv
    int64_t lastColumn = 0;  ///< Csv; included
  };

  Format format = Format::Csv;
  std::string file;           ///< Npz, Csv; for Npy the first file
  std::vector<Entry> entries; ///< Npy, Csv; empty for Npz
};

/// Parses the text after `--data=`. Errors name the flag and what would be
/// right. Does not look at the disk.
StatusOr<DataSpec> parseDataSpec(std::string_view text);

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_DATASPEC_H
