//===- KernelTest.cpp - Generated kernels against the interpreter ---------===//
//
// Each operation, by itself, and each operation's gradient, compiled and run
// for several batch sizes.
//
//===----------------------------------------------------------------------===//

#include "test/Execute/Comparison.h"
#include "test/Execute/KernelCases.h"
#include "test/lib/Cases/GradientCases.h"

using namespace mlir;
using namespace ::fleet::test;

namespace {

const int64_t batches[] = {0, 1, 2, 7, 20, 33};

bool isCompilable(ModuleOp module) {
  bool result = true;
  module.walk([&](Operation *op) {
    for (Type type :
         llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()),
                                  llvm::to_vector(op->getResultTypes())))
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        for (int64_t extent :
             tensor.getShape().drop_front(tensor.getRank() > 0))
          result &= !ShapedType::isDynamic(extent);
  });
  return result;
}

class KernelTest : public ExecuteTest {
protected:
  /// The operation and, if it has one, its gradient.
  void compare(ArrayRef<GradientCase> cases, bool withGradients) {
    Comparison comparison(context);
    for (auto [i, test] : llvm::enumerate(cases)) {
      OwningOpRef<ModuleOp> module;
      if (withGradients) {
        auto program = buildProgram(test, context);
        ASSERT_TRUE(succeeded(program)) << test.op;
        module = std::move(program->module);
      } else {
        module = buildForward(test, context);
        ASSERT_TRUE(module) << test.op;
      }
      if (!isCompilable(*module))
        continue; // see test/Conversion/programs-to-plan-invalid.mlir
      Conditions conditions;
      conditions.inputs = test;
      comparison.add(*module, "c" + std::to_string(i) + "_", conditions);
    }
    comparison.compare(batches);
  }
};

std::vector<GradientCase> withElement(StringRef element) {
  std::vector<GradientCase> cases(getGradientCases());
  auto replace = [&](std::string &text) {
    for (size_t at; (at = text.find("f64")) != std::string::npos;)
      text.replace(at, 3, element.str());
  };
  if (element != "f64")
    for (GradientCase &test : cases) {
      replace(test.op);
      llvm::for_each(test.types, replace);
    }
  return cases;
}

TEST_F(KernelTest, gradientsInSinglePrecision) {
  compare(withElement("f32"), /*withGradients=*/true);
}

TEST_F(KernelTest, gradientsInDoublePrecision) {
  compare(withElement("f64"), /*withGradients=*/true);
}

TEST_F(KernelTest, elementwise) {
  compare(getElementwiseCases(), /*withGradients=*/false);
}

TEST_F(KernelTest, broadcasts) {
  compare(getBroadcastCases(), /*withGradients=*/false);
}

TEST_F(KernelTest, reductions) {
  compare(getReductionCases(), /*withGradients=*/false);
}

TEST_F(KernelTest, labels) {
  compare(getLabelCases(), /*withGradients=*/false);
}

/// `text` with $T for the element type, and $n, $m for extents.
std::string instantiate(StringRef text, StringRef element, int64_t n,
                        int64_t m) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      result += text[i];
      continue;
    }
    char name = text[++i];
    result += name == 'T'   ? element.str()
              : name == 'n' ? std::to_string(n)
                            : std::to_string(m);
  }
  return result;
}

// Sums along a row are reordered for the sake of vectors, and rows are
// vectorized too: still a row must not depend on where its range begins.
TEST_F(KernelTest, rowsDoNotDependOnTheirRange) {
  const char *softmax = R"(
    func.func @softmax(%x: tensor<?x$nx$T>, %g: tensor<?x$nx$T>) -> tensor<?x$nx$T> {
      %0 = nn.softmax %x : tensor<?x$nx$T>
      %1 = nn.mul %g, %0 : (tensor<?x$nx$T>, tensor<?x$nx$T>) -> tensor<?x$nx$T>
      %2 = nn.reduce sum %1 dims = [1] keep_dims : tensor<?x$nx$T> -> tensor<?x1x$T>
      %3 = nn.sub %g, %2 : (tensor<?x$nx$T>, tensor<?x1x$T>) -> tensor<?x$nx$T>
      %4 = nn.mul %0, %3 : (tensor<?x$nx$T>, tensor<?x$nx$T>) -> tensor<?x$nx$T>
      return %4 : tensor<?x$nx$T>
    })";
  const char *products = R"(
    func.func @products(%x: tensor<?x$nx$T>, %w: tensor<$nx$mx$T>, %v: tensor<$mx$nx$T>, %c: tensor<$mx$T>)
        -> (tensor<?x$mx$T>, tensor<?x$mx$T>) {
      %0 = nn.linear %x, %w, %c : (tensor<?x$nx$T>, tensor<$nx$mx$T>, tensor<$mx$T>) -> tensor<?x$mx$T>
      %1 = nn.matmul %x, %v transpose_b : (tensor<?x$nx$T>, tensor<$mx$nx$T>) -> tensor<?x$mx$T>
      %2 = nn.mul %0, %1 : (tensor<?x$mx$T>, tensor<?x$mx$T>) -> tensor<?x$mx$T>
      %3 = nn.add %2, %c : (tensor<?x$mx$T>, tensor<$mx$T>) -> tensor<?x$mx$T>
      return %0, %3 : tensor<?x$mx$T>, tensor<?x$mx$T>
    })";
  Comparison comparison(context);
  for (const char *element : {"f32", "f64"}) {
    for (int64_t n : {1,  2,  3,  4,  5,  7,  8,  10, 15, 16,
                      17, 24, 31, 32, 33, 48, 63, 64, 65, 100})
      comparison.add(instantiate(softmax, element, n, 0),
                     element + std::to_string(n));
    for (int64_t n : {1, 2, 3, 5, 8, 13, 21, 32, 64})
      for (int64_t m : {1, 2, 3, 5, 8, 16, 64})
        if (n * m <= 64)
          comparison.add(instantiate(products, element, n, m),
                         element + std::to_string(n) + "x" + std::to_string(m));
  }
  comparison.compare(batches);
}

TEST_F(KernelTest, movements) {
  compare(getMovementCases(), /*withGradients=*/false);
}

TEST_F(KernelTest, products) {
  compare(getMatmulCases(), /*withGradients=*/false);
}

} // namespace
