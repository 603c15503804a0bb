//===- DistributeTables.h - Tables on parameter servers ---------*- C++ -*-===//
//
// The part of fleet-distribute-ps that is about tables: parameters of which a
// trainer has only the rows that a step names.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_TRANSFORMS_DISTRIBUTETABLES_H
#define FLEET_LIB_TRANSFORMS_DISTRIBUTETABLES_H

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "fleet/Transforms/Dispatcher.h"
#include "lib/Transforms/SliceParameter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/MapVector.h"

namespace mlir::fleet {

/// The program of a server while it is being written.
struct ServerProgram {
  FlatSymbolRefAttr peer;
  func::FuncOp main;
  dist::ServeOp serve;
  SymbolTable *symbols;
};

class TableDistribution {
public:
  /// Takes the tables of `program`, where they are looked up and, in `step`,
  /// updated. Fails, with an error, where that cannot be moved to servers.
  LogicalResult collect(ModuleOp program, const SymbolTable &symbols,
                        func::FuncOp step);

  bool isEmpty() const { return tables.empty(); }
  /// True if `parameter` is one of them.
  bool contains(FlatSymbolRefAttr parameter) const {
    return tables.count(parameter) != 0;
  }
  /// The last update of a table in the step, or null.
  Operation *getLastUpdate() const { return lastUpdate; }
  /// A table, for an error that is about all of them; there is one.
  optim::ParameterOp getFirst() const {
    return tables.front().second.parameter;
  }

  /// The blocks of rows of sparse tables, to be dealt such that no server has
  /// two of a table. Adds the names of all tables to `taken`.
  SmallVector<DispatchedBlock> cut(const SliceOptions &options,
                                   llvm::StringSet<> &taken);
  /// Gives those blocks to `owners`, indices of servers.
  void assign(ArrayRef<int64_t> owners);
  /// True if every server has rows, as of a distributed table.
  bool areEverywhere() const;

  /// Declares the tables and their state on the servers; first of all variables
  /// there, so that they keep their symbols.
  void addVariables(ArrayRef<ServerProgram> servers);
  /// Adds the updates, and what calls them.
  void addHandlers(ArrayRef<ServerProgram> servers);
  /// Makes `trainer`, which was the program, pull and push rows.
  void rewriteTrainer(ModuleOp trainer, ArrayRef<ServerProgram> servers);

private:
  struct Shard {
    size_t server;
    ParameterBlock block;
    RankedTensorType type; ///< what the parameter is there
  };
  struct Table {
    optim::ParameterOp parameter;
    optim::OptimizerOpInterface update; ///< null for one that is not trained
    SmallVector<optim::StateOp> states;
    SmallVector<Shard> shards;

    bool isSparse() {
      return parameter.getRows() == optim::RowPlacement::Sparse;
    }
  };

  LogicalResult collectUpdate(optim::OptimizerOpInterface update,
                              const SymbolTable &symbols, func::FuncOp step);
  LogicalResult collectLookup(optim::LookupOp lookup);
  void spreadDistributed(size_t servers);
  void addHandler(Table &table, const Shard &shard,
                  const ServerProgram &server);
  void declare(ModuleOp trainer, ArrayRef<ServerProgram> servers);
  void pull(func::FuncOp function);

  llvm::MapVector<Attribute, Table> tables; ///< by symbol, as declared
  Operation *lastUpdate = nullptr;
};

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_DISTRIBUTETABLES_H
