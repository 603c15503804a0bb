//===- ServerBlocks.h - What a server does with its blocks ------*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_SERVERBLOCKS_H
#define FLEET_LIB_TRANSFORMS_SERVERBLOCKS_H

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/Optim/IR/Optim.h"
#include "lib/Transforms/SliceParameter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fleet {

/// One server of the job, and its program while that is being written.
struct Server {
  std::string name;
  std::string endpoint;
  ModuleOp module;
  func::FuncOp main;
  dist::ServeOp serve;
  std::shared_ptr<SymbolTable> symbols; ///< of the module; a pass is copyable
};

/// A block, who owns it, and what holds it there.
struct Placement {
  ParameterBlock block;
  Server *owner = nullptr;
  optim::ParameterOp parameter;
  SmallVector<optim::StateOp> states;
};

/// What becomes of one update op of the program.
struct Update {
  optim::OptimizerOpInterface op;
  optim::ParameterOp parameter;
  SmallVector<optim::StateOp> states;
  SmallVector<Placement> placements;
  Value gradient; ///< of the trainer
  /// What changes it by all gradients on the servers, or null.
  optim::JointGradientOpInterface joint;
};

/// Gives the owner of a block the parameter and its state, or rows of them.
/// With `hasOwnName` the parameter is called as the block is, even if it is
/// whole.
void addVariables(Update &update, Placement &placement, bool hasOwnName);

/// Gives the owner of a block a function that applies the update, and a handler
/// that calls it for what comes as `wireName`. All blocks have their variables
/// by then. `compensation` is that of the pass; 0: none.
void addHandler(Update &update, Placement &placement, StringRef wireName,
                double compensation);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_SERVERBLOCKS_H
