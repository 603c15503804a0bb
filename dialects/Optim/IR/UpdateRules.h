//===- UpdateRules.h - What update ops and optimizers share -----*- C++ -*-===//

#ifndef FLEET_DIALECTS_OPTIM_IR_UPDATERULES_H
#define FLEET_DIALECTS_OPTIM_IR_UPDATERULES_H

#include "dialects/NN/IR/NN.h"
#include "dialects/Optim/IR/Optim.h"

namespace mlir::fleet::optim {

/// The symbols in the attributes `likeParameter`, then those in `scalars`.
SmallVector<FlatSymbolRefAttr>
getStateAttributes(Operation *op, ArrayRef<StringRef> likeParameter,
                   ArrayRef<StringRef> scalars);

/// verifyUpdateSymbols, and the first `numLikeParameter` states have the type
/// of the parameter, the others are scalars.
LogicalResult verifyUpdate(OptimizerOpInterface op,
                           SymbolTableCollection &tables,
                           size_t numLikeParameter);

/// Reads and writes the parameter and the states.
void getUpdateEffects(
    OptimizerOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects);

/// True if all of `rules` (null: none) are.
bool areElementwise(ArrayAttr rules);

/// `grad` after `rules` (null: none), in their order.
Value applyGradientRules(ArrayAttr rules, OpBuilder &b, Location loc,
                         Value param, Value grad);

/// Gives `op` the attribute `schedule`, and `count` with a state for it that is
/// declared at `stateBuilder`. Fails, with an error, if its name is taken.
LogicalResult addSchedule(OptimizerOpInterface op, StateBuilder &stateBuilder,
                          ScheduleAttrInterface schedule);

/// `count` + 1.
Value addOne(OpBuilder &b, Location loc, Value count);

/// State that an optimizer declares for a parameter.
struct StateSlot {
  StringRef name;
  bool isScalar = false;
  double initial = 0.0;
};

/// Declares the state of `parameter` at `stateBuilder` and creates the update
/// op `name` at `b`, with the states and `attributes` under their names; the
/// attribute `learning_rate` is multiplied by what the parameter says. Fails,
/// with an error, if the name that a state would have in a checkpoint is taken.
FailureOr<Operation *>
createUpdateOp(StringRef name, StateBuilder &stateBuilder, OpBuilder &b,
               Location loc, FlatSymbolRefAttr parameter, Value gradient,
               ArrayRef<StateSlot> slots,
               ArrayRef<std::pair<StringRef, Attribute>> attributes);

/// Writes arithmetic on tensors of one float type; doubles become scalar
/// constants of that type, rounded once.
class Rule {
public:
  /// `factor` (null: 1) multiplies the learning rate.
  Rule(OpBuilder &b, Location loc, Value like, Value factor = {})
      : b(b), loc(loc), factor(factor),
        element(cast<RankedTensorType>(like.getType()).getElementType()) {}

  Value number(double value) {
    return nn::createScalarConstant(b, loc, element, value);
  }
  Value number(const llvm::APFloat &value) {
    return number(value.convertToDouble());
  }
  /// The learning rate `value`, at this update.
  Value rate(const llvm::APFloat &value) {
    return factor ? mul(number(value), factor) : number(value);
  }
  Value exp(Value x) { return nn::ExpOp::create(b, loc, x); }
  Value log(Value x) { return nn::LogOp::create(b, loc, x); }
  /// Of what is not negative.
  Value floor(Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    Value whole = nn::CastOp::create(b, loc, type.clone(b.getI64Type()), x);
    return nn::CastOp::create(b, loc, type, whole);
  }
  Value add(Value x, Value y) { return nn::AddOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return nn::SubOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return nn::MulOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return nn::DivOp::create(b, loc, x, y); }
  Value max(Value x, Value y) { return nn::MaximumOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return nn::MinimumOp::create(b, loc, x, y); }
  Value sqrt(Value x) { return nn::SqrtOp::create(b, loc, x); }
  Value square(Value x) { return nn::SquareOp::create(b, loc, x); }
  Value abs(Value x) { return nn::AbsOp::create(b, loc, x); }
  Value isGreater(Value x, Value y) {
    return nn::CompareOp::create(b, loc, nn::ComparePredicate::Gt, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return nn::SelectOp::create(b, loc, condition, x, y);
  }
  /// old * decay + fresh * (1 - decay)
  Value average(Value old, Value fresh, double decay) {
    return add(mul(old, number(decay)), mul(fresh, number(1.0 - decay)));
  }
  /// The Euclidean norm over all elements, a scalar.
  Value norm(Value x) { return sqrt(squaredNorm(x)); }
  /// The sum of the squares of all elements, a scalar.
  Value squaredNorm(Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    auto dims = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    Value sum = square(x);
    if (!dims.empty())
      sum = nn::ReduceOp::create(b, loc, nn::ReduceKind::Sum, sum, dims,
                                 /*keep_dims=*/false);
    return sum;
  }

private:
  OpBuilder &b;
  Location loc;
  Value factor;
  Type element;
};

} // namespace mlir::fleet::optim

#endif // FLEET_DIALECTS_OPTIM_IR_UPDATERULES_H
