//===- Fleet.h - The fleet dialect ------------------------------*- C++ -*-===//
//
// Roles of a distributed job and what passes between them: see
// FleetDialect.td.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEET_H
#define FLEET_DIALECTS_FLEET_IR_FLEET_H

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Fleet/IR/FleetDialect.h.inc"

#include "dialects/Fleet/IR/FleetEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Fleet/IR/FleetAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Fleet/IR/FleetTypes.h.inc"

namespace mlir::fleet::dist {
class AllGatherStartOp;
class AllReduceStartOp;
class AllReduceWaitOp;
class ReduceScatterStartOp;
} // namespace mlir::fleet::dist

#define GET_OP_CLASSES
#include "dialects/Fleet/IR/FleetOps.h.inc"

namespace mlir::fleet::dist {

/// What transfers and barriers touch: they stay in program order.
struct WireResource : public SideEffects::Resource::Base<WireResource> {
  StringRef getName() final { return "fleet.wire"; }
};

/// Whether `op` begins a call that another op waits for, or waits for one.
inline bool beginsCall(Operation *op) {
  return op->getNumResults() == 1 && isa<TokenType>(op->getResult(0).getType());
}
inline bool endsCall(Operation *op) {
  return op->getNumOperands() == 1 &&
         isa<TokenType>(op->getOperand(0).getType());
}

/// Elements of one of `members` equal parts of a flattened tensor of `type`.
inline int64_t getPartElements(RankedTensorType type, int64_t members) {
  return llvm::divideCeil(type.getNumElements(), members);
}

/// Where a server listens.
struct Endpoint {
  std::string host; ///< name or address; an IPv6 address without its brackets
  uint16_t port;    ///< 1..65535

  bool operator==(const Endpoint &other) const {
    return host == other.host && port == other.port;
  }
  /// The same for equal endpoints only.
  std::string spell() const { return host + " " + std::to_string(port); }
};

/// Reads `HOST:PORT`, `A.B.C.D:PORT` or `[V6]:PORT`. On failure nullopt, and
/// `why` says in half a sentence what is wrong, e.g. "has no port".
std::optional<Endpoint> parseEndpoint(StringRef text, std::string &why);

/// `@table[%ids] padding_idx = 0, ...`: what fleet.pull_rows looks up.
ParseResult parseLookups(OpAsmParser &parser, ArrayAttr &tables,
                         SmallVectorImpl<OpAsmParser::UnresolvedOperand> &ids,
                         DenseI64ArrayAttr &padding);
void printLookups(OpAsmPrinter &printer, Operation *op, ArrayAttr tables,
                  OperandRange ids, DenseI64ArrayAttr padding);

/// The job attribute of a module; null if it has none.
JobAttr getJob(ModuleOp module);

/// The role attribute of a module; null if it has none.
RoleAttr getRole(ModuleOp module);

} // namespace mlir::fleet::dist

#endif // FLEET_DIALECTS_FLEET_IR_FLEET_H
