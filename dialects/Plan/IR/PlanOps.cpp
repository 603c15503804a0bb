//===- PlanOps.cpp - Verification of the plan dialect ---------------------===//

#include "dialects/Plan/IR/Plan.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::fleet::plan;

#include "dialects/Plan/IR/PlanDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Plan/IR/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Plan/IR/PlanOps.cpp.inc"
      >();
}

LogicalResult ProgramOp::verifyRegions() {
  StringRef role = getRole();
  if (role != "local" && role != "trainer" && role != "pserver")
    return emitOpError("has the role \"")
           << role << "\", expected local, trainer or pserver";
  auto services = getBody().getOps<ServiceOp>();
  bool serves = !services.empty();
  if (serves != (role == "pserver"))
    return emitOpError(serves ? "has a service but is no pserver"
                              : "is a pserver without a service");
  return success();
}

LogicalResult FunctionOp::verifyRegions() {
  llvm::StringSet<> names;
  for (auto output : getBody().getOps<OutputOp>())
    if (!names.insert(output.getName()).second)
      return output.emitOpError("repeats the name \"")
             << output.getName() << "\"";
  uint64_t argument = 0;
  for (auto input : getBody().getOps<InputOp>())
    if (input.getArgument() != argument++)
      return input.emitOpError("is input number ")
             << argument - 1 << " of the function but says "
             << input.getArgument();
  for (auto temporary : getBody().getOps<TemporaryOp>())
    if (auto slot = temporary.getSlot(); slot && (*slot >= getNumSlots()))
      return temporary.emitOpError("lies in slot ")
             << *slot << " of an arena with " << getNumSlots();
  return success();
}

LogicalResult ConstantOp::verify() {
  auto type = cast<MemRefType>(getResult().getType());
  auto value = cast<ShapedType>(getValue().getType());
  if (value.getShape() != type.getShape() ||
      value.getElementType() != type.getElementType())
    return emitOpError("holds ") << value << " in a buffer of type " << type;
  return success();
}

LogicalResult MatMulOp::verify() {
  auto shape = [](Value value) {
    return cast<MemRefType>(value.getType()).getShape();
  };
  ArrayRef<int64_t> a = shape(getA()), b = shape(getB()), out = shape(getOut());
  if (a.size() != 2 || b.size() != 2 || out.size() != 2)
    return emitOpError("takes matrices");
  int64_t m = a[getTransposeA() ? 1 : 0], ka = a[getTransposeA() ? 0 : 1];
  int64_t kb = b[getTransposeB() ? 1 : 0], n = b[getTransposeB() ? 0 : 1];
  if (ka != kb || out[0] != m || out[1] != n)
    return emitOpError("multiplies ")
           << m << "x" << ka << " by " << kb << "x" << n << " into " << out[0]
           << "x" << out[1];
  return success();
}

LogicalResult BucketOp::verify() {
  auto type = cast<MemRefType>(getType());
  if (type.getRank() == 1 && isa<FloatType>(type.getElementType()))
    return success();
  return emitOpError("is ") << type << ", expected a row of floats";
}

LogicalResult ExamplesOp::verify() {
  auto type = cast<MemRefType>(getType());
  if (getKind() != "share" && getKind() != "own" && getKind() != "all")
    return emitOpError("counts \"")
           << getKind() << "\", expected share, own or all";
  if (type.getNumElements() == 1 &&
      (type.getElementType().isF32() || type.getElementType().isF64()))
    return success();
  return emitOpError("is ") << type << ", expected a scalar of f32 or f64";
}

