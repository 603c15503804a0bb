//===- Comparison.cpp - Generated code against the interpreter ------------===//

#include "test/Execute/Comparison.h"

#include "fleet/InitAll.h"
#include "mlir/Parser/Parser.h"

#include <cmath>

using namespace mlir;
using namespace ::fleet::test;
using ::fleet::reference::Tensor;

ExecuteTest::ExecuteTest() {
  DialectRegistry registry;
  mlir::fleet::registerAllFleetDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  context.disableMultithreading();
}

Comparison::Comparison(MLIRContext &context)
    : program(ModuleOp::create(UnknownLoc::get(&context))) {}

Comparison::~Comparison() = default;

void Comparison::add(ModuleOp module, const std::string &name,
                     const Conditions &conditions) {
  for (auto function : module.getOps<func::FuncOp>()) {
    func::FuncOp clone = function.clone();
    std::string unique = name + function.getName().str();
    clone.setName(unique);
    program->push_back(clone);
    conditionsOf[unique] = conditions;
    llvm::raw_string_ostream os(sources[unique]);
    clone.print(os);
  }
}

void Comparison::add(const std::string &text, const std::string &name,
                     const Conditions &conditions) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, program->getContext());
  ASSERT_TRUE(module) << name << ":\n" << text;
  add(*module, name, conditions);
}

static int getFailureCount() {
  return ::testing::UnitTest::GetInstance()
      ->current_test_info()
      ->result()
      ->total_part_count();
}

void Comparison::compare(ArrayRef<int64_t> batches) {
  compiled = CompiledProgram::compile(*program);
  ASSERT_TRUE(compiled);
  for (auto function : program->getOps<func::FuncOp>()) {
    int failures = getFailureCount();
    for (int64_t batch : batches)
      compare(function, batch);
    if (getFailureCount() == failures)
      continue;
    ADD_FAILURE() << sources[function.getName()];
    if (getFailureCount() > 200)
      return;
  }
}

/// True if both are the same value, or close to each other.
static bool isNear(double actual, double expected, double tolerance,
                   double scale) {
  if (std::isnan(expected))
    return std::isnan(actual);
  if (std::isinf(expected))
    return actual == expected;
  return std::fabs(actual - expected) <=
         tolerance * std::max(scale, std::fabs(expected));
}

void Comparison::compare(func::FuncOp function, int64_t batch) {
  const Conditions &conditions = conditionsOf[function.getName()];
  std::vector<Tensor> arguments;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    arguments.push_back(
        makeInput(tensor, conditions.inputs, 17 + i + 100 * batch, batch));
    round(arguments.back(), tensor.getElementType());
  }
  FailureOr<std::vector<Tensor>> expected =
      interpreter.evaluate(function, arguments);
  ASSERT_TRUE(succeeded(expected));
  compiled->cuts.clear();
  std::vector<Tensor> actual =
      compiled->run(function.getName(), arguments, batch);
  ASSERT_EQ(actual.size(), expected->size());
  for (size_t r = 0; r < actual.size(); ++r) {
    auto type = cast<RankedTensorType>(function.getResultTypes()[r]);
    double relative = type.getElementType().isF32()   ? conditions.f32
                      : type.getElementType().isF64() ? conditions.f64
                                                      : 0;
    ASSERT_EQ(actual[r].shape, (*expected)[r].shape);
    for (size_t i = 0; i < actual[r].values.size(); ++i)
      if (!isNear(actual[r].values[i], (*expected)[r].values[i], relative,
                  conditions.scale)) {
        ADD_FAILURE() << function.getName().str() << ", batch " << batch
                      << ", result " << r << ", element " << i << ": "
                      << actual[r].values[i] << ", expected "
                      << (*expected)[r].values[i];
        break;
      }
  }
  compiled->cuts = {1, 3, 16};
  std::vector<Tensor> pieces =
      compiled->run(function.getName(), arguments, batch);
  ASSERT_EQ(pieces.size(), actual.size());
  for (size_t r = 0; r < actual.size(); ++r)
    for (size_t i = 0; i < actual[r].values.size(); ++i) {
      double whole = actual[r].values[i], cut = pieces[r].values[i];
      ASSERT_TRUE(whole == cut || (std::isnan(whole) && std::isnan(cut)))
          << function.getName().str() << ", batch " << batch
          << ", in ranges of rows: result " << r << ", element " << i << ": "
          << cut << ", in one call " << whole;
    }
}
