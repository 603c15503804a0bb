//===- Tensor.cpp - Tensors of the reference interpreter ------------------===//

#include "test/lib/Reference/Tensor.h"

#include <cassert>

using namespace fleet::reference;

static int64_t count(llvm::ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  return elements;
}

Tensor::Tensor(llvm::ArrayRef<int64_t> shape)
    : shape(shape), values(count(shape), 0.0) {}

Tensor Tensor::scalar(double value) {
  Tensor tensor{llvm::ArrayRef<int64_t>()};
  tensor.values[0] = value;
  return tensor;
}

double Tensor::at(llvm::ArrayRef<int64_t> index) const {
  llvm::ArrayRef<int64_t> own = index.take_back(shape.size());
  int64_t position = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    assert((shape[d] == 1 || own[d] < shape[d]) && "index out of bounds");
    position = position * shape[d] + (shape[d] == 1 ? 0 : own[d]);
  }
  return values[position];
}

double &Tensor::operator[](llvm::ArrayRef<int64_t> index) {
  assert(index.size() == shape.size() && "index of another rank");
  int64_t position = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    position = position * shape[d] + index[d];
  return values[position];
}

Shape fleet::reference::broadcast(llvm::ArrayRef<int64_t> a,
                                  llvm::ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape shape(a);
  for (size_t d = 0; d < b.size(); ++d) {
    int64_t &extent = shape[a.size() - b.size() + d];
    if (extent == 1)
      extent = b[d];
  }
  return shape;
}

void fleet::reference::forEachIndex(
    llvm::ArrayRef<int64_t> shape,
    llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  Shape index(shape.size(), 0);
  for (int64_t i = 0, e = count(shape); i < e; ++i) {
    visit(index);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d])
        break;
      index[d] = 0;
    }
  }
}
