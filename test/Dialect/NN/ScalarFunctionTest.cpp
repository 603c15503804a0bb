//===- ScalarFunctionTest.cpp - Elementwise ops element by element --------===//
//
// What a kernel generator makes of ScalarOpInterface, the indexing maps and the
// scalar function, against the reference interpreter. The scalar function is
// evaluated by the folders of arith and math. A new elementwise operation joins
// with one line in `cases`; a test fails while one has none.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NN.h"
#include "fleet/InitAll.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "test/lib/Reference/Interpreter.h"
#include "llvm/ADT/StringSet.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace mlir;
using ::fleet::reference::Interpreter;
using ::fleet::reference::Shape;
using ::fleet::reference::Tensor;
namespace nn = mlir::fleet::nn;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Elements that operands take in turn.
const std::vector<double> floats = {0.5,  -1.25, 3.0, 0.0,  -0.0, 1.0, -7.5,
                                    0.25, inf,   2.0, -inf, nan,  40., -40.};
const std::vector<double> finite = {0.5, -1.25, 3.75, 0.0, -2.5, 1.0, -7.0};
const std::vector<double> integers = {3, -2, 7, 1, -5, 4};
const std::vector<double> bools = {1, 0, 0, 1, 1};

/// An operation over %a, %b, %c, their types (`?` is 2), and their elements.
struct ScalarCase {
  std::string op;
  std::vector<std::string> types;
  std::vector<std::vector<double>> elements;
};

