//===- NpzReader.h - Archives of arrays -------------------------*- C++ -*-===//

#ifndef FLEET_RUNTIME_DATA_NPZREADER_H
#define FLEET_RUNTIME_DATA_NPZREADER_H

#include "runtime/base/Files.h"
#include "runtime/base/Status.h"
#include "runtime/data/Dataset.h"

#include <string>
#include <vector>

namespace fleet {

/// Loads what is asked for from an archive that numpy.savez or
/// savez_compressed wrote: the array for input "x" is the member "x.npy". Other
/// members are not touched. A member that claims to unpack to more than 256 MiB
/// and more than 100 times its packed size is refused.
StatusOr<Dataset> readNpz(const std::string &path,
                          const std::vector<InputRequest> &requests,
                          Files &files);

} // namespace fleet

#endif // FLEET_RUNTIME_DATA_NPZREADER_H
