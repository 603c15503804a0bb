// The model of ctr.mlir with tables whose rows are looked up: a step pulls the
// rows that its ids name and pushes their gradients, and no trainer holds a
// whole table. Rows of the users exist from their first use on, so there may be
// as many ids as there are.
//
//   make_data.py -o out/clicks.npz
//   fleet-transpile ctr_tables.mlir --mode=ps --trainers=2 \
//     --pservers=127.0.0.1:6170,127.0.0.1:6171 -o out/ctr_tables
//   fleet-launch out/ctr_tables -- --data=out/clicks.npz --batch-size=128 --epochs=5 \
//     --seed=1 --shuffle
module @ctr_tables {
  optim.parameter @users : tensor<1000000000000x8xf32> init = #optim.normal<mean = 0.0, stddev = 1.0e-1> rows = distributed
  optim.parameter @items : tensor<5000x8xf32> init = #optim.normal<mean = 0.0, stddev = 1.0e-1> rows = sparse
  optim.parameter @sites : tensor<500x4xf32> init = #optim.normal<mean = 0.0, stddev = 1.0e-1> rows = sparse
  optim.parameter @words : tensor<2000x4xf32> init = #optim.normal<mean = 0.0, stddev = 1.0e-1> rows = distributed
  optim.parameter @fc1_w : tensor<49x64xf32> init = #optim.xavier_uniform
  optim.parameter @fc1_b : tensor<64xf32> init = #optim.zeros
  optim.parameter @fc2_w : tensor<64x32xf32> init = #optim.xavier_uniform
  optim.parameter @fc2_b : tensor<32xf32> init = #optim.zeros
  optim.parameter @fc3_w : tensor<32x2xf32> init = #optim.xavier_uniform
  optim.parameter @fc3_b : tensor<2xf32> init = #optim.zeros

  func.func @main(%dense: tensor<?x13xf32>, %user: tensor<?x1xi64>, %item: tensor<?x1xi64>,
                  %site: tensor<?x1xi64>, %words: tensor<?x4xi64>, %click: tensor<?x1xi64>)
      -> (tensor<f32>, tensor<f32>) {
    %users = optim.read @users : tensor<1000000000000x8xf32>
    %items = optim.read @items : tensor<5000x8xf32>
    %sites = optim.read @sites : tensor<500x4xf32>
    %table = optim.read @words : tensor<2000x4xf32>
    %u = nn.embedding %users, %user : (tensor<1000000000000x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
    %i = nn.embedding %items, %item : (tensor<5000x8xf32>, tensor<?x1xi64>) -> tensor<?x8xf32>
    %s = nn.embedding %sites, %site : (tensor<500x4xf32>, tensor<?x1xi64>) -> tensor<?x4xf32>
    // Rows have one to four words; 0 fills them up.
    %w = nn.embedding %table, %words padding_idx = 0 : (tensor<2000x4xf32>, tensor<?x4xi64>) -> tensor<?x4x4xf32>
    %wf = nn.reshape %w : tensor<?x4x4xf32> to tensor<?x16xf32>
    %x = nn.concat %dense, %u, %i, %s, %wf
      : (tensor<?x13xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x16xf32>) -> tensor<?x49xf32>

    %w1 = optim.read @fc1_w : tensor<49x64xf32>
    %b1 = optim.read @fc1_b : tensor<64xf32>
    %z1 = nn.linear %x, %w1, %b1 : (tensor<?x49xf32>, tensor<49x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    %h1 = nn.relu %z1 : tensor<?x64xf32>
    %w2 = optim.read @fc2_w : tensor<64x32xf32>
    %b2 = optim.read @fc2_b : tensor<32xf32>
    %z2 = nn.linear %h1, %w2, %b2 : (tensor<?x64xf32>, tensor<64x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    %h2 = nn.relu %z2 : tensor<?x32xf32>
    %w3 = optim.read @fc3_w : tensor<32x2xf32>
    %b3 = optim.read @fc3_b : tensor<2xf32>
    %logits = nn.linear %h2, %w3, %b3 : (tensor<?x32xf32>, tensor<32x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>

    %cost = nn.softmax_cross_entropy %logits, %click : (tensor<?x2xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
    %loss = nn.mean %cost : tensor<?x1xf32> -> tensor<f32>
    %accuracy = nn.accuracy %logits, %click : (tensor<?x2xf32>, tensor<?x1xi64>) -> tensor<f32>
    optim.minimize %loss : tensor<f32> with #optim.adagrad<learning_rate = 5.0e-2>
    return %loss, %accuracy : tensor<f32>, tensor<f32>
  }
}
