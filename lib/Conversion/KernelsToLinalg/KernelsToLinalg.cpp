//===- KernelsToLinalg.cpp - Kernels to loops over rows -------------------===//
//
// A kernel becomes two functions. The body takes one raw pointer a buffer:
// memref arguments would lose `noalias` on the way to LLVM, and with it the
// vectorization of every loop. The exported one unpacks the arrays of the C
// ABI.
//
//===----------------------------------------------------------------------===//

#include "fleet/Conversion/KernelsToLinalg.h"

#include "KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::fleet;

SmallVector<int64_t> mlir::fleet::getResultBuffers(func::FuncOp kernel) {
  SmallVector<int64_t> buffers;
  int64_t next = kernel.getNumArguments();
  for (unsigned i = 0; i < kernel.getNumResults(); ++i) {
    if (auto inplace = kernel.getResultAttrOfType<IntegerAttr>(i, kInplaceAttr))
      buffers.push_back(inplace.getInt());
    else
      buffers.push_back(next++);
  }
  return buffers;
}

/// The tensor types of the buffers of a kernel, in ABI order.
static SmallVector<RankedTensorType> getBufferTypes(func::FuncOp kernel) {
  SmallVector<RankedTensorType> types;
  for (Type type : kernel.getArgumentTypes())
    types.push_back(cast<RankedTensorType>(type));
  for (auto [type, buffer] :
       llvm::zip(kernel.getResultTypes(), getResultBuffers(kernel)))
    if (buffer >= kernel.getNumArguments())
      types.push_back(cast<RankedTensorType>(type));
  return types;
}

/// A memref over the memory at `pointer`, rows of it contiguous.
static Value buildMemRef(OpBuilder &b, Location loc, Value pointer, Value batch,
                         RankedTensorType tensor) {
  auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
  auto i64 = b.getI64Type();
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  int64_t rank = type.getRank();
  SmallVector<Type> fields{ptr, ptr, i64};
  if (rank > 0) {
    auto array = LLVM::LLVMArrayType::get(i64, rank);
    fields.append({array, array});
  }
  auto descriptorType =
      LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
  Value descriptor = LLVM::PoisonOp::create(b, loc, descriptorType);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor =
        LLVM::InsertValueOp::create(b, loc, descriptor, value, position);
  };
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(value));
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(constant(0), {2});
  int64_t stride = 1;
  for (int64_t d = rank - 1; d >= 0; --d) {
    int64_t extent = type.getDimSize(d);
    insert(ShapedType::isDynamic(extent) ? batch : constant(extent), {3, d});
    insert(constant(stride), {4, d});
    stride *= ShapedType::isDynamic(extent) ? 1 : extent;
  }
  return UnrealizedConversionCastOp::create(b, loc, type, descriptor)
      .getResult(0);
}

/// The exported function: void(void *const *buffers, const int64_t *symbols,
/// int64_t begin, int64_t end).
static void buildEntry(OpBuilder &b, func::FuncOp kernel, func::FuncOp body,
                       int64_t numBuffers) {
  Location loc = kernel.getLoc();
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  auto entry = func::FuncOp::create(
      b, loc, kernel.getName(),
      b.getFunctionType(TypeRange{ptr, ptr, i64, i64}, TypeRange()));
  Block *block = entry.addEntryBlock();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (int64_t i = 0; i < numBuffers; ++i) {
    Value slot = LLVM::GEPOp::create(b, loc, ptr, ptr, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{i});
    arguments.push_back(LLVM::LoadOp::create(b, loc, ptr, slot));
  }
  arguments.push_back(LLVM::LoadOp::create(b, loc, i64, block->getArgument(1)));
  arguments.push_back(block->getArgument(2));
  arguments.push_back(block->getArgument(3));
  func::CallOp::create(b, loc, body, arguments);
  func::ReturnOp::create(b, loc);
}

LogicalResult mlir::fleet::convertKernelToLinalg(func::FuncOp kernel) {
  OpBuilder b(kernel);
  MLIRContext *context = b.getContext();
  Location loc = kernel.getLoc();
  SmallVector<RankedTensorType> types = getBufferTypes(kernel);
  int64_t numBuffers = types.size();
  auto ptr = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> inputs(numBuffers, ptr);
  inputs.append(3, b.getI64Type());

  auto body = func::FuncOp::create(b, loc, (kernel.getName() + "_body").str(),
                                   b.getFunctionType(inputs, {}));
  body.setPrivate();
  // Visibility alone does not reach LLVM.
  body->setAttr("llvm.linkage",
                LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
  body->setAttr("llvm.always_inline", b.getUnitAttr());
  for (int64_t i = 0; i < numBuffers; ++i) {
    body.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
    body.setArgAttr(i, "llvm.nonnull", b.getUnitAttr());
  }
  Block *block = body.addEntryBlock();
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(block);
    Value batch = block->getArgument(numBuffers);
    SmallVector<Value> buffers;
    for (auto [i, type] : llvm::enumerate(types))
      buffers.push_back(
          buildMemRef(b, loc, block->getArgument(i), batch, type));
    auto toIndex = [&](unsigned argument) -> Value {
      return arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                        block->getArgument(argument));
    };
    Value batchIndex = toIndex(numBuffers), begin = toIndex(numBuffers + 1),
          end = toIndex(numBuffers + 2);
    if (failed(
            KernelEmitter(kernel, b, buffers, batchIndex, begin, end).emit()))
      return failure();
    b.setInsertionPointToEnd(block);
    func::ReturnOp::create(b, loc);
  }
  buildEntry(b, kernel, body, numBuffers);
  kernel.erase();
  return success();
}
