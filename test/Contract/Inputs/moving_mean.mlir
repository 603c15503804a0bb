// A line on inputs less their moving mean, and a counter: both assigned by the
// program.
module @moving_mean {
  optim.parameter @w : tensor<13x1xf32> init = #optim.xavier_uniform
  optim.parameter @b : tensor<1xf32> init = #optim.zeros
  optim.parameter @mean : tensor<13xf32> init = #optim.zeros frozen
  optim.parameter @steps : tensor<f32> init = #optim.zeros frozen

  func.func @main(%x: tensor<?x13xf32>, %y: tensor<?x1xf32>) -> tensor<f32> {
    %w = optim.read @w : tensor<13x1xf32>
    %b = optim.read @b : tensor<1xf32>
    %mean = optim.read @mean : tensor<13xf32>
    %steps = optim.read @steps : tensor<f32>

    %scale = nn.constant dense<1.0e-2> : tensor<f32>
    %scaled = nn.mul %x, %scale : (tensor<?x13xf32>, tensor<f32>) -> tensor<?x13xf32>
    %sum = nn.sum_to %scaled : tensor<?x13xf32> to tensor<13xf32>
    %rows = nn.count %y : tensor<?x1xf32> -> tensor<f32>
    %now = nn.div %sum, %rows : (tensor<13xf32>, tensor<f32>) -> tensor<13xf32>
    %keep = nn.constant dense<0.9> : tensor<f32>
    %take = nn.constant dense<0.1> : tensor<f32>
    %kept = nn.mul %mean, %keep : (tensor<13xf32>, tensor<f32>) -> tensor<13xf32>
    %taken = nn.mul %now, %take : (tensor<13xf32>, tensor<f32>) -> tensor<13xf32>
    %moved = nn.add %kept, %taken : (tensor<13xf32>, tensor<13xf32>) -> tensor<13xf32>
    optim.assign @mean, %moved : tensor<13xf32>
    %one = nn.constant dense<1.0> : tensor<f32>
    %counted = nn.add %steps, %one : (tensor<f32>, tensor<f32>) -> tensor<f32>
    optim.assign @steps, %counted : tensor<f32>

    %centered = nn.sub %scaled, %mean : (tensor<?x13xf32>, tensor<13xf32>) -> tensor<?x13xf32>
    %p = nn.linear %centered, %w, %b : (tensor<?x13xf32>, tensor<13x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    %d = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %loss = nn.mean %d : tensor<?x1xf32> -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-2>
    return %loss : tensor<f32>
  }
}
