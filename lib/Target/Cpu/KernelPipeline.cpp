//===- KernelPipeline.cpp - From linalg on buffers to the LLVM dialect ----===//

#include "fleet/Target/Cpu.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace {

/// tanh of f32 as x * p(x * x) / q(x * x), by the coefficients that Eigen's and
/// MLIR's approximations use. Those give back a tiny x as it is, by a
/// comparison and a selection; dividing before x is multiplied keeps a tiny x
/// without them (measured: a quarter of the time of a loop of tanh). Wrong by
/// at most 4 units in the last place; from 8 on the result is 1 within one.
struct ExpandTanh : OpRewritePattern<math::TanhOp> {
  using OpRewritePattern<math::TanhOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(math::TanhOp op,
                                PatternRewriter &rewriter) const final {
    if (!op.getType().isF32())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto constant = [&](float value) -> Value {
      return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
    };
    constexpr float kFlat = 7.99881172180175781f;
    Value x = arith::MinimumFOp::create(b, op.getOperand(), constant(kFlat));
    x = arith::MaximumFOp::create(b, x, constant(-kFlat));
    Value square = arith::MulFOp::create(b, x, x);
    auto polynomial = [&](ArrayRef<float> coefficients) {
      Value sum = constant(coefficients.front());
      for (float coefficient : coefficients.drop_front())
        sum = math::FmaOp::create(b, square, sum, constant(coefficient));
      return sum;
    };
    Value p = polynomial({-2.76076847742355e-16f, 2.00018790482477e-13f,
                          -8.60467152213735e-11f, 5.12229709037114e-08f,
                          1.48572235717979e-05f, 6.37261928875436e-04f,
                          4.89352455891786e-03f});
    Value q = polynomial({1.19825839466702e-06f, 1.18534705686654e-04f,
                          2.26843463243900e-03f, 4.89352518554385e-03f});
    Value ratio = arith::DivFOp::create(b, p, q);
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, x, ratio);
    return success();
  }
};

/// f32 of bf16: the upper half, with zeros below.
struct WidenBFloat16 : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern<arith::ExtFOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const final {
    if (!op.getIn().getType().isBF16() || !op.getType().isF32())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value bits = arith::BitcastOp::create(b, b.getI16Type(), op.getIn());
    bits = arith::ExtUIOp::create(b, b.getI32Type(), bits);
    Value sixteen = arith::ConstantOp::create(b, b.getI32IntegerAttr(16));
    bits = arith::ShLIOp::create(b, bits, sixteen);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), bits);
    return success();
  }
};

/// bf16 of f32, rounded to nearest even, with the bits that collectives round
/// their sums to.
struct RoundToBFloat16 : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern<arith::TruncFOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const final {
    if (!op.getIn().getType().isF32() || !op.getType().isBF16())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto constant = [&](int32_t value) -> Value {
      return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
    };
    Value bits = arith::BitcastOp::create(b, b.getI32Type(), op.getIn());
    Value upper = arith::ShRUIOp::create(b, bits, constant(16));
    Value isOdd = arith::AndIOp::create(b, upper, constant(1));
    Value half = arith::AddIOp::create(b, isOdd, constant(0x7fff));
    Value rounded = arith::ShRUIOp::create(
        b, arith::AddIOp::create(b, bits, half), constant(16));
    // Would become infinite, or even 0, by the carry.
    Value magnitude = arith::AndIOp::create(b, bits, constant(0x7fffffff));
    Value isNaN = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, magnitude,
                                        constant(0x7f800000));
    Value quiet = arith::OrIOp::create(b, upper, constant(0x40));
    Value result = arith::SelectOp::create(b, isNaN, quiet, rounded);
    result = arith::TruncIOp::create(b, b.getI16Type(), result);
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), result);
    return success();
  }
};

/// Replaces exp, log, tanh and erf by polynomials: LLVM vectorizes those, and
/// a kernel library must not call libm (a runtime would have to supply it, and
/// results would depend on its version). So do conversions of bf16, which is a
/// call on most CPUs.
struct ExpandMathPass : PassWrapper<ExpandMathPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandMathPass)

  StringRef getArgument() const final { return "fleet-expand-math"; }
  StringRef getDescription() const final {
    return "Expand transcendental functions of kernels into polynomials";
  }
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandTanh>(&getContext(), /*benefit=*/10);
    patterns.add<WidenBFloat16, RoundToBFloat16>(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == "math.exp" || name == "math.log" || name == "math.tanh" ||
             name == "math.erf";
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

/// Decides which products and sums become one rounding, where `contract` allows
/// it. LLVM would decide it too, but not the same way for a row in a vectorized
/// loop as for one in the remainder, and a row must not depend on where its
/// range begins. Sums over all rows, which may be reassociated, are left to it.
template <typename SumOp> struct FuseProduct : OpRewritePattern<SumOp> {
  using OpRewritePattern<SumOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(SumOp op,
                                PatternRewriter &rewriter) const final {
    if (op.getFastmath() != arith::FastMathFlags::contract)
      return failure();
    constexpr bool subtracts = std::is_same_v<SumOp, arith::SubFOp>;
    Location loc = op.getLoc();
    for (bool isRhs : {true, false}) {
      Value product = isRhs ? op.getRhs() : op.getLhs();
      Value rest = isRhs ? op.getLhs() : op.getRhs();
      auto mul = product.getDefiningOp<arith::MulFOp>();
      if (!mul || !product.hasOneUse() || mul->getBlock() != op->getBlock() ||
          !bitEnumContainsAll(mul.getFastmath(),
                              arith::FastMathFlags::contract))
        continue;
      Value factor = mul.getLhs();
      if (subtracts && isRhs)
        factor = arith::NegFOp::create(rewriter, loc, factor);
      if (subtracts && !isRhs)
        rest = arith::NegFOp::create(rewriter, loc, rest);
      rewriter.replaceOpWithNewOp<LLVM::FMulAddOp>(op, factor, mul.getRhs(),
                                                   rest);
      return success();
    }
    rewriter.modifyOpInPlace(
        op, [&] { op.setFastmath(arith::FastMathFlags::none); });
    return success();
  }
};

struct FuseProductsPass
    : PassWrapper<FuseProductsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FuseProductsPass)

  StringRef getArgument() const final { return "fleet-fuse-products"; }
  StringRef getDescription() const final {
    return "Make sums with a product one rounding where they allow it";
  }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<LLVM::LLVMDialect>();
  }
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseProduct<arith::AddFOp>, FuseProduct<arith::SubFOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void mlir::fleet::buildKernelsToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(std::make_unique<FuseProductsPass>());
  pm.addPass(std::make_unique<ExpandMathPass>());
  OpPassManager &func = pm.nest<func::FuncOp>();
  func.addPass(createConvertLinalgToLoopsPass());
  func.addPass(memref::createFoldMemRefAliasOpsPass());
  func.addPass(createCanonicalizerPass());
  func.addPass(createCSEPass());
  func.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addNestedPass<func::FuncOp>(createSCFToControlFlowPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}