LogicalResult OutputOp::verify() {
  auto type = cast<MemRefType>(getBuffer().getType());
  if (!type.hasStaticShape() || type.getNumElements() != 1)
    return emitOpError("reports ") << type << ", expected a scalar";
  return success();
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

template <typename T>
static T lookup(SymbolTableCollection &tables, Operation *op,
                FlatSymbolRefAttr name, StringRef what) {
  auto program = op->getParentOfType<ProgramOp>();
  auto result =
      program ? tables.lookupSymbolIn<T>(program, name.getAttr()) : nullptr;
  if (!result)
    op->emitOpError("refers to ")
        << name << ", which is no " << what << " of the program";
  return result;
}

LogicalResult HandlerOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto state = lookup<StateOp>(tables, *this, getStateAttr(), "state");
  if (!state)
    return failure();
  auto function =
      lookup<FunctionOp>(tables, *this, getFunctionAttr(), "function");
  if (!function)
    return failure();
  auto inputs = function.getBody().getOps<InputOp>();
  auto count = std::distance(inputs.begin(), inputs.end());
  if (getPartAttr()) {
    auto part = lookup<FunctionOp>(tables, *this, getPartAttr(), "function");
    if (!part)
      return failure();
    auto type = cast<MemRefType>(state.getType());
    auto sum = MemRefType::get({}, type.getElementType());
    auto taken = part.getBody().getOps<InputOp>();
    auto made = part.getBody().getOps<OutputOp>();
    if (!llvm::hasSingleElement(taken) || !llvm::hasSingleElement(made) ||
        (*taken.begin()).getResult().getType() != type ||
        (*made.begin()).getBuffer().getType() != sum) {
      InFlightDiagnostic diag = emitOpError("needs a part function of one ")
                                << type << " with the output " << sum;
      diag.attachNote(part.getLoc()) << "the function is here";
      return diag;
    }
    if (count != 2 || (*inputs.begin()).getResult().getType() != type ||
        (*std::next(inputs.begin())).getResult().getType() != sum) {
      InFlightDiagnostic diag = emitOpError("needs an update function of ")
                                << type << " and the sum, " << sum;
      diag.attachNote(function.getLoc()) << "the function is here";
      return diag;
    }
    return success();
  }
  if ((count != 1 && count != 2) || llvm::any_of(inputs, [&](InputOp input) {
        return input.getResult().getType() != state.getType();
      })) {
    InFlightDiagnostic diag = emitOpError("needs an update function of one ")
                              << state.getType() << ", or two";
    diag.attachNote(function.getLoc()) << "the function is here";
    return diag;
  }
  return success();
}

LogicalResult StateRefOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto state = lookup<StateOp>(tables, *this, getStateAttr(), "state");
  if (!state)
    return failure();
  if (state.getType() != getResult().getType()) {
    InFlightDiagnostic diag = emitOpError("has type ") << getResult().getType();
    diag.attachNote(state.getLoc()) << "the state has " << state.getType();
    return diag;
  }
  return success();
}

LogicalResult InBucketOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto bucket = lookup<BucketOp>(tables, *this, getBucketAttr(), "bucket");
  if (!bucket)
    return failure();
  auto whole = cast<MemRefType>(bucket.getType());
  auto type = cast<MemRefType>(getType());
  auto offset = static_cast<int64_t>(getOffset());
  int64_t parts = 1;
  if (FlatSymbolRefAttr name = getPartOfAttr()) {
    auto group = lookup<GroupOp>(tables, *this, name, "group");
    if (!group)
      return failure();
    parts = static_cast<int64_t>(group.getSize());
  }
  if (type.getElementType() == whole.getElementType() && offset >= 0 &&
      offset <= whole.getNumElements() &&
      type.getNumElements() <= (whole.getNumElements() - offset) / parts)
    return success();
  InFlightDiagnostic diag = emitOpError("of type ")
                            << type << " does not fit at " << offset;
  diag.attachNote(bucket.getLoc()) << "the bucket is " << whole;
  return diag;
}

LogicalResult ConnectOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") !=
                 nullptr);
}

LogicalResult BroadcastOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") !=
                 nullptr);
}

LogicalResult
AllReduceStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") &&
                 lookup<BucketOp>(tables, *this, getBucketAttr(), "bucket"));
}

LogicalResult
ReduceScatterStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") &&
                 lookup<BucketOp>(tables, *this, getBucketAttr(), "bucket"));
}

LogicalResult
AllGatherStartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") &&
                 lookup<BucketOp>(tables, *this, getBucketAttr(), "bucket"));
}

LogicalResult CopyPartOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<GroupOp>(tables, *this, getGroupAttr(), "group") !=
                 nullptr);
}

LogicalResult
CollectiveWaitOp::verifySymbolUses(SymbolTableCollection &tables) {
  return success(lookup<BucketOp>(tables, *this, getBucketAttr(), "bucket") !=
                 nullptr);
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto kernel = lookup<KernelOp>(tables, *this, getKernelAttr(), "kernel");
  if (!kernel)
    return failure();
  int64_t operands = getBuffers().size();
  if (kernel.getNumOperands() != static_cast<uint64_t>(operands)) {
    InFlightDiagnostic diag = emitOpError("passes ") << operands << " buffers";
    diag.attachNote(kernel.getLoc())
        << "the kernel takes " << kernel.getNumOperands();
    return diag;
  }
  int64_t inputs = operands - static_cast<int64_t>(getNumOutputs());
  if (inputs < 0)
    return emitOpError("has ")
           << getNumOutputs() << " outputs among " << operands << " buffers";
  for (int64_t index : getInplace())
    if (index < 0 || index >= inputs)
      return emitOpError("overwrites input ")
             << index << " but has only " << inputs;
  return success();
}

