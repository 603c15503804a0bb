//===- OptimAdaptiveOps.td - Adaptive update rules -------------*- tablegen -*-===//
//
// In all of them w is the parameter, g its gradient and r the learning rate;
// x' is the new value of x.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEOPS
#define FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEOPS

def Optim_AdamWOp : Optim_RuleOp<"adamw", ["moment1", "moment2"],
    ["beta1_power", "beta2_power"],
    ["learning_rate", "beta1", "beta2", "epsilon", "weight_decay"]> {
  let summary = "adam with decoupled weight decay";
  let description = [{
    The rule of `optim.adam` from `w * (1 - learning_rate * weight_decay)`.

    Example:

    ```mlir
    optim.adamw @w, %g moment1 = @m1 moment2 = @m2 beta1_power = @b1 beta2_power = @b2
      learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.999 epsilon = 1.0e-8
      weight_decay = 1.0e-2 : tensor<13x1xf32>
    ```
  }];
}

def Optim_AdamaxOp : Optim_RuleOp<"adamax", ["moment", "norm"],
    ["beta1_power"], ["learning_rate", "beta1", "beta2", "epsilon"]> {
  let summary = "adam with the infinity norm";
  let description = [{
    ```
    b1' = b1 * beta1
    m' = beta1 * m + (1 - beta1) * g     u' = max(|g|, beta2 * u + epsilon)
    w' = w - r / (1 - b1') * m' / u'
    ```

    Example:

    ```mlir
    optim.adamax @w, %g moment = @m norm = @u beta1_power = @b1
      learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.999 epsilon = 1.0e-8 : tensor<13x1xf32>
    ```
  }];
}

def Optim_AdagradOp : Optim_RuleOp<"adagrad", ["moment"], [],
    ["learning_rate", "epsilon"]> {
  let summary = "m' = m + g²;  w' = w - r * g / (sqrt(m') + epsilon)";
  let description = [{
    Example:

    ```mlir
    optim.adagrad @w, %g moment = @m learning_rate = 1.0e-2 epsilon = 1.0e-6 : tensor<13x1xf32>
    ```
  }];
}

def Optim_DecayedAdagradOp : Optim_RuleOp<"decayed_adagrad", ["moment"], [],
    ["learning_rate", "decay", "epsilon"]> {
  let summary = "adagrad that forgets";
  let description = [{
    ```
    m' = decay * m + (1 - decay) * g²
    w' = w - r * g / (sqrt(m') + epsilon)
    ```

    Example:

    ```mlir
    optim.decayed_adagrad @w, %g moment = @m learning_rate = 1.0e-2 decay = 0.95
      epsilon = 1.0e-6 : tensor<13x1xf32>
    ```
  }];
}

def Optim_AdadeltaOp : Optim_RuleOp<"adadelta",
    ["avg_squared_grad", "avg_squared_update"], [],
    ["learning_rate", "rho", "epsilon"]> {
  let summary = "steps as large as earlier steps";
  let description = [{
    ```
    a' = rho * a + (1 - rho) * g²
    d = sqrt((u + epsilon) / (a' + epsilon)) * g
    u' = rho * u + (1 - rho) * d²
    w' = w - r * d
    ```

    Example:

    ```mlir
    optim.adadelta @w, %g avg_squared_grad = @a avg_squared_update = @u
      learning_rate = 1.0 rho = 0.95 epsilon = 1.0e-6 : tensor<13x1xf32>
    ```
  }];
}

def Optim_RmspropOp : Optim_RuleOp<"rmsprop", ["mean_square", "momentum_acc"],
    [], ["learning_rate", "rho", "epsilon", "momentum"]> {
  let summary = "gradients over their root mean square";
  let description = [{
    ```
    s' = rho * s + (1 - rho) * g²
    v' = momentum * v + r * g / sqrt(s' + epsilon)
    w' = w - v'
    ```

    Example:

    ```mlir
    optim.rmsprop @w, %g mean_square = @s momentum_acc = @v
      learning_rate = 1.0e-2 rho = 0.95 epsilon = 1.0e-6 momentum = 0.0 : tensor<13x1xf32>
    ```
  }];
}

def Optim_CenteredRmspropOp : Optim_RuleOp<"centered_rmsprop",
    ["mean_square", "momentum_acc", "mean_grad"], [],
    ["learning_rate", "rho", "epsilon", "momentum"]> {
  let summary = "gradients over their standard deviation";
  let description = [{
    ```
    s' = rho * s + (1 - rho) * g²        c' = rho * c + (1 - rho) * g
    v' = momentum * v + r * g / sqrt(s' - c'² + epsilon)
    w' = w - v'
    ```

    Example:

    ```mlir
    optim.centered_rmsprop @w, %g mean_square = @s momentum_acc = @v mean_grad = @c
      learning_rate = 1.0e-2 rho = 0.95 epsilon = 1.0e-6 momentum = 0.0 : tensor<13x1xf32>
    ```
  }];
}

