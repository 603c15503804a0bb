// The multilayer perceptron of the Fleet quick start: 32 features, two hidden
// layers of 128 with tanh, two classes.
//
//   make_data.py -o out/mlp_data
//   fleet-transpile mlp.mlir --mode=ps --trainers=2 \
//     --pservers=127.0.0.1:6170,127.0.0.1:6171 -o out/mlp
//   fleet-launch out/mlp -- --data=x=out/mlp_data/x.npy,y=out/mlp_data/y.npy \
//     --batch-size=64 --epochs=20 --seed=1 --shuffle
module @mlp {
  optim.parameter @fc1_w : tensor<32x128xf32> init = #optim.xavier_uniform
  optim.parameter @fc1_b : tensor<128xf32> init = #optim.zeros
  optim.parameter @fc2_w : tensor<128x128xf32> init = #optim.xavier_uniform
  optim.parameter @fc2_b : tensor<128xf32> init = #optim.zeros
  optim.parameter @fc3_w : tensor<128x2xf32> init = #optim.xavier_uniform
  optim.parameter @fc3_b : tensor<2xf32> init = #optim.zeros

  func.func @main(%x: tensor<?x32xf32>, %y: tensor<?x1xi64>) -> (tensor<f32>, tensor<f32>) {
    %w1 = optim.read @fc1_w : tensor<32x128xf32>
    %b1 = optim.read @fc1_b : tensor<128xf32>
    %z1 = nn.linear %x, %w1, %b1 : (tensor<?x32xf32>, tensor<32x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    %h1 = nn.tanh %z1 : tensor<?x128xf32>

    %w2 = optim.read @fc2_w : tensor<128x128xf32>
    %b2 = optim.read @fc2_b : tensor<128xf32>
    %z2 = nn.linear %h1, %w2, %b2 : (tensor<?x128xf32>, tensor<128x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    %h2 = nn.tanh %z2 : tensor<?x128xf32>

    %w3 = optim.read @fc3_w : tensor<128x2xf32>
    %b3 = optim.read @fc3_b : tensor<2xf32>
    %logits = nn.linear %h2, %w3, %b3 : (tensor<?x128xf32>, tensor<128x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>

    %cost = nn.softmax_cross_entropy %logits, %y : (tensor<?x2xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
    %loss = nn.mean %cost : tensor<?x1xf32> -> tensor<f32>
    %accuracy = nn.accuracy %logits, %y : (tensor<?x2xf32>, tensor<?x1xi64>) -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-1>
    return %loss, %accuracy : tensor<f32>, tensor<f32>
  }
}
