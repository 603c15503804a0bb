//===- CsvReader.h - Numbers in columns -------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_DATA_CSVREADER_H
#define FLEET_RUNTIME_DATA_CSVREADER_H

#include "runtime/base/Files.h"
#include "runtime/base/Status.h"
#include "runtime/data/DataSpec.h"
#include "runtime/data/Dataset.h"

#include <vector>

namespace fleet {

/// Loads a CSV file. `spec` is of Csv format and names every request once.
/// Fields are separated by commas, may be quoted (without line breaks) and
/// surrounded by blanks; lines end in LF or CRLF; blank lines are skipped. A
/// first line with a field that is not a number is a header. Columns that
/// nobody asked for may hold anything. At most 16 GiB.
StatusOr<Dataset> readCsv(const DataSpec &spec,
                          const std::vector<InputRequest> &requests,
                          Files &files);

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_CSVREADER_H
