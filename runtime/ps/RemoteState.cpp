//===- RemoteState.cpp - What of a tensor a process holds -----------------===//

#include "runtime/ps/RemoteState.h"

using namespace fleet;

Status fleet::appendTableState(const RowTable &table,
                               std::vector<RemoteState> &states) {
  FLEET_ASSIGN_OR_RETURN(TableSnapshot snapshot, table.snapshot());
  auto add = [&](const std::string &slot, plan::DataType dtype,
                 std::vector<int64_t> shape, AlignedBuffer data) {
    RemoteState &state = states.emplace_back();
    state.origin = table.name();
    state.slot = slot;
    state.dtype = dtype;
    state.originShape = std::move(shape);
    state.rowOffset = table.rangeBegin();
    state.bytes = data.size();
    state.data = std::move(data);
    state.isById = table.isDistributed();
  };
  int64_t rows = table.isDistributed() ? snapshot.rows : table.rowLimit();
  if (table.isDistributed())
    add("ids", plan::I64, {rows}, std::move(snapshot.ids));
  for (size_t c = 0; c < snapshot.components.size(); ++c) {
    const RowTable::Component &part = table.components()[c];
    add(part.slot, table.dtype(), {rows, part.columns},
        std::move(snapshot.components[c]));
  }
  return Status();
}
