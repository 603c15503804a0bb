//===- TableFile.h - Tables of rows to and from checkpoints -----*- C++ -*-===//
//
// Part of the Fleet project.
//
// A table whose rows all exist is saved like any tensor: "emb" [rows, columns]
// and "emb/velocity". A distributed one is saved as the n rows that exist:
// "emb" [n, columns], "emb/velocity", and "emb/ids" [n], ascending. Either can
// be loaded into a table of either kind, on any number of servers.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_JOB_TABLEFILE_H
#define FLEET_RUNTIME_JOB_TABLEFILE_H

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/ps/RemoteState.h"
#include "runtime/table/RowTable.h"

#include <vector>

namespace fleet {

/// Fills the rows of `table` that the checkpoint has; others stay as they are.
Status loadTable(RowTable &table, const Checkpoint &checkpoint);

/// Tensors of distributed tables, put together from the parts that servers
/// have.
class ListedTables {
public:
  /// Takes those of `states` that are by id; they outlive this.
  Status add(const std::vector<RemoteState> &states);
  /// Appends tensors that point into this object.
  void list(std::vector<CheckpointTensor> &tensors) const;

private:
  struct Tensor {
    std::string name;
    plan::DataType dtype;
    std::vector<int64_t> shape;
    AlignedBuffer bytes;
  };
  Status addTable(const std::string &name,
                  const std::vector<const RemoteState *> &states);
  std::vector<Tensor> tensors;
};

} // namespace fleet

#endif // FLEET_RUNTIME_JOB_TABLEFILE_H
