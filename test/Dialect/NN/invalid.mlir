// RUN: fleet-opt %s --split-input-file --verify-diagnostics

func.func @extents(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @+1 {{'nn.add' op operands of shapes 2x3 and 2x4 do not broadcast: from the last dimension on, extents must be the same, or one of them 1}}
  %0 = nn.add %a, %b : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @dynamic_against_static(%a: tensor<?x3xf32>, %b: tensor<8x3xf32>) {
  // expected-error @+1 {{'nn.sub' op operands of shapes ?x3 and 8x3 do not broadcast}}
  %0 = nn.sub %a, %b : (tensor<?x3xf32>, tensor<8x3xf32>) -> tensor<8x3xf32>
  return
}

// -----

func.func @element_types(%a: tensor<3xf32>, %b: tensor<3xf64>) {
  // expected-error @+1 {{'nn.mul' op operands have element types 'f32' and 'f64'; nn.cast converts between them}}
  %0 = nn.mul %a, %b : (tensor<3xf32>, tensor<3xf64>) -> tensor<3xf32>
  return
}

// -----

func.func @result_type(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.div' op has result type 'tensor<3xf32>', but its operands give 'tensor<?x3xf32>'}}
  %0 = nn.div %a, %a : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @maximum_of_bools(%a: tensor<3xi1>) {
  // expected-error @+1 {{'nn.maximum' op operand #0 must be ranked tensor of 32-bit float or 64-bit float or 32-bit signless integer or 64-bit signless integer values, but got 'tensor<3xi1>'}}
  %0 = nn.maximum %a, %a : (tensor<3xi1>, tensor<3xi1>) -> tensor<3xi1>
  return
}

// -----

func.func @minimum_unranked(%a: tensor<*xf32>) {
  // expected-error @+1 {{'nn.minimum' op operand #0 must be ranked tensor}}
  %0 = nn.minimum %a, %a : (tensor<*xf32>, tensor<*xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @compare_result(%a: tensor<3xf32>) {
  // expected-error @+1 {{'nn.compare' op has result type 'tensor<1xi1>', but its operands give 'tensor<3xi1>'}}
  %0 = nn.compare lt %a, %a : (tensor<3xf32>, tensor<3xf32>) -> tensor<1xi1>
  return
}

// -----

func.func @compare_predicate(%a: tensor<3xf32>) {
  // expected-error @+2 {{expected ::mlir::fleet::nn::ComparePredicate to be one of: eq, ne, lt, le, gt, ge}}
  // expected-error @+1 {{failed to parse NN_ComparePredicateAttr parameter}}
  %0 = nn.compare above %a, %a : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
  return
}

// -----

func.func @select_condition(%a: tensor<3xf32>) {
  // expected-error @+1 {{'nn.select' op operand #0 must be ranked tensor of 1-bit signless integer values, but got 'tensor<3xf32>'}}
  %0 = nn.select %a, %a, %a : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @select_values(%c: tensor<3xi1>, %a: tensor<3xf32>, %b: tensor<3xi64>) {
  // expected-error @+1 {{'nn.select' op operands have element types 'f32' and 'i64'}}
  %0 = nn.select %c, %a, %b : (tensor<3xi1>, tensor<3xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @select_shapes(%c: tensor<4xi1>, %a: tensor<3xf32>) {
  // expected-error @+1 {{'nn.select' op operands of shapes 4 and 3 do not broadcast}}
  %0 = nn.select %c, %a, %a : (tensor<4xi1>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @neg_of_bools(%a: tensor<3xi1>) {
  // expected-error @+1 {{'nn.neg' op operand #0 must be ranked tensor of 32-bit float}}
  %0 = nn.neg %a : tensor<3xi1>
  return
}

// -----

func.func @exp_of_integers(%a: tensor<3xi64>) {
  // expected-error @+1 {{'nn.exp' op operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<3xi64>'}}
  %0 = nn.exp %a : tensor<3xi64>
  return
}

// -----

func.func @log_of_integers(%a: tensor<3xi64>) {
  // expected-error @+1 {{'nn.log' op operand #0 must be ranked tensor of 32-bit float}}
  %0 = nn.log %a : tensor<3xi64>
  return
}

// -----

func.func @sqrt_of_integers(%a: tensor<3xi64>) {
  // expected-error @+1 {{'nn.sqrt' op operand #0 must be ranked tensor of 32-bit float}}
  %0 = nn.sqrt %a : tensor<3xi64>
  return
}

// -----

func.func @tanh_of_scalar(%a: f32) {
  // expected-error @+1 {{'nn.tanh' op operand #0 must be ranked tensor}}
  %0 = "nn.tanh"(%a) : (f32) -> tensor<f32>
  return
}

// -----

func.func @abs_shape(%a: tensor<3xf32>) {
  // expected-error @+1 {{'nn.abs' op requires the same type for all operands and results}}
  %0 = "nn.abs"(%a) : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @square_type(%a: tensor<3xf32>) {
  // expected-error @+1 {{'nn.square' op requires the same type for all operands and results}}
  %0 = "nn.square"(%a) : (tensor<3xf32>) -> tensor<3xf64>
  return
}

// -----

func.func @relu_of_integers(%a: tensor<3xi32>) {
  // expected-error @+1 {{'nn.relu' op operand #0 must be ranked tensor of 32-bit float}}
  %0 = nn.relu %a : tensor<3xi32>
  return
}

// -----

func.func @sigmoid_of_halves(%a: tensor<3xf16>) {
  // expected-error @+1 {{'nn.sigmoid' op operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<3xf16>'}}
  %0 = nn.sigmoid %a : tensor<3xf16>
  return
}

// -----

func.func @cast_shape(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.cast' op changes the shape from ?x3 to 8x3; only the element type may change}}
  %0 = nn.cast %a : tensor<?x3xf32> to tensor<8x3xf64>
  return
}

// -----

func.func @cast_half_to_integer(%a: tensor<3xf16>) {
  // expected-error @+1 {{'nn.cast' op converts 'f16' to 'i32'; half precision converts from and to f32 and f64 only}}
  %0 = nn.cast %a : tensor<3xf16> to tensor<3xi32>
  return
}

// -----

func.func @cast_between_halves(%a: tensor<3xf16>) {
  // expected-error @+1 {{'nn.cast' op converts 'f16' to 'bf16'; half precision converts from and to f32 and f64 only}}
  %0 = nn.cast %a : tensor<3xf16> to tensor<3xbf16>
  return
}

// -----

func.func @broadcast_shape(%a: tensor<4xf32>, %b: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op cannot stretch shape 4 to ?x3}}
  %0 = nn.broadcast %a like %b : (tensor<4xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @broadcast_to_lower_rank(%a: tensor<?x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op cannot stretch shape ?x3 to 3}}
  %0 = nn.broadcast %a like %b : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @broadcast_along_rank(%a: tensor<?xf32>, %b: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op puts 2 dimensions into a value of rank 1, which does not give rank 2 of 'tensor<?x3xf32>'}}
  %0 = nn.broadcast %a like %b along = [0, 1] : (tensor<?xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @broadcast_along_order(%a: tensor<f32>, %b: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op 'along' must list dimensions of 'tensor<?x3xf32>' in increasing order}}
  %0 = nn.broadcast %a like %b along = [1, 0] : (tensor<f32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @broadcast_along_outside(%a: tensor<?xf32>, %b: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.broadcast' op 'along' must list dimensions of 'tensor<?x3xf32>' in increasing order}}
  %0 = nn.broadcast %a like %b along = [2] : (tensor<?xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @constant_of_vectors() {
  // expected-error @+1 {{'nn.constant' op result #0 must be ranked tensor}}
  %0 = nn.constant dense<1.0> : vector<3xf32>
  return
}

// -----

func.func @constant_sparse() {
  // expected-error @+1 {{'nn.constant' op takes dense elements}}
  %0 = nn.constant sparse<[[0]], [1.0]> : tensor<3xf32>
  return
}

// -----

func.func @reduce_outside(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.reduce' op reduces dimension 2 of 'tensor<?x3xf32>', which has rank 2}}
  %0 = nn.reduce sum %a dims = [2] : tensor<?x3xf32> -> tensor<?x3xf32>
  return
}

// -----

func.func @reduce_order(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.reduce' op 'dims' must be in increasing order, but 0 comes after 1}}
  %0 = nn.reduce sum %a dims = [1, 0] : tensor<?x3xf32> -> tensor<f32>
  return
}

// -----

func.func @reduce_result(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.reduce' op has result type 'tensor<?xf32>', but its operands give 'tensor<?x1xf32>'}}
  %0 = nn.reduce max %a dims = [1] keep_dims : tensor<?x3xf32> -> tensor<?xf32>
  return
}

// -----

func.func @argmax_of_scalar(%a: tensor<f32>) {
  // expected-error @+1 {{'nn.argmax' op takes a tensor of rank 1 or more}}
  %0 = nn.argmax %a : tensor<f32> -> tensor<i64>
  return
}

// -----

func.func @argmax_of_nothing(%a: tensor<?x0xf32>) {
  // expected-error @+1 {{'nn.argmax' op has no elements to choose from in 'tensor<?x0xf32>'}}
  %0 = nn.argmax %a : tensor<?x0xf32> -> tensor<?x1xi64>
  return
}

// -----

func.func @one_hot_labels(%a: tensor<?x2xi64>) {
  // expected-error @+1 {{'nn.one_hot' op labels must be one a row, in a last dimension of extent 1, but their shape is ?x2}}
  %0 = nn.one_hot %a : tensor<?x2xi64> -> tensor<?x3xf32>
  return
}

// -----

func.func @one_hot_rows(%a: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.one_hot' op result of shape 4x3 does not have the rows of labels of shape ?x1}}
  %0 = nn.one_hot %a : tensor<?x1xi64> -> tensor<4x3xf32>
  return
}

// -----

func.func @one_hot_classes(%a: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.one_hot' op result type must give the number of classes, but is 'tensor<?x?xf32>'}}
  %0 = nn.one_hot %a : tensor<?x1xi64> -> tensor<?x?xf32>
  return
}

// -----

func.func @count_type(%a: tensor<?x1xf32>) {
  // expected-error @+1 {{'nn.count' op has result type 'tensor<f64>', but its operands give 'tensor<f32>'}}
  %0 = nn.count %a : tensor<?x1xf32> -> tensor<f64>
  return
}

// -----

func.func @matmul_inner(%a: tensor<?x13xf32>, %b: tensor<12x1xf32>) {
  // expected-error @+1 {{'nn.matmul' op contracts 13 columns of the left operand with 12 rows of the right operand}}
  %0 = nn.matmul %a, %b : (tensor<?x13xf32>, tensor<12x1xf32>) -> tensor<?x1xf32>
  return
}

// -----

func.func @matmul_inner_transposed(%a: tensor<?x13xf32>, %b: tensor<1x13xf32>) {
  // expected-error @+1 {{'nn.matmul' op contracts ? rows of the left operand with 13 columns of the right operand}}
  %0 = nn.matmul %a, %b transpose_a transpose_b : (tensor<?x13xf32>, tensor<1x13xf32>) -> tensor<13x1xf32>
  return
}

// -----

func.func @matmul_rank(%a: tensor<?x13xf32>, %b: tensor<13xf32>) {
  // expected-error @+1 {{'nn.matmul' op operand #1 must be 2D tensor of 32-bit float or 64-bit float values, but got 'tensor<13xf32>'}}
  %0 = nn.matmul %a, %b : (tensor<?x13xf32>, tensor<13xf32>) -> tensor<?x1xf32>
  return
}

// -----

func.func @linear_inner(%x: tensor<?x13xf32>, %w: tensor<12x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{'nn.linear' op contracts 13 columns of the input with 12 rows of the weight}}
  %0 = nn.linear %x, %w, %b : (tensor<?x13xf32>, tensor<12x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_bias(%x: tensor<?x13xf32>, %w: tensor<13x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{'nn.linear' op has a bias of 5 elements for 4 columns of the weight}}
  %0 = nn.linear %x, %w, %b : (tensor<?x13xf32>, tensor<13x4xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @square_error_shapes(%a: tensor<?x1xf32>, %b: tensor<4x2xf32>) {
  // expected-error @+1 {{'nn.square_error' op operands of shapes ?x1 and 4x2 do not broadcast}}
  %0 = nn.square_error %a, %b : (tensor<?x1xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @mean_of_integers(%a: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.mean' op operand #0 must be ranked tensor of 32-bit float}}
  %0 = nn.mean %a : tensor<?x1xi64> -> tensor<i64>
  return
}

// -----

func.func @softmax_of_scalar(%a: tensor<f32>) {
  // expected-error @+1 {{'nn.softmax' op takes a tensor of rank 1 or more, but got 'tensor<f32>'}}
  %0 = nn.softmax %a : tensor<f32>
  return
}

// -----

func.func @cross_entropy_labels(%x: tensor<?x10xf32>, %y: tensor<?xi64>) {
  // expected-error @+1 {{'nn.softmax_cross_entropy' op logits of shape ?x10 need labels of shape ?x1, but they have shape ?}}
  %0 = nn.softmax_cross_entropy %x, %y : (tensor<?x10xf32>, tensor<?xi64>) -> tensor<?x1xf32>
  return
}

// -----

func.func @cross_entropy_classes(%x: tensor<4x?xf32>, %y: tensor<4x1xi64>) {
  // expected-error @+1 {{'nn.softmax_cross_entropy' op logits must have a static number of classes, but are 'tensor<4x?xf32>'}}
  %0 = nn.softmax_cross_entropy %x, %y : (tensor<4x?xf32>, tensor<4x1xi64>) -> tensor<4x1xf32>
  return
}

// -----

func.func @accuracy_float_labels(%x: tensor<?x10xf32>, %y: tensor<?x1xf32>) {
  // expected-error @+1 {{'nn.accuracy' op operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<?x1xf32>'}}
  %0 = nn.accuracy %x, %y : (tensor<?x10xf32>, tensor<?x1xf32>) -> tensor<f32>
  return
}

// -----

func.func @sum_to_shape(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.sum_to' op cannot sum shape ?x3 to 2x3, which does not broadcast to it}}
  %0 = nn.sum_to %a : tensor<?x3xf32> to tensor<2x3xf32>
  return
}

// -----

func.func @sum_to_type(%a: tensor<?x3xf32>) {
  // expected-error @+1 {{'nn.sum_to' op changes the element type from 'f32' to 'f64'}}
  %0 = nn.sum_to %a : tensor<?x3xf32> to tensor<3xf64>
  return
}
