//===- Composites.cpp - What composites mean, without decomposing them ----===//

#include "dialects/NN/IR/NN.h"
#include "test/lib/Reference/Interpreter.h"

#include <algorithm>
#include <cmath>

namespace nn = mlir::fleet::nn;
using namespace fleet::reference;

namespace {

using Operands = llvm::ArrayRef<Tensor>;

Tensor evaluateLinear(nn::LinearOp, Operands x) {
  Tensor result(Shape{x[0].shape[0], x[1].shape[1]});
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = x[2].at({i[1]});
    for (int64_t k = 0; k < x[0].shape[1]; ++k)
      result[i] += x[0].at({i[0], k}) * x[1].at({k, i[1]});
  });
  return result;
}

Tensor evaluateSquareError(nn::SquareErrorOp, Operands x) {
  Tensor result(broadcast(x[0].shape, x[1].shape));
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = (x[0].at(i) - x[1].at(i)) * (x[0].at(i) - x[1].at(i));
  });
  return result;
}

Tensor evaluateMean(nn::MeanOp, Operands x) {
  double sum = 0;
  for (double value : x[0].values)
    sum += value;
  return Tensor::scalar(sum / x[0].values.size());
}

/// log(sum(exp)) of each row of the last dimension.
Tensor logSumExp(const Tensor &x) {
  Shape shape = x.shape;
  shape.back() = 1;
  Tensor result(shape);
  forEachIndex(shape, [&](llvm::ArrayRef<int64_t> row) {
    Shape i(row);
    double largest = x.at(i);
    for (; i.back() < x.shape.back(); ++i.back())
      largest = std::max(largest, x.at(i));
    double sum = 0;
    for (i.back() = 0; i.back() < x.shape.back(); ++i.back())
      sum += std::exp(x.at(i) - largest);
    result[row] = largest + std::log(sum);
  });
  return result;
}

Tensor evaluateSoftmax(nn::SoftmaxOp, Operands x) {
  Tensor log = logSumExp(x[0]);
  Tensor result(x[0].shape);
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = std::exp(x[0].at(i) - log.at(i));
  });
  return result;
}

Tensor evaluateCrossEntropy(nn::SoftmaxCrossEntropyOp, Operands x) {
  Tensor result = logSumExp(x[0]);
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> row) {
    Shape label(row);
    label.back() = static_cast<int64_t>(x[1].at(row));
    result[row] -= x[0].at(label);
  });
  return result;
}

Tensor evaluateAccuracy(nn::AccuracyOp, Operands x) {
  double hits = 0;
  forEachIndex(x[1].shape, [&](llvm::ArrayRef<int64_t> row) {
    Shape best(row);
    for (Shape i = best; i.back() < x[0].shape.back(); ++i.back())
      if (x[0].at(i) > x[0].at(best))
        best = i;
    hits += static_cast<double>(best.back()) == x[1].at(row);
  });
  return Tensor::scalar(hits / x[1].values.size());
}

Tensor evaluateSumTo(nn::SumToOp op, Operands x) {
  // What has extent 1 in the type, or no dimension, is summed over.
  llvm::ArrayRef<int64_t> type = op.getType().getShape();
  size_t lead = x[0].shape.size() - type.size();
  Shape shape;
  for (size_t d = 0; d < type.size(); ++d)
    shape.push_back(type[d] == 1 ? 1 : x[0].shape[lead + d]);
  Tensor result(shape);
  forEachIndex(x[0].shape, [&](llvm::ArrayRef<int64_t> i) {
    Shape target(i.drop_front(lead));
    for (size_t d = 0; d < target.size(); ++d)
      if (shape[d] == 1)
        target[d] = 0;
    result[target] += x[0].at(i);
  });
  return result;
}

Tensor evaluateEmbedding(nn::EmbeddingOp op, Operands x) {
  Tensor result = chooseRows(x[0], x[1]);
  int64_t columns = x[0].shape[1];
  for (size_t i = 0; i < result.values.size(); ++i)
    if (op.getPaddingIdx() &&
        x[1].values[i / columns] == static_cast<double>(*op.getPaddingIdx()))
      result.values[i] = 0;
  return result;
}

} // namespace

void fleet::reference::addComposites(Interpreter &interpreter) {
  interpreter.add<nn::EmbeddingOp>(evaluateEmbedding);
  interpreter.add<nn::LinearOp>(evaluateLinear);
  interpreter.add<nn::SquareErrorOp>(evaluateSquareError);
  interpreter.add<nn::MeanOp>(evaluateMean);
  interpreter.add<nn::SoftmaxOp>(evaluateSoftmax);
  interpreter.add<nn::SoftmaxCrossEntropyOp>(evaluateCrossEntropy);
  interpreter.add<nn::AccuracyOp>(evaluateAccuracy);
  interpreter.add<nn::SumToOp>(evaluateSumTo);
}
