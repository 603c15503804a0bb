//===- Program.h - What passes on whole programs share ----------*- C++ -*-===//

#ifndef FLEET_LIB_TRANSFORMS_PROGRAM_H
#define FLEET_LIB_TRANSFORMS_PROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fleet {

/// The functions of a program that processes call by name.
inline constexpr llvm::StringLiteral kMainName = "main"; ///< one step
inline constexpr llvm::StringLiteral kEvaluateName =
    "evaluate"; ///< forward only
inline constexpr llvm::StringLiteral kStartupName =
    "startup"; ///< a trainer receives the initial parameters
inline constexpr llvm::StringLiteral kExchangeName =
    "exchange"; ///< a trainer and the servers exchange what they changed
inline constexpr llvm::StringLiteral kUpdateName =
    "update"; ///< what is done with gradients of several steps
inline constexpr llvm::StringLiteral kAverageName =
    "average"; ///< trainers that train by themselves become equal

/// Gives a variable that is called `name` another symbol, so that a function
/// can have it; checkpoints keep the name by its origin. Does nothing if no
/// symbol has the name. Fails, with an error, if something else has it.
LogicalResult freeSymbol(ModuleOp program, StringRef name);

/// The function `@main` of a program or role, which must be one block. Null,
/// with an error, if there is no such function.
func::FuncOp getMain(ModuleOp program);

/// Fails, with an error, if `program` is part of a distributed job already.
LogicalResult verifySingleMachine(ModuleOp program);

/// The function that has `ids`, which number rows for `op`, as an argument.
/// Null, with an error, if they are no argument: a program cannot compute them,
/// because they are checked when data is loaded.
func::FuncOp getFunctionOfInput(Operation *op, Value ids);

/// Moves everything in `program` into a new nested module `name`.
ModuleOp nestProgram(ModuleOp program, StringRef name);

/// Removes what is dead among the operations of a block that lie after `begin`
/// (null: from the start) and before `end`.
void eraseDeadOps(Operation *begin, Operation *end);

} // namespace mlir::fleet

#endif // FLEET_LIB_TRANSFORMS_PROGRAM_H
