// House prices in Boston from 13 features of a town: the first program of every
// framework's book. Features are brought to zero mean and unit variance, and the
// model is linear in them and in their squares (a straight line alone cannot get
// below a mean square error of 21.9 on this data; with the squares it is 14.2).
//
//   fleet-transpile fit_a_line.mlir --mode=ps --trainers=2 \
//     --pservers=127.0.0.1:6170,127.0.0.1:6171 -o out/fit_a_line
//   fleet-launch out/fit_a_line -- --data=housing.csv#x=0..12,y=13 \
//     --batch-size=10 --epochs=100 --seed=1
module @fit_a_line {
  optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
  optim.parameter @q : tensor<13x1xf32> init = #optim.xavier_uniform
  optim.parameter @b : tensor<1xf32> init = #optim.zeros

  func.func @main(%x: tensor<?x13xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
    %mean = nn.constant dense<[3.6135236, 11.363636, 11.136779, 0.06916996, 0.55469506, 6.2846344, 68.574901, 3.7950427, 9.5494071, 408.23715, 18.455534, 356.67403, 12.653063]> : tensor<13xf32>
    %scale = nn.constant dense<[0.11637323, 0.042919568, 0.14590935, 3.9409964, 8.6383301, 1.4246587, 0.035560572, 0.47536914, 0.11496035, 0.0059392829, 0.46236249, 0.010964358, 0.14017378]> : tensor<13xf32>
    %quarter = nn.constant dense<0.25> : tensor<f32>
    %0 = nn.sub %x, %mean : (tensor<?x13xf32>, tensor<13xf32>) -> tensor<?x13xf32>
    %z = nn.mul %0, %scale : (tensor<?x13xf32>, tensor<13xf32>) -> tensor<?x13xf32>
    %1 = nn.square %z : tensor<?x13xf32>
    %z2 = nn.mul %1, %quarter : (tensor<?x13xf32>, tensor<f32>) -> tensor<?x13xf32>

    %w = optim.read @w : tensor<13x1xf32>
    %q = optim.read @q : tensor<13x1xf32>
    %b = optim.read @b : tensor<1xf32>
    %2 = nn.matmul %z, %w : (tensor<?x13xf32>, tensor<13x1xf32>) -> tensor<?x1xf32>
    %3 = nn.matmul %z2, %q : (tensor<?x13xf32>, tensor<13x1xf32>) -> tensor<?x1xf32>
    %4 = nn.add %2, %3 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %p = nn.add %4, %b : (tensor<?x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>

    %d = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %d : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
    return %loss : tensor<f32>
  }
}
