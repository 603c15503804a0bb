//===- FunctionConverter.h - A function on its way to a plan ----*- C++ -*-===//
//
// Private to the conversion. FunctionToPlan.cpp walks over the ops; what
// becomes of rows of tables and of calls between trainers has files of its own.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONCONVERTER_H
#define FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONCONVERTER_H

#include "FunctionToPlan.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"

namespace mlir::fleet {

inline MemRefType toMemRef(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

/// Converts one function. Used once.
class FunctionConverter {
public:
  FunctionConverter(func::FuncOp function, OpBuilder &builder,
                    const ServerTable &servers, const TableList &tables)
      : function(function), builder(builder), servers(servers), tables(tables) {
  }
  LogicalResult convert();

private:
  LogicalResult convertOp(Operation *op);
  LogicalResult convertRead(optim::ReadOp op);
  LogicalResult convertAssign(optim::AssignOp op);
  LogicalResult convertCall(func::CallOp op);
  LogicalResult convertMatmul(nn::MatmulOp op);
  LogicalResult convertSend(dist::SendOp op);
  LogicalResult convertRecv(dist::RecvOp op);
  LogicalResult convertAgree(dist::AgreeOp op);
  LogicalResult convertReturn(func::ReturnOp op);

  // In CollectivesToPlan.cpp.
  void convertStart(dist::AllReduceStartOp op);
  void convertReduceScatter(dist::ReduceScatterStartOp op);
  void convertAllGather(dist::AllGatherStartOp op);
  void convertOwnPart(dist::OwnPartOp op);
  LogicalResult convertBroadcast(dist::BroadcastOp op);
  int64_t sizeOfGroup(Operation *op, FlatSymbolRefAttr group);
  plan::BucketOp createBucket(Operation *start, int64_t elements);
  Value placeInBucket(Operation *start, Value value, plan::BucketOp bucket,
                      int64_t offset, FlatSymbolRefAttr partOf);

  // In RowsToPlan.cpp.
  LogicalResult convertLookups(optim::LookupOp first);
  LogicalResult convertRowUpdate(optim::OptimizerOpInterface op);
  LogicalResult convertPull(dist::PullRowsOp op);
  LogicalResult convertMerge(Location loc, optim::RowGradientOp gradient,
                             FlatSymbolRefAttr group);
  LogicalResult convertRowGradient(optim::RowGradientOp op);
  LogicalResult convertPart(optim::RowPartOp op);
  LogicalResult convertPush(Operation *op, FlatSymbolRefAttr table,
                            ValueRange ids, ValueRange gradients,
                            ArrayRef<int64_t> padding);
  /// The number of a table; nullopt with an error.
  std::optional<int64_t> findTable(Operation *op, FlatSymbolRefAttr symbol);

  Value createTemporary(Location loc, Type type);
  Value getState(Location loc, FlatSymbolRefAttr symbol);
  /// True if `value` is used by an op after `op`.
  static bool isUsedAfter(Value value, Operation *op);
  /// True if the kernel that `call` calls may write `result` over the memory of
  /// the operand `old`.
  bool isOverwritable(func::CallOp call, Value old, Value result);
  /// True if something that was read from `state` before `op` is used after it.
  bool isOldValueUsedAfter(FlatSymbolRefAttr state, Operation *op);

  func::FuncOp function;
  OpBuilder &builder;
  const ServerTable &servers;
  const TableList &tables;
  llvm::DenseMap<Value, Value> buffers;
  llvm::DenseMap<Attribute, Value> states;
  llvm::DenseMap<Value, StringAttr> buckets; ///< of tokens
};

} // namespace mlir::fleet

#endif // FLEET_LIB_CONVERSION_PROGRAMTOPLAN_FUNCTIONCONVERTER_H
