//===- InitializerTest.cpp - What initializers stand for ------------------===//

#include "dialects/Optim/IR/Optim.h"
#include "fleet/InitAll.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
namespace optim = mlir::fleet::optim;

namespace {
class Initializer : public testing::Test {
protected:
  Initializer() {
    DialectRegistry registry;
    mlir::fleet::registerAllFleetDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  template <typename T>
  T resolve(llvm::StringRef text, llvm::ArrayRef<int64_t> shape) {
    auto initializer = dyn_cast_or_null<optim::InitializerAttrInterface>(
        parseAttribute(text, &context));
    return initializer ? dyn_cast<T>(initializer.resolve(shape)) : T();
  }

  void expectUniform(llvm::StringRef text, llvm::ArrayRef<int64_t> shape,
                     double limit) {
    auto uniform = resolve<optim::UniformAttr>(text, shape);
    ASSERT_TRUE(uniform) << text.str();
    EXPECT_DOUBLE_EQ(uniform.getLow().getValueAsDouble(), -limit);
    EXPECT_DOUBLE_EQ(uniform.getHigh().getValueAsDouble(), limit);
  }

  void expectNormal(llvm::StringRef text, llvm::ArrayRef<int64_t> shape,
                    double stddev) {
    auto normal = resolve<optim::NormalAttr>(text, shape);
    ASSERT_TRUE(normal) << text.str();
    EXPECT_EQ(normal.getMean().getValueAsDouble(), 0.0);
    EXPECT_DOUBLE_EQ(normal.getStddev().getValueAsDouble(), stddev);
  }

  MLIRContext context;
};
} // namespace

TEST_F(Initializer, distributionsResolveToThemselves) {
  for (const char *text :
       {"#optim.constant<0.5>", "#optim.uniform<low = -1.0, high = 2.0>",
        "#optim.normal<stddev = 3.0>", "#optim.truncated_normal<mean = 1.0>"})
    EXPECT_EQ(resolve<Attribute>(text, {2, 3}), parseAttribute(text, &context))
        << text;
}

TEST_F(Initializer, zerosAndOnesAreConstants) {
  EXPECT_EQ(resolve<optim::ConstantAttr>("#optim.zeros", {2}),
            optim::ConstantAttr::get(&context, 0.0));
  EXPECT_EQ(resolve<optim::ConstantAttr>("#optim.ones", {2}),
            optim::ConstantAttr::get(&context, 1.0));
}

TEST_F(Initializer, xavierDependsOnBothFans) {
  expectUniform("#optim.xavier_uniform", {13, 5}, std::sqrt(6.0 / 18));
  expectNormal("#optim.xavier_normal", {13, 5}, std::sqrt(2.0 / 18));
}

TEST_F(Initializer, heDependsOnTheFanInOnly) {
  expectUniform("#optim.he_uniform", {13, 5}, std::sqrt(6.0 / 13));
  expectNormal("#optim.he_normal", {13, 5}, std::sqrt(2.0 / 13));
}

TEST_F(Initializer, vectorsScalarsAndFilters) {
  expectUniform("#optim.xavier_uniform", {7}, std::sqrt(6.0 / 14));
  expectUniform("#optim.xavier_uniform", {}, std::sqrt(6.0 / 2));
  // Eight filters of 3 channels and 5 x 5 elements.
  expectUniform("#optim.xavier_uniform", {8, 3, 5, 5},
                std::sqrt(6.0 / (75 + 200)));
  expectNormal("#optim.he_normal", {8, 3, 5, 5}, std::sqrt(2.0 / 75));
}