/// True if `part` is rows [row, ...) of `whole`, or all of it.
static bool isRowsOf(Type part, Type whole, int64_t row) {
  if (part == whole)
    return row == 0;
  auto from = cast<MemRefType>(part), to = cast<MemRefType>(whole);
  return to.getRank() > 0 && from.getRank() == to.getRank() &&
         from.getElementType() == to.getElementType() &&
         from.getShape().drop_front() == to.getShape().drop_front() &&
         !to.isDynamicDim(0) && !from.isDynamicDim(0) && row >= 0 &&
         row <= to.getDimSize(0) &&
         from.getDimSize(0) <= to.getDimSize(0) - row;
}

LogicalResult CopyOp::verify() {
  if (isRowsOf(getFrom().getType(), getTo().getType(), getRow()))
    return success();
  return emitOpError("copies ")
         << getFrom().getType() << " to rows of " << getTo().getType()
         << " from " << getRow() << " on, where it does not fit";
}

/// The block that `op` names; null, with an error, if there is none.
static BlockOp findBlock(Operation *op, int64_t server, int64_t block) {
  auto program = op->getParentOfType<ProgramOp>();
  int64_t servers = 0;
  for (auto candidate : program.getBody().getOps<ServerOp>()) {
    if (servers++ != server)
      continue;
    int64_t blocks = 0;
    for (auto owned : candidate.getBody().getOps<BlockOp>())
      if (blocks++ == block)
        return owned;
    op->emitOpError("names block ")
        << block << " of server " << server << ", which has " << blocks;
    return nullptr;
  }
  op->emitOpError("names server ") << server << ", the job has " << servers;
  return nullptr;
}

/// A transfer names a block of a server of the program: its buffer, or rows.
static LogicalResult verifyTransfer(Operation *op, Value buffer, int64_t server,
                                    int64_t block, int64_t row) {
  BlockOp owned = findBlock(op, server, block);
  if (!owned || isRowsOf(owned.getType(), buffer.getType(), row))
    return success(owned);
  InFlightDiagnostic diag = op->emitOpError("moves ") << buffer.getType();
  if (row != 0)
    diag << " from row " << row << " on";
  diag.attachNote(owned.getLoc()) << "the block is " << owned.getType();
  return diag;
}

LogicalResult AgreeOp::verifySymbolUses(SymbolTableCollection &) {
  if (getServers().empty() || getServers().size() != getBlocks().size())
    return emitOpError("names ") << getBlocks().size() << " blocks of "
                                 << getServers().size() << " servers";
  Type first;
  for (auto [server, block] : llvm::zip(getServers(), getBlocks())) {
    BlockOp owned = findBlock(*this, server, block);
    if (!owned)
      return failure();
    Type element = cast<MemRefType>(owned.getType()).getElementType();
    if (first && first != element) {
      InFlightDiagnostic diag = emitOpError("adds parts of ")
                                << first << " and " << element;
      diag.attachNote(owned.getLoc()) << "the block is " << owned.getType();
      return diag;
    }
    first = element;
  }
  return success();
}

LogicalResult SendOp::verifySymbolUses(SymbolTableCollection &) {
  return verifyTransfer(*this, getBuffer(), getServer(), getBlock(), getRow());
}

LogicalResult RecvOp::verifySymbolUses(SymbolTableCollection &) {
  return verifyTransfer(*this, getBuffer(), getServer(), getBlock(), getRow());
}

/// A temporary is memory: two of them never merge, an unused one goes.
void TemporaryOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  effects.emplace_back(MemoryEffects::Allocate::get(),
                       cast<OpResult>(getResult()));
}

//===----------------------------------------------------------------------===//
// input
//===----------------------------------------------------------------------===//

LogicalResult InputOp::verify() {
  std::optional<uint64_t> bound = getUpperBound();
  if (!bound)
    return success();
  auto type = cast<MemRefType>(getType());
  if (!type.getElementType().isInteger(32) &&
      !type.getElementType().isInteger(64))
    return emitOpError("bounds elements of type ")
           << type.getElementType() << "; only i32 and i64 number rows";
  if (static_cast<int64_t>(*bound) < 1)
    return emitOpError("has bound ")
           << static_cast<int64_t>(*bound) << ", expected at least 1";
  return success();
}
