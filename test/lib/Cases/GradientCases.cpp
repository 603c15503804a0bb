//===- GradientCases.cpp - Each differentiable operation, by itself -------===//

#include "test/lib/Cases/GradientCases.h"

using namespace fleet::test;

llvm::ArrayRef<GradientCase>(::fleet::test::getGradientCases)() {
  // clang-format off
  static const std::vector<GradientCase> cases = {
    // Operation, types of %a, %b, %c, and the range of floats when it matters.
    {"nn.add %a, %b : (tensor<?x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>", "tensor<3xf64>"}},
    {"nn.add %a, %a : (tensor<?x3xf64>, tensor<?x3xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.sub %a, %b : (tensor<?x3xf64>, tensor<?x1xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>", "tensor<?x1xf64>"}},
    {"nn.mul %a, %b : (tensor<f64>, tensor<?x3xf64>) -> tensor<?x3xf64>", {"tensor<f64>", "tensor<?x3xf64>"}},
    {"nn.mul %a, %b : (tensor<2x1x3xf64>, tensor<?x1xf64>) -> tensor<2x?x3xf64>", {"tensor<2x1x3xf64>", "tensor<?x1xf64>"}},
    {"nn.div %a, %b : (tensor<?x1xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x1xf64>", "tensor<3xf64>"}},
    {"nn.maximum %a, %b : (tensor<?x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>", "tensor<3xf64>"}},
    {"nn.minimum %a, %b : (tensor<?x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>", "tensor<3xf64>"}},
    {"nn.select %a, %b, %c : (tensor<?x1xi1>, tensor<?x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x1xi1>", "tensor<?x3xf64>", "tensor<3xf64>"}},
    {"nn.neg %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.exp %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.log %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}, 0.2, 3.0},
    {"nn.sqrt %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}, 0.2, 3.0},
    {"nn.tanh %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.abs %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.square %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.relu %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.sigmoid %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.cast %a : tensor<?x3xf64> to tensor<?x3xf32>", {"tensor<?x3xf64>"}},
    {"nn.cast %a : tensor<?x3xi64> to tensor<?x3xf64>", {"tensor<?x3xi64>"}},
    {"nn.broadcast %a like %b : (tensor<3xf64>, tensor<?x3xf64>) -> tensor<?x3xf64>", {"tensor<3xf64>", "tensor<?x3xf64>"}},
    {"nn.broadcast %a like %b along = [1] : (tensor<?xf64>, tensor<?x3xf64>) -> tensor<?x3xf64>", {"tensor<?xf64>", "tensor<?x3xf64>"}},
    {"nn.broadcast %a like %b along = [1] : (tensor<1xf64>, tensor<?x3xf64>) -> tensor<?x3xf64>", {"tensor<1xf64>", "tensor<?x3xf64>"}},
    {"nn.reduce sum %a dims = [0] : tensor<?x3xf64> -> tensor<3xf64>", {"tensor<?x3xf64>"}},
    {"nn.reduce sum %a dims = [1] keep_dims : tensor<?x3xf64> -> tensor<?x1xf64>", {"tensor<?x3xf64>"}},
    {"nn.reduce sum %a dims = [0, 2] : tensor<?x3x2xf64> -> tensor<3xf64>", {"tensor<?x3x2xf64>"}},
    {"nn.reduce max %a dims = [1] : tensor<?x3xf64> -> tensor<?xf64>", {"tensor<?x3xf64>"}},
    {"nn.reduce max %a dims = [1] keep_dims : tensor<?x3xf64> -> tensor<?x1xf64>", {"tensor<?x3xf64>"}},
    {"nn.reduce max %a dims = [0, 1] : tensor<?x3xf64> -> tensor<f64>", {"tensor<?x3xf64>"}},
    {"nn.one_hot %a : tensor<?x1xi64> -> tensor<?x3xf64>", {"tensor<?x1xi64>"}},
    {"nn.count %a : tensor<?x3xf64> -> tensor<f64>", {"tensor<?x3xf64>"}},
    {"nn.matmul %a, %b : (tensor<?x5xf64>, tensor<5x3xf64>) -> tensor<?x3xf64>", {"tensor<?x5xf64>", "tensor<5x3xf64>"}},
    {"nn.matmul %a, %b transpose_a : (tensor<?x5xf64>, tensor<?x3xf64>) -> tensor<5x3xf64>", {"tensor<?x5xf64>", "tensor<?x3xf64>"}},
    {"nn.matmul %a, %b transpose_b : (tensor<?x5xf64>, tensor<3x5xf64>) -> tensor<?x3xf64>", {"tensor<?x5xf64>", "tensor<3x5xf64>"}},
    {"nn.matmul %a, %b transpose_a transpose_b : (tensor<5x?xf64>, tensor<3x5xf64>) -> tensor<?x3xf64>", {"tensor<5x?xf64>", "tensor<3x5xf64>"}},
    {"nn.gather %a, %b : (tensor<5x3xf64>, tensor<?x2xi64>) -> tensor<?x2x3xf64>", {"tensor<5x3xf64>", "tensor<?x2xi64>"}},
    {"nn.gather %a, %b : (tensor<5x3xf64>, tensor<?x1xi32>) -> tensor<?x3xf64>", {"tensor<5x3xf64>", "tensor<?x1xi32>"}},
    {"nn.gather %a, %b : (tensor<3x1xf64>, tensor<2x2xi64>) -> tensor<2x2x1xf64>", {"tensor<3x1xf64>", "tensor<2x2xi64>"}},
    {"nn.scatter_add %a, %b : (tensor<?x2x3xf64>, tensor<?x2xi64>) -> tensor<5x3xf64>", {"tensor<?x2x3xf64>", "tensor<?x2xi64>"}},
    {"nn.scatter_add %a, %b : (tensor<?x3xf64>, tensor<?x1xi64>) -> tensor<5x3xf64>", {"tensor<?x3xf64>", "tensor<?x1xi64>"}},
    {"nn.concat %a, %b : (tensor<?x3xf64>, tensor<?x2xf64>) -> tensor<?x5xf64>", {"tensor<?x3xf64>", "tensor<?x2xf64>"}},
    {"nn.concat %a, %b, %a : (tensor<?x2x3xf64>, tensor<?x2x1xf64>, tensor<?x2x3xf64>) -> tensor<?x2x7xf64>", {"tensor<?x2x3xf64>", "tensor<?x2x1xf64>"}},
    {"nn.slice %a offset = 2 : tensor<?x7xf64> -> tensor<?x3xf64>", {"tensor<?x7xf64>"}},
    {"nn.slice %a offset = 0 : tensor<?x2x7xf64> -> tensor<?x2x3xf64>", {"tensor<?x2x7xf64>"}},
    {"nn.slice %a offset = 4 : tensor<?x7xf64> -> tensor<?x3xf64>", {"tensor<?x7xf64>"}},
    {"nn.reshape %a : tensor<?x2x3xf64> to tensor<?x6xf64>", {"tensor<?x2x3xf64>"}},
    {"nn.reshape %a : tensor<?x6xf64> to tensor<?x3x2xf64>", {"tensor<?x6xf64>"}},
    {"nn.embedding %a, %b : (tensor<5x3xf64>, tensor<?x1xi64>) -> tensor<?x3xf64>", {"tensor<5x3xf64>", "tensor<?x1xi64>"}},
    {"nn.embedding %a, %b padding_idx = 1 : (tensor<5x3xf64>, tensor<?x1xi64>) -> tensor<?x3xf64>", {"tensor<5x3xf64>", "tensor<?x1xi64>"}},
    {"nn.embedding %a, %b padding_idx = 1 : (tensor<5x3xf64>, tensor<?x2xi32>) -> tensor<?x2x3xf64>", {"tensor<5x3xf64>", "tensor<?x2xi32>"}},
    {"nn.linear %a, %b, %c : (tensor<?x5xf64>, tensor<5x3xf64>, tensor<3xf64>) -> tensor<?x3xf64>", {"tensor<?x5xf64>", "tensor<5x3xf64>", "tensor<3xf64>"}},
    {"nn.square_error %a, %b : (tensor<?x3xf64>, tensor<?x1xf64>) -> tensor<?x3xf64>", {"tensor<?x3xf64>", "tensor<?x1xf64>"}},
    {"nn.mean %a : tensor<?x3xf64> -> tensor<f64>", {"tensor<?x3xf64>"}},
    {"nn.softmax %a : tensor<?x3xf64>", {"tensor<?x3xf64>"}},
    {"nn.softmax_cross_entropy %a, %b : (tensor<?x3xf64>, tensor<?x1xi64>) -> tensor<?x1xf64>", {"tensor<?x3xf64>", "tensor<?x1xi64>"}},
    {"nn.softmax_cross_entropy %a, %b : (tensor<2x?x3xf64>, tensor<2x?x1xi32>) -> tensor<2x?x1xf64>", {"tensor<2x?x3xf64>", "tensor<2x?x1xi32>"}},
    {"nn.sum_to %a : tensor<?x2x3xf64> to tensor<2x1xf64>", {"tensor<?x2x3xf64>"}},
  };
  // clang-format on
  return cases;
}
