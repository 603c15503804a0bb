//===- Tables.h - The tables of a job ---------------------------*- C++ -*-===//
//
// Private to the conversion.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_CONVERSION_PROGRAMTOPLAN_TABLES_H
#define FLEET_LIB_CONVERSION_PROGRAMTOPLAN_TABLES_H

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "dialects/Plan/IR/Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fleet {

/// The tables of a job, as all programs number them: in the order in which the
/// local program or the trainer declares them.
class TableList {
public:
  /// Takes the tables of all roles of `job`. `servers` numbers the modules of
  /// servers.
  LogicalResult collect(ModuleOp job, const llvm::StringMap<int64_t> &servers);

  /// The number of the table that `symbol` of `role` is.
  std::optional<int64_t> find(ModuleOp role, FlatSymbolRefAttr symbol) const;

  /// Which component of table number `table` the `variable` is: 0 for the rows,
  /// or 1 and more for its row states. nullopt: none of them.
  std::optional<int64_t>
  findComponent(int64_t table, optim::VariableOpInterface variable) const;

  /// Declares all tables in a plan of `role` at `b`, with the functions of
  /// `role` that update rows, if it has any.
  void create(ModuleOp role, OpBuilder &b) const;

  /// True if no plan has `variable`, as it is a table or has a row a row of
  /// one.
  static bool hasRows(optim::VariableOpInterface variable);

private:
  struct RowState {
    StringAttr slot;
    int64_t columns;
    Attribute init;
  };
  struct Shard {
    int64_t server, firstRow, rows;
  };
  struct Table {
    std::string name;
    optim::RowPlacement placement;
    MemRefType type;
    Attribute init;
    SmallVector<RowState> states;
    SmallVector<Shard> shards;
    Location loc;
  };

  /// Of a role that has whole tables.
  void collectWhole(ModuleOp role);
  LogicalResult collectTrainer(ModuleOp job, ModuleOp role,
                               const llvm::StringMap<int64_t> &servers);
  /// Adds a table without shards, by `parameter` of a role that updates it.
  Table &add(optim::ParameterOp parameter);

  SmallVector<Table> tables;
  llvm::StringMap<int64_t> index; ///< by name
};

} // namespace mlir::fleet

#endif // FLEET_LIB_CONVERSION_PROGRAMTOPLAN_TABLES_H
