//===- TrainingData.cpp - What a trainer reads, and what came of it -------===//

#include "runtime/job/Processes.h"

using namespace fleet;

StatusOr<std::unique_ptr<TrainingData>>
fleet::loadData(Program &program, const RoleChoice &role,
                const RunOptions &options, RunEnvironment &environment) {
  FLEET_ASSIGN_OR_RETURN(DataSpec spec, parseDataSpec(options.data));
  FLEET_ASSIGN_OR_RETURN(auto requests, inputRequests(program.plan(), "main"));
  FLEET_ASSIGN_OR_RETURN(Dataset rows,
                         loadDataset(spec, requests, environment.files));
  BatchOptions settings;
  settings.batchSize = options.batchSize;
  settings.trainers =
      static_cast<int>(std::max(1u, program.plan().proto.trainers()));
  settings.rank = static_cast<int>(role.rank);
  settings.shuffle = options.shuffle;
  settings.seed = options.seed;
  // Batches keep the address of the rows.
  auto held = std::make_unique<Dataset>(std::move(rows));
  FLEET_ASSIGN_OR_RETURN(BatchReader batches,
                         BatchReader::create(*held, settings));
  return std::make_unique<TrainingData>(
      TrainingData{std::move(held), std::move(batches)});
}

StatusOr<std::string> fleet::rateParameters(Program &program,
                                            const Dataset &data,
                                            const TrainResult &result,
                                            ParameterExchange *exchange) {
  if (!program.plan().findFunction("evaluate"))
    return fmt::format("loss {:.6g} (mean of the last epoch)",
                       result.lastEpochLoss);
  FLEET_ASSIGN_OR_RETURN(std::string values, evaluate(program, data, exchange));
  return fmt::format("{} over {} examples", values, data.rows());
}

void fleet::printResult(const std::string &quality, const TrainResult &result,
                        RunEnvironment &environment) {
  environment.print(fmt::format("final {} ({} epochs, {} steps, {:.2f} s)",
                                quality, result.epochs, result.steps,
                                result.seconds));
}