// clang-format off
const std::vector<ScalarCase> cases = {
  {"nn.add %a, %b : (tensor<?x7xf64>, tensor<7xf64>) -> tensor<?x7xf64>", {"tensor<?x7xf64>", "tensor<7xf64>"}, {floats, finite}},
  {"nn.add %a, %b : (tensor<?x1xi64>, tensor<3xi64>) -> tensor<?x3xi64>", {"tensor<?x1xi64>", "tensor<3xi64>"}, {integers, integers}},
  {"nn.sub %a, %b : (tensor<?x7xf64>, tensor<?x1xf64>) -> tensor<?x7xf64>", {"tensor<?x7xf64>", "tensor<?x1xf64>"}, {floats, finite}},
  {"nn.sub %a, %b : (tensor<6xi32>, tensor<i32>) -> tensor<6xi32>", {"tensor<6xi32>", "tensor<i32>"}, {integers, integers}},
  {"nn.mul %a, %b : (tensor<f64>, tensor<?x7xf64>) -> tensor<?x7xf64>", {"tensor<f64>", "tensor<?x7xf64>"}, {finite, floats}},
  {"nn.mul %a, %b : (tensor<2x1x3xi64>, tensor<?x1xi64>) -> tensor<2x?x3xi64>", {"tensor<2x1x3xi64>", "tensor<?x1xi64>"}, {integers, integers}},
  {"nn.div %a, %b : (tensor<?x7xf64>, tensor<7xf64>) -> tensor<?x7xf64>", {"tensor<?x7xf64>", "tensor<7xf64>"}, {floats, finite}},
  {"nn.div %a, %b : (tensor<6xi64>, tensor<5x1xi64>) -> tensor<5x6xi64>", {"tensor<6xi64>", "tensor<5x1xi64>"}, {integers, integers}},
  {"nn.maximum %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xf64>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.maximum %a, %b : (tensor<6xi64>, tensor<6x1xi64>) -> tensor<6x6xi64>", {"tensor<6xi64>", "tensor<6x1xi64>"}, {integers, integers}},
  {"nn.minimum %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xf64>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.minimum %a, %b : (tensor<6xi64>, tensor<6x1xi64>) -> tensor<6x6xi64>", {"tensor<6xi64>", "tensor<6x1xi64>"}, {integers, integers}},
  {"nn.compare eq %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare ne %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare lt %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare le %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare gt %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare ge %a, %b : (tensor<14xf64>, tensor<7x1xf64>) -> tensor<7x14xi1>", {"tensor<14xf64>", "tensor<7x1xf64>"}, {floats, finite}},
  {"nn.compare lt %a, %b : (tensor<6xi64>, tensor<6x1xi64>) -> tensor<6x6xi1>", {"tensor<6xi64>", "tensor<6x1xi64>"}, {integers, integers}},
  {"nn.compare ge %a, %b : (tensor<6xi64>, tensor<6x1xi64>) -> tensor<6x6xi1>", {"tensor<6xi64>", "tensor<6x1xi64>"}, {integers, integers}},
  {"nn.compare gt %a, %b : (tensor<2xi1>, tensor<2x1xi1>) -> tensor<2x2xi1>", {"tensor<2xi1>", "tensor<2x1xi1>"}, {bools, bools}},
  {"nn.compare le %a, %b : (tensor<2xi1>, tensor<2x1xi1>) -> tensor<2x2xi1>", {"tensor<2xi1>", "tensor<2x1xi1>"}, {bools, bools}},
  {"nn.select %a, %b, %c : (tensor<?x1xi1>, tensor<?x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x1xi1>", "tensor<?x3xf64>", "tensor<3xf64>"}, {bools, floats, finite}},
  {"nn.select %a, %b, %c : (tensor<5xi1>, tensor<i64>, tensor<5xi64>) -> tensor<5xi64>", {"tensor<5xi1>", "tensor<i64>", "tensor<5xi64>"}, {bools, integers, integers}},
  {"nn.neg %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {floats}},
  {"nn.neg %a : tensor<?x3xi64>", {"tensor<?x3xi64>"}, {integers}},
  {"nn.exp %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {finite}},
  {"nn.log %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}, {{0.5, 1.0, 7.0, 1e-3}}},
  {"nn.sqrt %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}, {{0.5, 1.0, 7.0, 1e-3}}},
  {"nn.tanh %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {finite}},
  {"nn.abs %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {floats}},
  {"nn.abs %a : tensor<?x3xi64>", {"tensor<?x3xi64>"}, {integers}},
  {"nn.square %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {floats}},
  {"nn.square %a : tensor<?x3xi32>", {"tensor<?x3xi32>"}, {integers}},
  {"nn.relu %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {floats}},
  {"nn.sigmoid %a : tensor<?x7xf64>", {"tensor<?x7xf64>"}, {{-1e4, -40, -1.5, 0.5, 40, 1e4}}},
  {"nn.standard_normal %a key = -77 : tensor<?x6xf64>", {"tensor<?x6xf64>"}, {{0, 1, 2.5, 50, 1e6, 1e15}}},
  {"nn.cast %a : tensor<5xi1> to tensor<5xf64>", {"tensor<5xi1>"}, {bools}},
  {"nn.cast %a : tensor<5xi1> to tensor<5xi64>", {"tensor<5xi1>"}, {bools}},
  {"nn.cast %a : tensor<6xi32> to tensor<6xi64>", {"tensor<6xi32>"}, {integers}},
  {"nn.cast %a : tensor<6xi64> to tensor<6xi32>", {"tensor<6xi64>"}, {integers}},
  {"nn.cast %a : tensor<6xi64> to tensor<6xf32>", {"tensor<6xi64>"}, {integers}},
  {"nn.cast %a : tensor<3xi64> to tensor<3xi1>", {"tensor<3xi64>"}, {{0, -2, 5}}},
  {"nn.cast %a : tensor<7xf64> to tensor<7xi64>", {"tensor<7xf64>"}, {finite}},
  {"nn.cast %a : tensor<14xf64> to tensor<14xi1>", {"tensor<14xf64>"}, {floats}},
  {"nn.cast %a : tensor<14xf64> to tensor<14xf32>", {"tensor<14xf64>"}, {floats}},
  {"nn.cast %a : tensor<14xf32> to tensor<14xf64>", {"tensor<14xf32>"}, {floats}},
  {"nn.broadcast %a like %b : (tensor<3x1xf64>, tensor<?x3x2xi64>) -> tensor<?x3x2xf64>", {"tensor<3x1xf64>", "tensor<?x3x2xi64>"}, {finite, integers}},
  {"nn.broadcast %a like %b along = [1] : (tensor<?x3xf64>, tensor<?x4x3xf64>) -> tensor<?x4x3xf64>", {"tensor<?x3xf64>", "tensor<?x4x3xf64>"}, {finite, finite}},
  {"nn.broadcast %a like %b along = [0, 2] : (tensor<1xf64>, tensor<?x4x3xf64>) -> tensor<?x4x3xf64>", {"tensor<1xf64>", "tensor<?x4x3xf64>"}, {finite, finite}},
};
// clang-format on

std::string nameOf(const ScalarCase &test) {
  return test.op.substr(0, test.op.find(' '));
}

class ScalarFunctionTest : public ::testing::TestWithParam<size_t> {
protected:
  ScalarFunctionTest() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// The operation as the last one of a function @f that returns it.
  OwningOpRef<ModuleOp> parse(const ScalarCase &test);

  /// The scalar function of `op`, by building it on constants and folding.
  double evaluateScalar(nn::ScalarOpInterface op, ArrayRef<double> scalars);

  MLIRContext context;
};

OwningOpRef<ModuleOp> ScalarFunctionTest::parse(const ScalarCase &test) {
  std::string text = "func.func @f(";
  for (size_t i = 0; i < test.types.size(); ++i) {
    text += i ? ", %" : "%";
    text += static_cast<char>('a' + i);
    text += ": " + test.types[i];
  }
  text += ") {\n  %result = " + test.op + "\n  return\n}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return module;
  auto function = module->lookupSymbol<func::FuncOp>("f");
  Operation *terminator = function.getBody().front().getTerminator();
  Value result = terminator->getPrevNode()->getResult(0);
  terminator->setOperands(result);
  function.setFunctionType(FunctionType::get(
      &context, function.getArgumentTypes(), result.getType()));
  return module;
}

TypedAttr makeElement(OpBuilder &b, Type type, double value) {
  if (isa<FloatType>(type))
    return b.getFloatAttr(type, value);
  return b.getIntegerAttr(type, static_cast<int64_t>(value));
}

double ScalarFunctionTest::evaluateScalar(nn::ScalarOpInterface op,
                                          ArrayRef<double> scalars) {
  OpBuilder b(&context);
  Location loc = op.getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToEnd(module->getBody());
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  auto function =
      func::FuncOp::create(b, loc, "f", b.getFunctionType({}, {type}));
  b.setInsertionPointToStart(function.addEntryBlock());
  SmallVector<Value> constants;
  for (auto [operand, scalar] :
       llvm::zip_equal(op.getScalarOperands(), scalars)) {
    Type elementType = getElementTypeOrSelf(operand.getType());
    constants.push_back(
        arith::ConstantOp::create(b, loc, makeElement(b, elementType, scalar)));
  }
  Value result = op.buildScalar(b, loc, constants);
  EXPECT_EQ(result.getType(), type);
  func::ReturnOp::create(b, loc, result);

  PassManager passes(&context);
  passes.addPass(createCanonicalizerPass());
  EXPECT_TRUE(succeeded(passes.run(*module)));
  Attribute folded;
  Value returned = function.getBody().front().getTerminator()->getOperand(0);
  if (!matchPattern(returned, m_Constant(&folded))) {
    ADD_FAILURE() << "does not fold";
    return nan;
  }
  if (auto f = dyn_cast<FloatAttr>(folded))
    return f.getValueAsDouble();
  auto integer = cast<IntegerAttr>(folded);
  return type.isInteger(1) ? static_cast<double>(!integer.getValue().isZero())
                           : static_cast<double>(integer.getInt());
}

Tensor makeInput(Type type, const std::vector<double> &elements) {
  Shape shape(cast<RankedTensorType>(type).getShape());
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = 2;
  Tensor tensor(shape);
  for (auto [i, value] : llvm::enumerate(tensor.values))
    value = elements[i % elements.size()];
  return tensor;
}

TEST_P(ScalarFunctionTest, agreesWithTheReference) {
  const ScalarCase &test = cases[GetParam()];
  OwningOpRef<ModuleOp> module = parse(test);
  ASSERT_TRUE(module) << test.op;
  auto function = module->lookupSymbol<func::FuncOp>("f");
  std::vector<Tensor> inputs;
  for (auto [type, elements] :
       llvm::zip_equal(function.getArgumentTypes(), test.elements))
    inputs.push_back(makeInput(type, elements));
  FailureOr<std::vector<Tensor>> expected =
      Interpreter().evaluate(function, inputs);
  ASSERT_TRUE(succeeded(expected));

  auto op = cast<nn::ScalarOpInterface>(&function.getBody().front().front());
  SmallVector<Value> operands = op.getScalarOperands();
  SmallVector<AffineMap> maps = op.getScalarOperandMaps();
  ASSERT_EQ(operands.size(), maps.size());
  const Tensor &result = expected->front();
  ::fleet::reference::forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    SmallVector<double> scalars;
    for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
      Tensor &input = inputs[cast<BlockArgument>(operand).getArgNumber()];
      SmallVector<int64_t> source = map.compose(index);
      // Exactly an element of the operand: a loop would read nothing else.
      ASSERT_EQ(source.size(), input.shape.size());
      for (auto [position, extent] : llvm::zip_equal(source, input.shape))
        ASSERT_TRUE(position >= 0 && position < extent) << position;
      scalars.push_back(input[source]);
    }
    double actual = evaluateScalar(op, scalars);
    double wanted = result.at(index);
    // A normal deviate is an approximation, the others are the C library's.
    double tolerance = isa<nn::StandardNormalOp>(*op) ? 2e-9 : 1e-14;
    if (std::isnan(wanted) || std::isinf(wanted))
      EXPECT_TRUE(actual == wanted ||
                  (std::isnan(actual) && std::isnan(wanted)))
          << actual << " instead of " << wanted;
    else
      EXPECT_NEAR(actual, wanted, tolerance * std::max(1.0, std::fabs(wanted)));
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, ScalarFunctionTest,
                         ::testing::Range<size_t>(0, cases.size()),
                         [](const ::testing::TestParamInfo<size_t> &info) {
                           return nameOf(cases[info.param]).substr(3) + "_" +
                                  std::to_string(info.param);
                         });

using ScalarCoverageTest = ScalarFunctionTest;

TEST_F(ScalarCoverageTest, everyElementwiseOperationHasACase) {
  llvm::StringSet<> covered;
  for (const ScalarCase &test : cases)
    covered.insert(nameOf(test));
  size_t elementwise = 0;
  for (RegisteredOperationName op : context.getRegisteredOperations()) {
    if (op.getDialectNamespace() != "nn" ||
        !op.hasInterface<nn::ScalarOpInterface>())
      continue;
    ++elementwise;
    EXPECT_TRUE(covered.contains(op.getStringRef()))
        << "add a line for " << op.getStringRef().str();
  }
  EXPECT_EQ(elementwise, covered.size());
}

} // namespace
