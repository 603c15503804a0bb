//===- SliceParameter.cpp - The blocks of a parameter ---------------------===//

#include "lib/Transforms/SliceParameter.h"

using namespace mlir;
using namespace mlir::fleet;

SmallVector<ParameterBlock>
mlir::fleet::sliceParameter(optim::ParameterOp parameter, int64_t /*servers*/) {
  return {{parameter.getOriginName().str(), 0, parameter.getType()}};
}
