//===- SliceParameter.cpp - The blocks of a parameter ---------------------===//

#include "lib/Transforms/SliceParameter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::fleet;

SmallVector<int64_t> mlir::fleet::sliceRows(RankedTensorType type,
                                            const SliceOptions &options) {
  if (type.getRank() == 0)
    return {1};
  int64_t elements = type.getNumElements(), rows = type.getDimSize(0);
  int64_t width = elements / rows;
  int64_t blocks =
      std::min(options.maxBlocks,
               std::max<int64_t>(1, elements / options.minBlockElements));
  int64_t share = llvm::divideCeil(elements, blocks);
  int64_t rowsPerBlock = llvm::divideCeil(share, width);
  SmallVector<int64_t> result;
  for (int64_t row = 0; row < rows; row += rowsPerBlock)
    result.push_back(std::min(rowsPerBlock, rows - row));
  return result;
}

SmallVector<ParameterBlock>
mlir::fleet::sliceParameter(StringRef name, RankedTensorType type,
                            const SliceOptions &options,
                            llvm::StringSet<> &taken) {
  SmallVector<int64_t> counts = sliceRows(type, options);
  auto unique = [&](std::string wanted) {
    while (!taken.insert(wanted).second)
      wanted += "_";
    return wanted;
  };
  if (counts.size() == 1)
    return {{unique(name.str()), 0, type}};
  SmallVector<ParameterBlock> blocks;
  int64_t row = 0;
  for (auto [i, count] : llvm::enumerate(counts)) {
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = count;
    blocks.push_back(
        {unique((name + ".block" + Twine(i)).str()), row, type.clone(shape)});
    row += count;
  }
  return blocks;
}

template <typename Op> static void cut(Op op, const ParameterBlock &block) {
  int64_t firstRow = op.getOriginAttr() ? op.getOriginAttr().getRowOffset() : 0;
  Builder b(op.getContext());
  SmallVector<int64_t> origin = op.getOriginShape();
  auto name = b.getStringAttr(op.getOriginName());
  RankedTensorType type = op.getType();
  if (type.getRank() > 0) {
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = block.type.getDimSize(0);
    op.setType(type.clone(shape));
    firstRow += block.firstRow;
  }
  op.setOriginAttr(optim::OriginAttr::get(
      op.getContext(), name, b.getDenseI64ArrayAttr(origin), firstRow));
}

void mlir::fleet::cutVariable(optim::ParameterOp variable,
                              const ParameterBlock &block) {
  cut(variable, block);
}

void mlir::fleet::cutVariable(optim::StateOp variable,
                              const ParameterBlock &block) {
  cut(variable, block);
}
