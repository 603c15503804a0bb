// RUN: fleet-opt %s --split-input-file --verify-diagnostics

func.func @table(%table: tensor<?x4xf32>, %ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.embedding' op takes a table of rank 2 with a static shape, but it is 'tensor<?x4xf32>'}}
  %0 = nn.embedding %table, %ids : (tensor<?x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @no_rows(%table: tensor<0x4xf32>, %ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.gather' op has no rows to choose from in 'tensor<0x4xf32>'}}
  %0 = nn.gather %table, %ids : (tensor<0x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @ids(%table: tensor<9x4xf32>, %ids: tensor<?xi64>) {
  // expected-error @+1 {{'nn.embedding' op takes ids of rank 2 or more with a static last extent, such as tensor<?x1xi64>, but they are 'tensor<?xi64>'}}
  %0 = nn.embedding %table, %ids : (tensor<9x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @padding(%table: tensor<9x4xf32>, %ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.embedding' op has 'padding_idx' -1, but the table has rows 0 to 8}}
  %0 = nn.embedding %table, %ids padding_idx = -1 : (tensor<9x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @updates(%g: tensor<?x5xf32>, %ids: tensor<?x1xi64>) {
  // expected-error @+1 {{'nn.scatter_add' op adds updates of type 'tensor<?x5xf32>', but ids of shape ?x1 and a result of 'tensor<9x4xf32>' need 'tensor<?x4xf32>'}}
  %0 = nn.scatter_add %g, %ids : (tensor<?x5xf32>, tensor<?x1xi64>) -> tensor<9x4xf32>
  return
}

// -----

func.func @parts(%a: tensor<?x5xf32>, %b: tensor<?x5xf64>) {
  // expected-error @+1 {{'nn.concat' op joins 'tensor<?x5xf32>' and 'tensor<?x5xf64>'; they may differ in the last extent only}}
  %0 = nn.concat %a, %b : (tensor<?x5xf32>, tensor<?x5xf64>) -> tensor<?x10xf32>
  return
}

// -----

func.func @scalars(%a: tensor<5xf32>) {
  // expected-error @+1 {{'nn.concat' op joins tensors of rank 2 or more with a static last extent, but one is 'tensor<5xf32>'}}
  %0 = nn.concat %a, %a : (tensor<5xf32>, tensor<5xf32>) -> tensor<10xf32>
  return
}

// -----

func.func @beyond(%a: tensor<?x5xf32>) {
  // expected-error @+1 {{'nn.slice' op takes 3 columns from column 3 on of 'tensor<?x5xf32>'}}
  %0 = nn.slice %a offset = 3 : tensor<?x5xf32> -> tensor<?x3xf32>
  return
}

// -----

func.func @slice_rows(%a: tensor<7x5xf32>) {
  // expected-error @+1 {{'nn.slice' op takes columns of 'tensor<7x5xf32>', so its result cannot be 'tensor<6x3xf32>'; they may differ in the last extent only}}
  %0 = nn.slice %a offset = 0 : tensor<7x5xf32> -> tensor<6x3xf32>
  return
}

// -----

func.func @reshape_size(%a: tensor<?x6xf32>) {
  // expected-error @+1 {{'nn.reshape' op gives rows of 6 elements the shape of 2x4, which has 8}}
  %0 = nn.reshape %a : tensor<?x6xf32> to tensor<?x2x4xf32>
  return
}

// -----

func.func @reshape_rows(%a: tensor<?x6xf32>) {
  // expected-error @+1 {{'nn.reshape' op changes dimension 0 from ? to 6}}
  %0 = nn.reshape %a : tensor<?x6xf32> to tensor<6x6xf32>
  return
}

// -----

func.func @reshape_type(%a: tensor<?x6xf32>) {
  // expected-error @+1 {{'nn.reshape' op changes the element type from 'f32' to 'f64'; nn.cast does that}}
  %0 = nn.reshape %a : tensor<?x6xf32> to tensor<?x2x3xf64>
  return
}
