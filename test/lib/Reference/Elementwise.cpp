//===- Elementwise.cpp - What elementwise operations mean -----------------===//

#include "dialects/NN/IR/NN.h"
#include "test/lib/Reference/Interpreter.h"

#include <cmath>

namespace nn = mlir::fleet::nn;
using namespace fleet::reference;
using mlir::getElementTypeOrSelf;

namespace {

using Operands = llvm::ArrayRef<Tensor>;

template <typename OpTy>
void addUnary(Interpreter &interpreter, double (*f)(double)) {
  interpreter.add<OpTy>([f](OpTy, Operands x) {
    Tensor result(x[0].shape);
    for (size_t i = 0; i < result.values.size(); ++i)
      result.values[i] = f(x[0].values[i]);
    return result;
  });
}

Tensor map(const Tensor &a, const Tensor &b,
           llvm::function_ref<double(double, double)> f) {
  Tensor result(broadcast(a.shape, b.shape));
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = f(a.at(i), b.at(i));
  });
  return result;
}

template <typename OpTy>
void addBinary(Interpreter &interpreter, double (*f)(double, double)) {
  interpreter.add<OpTy>([f](OpTy, Operands x) { return map(x[0], x[1], f); });
}

double maximum(double a, double b) { return a > b || std::isnan(a) ? a : b; }

double minimum(double a, double b) { return a < b || std::isnan(a) ? a : b; }

bool holds(nn::ComparePredicate predicate, double a, double b) {
  switch (predicate) {
  case nn::ComparePredicate::Eq:
    return a == b;
  case nn::ComparePredicate::Ne:
    return a != b;
  case nn::ComparePredicate::Lt:
    return a < b;
  case nn::ComparePredicate::Le:
    return a <= b;
  case nn::ComparePredicate::Gt:
    return a > b;
  case nn::ComparePredicate::Ge:
    return a >= b;
  }
  llvm_unreachable("all predicates are listed");
}

Tensor evaluateSelect(nn::SelectOp, Operands x) {
  Tensor result(broadcast(x[0].shape, broadcast(x[1].shape, x[2].shape)));
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> i) {
    result[i] = x[0].at(i) != 0 ? x[1].at(i) : x[2].at(i);
  });
  return result;
}

/// Where the standard normal distribution function is `u`, by bisection.
double normalQuantile(double u) {
  double low = -40, high = 40;
  for (int i = 0; i < 200; ++i) {
    double middle = (low + high) / 2;
    // In the tail that `u` is in, where no digits are lost.
    bool isLess = u < 0.5 ? std::erfc(-middle / std::sqrt(2.0)) / 2 < u
                          : std::erfc(middle / std::sqrt(2.0)) / 2 > 1 - u;
    (isLess ? low : high) = middle;
  }
  return low;
}

/// Draw `counter` of SplitMix64 from the state `key`, as a normal deviate.
double standardNormal(uint64_t key, double counter) {
  uint64_t z =
      key + (static_cast<uint64_t>(counter) + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return normalQuantile((static_cast<double>(z >> 12) + 0.5) * 0x1p-52);
}

Tensor evaluateCast(nn::CastOp op, Operands x) {
  mlir::Type to = getElementTypeOrSelf(op.getType());
  Tensor result = x[0];
  for (double &value : result.values) {
    if (to.isInteger(1))
      value = value != 0;
    else if (llvm::isa<mlir::IntegerType>(to))
      value = std::trunc(value);
  }
  return result;
}

Tensor evaluateBroadcast(nn::BroadcastOp op, Operands x) {
  Tensor value = x[0];
  for (int64_t d : op.getAlong())
    value.shape.insert(value.shape.begin() + d, 1);
  Tensor result(x[1].shape);
  forEachIndex(result.shape,
               [&](llvm::ArrayRef<int64_t> i) { result[i] = value.at(i); });
  return result;
}

} // namespace

void fleet::reference::addElementwise(Interpreter &interpreter) {
  addBinary<nn::AddOp>(interpreter, [](double a, double b) { return a + b; });
  addBinary<nn::SubOp>(interpreter, [](double a, double b) { return a - b; });
  addBinary<nn::MulOp>(interpreter, [](double a, double b) { return a * b; });
  addBinary<nn::MaximumOp>(interpreter, maximum);
  addBinary<nn::MinimumOp>(interpreter, minimum);
  interpreter.add<nn::DivOp>([](nn::DivOp op, Operands x) {
    bool isInteger =
        llvm::isa<mlir::IntegerType>(getElementTypeOrSelf(op.getType()));
    return map(x[0], x[1], [&](double a, double b) {
      return isInteger ? std::trunc(a / b) : a / b;
    });
  });
  interpreter.add<nn::CompareOp>([](nn::CompareOp op, Operands x) {
    return map(x[0], x[1], [&](double a, double b) -> double {
      return holds(op.getPredicate(), a, b);
    });
  });
  addUnary<nn::NegOp>(interpreter, [](double x) { return -x; });
  addUnary<nn::ExpOp>(interpreter, [](double x) { return std::exp(x); });
  addUnary<nn::LogOp>(interpreter, [](double x) { return std::log(x); });
  addUnary<nn::SqrtOp>(interpreter, [](double x) { return std::sqrt(x); });
  addUnary<nn::TanhOp>(interpreter, [](double x) { return std::tanh(x); });
  addUnary<nn::AbsOp>(interpreter, [](double x) { return std::fabs(x); });
  addUnary<nn::SquareOp>(interpreter, [](double x) { return x * x; });
  addUnary<nn::ReluOp>(interpreter, [](double x) { return maximum(x, 0.0); });
  addUnary<nn::SigmoidOp>(interpreter,
                          [](double x) { return 1.0 / (1.0 + std::exp(-x)); });
  interpreter.add<nn::StandardNormalOp>(
      [](nn::StandardNormalOp op, Operands x) {
        Tensor result = x[0];
        for (double &value : result.values)
          value = standardNormal(op.getKey(), value);
        return result;
      });
  interpreter.add<nn::SelectOp>(evaluateSelect);
  interpreter.add<nn::CastOp>(evaluateCast);
  interpreter.add<nn::BroadcastOp>(evaluateBroadcast);
}