def Optim_FtrlOp : Optim_RuleOp<"ftrl", ["squared", "linear"], [],
    ["learning_rate", "l1", "l2"]> {
  let summary = "follow the regularized leader";
  let description = [{
    With the square root as learning-rate power:

    ```
    n' = n + g²
    z' = z + g - (sqrt(n') - sqrt(n)) / r * w
    w' = 0                                                  where |z'| <= l1
    w' = (sign(z') * l1 - z') / (sqrt(n') / r + 2 * l2)     elsewhere
    ```

    Example:

    ```mlir
    optim.ftrl @w, %g squared = @n linear = @z learning_rate = 1.0e-2 l1 = 0.0 l2 = 0.0
      : tensor<13x1xf32>
    ```
  }];
}

def Optim_LarsOp : Optim_RuleOp<"lars", ["velocity"], [],
    ["learning_rate", "momentum", "coefficient", "weight_decay", "epsilon"],
    /*splittable=*/0> {
  let summary = "momentum with a rate for each tensor";
  let description = [{
    ```
    s = r * coefficient * |w| / (|g| + weight_decay * |w| + epsilon)
    v' = momentum * v + s * (g + weight_decay * w)
    w' = w - v'
    ```
    where |x| is the Euclidean norm of the whole tensor, and s = r if |w| or |g|
    is 0.

    Example:

    ```mlir
    optim.lars @w, %g velocity = @v learning_rate = 1.0e-2 momentum = 0.9
      coefficient = 1.0e-3 weight_decay = 5.0e-4 epsilon = 0.0 : tensor<13x1xf32>
    ```
  }];
}

def Optim_LambOp : Optim_RuleOp<"lamb", ["moment1", "moment2"],
    ["beta1_power", "beta2_power"],
    ["learning_rate", "beta1", "beta2", "epsilon", "weight_decay"],
    /*splittable=*/0> {
  let summary = "adam with a rate for each tensor";
  let description = [{
    ```
    b1' = b1 * beta1                       b2' = b2 * beta2
    m1' = beta1 * m1 + (1 - beta1) * g     m2' = beta2 * m2 + (1 - beta2) * g²
    d = m1' / (1 - b1') / (sqrt(m2' / (1 - b2')) + epsilon) + weight_decay * w
    w' = w - r * |w| / |d| * d
    ```
    where |x| is the Euclidean norm of the whole tensor, and the ratio is 1 if
    |w| or |d| is 0.

    Example:

    ```mlir
    optim.lamb @w, %g moment1 = @m1 moment2 = @m2 beta1_power = @b1 beta2_power = @b2
      learning_rate = 1.0e-3 beta1 = 0.9 beta2 = 0.999 epsilon = 1.0e-6
      weight_decay = 1.0e-2 : tensor<13x1xf32>
    ```
  }];
}

def Optim_DpsgdOp : Optim_UpdateOp<"dpsgd", [], ["step"], /*splittable=*/0> {
  let summary = "gradient descent with differential privacy";
  let description = [{
    ```
    w' = w - r * (g * min(1, clip / |g|) + sigma * z / batch_size)
    k' = k + 1
    ```
    where |g| is the Euclidean norm of the whole tensor, k the state `step`, a
    scalar that starts at 0, and z draw k of `nn.standard_normal` with `key`. As in
    PaddlePaddle, one z is added to every element. The key comes from the seed of
    the optimizer and the name of the parameter, so that parameters have different
    noise, and a run repeats.

    Example:

    ```mlir
    optim.dpsgd @w, %g step = @k learning_rate = 1.0e-2 clip = 1.0 batch_size = 32.0
      sigma = 1.0 key = 5 : tensor<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter,
                       Optim_VariableType:$gradient,
                       FlatSymbolRefAttr:$step,
                       F64Attr:$learning_rate, F64Attr:$clip, F64Attr:$batch_size,
                       F64Attr:$sigma, I64Attr:$key,
                       OptionalAttr<Optim_GradientRules>:$gradient_rules,
                       OptionalAttr<FlatSymbolRefAttr>:$count,
                       OptionalAttr<Optim_Schedule>:$schedule);
  let assemblyFormat = [{
    $parameter `,` $gradient `step` `=` $step `learning_rate` `=` $learning_rate
    `clip` `=` $clip `batch_size` `=` $batch_size `sigma` `=` $sigma `key` `=` $key
    attr-dict `:` type($gradient)
  }];
}

#endif // FLEET_DIALECTS_OPTIM_IR_OPTIMADAPTIVEOPS
