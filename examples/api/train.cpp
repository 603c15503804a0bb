//===- train.cpp - House prices, trained call by call ---------------------===//
//
// One worker of a job:
//
//   train fit_a_line.mlir housing.csv CHECKPOINT_DIR
//
// By itself it is a job of one. With others (each started so, two here):
//
//   PADDLE_TRAINER_ID=0 PADDLE_TRAINERS_NUM=2 \
//     PADDLE_TRAINER_ENDPOINTS=127.0.0.1:6170,127.0.0.1:6171 train ...
//
// or under mpirun -np 2, srun, torchrun. The result is the same, however many
// they are.
//
//===----------------------------------------------------------------------===//

#include "fleet/API/Fleet.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace fleet::api;

static constexpr int64_t kFeatures = 13;
static constexpr int64_t kBatch = 20; ///< of all workers

struct Houses {
  std::vector<float> x, y;
  int64_t rows() const { return static_cast<int64_t>(y.size()); }
};

static fleet::StatusOr<Houses> readHouses(const char *path) {
  Houses houses;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line); // names of the columns
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string field;
    for (int64_t column = 0; std::getline(fields, field, ','); ++column) {
      char *end = nullptr;
      float value = std::strtof(field.c_str(), &end);
      if (end == field.c_str() || column > kFeatures)
        return fleet::makeError(fleet::StatusCode::InvalidArgument,
                                "{}: expected {} numbers a line, got '{}'",
                                path, kFeatures + 1, line);
      (column < kFeatures ? houses.x : houses.y).push_back(value);
    }
  }
  if (houses.y.empty() || houses.x.size() != houses.y.size() * kFeatures)
    return fleet::makeError(fleet::StatusCode::InvalidArgument,
                            "{}: cannot read it, or lines are incomplete",
                            path);
  return houses;
}

static fleet::Status train(const char *programFile, const char *dataFile,
                           const char *directory) {
  Fleet worker;
  FLEET_RETURN_IF_ERROR(
      worker.init(PaddleCloudRoleMaker(), /*isCollective=*/true));
  FLEET_ASSIGN_OR_RETURN(Program program, Program::readFile(programFile));
  FLEET_ASSIGN_OR_RETURN(Houses houses, readHouses(dataFile));
  FLEET_ASSIGN_OR_RETURN(DistributedOptimizer optimizer,
                         worker.distributedOptimizer(optim::momentum(1e-3)));
  FLEET_ASSIGN_OR_RETURN(DistributedModel model,
                         worker.distributedModel(program, optimizer));

  auto rowsOf = [&](int64_t begin, int64_t end) -> Batch {
    return {{"x", TensorView(houses.x.data() + begin * kFeatures,
                             {end - begin, kFeatures})},
            {"y", TensorView(houses.y.data() + begin, {end - begin, 1})}};
  };
  for (int epoch = 0; epoch < 30; ++epoch) {
    if (epoch == 20)
      FLEET_RETURN_IF_ERROR(model.setLr(2e-4));
    for (int64_t begin = 0; begin < houses.rows(); begin += kBatch) {
      // This worker's part of the batch; parts may differ in size.
      int64_t rows = std::min(kBatch, houses.rows() - begin);
      auto part = [&](int64_t index) {
        return begin + rows * index / worker.workerNum();
      };
      FLEET_ASSIGN_OR_RETURN(double loss, model.forwardBackward(rowsOf(
                                              part(worker.workerIndex()),
                                              part(worker.workerIndex() + 1))));
      (void)loss; // of this worker's rows
      FLEET_RETURN_IF_ERROR(model.step());
      FLEET_RETURN_IF_ERROR(model.clearGrad());
    }
  }
  FLEET_ASSIGN_OR_RETURN(double loss, model.forward(rowsOf(0, houses.rows())));
  if (worker.isFirstWorker())
    std::printf("loss %.4f over %lld houses, by %u workers\n", loss,
                static_cast<long long>(houses.rows()), worker.workerNum());
  return model.savePersistables(directory);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: train PROGRAM.mlir DATA.csv CHECKPOINT_DIR\n");
    return 2;
  }
  fleet::Status status = train(argv[1], argv[2], argv[3]);
  if (status.ok())
    return 0;
  std::fprintf(stderr, "train: error: %s\n", status.message().c_str());
  return 1;
}
