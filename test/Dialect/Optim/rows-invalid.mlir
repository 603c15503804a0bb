// RUN: fleet-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'optim.parameter' op of type 'tensor<10xf32>' has rows = sparse, but a table is a matrix, with one row an id}}
optim.parameter @t : tensor<10xf32> init = #optim.zeros rows = sparse

// -----

// expected-error @+1 {{'optim.parameter' op of type 'tensor<1099511627777x8xf32>' has more than 2^40 rows or 2^16 columns, the most that a distributed table may have}}
optim.parameter @t : tensor<1099511627777x8xf32> init = #optim.zeros rows = distributed

// -----

// Rows of a sparse table all exist.
// expected-error @+1 {{'optim.parameter' op of type 'tensor<1099511627776x64xf32>' is larger than 64 TiB}}
optim.parameter @t : tensor<1099511627776x64xf32> init = #optim.zeros rows = sparse

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @w : tensor<10x8xf32> init = #optim.zeros
func.func @main(%ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'optim.lookup' op looks up rows of @w, which has no rows = sparse or rows = distributed}}
  %0 = optim.lookup @w[%ids] : (tensor<?x1xi64>) -> tensor<?x8xf32>
  return
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'optim.lookup' op has rows of type 'tensor<?x1x8xf32>', but ids of type 'tensor<?x1xi64>' choose 'tensor<?x8xf32>' from 'tensor<10x8xf32>'}}
  %0 = optim.lookup @t[%ids] : (tensor<?x1xi64>) -> tensor<?x1x8xf32>
  return
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'optim.lookup' op has 'padding_idx' 10, but the table has rows 0 to 9}}
  %0 = optim.lookup @t[%ids] padding_idx = 10 : (tensor<?x1xi64>) -> tensor<?x8xf32>
  return
}

// -----

// expected-note @+1 {{the table is 'tensor<10x8xf32>'}}
optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) {
  // expected-error @+1 {{'optim.row_gradient' op gives a gradient of type 'tensor<11x8xf32>'}}
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<11x8xf32>
  return
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) -> tensor<10x8xf32> {
  // expected-error @+1 {{'optim.row_gradient' op is used by something else than an update of its table}}
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<10x8xf32>
  // expected-note @+1 {{it is used here}}
  %1 = nn.square %0 : tensor<10x8xf32>
  return %1 : tensor<10x8xf32>
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
optim.parameter @w : tensor<10x8xf32> init = #optim.zeros
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) {
  // expected-error @+1 {{'optim.row_gradient' op is used by something else than an update of its table}}
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<10x8xf32>
  // expected-note @+1 {{it is used here}}
  optim.sgd @w, %0 learning_rate = 0.1 : tensor<10x8xf32>
  return
}

// -----

// expected-note @+1 {{the table is declared here}}
optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) {
  %0 = nn.constant dense<1.0> : tensor<10x8xf32>
  // expected-error @+1 {{'optim.sgd' op updates @t by a gradient that is no optim.row_gradient of it}}
  optim.sgd @t, %0 learning_rate = 0.1 : tensor<10x8xf32>
  return
}

// -----

// expected-note @+1 {{the table is declared here}}
optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) {
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<10x8xf32>
  // expected-error @+1 {{'optim.sgd' op updates @t by a rule that needs the whole gradient, for its norm say, but of a table a step knows only the rows that it looks up}}
  optim.sgd @t, %0 learning_rate = 0.1 {gradient_rules = [#optim.clip_by_norm<max = 1.0>]} : tensor<10x8xf32>
  return
}

// -----

// expected-note @+1 {{it is declared here}}
optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = distributed
func.func @main() {
  %0 = nn.constant dense<1.0> : tensor<10x8xf32>
  // expected-error @+1 {{'optim.assign' op assigns @t, a table; only optimizers change its rows}}
  optim.assign @t, %0 : tensor<10x8xf32>
  return
}

// -----

func.func @part(%g: tensor<?x8xf32>) -> tensor<f32> {
  %0 = nn.reduce sum %g dims = [0, 1] : tensor<?x8xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @main(%g: tensor<10x8xf32>) {
  // expected-error @+1 {{'optim.row_part' op takes a gradient that is no optim.row_gradient}}
  %0 = optim.row_part %g by @part : tensor<10x8xf32> -> tensor<f32>
  return
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
// expected-note @+1 {{@part is another}}
func.func @part(%g: tensor<?x9xf32>) -> tensor<f32> {
  %0 = nn.reduce sum %g dims = [0, 1] : tensor<?x9xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>) {
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<10x8xf32>
  // expected-error @+1 {{'optim.row_part' op needs a function from 'tensor<?x8xf32>' to 'tensor<f32>'}}
  %1 = optim.row_part %0 by @part : tensor<10x8xf32> -> tensor<f32>
  return
}

// -----

optim.parameter @t : tensor<10x8xf32> init = #optim.zeros rows = sparse
func.func @main(%ids: tensor<?x1xi64>, %g: tensor<?x8xf32>, %sum: tensor<f32>) {
  %0 = optim.row_gradient @t [%ids] %g : (tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<10x8xf32>
  // expected-error @+1 {{'optim.row_change' op refers to @change, which is no function}}
  %1 = optim.row_change %0, %sum by @change : tensor<10x8xf32>, tensor<f32>
  return
}
