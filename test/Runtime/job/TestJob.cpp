//===- TestJob.cpp - Jobs made by hand, run in this process ---------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "test/Runtime/job/TestJob.h"

#include "runtime/plan/JobFile.h"
#include "runtime/plan/PlanFile.h"
#include "test/Runtime/executor/TestKernels.h"
#include "test/Runtime/plan/TestPlan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace fleet;
using namespace fleet::test;

namespace {

const char kEndpoint[] = "server:1";

struct Forward {
  uint32_t x, weight, difference, loss;
};

/// x . w against y: the beginning of "main" and all of "evaluate".
Forward addForward(FunctionBuilder &f, uint32_t kernel) {
  Forward r;
  r.x = f.input("x", tensor({kBatch, 3}));
  uint32_t y = f.input("y", tensor({kBatch, 1}));
  r.weight = f.state(0);
  uint32_t prediction = f.temporary(tensor({kBatch, 1}));
  r.difference = f.temporary(tensor({kBatch, 1}));
  r.loss = f.temporary(tensor({}));
  f.matmul(r.x, r.weight, prediction);
  f.launch(kernel, {prediction, y, r.difference, r.loss});
  f.output("loss", r.loss);
  return r;
}

void addParameter(plan::Plan &plan) {
  addState(plan, "w", tensor({3, 1}), 0);
  auto &uniform =
      *plan.mutable_states(0)->mutable_initializer()->mutable_uniform();
  uniform.set_low(-1);
  uniform.set_high(1);
}

} // namespace

TestJob::TestJob() {
  folder = testing::TempDir() + "fleet-job-XXXXXX";
  if (!::mkdtemp(folder.data()))
    ADD_FAILURE() << "no temporary folder";
}

TestJob::~TestJob() { std::filesystem::remove_all(folder); }

void TestJob::writePlan(const std::string &name, plan::Plan plan,
                        const Change &change) {
  plan.set_library(testKernels());
  if (change)
    change(plan);
  std::ofstream(path(name), std::ios::binary) << *encodePlanFile(plan);
}

void TestJob::writeLocal(const Change &change) {
  plan::Plan plan = makePlan(plan::LOCAL);
  addParameter(plan);
  uint32_t error = addKernel(plan, "square_error", 4);
  uint32_t sgd = addKernel(plan, "sgd", 3, true, 2, 12);
  FunctionBuilder main(plan, "main");
  Forward forward = addForward(main, error);
  uint32_t gradient = main.temporary(tensor({3, 1}));
  uint32_t rate = main.constant({0.1f}, tensor({}));
  main.matmul(forward.x, forward.difference, gradient, /*transposeA=*/true);
  main.launch(sgd, {forward.weight, gradient, rate}, 3);
  FunctionBuilder evaluate(plan, "evaluate");
  addForward(evaluate, error);
  writePlan("local.plan", plan, change);
  std::ofstream(path("job.textproto"))
      << "schema_version: 1 name: 'test_job' program_hash: '"
      << std::string(64, 'a')
      << "' mode: SINGLE programs { role: LOCAL plan: 'local.plan' }";
}

void TestJob::writeParameterServer(uint32_t trainers, const Change &trainer,
                                   const Change &server) {
  {
    plan::Plan plan = makePlan(plan::TRAINER, {kEndpoint});
    plan.set_trainers(trainers);
    addBlock(plan, 0, "w", tensor({3, 1}));
    addParameter(plan);
    uint32_t error = addKernel(plan, "square_error", 4);
    FunctionBuilder main(plan, "main");
    Forward forward = addForward(main, error);
    uint32_t gradient = main.temporary(tensor({3, 1}));
    main.matmul(forward.x, forward.difference, gradient, /*transposeA=*/true);
    main.send(gradient, 0, 0);
    main.sendBarrier();
    main.recv(forward.weight, 0, 0);
    main.fetchBarrier();
    FunctionBuilder startup(plan, "startup");
    startup.recv(startup.state(0), 0, 0);
    startup.fetchBarrier();
    FunctionBuilder evaluate(plan, "evaluate");
    addForward(evaluate, error);
    writePlan("trainer.plan", plan, trainer);
  }
  {
    plan::Plan plan = makePlan(plan::PSERVER, {kEndpoint});
    plan.set_trainers(trainers);
    addBlock(plan, 0, "w", tensor({3, 1}));
    addParameter(plan);
    uint32_t sgd = addKernel(plan, "sgd", 3, true, 2, 12);
    FunctionBuilder update(plan, "update_w");
    uint32_t gradient = update.input("gradient", tensor({3, 1}));
    uint32_t weight = update.state(0);
    uint32_t rate = update.constant({0.1f}, tensor({}));
    update.launch(sgd, {weight, gradient, rate}, 3);
    plan.mutable_service()->add_handlers();
    writePlan("pserver-0.plan", plan, server);
  }
  std::ofstream(path("job.textproto"))
      << "schema_version: 1 name: 'test_job' program_hash: '"
      << std::string(64, 'a')
      << "' mode: PARAMETER_SERVER sync_mode: SYNC trainers: " << trainers
      << " pservers: '" << kEndpoint
      << "' programs { role: TRAINER plan: 'trainer.plan' } programs { role: "
         "PSERVER endpoint: '"
      << kEndpoint << "' plan: 'pserver-0.plan' }";
}

