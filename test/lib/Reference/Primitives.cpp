//===- Primitives.cpp - What the other primitives mean --------------------===//

#include "dialects/NN/IR/NN.h"
#include "test/lib/Reference/Interpreter.h"

#include <cmath>
#include <limits>

namespace nn = mlir::fleet::nn;
using namespace fleet::reference;

namespace {

using Operands = llvm::ArrayRef<Tensor>;

Tensor evaluateConstant(nn::ConstantOp op, Operands) {
  Tensor result(op.getType().getShape());
  auto elements = llvm::cast<mlir::DenseElementsAttr>(op.getValue());
  size_t i = 0;
  for (mlir::Attribute element : elements.getValues<mlir::Attribute>()) {
    double &value = result.values[i++];
    if (auto f = llvm::dyn_cast<mlir::FloatAttr>(element))
      value = f.getValueAsDouble();
    else if (auto b = llvm::dyn_cast<mlir::BoolAttr>(element))
      value = b.getValue();
    else
      value = llvm::cast<mlir::IntegerAttr>(element).getInt();
  }
  return result;
}

Tensor evaluateReduce(nn::ReduceOp op, Operands x) {
  bool isMax = op.getKind() == nn::ReduceKind::Max;
  Shape kept = x[0].shape;
  for (int64_t d : op.getDims())
    kept[d] = 1;
  Tensor result(kept);
  if (isMax) {
    // Over no elements: the least value of the type.
    double least = -std::numeric_limits<double>::infinity();
    if (auto type = llvm::dyn_cast<mlir::IntegerType>(
            mlir::getElementTypeOrSelf(op.getType())))
      least = -std::ldexp(1.0, type.getWidth() - 1);
    for (double &value : result.values)
      value = least;
  }
  forEachIndex(x[0].shape, [&](llvm::ArrayRef<int64_t> i) {
    Shape target(i);
    for (int64_t d : op.getDims())
      target[d] = 0;
    double element = x[0].at(i);
    double &value = result[target];
    if (!isMax)
      value += element;
    else if (element > value || std::isnan(element))
      value = element;
  });
  if (!op.getKeepDims())
    for (int64_t d : llvm::reverse(op.getDims()))
      result.shape.erase(result.shape.begin() + d);
  return result;
}

Tensor evaluateArgmax(nn::ArgmaxOp, Operands x) {
  Shape shape = x[0].shape;
  shape.back() = 1;
  Tensor result(shape);
  forEachIndex(shape, [&](llvm::ArrayRef<int64_t> row) {
    Shape best(row);
    for (Shape i = best; i.back() < x[0].shape.back(); ++i.back())
      if (x[0].at(i) > x[0].at(best))
        best = i;
    result[row] = best.back();
  });
  return result;
}

Tensor evaluateOneHot(nn::OneHotOp op, Operands x) {
  Shape shape = x[0].shape;
  shape.back() = op.getType().getShape().back();
  Tensor result(shape);
  forEachIndex(shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = x[0].at(i) == static_cast<double>(i.back());
  });
  return result;
}

Tensor evaluateMatmul(nn::MatmulOp op, Operands x) {
  int64_t inner = x[0].shape[op.getTransposeA() ? 0 : 1];
  Tensor result(Shape{x[0].shape[op.getTransposeA() ? 1 : 0],
                      x[1].shape[op.getTransposeB() ? 0 : 1]});
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    for (int64_t k = 0; k < inner; ++k) {
      Shape a = op.getTransposeA() ? Shape{k, i[0]} : Shape{i[0], k};
      Shape b = op.getTransposeB() ? Shape{i[1], k} : Shape{k, i[1]};
      result[i] += x[0].at(a) * x[1].at(b);
    }
  });
  return result;
}

Tensor evaluateGather(nn::GatherOp op, Operands x) {
  return chooseRows(x[0], x[1]);
}

Tensor evaluateScatterAdd(nn::ScatterAddOp op, Operands x) {
  Tensor result(op.getType().getShape());
  int64_t columns = result.shape[1];
  for (size_t i = 0; i < x[1].values.size(); ++i)
    for (int64_t c = 0; c < columns; ++c)
      result[{static_cast<int64_t>(x[1].values[i]), c}] +=
          x[0].values[i * columns + c];
  return result;
}

Tensor evaluateConcat(nn::ConcatOp, Operands x) {
  Shape shape = x[0].shape;
  shape.back() = 0;
  for (const Tensor &part : x)
    shape.back() += part.shape.back();
  Tensor result(shape);
  int64_t offset = 0;
  for (const Tensor &part : x) {
    forEachIndex(part.shape, [&](llvm::ArrayRef<int64_t> i) {
      Shape target(i);
      target.back() += offset;
      result[target] = part.at(i);
    });
    offset += part.shape.back();
  }
  return result;
}

Tensor evaluateSlice(nn::SliceOp op, Operands x) {
  Shape shape = x[0].shape;
  shape.back() =
      llvm::cast<mlir::RankedTensorType>(op.getType()).getShape().back();
  Tensor result(shape);
  forEachIndex(shape, [&](llvm::ArrayRef<int64_t> i) {
    Shape source(i);
    source.back() += static_cast<int64_t>(op.getOffset());
    result[i] = x[0].at(source);
  });
  return result;
}

Tensor evaluateReshape(nn::ReshapeOp op, Operands x) {
  Tensor result = x[0];
  int64_t rows = x[0].shape.front();
  result.shape =
      Shape(llvm::cast<mlir::RankedTensorType>(op.getType()).getShape());
  result.shape.front() = rows;
  return result;
}

} // namespace

Tensor fleet::reference::chooseRows(const Tensor &table, const Tensor &ids) {
  Shape shape = ids.shape;
  if (shape.back() == 1)
    shape.pop_back();
  shape.push_back(table.shape[1]);
  Tensor result(shape);
  size_t next = 0;
  for (double id : ids.values)
    for (int64_t c = 0; c < table.shape[1]; ++c)
      result.values[next++] = table.at({static_cast<int64_t>(id), c});
  return result;
}

void fleet::reference::addPrimitives(Interpreter &interpreter) {
  interpreter.add<nn::GatherOp>(evaluateGather);
  interpreter.add<nn::ScatterAddOp>(evaluateScatterAdd);
  interpreter.add<nn::ConcatOp>(evaluateConcat);
  interpreter.add<nn::SliceOp>(evaluateSlice);
  interpreter.add<nn::ReshapeOp>(evaluateReshape);
  interpreter.add<nn::ConstantOp>(evaluateConstant);
  interpreter.add<nn::ReduceOp>(evaluateReduce);
  interpreter.add<nn::ArgmaxOp>(evaluateArgmax);
  interpreter.add<nn::OneHotOp>(evaluateOneHot);
  interpreter.add<nn::MatmulOp>(evaluateMatmul);
  interpreter.add<nn::CountOp>([](nn::CountOp, Operands x) {
    return Tensor::scalar(x[0].values.size());
  });
}
