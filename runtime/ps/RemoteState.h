//===- RemoteState.h - What of a tensor a process holds ---------*- C++ -*-===//

#ifndef FLEET_RUNTIME_PS_REMOTESTATE_H
#define FLEET_RUNTIME_PS_REMOTESTATE_H

#include "runtime/base/AlignedBuffer.h"
#include "runtime/table/RowTable.h"

#include <string>
#include <vector>

namespace fleet {

/// A tensor, or rows of one, that a server holds.
struct RemoteState {
  std::string origin, slot;
  plan::DataType dtype = plan::DATA_TYPE_UNSPECIFIED;
  std::vector<int64_t> originShape;
  int64_t rowOffset = 0;
  size_t bytes = 0;
  AlignedBuffer data;
  /// Of a distributed table: the shape is that of the rows that exist here, in
  /// ascending order of their ids, which are the state of slot "ids" before it.
  bool isById = false;
};

/// A copy of `table`, as it is now, behind `states`: ids (of a distributed
/// table), values and row states.
Status appendTableState(const RowTable &table,
                        std::vector<RemoteState> &states);

} // namespace fleet

#endif // FLEET_RUNTIME_PS_REMOTESTATE_H