void TestJob::writeTables(plan::Table::Placement placement, uint32_t trainers,
                          uint32_t servers, const Change &change) {
  constexpr int64_t kRows = 1000;
  std::ofstream job(path("job.textproto"));
  job << "schema_version: 1 name: 'test_job' program_hash: '"
      << std::string(64, 'a') << "' ";
  if (servers == 0) {
    writePlan("local.plan", makeTablePlan(plan::LOCAL, placement, kRows),
              change);
    job << "mode: SINGLE programs { role: LOCAL plan: 'local.plan' }";
    return;
  }
  std::vector<std::string> endpoints;
  for (uint32_t s = 0; s < servers; ++s)
    endpoints.push_back("server:" + std::to_string(s + 1));
  plan::SyncMode mode = plan::SYNC;
  auto write = [&](const std::string &name, plan::Role role, uint32_t server) {
    plan::Plan plan = makeTablePlan(role, placement, kRows, endpoints, server);
    plan.set_trainers(trainers);
    if (change)
      change(plan);
    mode = plan.sync_mode();
    writePlan(name, plan, {});
  };
  write("trainer.plan", plan::TRAINER, 0);
  for (uint32_t s = 0; s < servers; ++s)
    write("pserver-" + std::to_string(s) + ".plan", plan::PSERVER, s);
  job << "mode: PARAMETER_SERVER sync_mode: " << plan::SyncMode_Name(mode)
      << " trainers: " << trainers
      << " programs { role: TRAINER plan: 'trainer.plan' }";
  for (uint32_t s = 0; s < servers; ++s)
    job << " pservers: '" << endpoints[s]
        << "' programs { role: PSERVER index: " << s << " endpoint: '"
        << endpoints[s] << "' plan: 'pserver-" << s << ".plan' }";
}

void TestJob::writeTableData(int rows) {
  std::ofstream file(path("data.csv"));
  for (int i = 0; i < rows; ++i)
    file << (i * i * 31) % 1000 << "," << (i * 17) % 50 << ",0.5,-0.25,"
         << 0.125 * (i % 5) << ",1\n";
}

RunOptions TestJob::tableOptions() const {
  RunOptions result = options();
  result.data = path("data.csv") + "#ids=0..1,y=2..5";
  return result;
}

void TestJob::writeData(int rows) {
  std::ofstream file(path("data.csv"));
  for (int i = 0; i < rows; ++i) {
    double a = std::sin(1.3 * i), b = std::cos(2.1 * i), c = std::sin(0.7 * i);
    file << a << "," << b << "," << c << "," << a - 2 * b + 0.5 * c << "\n";
  }
}

std::string TestJob::read(const std::string &name) const {
  std::ifstream file(path(name), std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

RunOptions TestJob::options() const {
  RunOptions options;
  options.jobDirectory = folder;
  options.data = path("data.csv") + "#x=0..2,y=3";
  options.batchSize = 4;
  options.steps = 10;
  options.seed = 1;
  options.threads = 1;
  options.deadline = std::chrono::seconds(20);
  options.poison = true;
  return options;
}

std::vector<TestJob::Outcome> TestJob::run(
    const RunOptions &options,
    const std::function<void(const RoleChoice &, RunOptions &)> &change) {
  SystemFiles files;
  SystemClock clock;
  InprocTransport transport;
  StatusOr<plan::Job> job = loadJob(files, folder);
  EXPECT_TRUE(job.ok()) << job.status().message();
  if (!job.ok())
    return {};
  std::vector<RoleChoice> roles;
  auto add = [&](plan::Role role, uint32_t rank, std::string endpoint) {
    RoleChoice choice;
    choice.role = role;
    choice.rank = rank;
    choice.endpoint = std::move(endpoint);
    roles.push_back(choice);
  };
  if (job->mode() == plan::SINGLE)
    add(plan::LOCAL, 0, "");
  for (int i = 0; i < job->pservers_size(); ++i)
    add(plan::PSERVER, static_cast<uint32_t>(i), job->pservers(i));
  if (job->mode() != plan::SINGLE)
    for (uint32_t rank = 0; rank < job->trainers(); ++rank)
      add(plan::TRAINER, rank, "");

  std::vector<Outcome> outcomes(roles.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < roles.size(); ++i)
    threads.emplace_back([&, i] {
      Outcome &outcome = outcomes[i];
      outcome.name = roles[i].name();
      std::FILE *log = std::tmpfile();
      Logger logger(LogLevel::Info, "", ::fileno(log));
      RunOptions mine = options;
      if (change)
        change(roles[i], mine);
      bool stoppable = roles[i].role != plan::PSERVER && roles[i].rank == 0;
      RunEnvironment environment{files,
                                 clock,
                                 transport,
                                 stoppable ? stop : StopToken(),
                                 logger,
                                 [&](const std::string &line) {
                                   outcome.printed.push_back(line); }};
      outcome.status = runProcess(*job, roles[i], mine, environment);
      std::rewind(log);
      for (int c = std::fgetc(log); c != EOF; c = std::fgetc(log))
        outcome.log += static_cast<char>(c);
      std::fclose(log);
    });
  for (std::thread &thread : threads)
    thread.join();
  return outcomes;
}
