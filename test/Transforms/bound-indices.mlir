// RUN: fleet-opt %s --split-input-file --fleet-bound-indices --verify-diagnostics | FileCheck %s

// The smaller of two tables bounds the ids that both are used with.
// CHECK-LABEL: func.func @main
// CHECK-SAME: %{{[^:]*}}: tensor<?x1xi64> {fleet.name = "a", fleet.upper_bound = 10 : i64}
// CHECK-SAME: %{{[^:]*}}: tensor<?x2xi32> {fleet.upper_bound = 30 : i64}
// CHECK-SAME: , %{{[^:]*}}: tensor<?x1xi64>, %
func.func @main(%a: tensor<?x1xi64> {fleet.name = "a"}, %b: tensor<?x2xi32>, %c: tensor<?x1xi64>,
                %small: tensor<10x4xf32>, %large: tensor<30x4xf32>) -> tensor<30x4xf32> {
  %0 = nn.gather %large, %a : (tensor<30x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  %1 = nn.gather %small, %a : (tensor<10x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  %2 = nn.gather %large, %a : (tensor<30x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  %3 = nn.gather %large, %b : (tensor<30x4xf32>, tensor<?x2xi32>) -> tensor<?x2x4xf32>
  %4 = nn.scatter_add %3, %b : (tensor<?x2x4xf32>, tensor<?x2xi32>) -> tensor<30x4xf32>
  return %4 : tensor<30x4xf32>
}

// -----

func.func @computed(%x: tensor<?x3xf32>, %table: tensor<10x4xf32>) -> tensor<?x4xf32> {
  // expected-note @+1 {{they are computed here}}
  %0 = nn.argmax %x : tensor<?x3xf32> -> tensor<?x1xi64>
  // expected-error @+1 {{'nn.gather' op takes ids that the program computes; they must be an input of the program, whose values are checked when data is loaded}}
  %1 = nn.gather %table, %0 : (tensor<10x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
