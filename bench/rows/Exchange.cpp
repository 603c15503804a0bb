//===- Exchange.cpp - Rows to and from a server over TCP ------------------===//
//
// A trainer and a server, two processes on this machine, do what a step does
// with a table of 10 M rows x 16 f32: the trainer removes duplicate ids, looks
// the rows up, hands a row to every id, sums gradients by row and pushes them;
// the server updates its hash table by SGD and answers. What counts is ids a
// second, end to end.
//
//===----------------------------------------------------------------------===//

#include "bench/rows/Ids.h"
#include "runtime/ps/ParameterClient.h"
#include "runtime/ps/ParameterServer.h"
#include "runtime/transport/tcp/TcpTransport.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fleet;
using namespace fleet::bench;

static constexpr int64_t kRows = 10'000'000;
static constexpr int64_t kColumns = 16;
static constexpr size_t kBatch = 65536;
static constexpr size_t kBatches = 16;
static constexpr auto kDeadline = std::chrono::seconds(60);

static JobIdentity job() {
  return {"rows", std::string(64, 'a'), /*trainers=*/1, /*seed=*/1};
}

static plan::Table declare() {
  plan::Table table;
  table.set_name("emb");
  table.set_placement(plan::Table::DISTRIBUTED);
  table.set_dtype(plan::F32);
  table.set_rows(kRows);
  table.set_columns(kColumns);
  table.mutable_initializer()->mutable_constant()->set_value(1);
  table.add_shards();
  return table;
}

/// Tells its endpoint through `pipe`, then serves.
static Status serve(int pipe) {
  TcpTransport transport;
  FLEET_ASSIGN_OR_RETURN(auto rows, RowTable::create(declare(), 0, {}));
  std::vector<int64_t> ids(kBatch);
  std::vector<float> values(kBatch * kColumns);
  for (int64_t first = 0; first < kRows; first += int64_t(kBatch)) {
    int64_t count = std::min(int64_t(kBatch), kRows - first);
    for (int64_t i = 0; i < count; ++i)
      ids[static_cast<size_t>(i)] = first + i;
    FLEET_RETURN_IF_ERROR(rows->gather(ids.data(), count, values.data()));
  }
  ServiceTable table;
  table.rows = rows.get();
  RowTable::Updater updater = [](void *const *inputs) {
    auto *g = static_cast<const float *>(inputs[0]);
    auto *w = static_cast<float *>(inputs[1]);
    for (int64_t i = 0; i < RowTable::kUpdateRows * kColumns; ++i)
      w[i] -= 1e-3f * g[i];
    return Status();
  };
  table.update = [&](const int64_t *ids, int64_t count, const void *gradients) {
    return rows->update(ids, count, gradients, updater);
  };
  FLEET_ASSIGN_OR_RETURN(
      auto service,
      ParameterService::create(
          {}, 1, plan::SYNC,
          [](size_t, const void *, const void *) { return Status(); }, {},
          {table}));
  FLEET_ASSIGN_OR_RETURN(auto listener, transport.listen("127.0.0.1:0"));
  std::string endpoint = listener->endpoint();
  ParameterServer::Options options;
  options.job = job();
  options.deadline = kDeadline;
  ParameterServer server(options, transport, std::move(listener),
                         std::move(service), {});
  endpoint.resize(64, '\0');
  if (::write(pipe, endpoint.data(), 64) != 64)
    return makeError(StatusCode::Internal, "the pipe is closed");
  return server.serve();
}

static double secondsSince(TimePoint begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

namespace {

/// Seconds of a run, by what a step does.
struct Times {
  double distinct = 0, pull = 0, expand = 0, sum = 0, push = 0;
  double all() const { return distinct + pull + expand + sum + push; }
};

class Trainer {
public:
  Trainer(ParameterClient &client)
      : client(client), batch(declare()), values(kBatch * kColumns) {}

  Status step(const std::vector<int64_t> &ids, Times &times) {
    auto count = static_cast<int64_t>(ids.size());
    TimePoint begin = std::chrono::steady_clock::now();
    auto lap = [&](double &into) {
      into += secondsSince(begin);
      begin = std::chrono::steady_clock::now();
    };
    FLEET_RETURN_IF_ERROR(batch.build({{ids.data(), plan::I64, count}}));
    FLEET_ASSIGN_OR_RETURN(void *rows, batch.makeRoom());
    lap(times.distinct);
    FLEET_RETURN_IF_ERROR(client.pullRows({{0, &batch, rows}}));
    lap(times.pull);
    batch.expand(0, rows, values.data());
    lap(times.expand);
    // Rows serve as their own gradients.
    const void *gradients[] = {values.data()};
    batch.sum(gradients, nullptr, rows);
    lap(times.sum);
    FLEET_RETURN_IF_ERROR(client.pushRows({0, &batch, rows}));
    FLEET_RETURN_IF_ERROR(client.sendBarrier(1));
    FLEET_RETURN_IF_ERROR(client.fetchBarrier());
    lap(times.push);
    return Status();
  }
  int64_t distinct() const { return batch.size(); }

private:
  ParameterClient &client;
  RowBatch batch;
  std::vector<float> values;
};

} // namespace

static Status train(const std::string &endpoint, unsigned rounds) {
  TcpTransport transport;
  ParameterClient::Options options;
  options.job = job();
  options.deadline = kDeadline;
  ServerInfo server;
  server.endpoint = endpoint;
  server.tables = {{0, 0, kColumns * sizeof(float)}};
  FLEET_ASSIGN_OR_RETURN(
      auto client, ParameterClient::connect(options, transport, {server}));
  Trainer trainer(*client);
  fmt::print("batches of {} ids, rows of {} bytes; median of {} rounds\n"
             "{:>8} {:>9} {:>9} | ns an id: {:>8} {:>8} {:>8} {:>8} {:>8}\n",
             kBatch, kColumns * sizeof(float), rounds, "ids", "distinct",
             "M ids/s", "distinct", "pull", "expand", "sum", "push");
  for (bool isZipf : {false, true}) {
    Ids source(kRows, isZipf, 3);
    std::vector<std::vector<int64_t>> batches;
    for (size_t b = 0; b < kBatches; ++b)
      batches.push_back(source.draw(kBatch));
    std::vector<double> rates;
    Times total;
    for (unsigned round = 0; round < rounds; ++round) {
      Times times;
      for (const std::vector<int64_t> &ids : batches)
        FLEET_RETURN_IF_ERROR(trainer.step(ids, times));
      rates.push_back(kBatches * kBatch / times.all() / 1e6);
      for (auto part : {&Times::distinct, &Times::pull, &Times::expand,
                        &Times::sum, &Times::push})
        total.*part += times.*part;
    }
    double ids = double(kBatches * kBatch) * rounds / 1e9;
    fmt::print("{:>8} {:>9} {:>9.1f} |           {:>8.1f} {:>8.1f} {:>8.1f} "
               "{:>8.1f} {:>8.1f}\n",
               isZipf ? "zipf" : "uniform", trainer.distinct(), median(rates),
               total.distinct / ids, total.pull / ids, total.expand / ids,
               total.sum / ids, total.push / ids);
  }
  return client->complete();
}

int main(int argc, char **argv) {
  unsigned rounds = 15;
  if (argc > 1) {
    const char *end = argv[1] + std::strlen(argv[1]);
    auto [rest, error] = std::from_chars(argv[1], end, rounds);
    if (argc > 2 || error != std::errc() || rest != end || rounds == 0) {
      fmt::print(stderr, "usage: bench-row-exchange [ROUNDS]\n");
      return 2;
    }
  }
  int pipe[2];
  if (::pipe(pipe) != 0)
    return 1;
  pid_t child = ::fork();
  if (child == 0) {
    Status status = serve(pipe[1]);
    if (!status.ok())
      fmt::print(stderr, "bench-row-exchange: server: {}\n", status.message());
    ::_exit(status.ok() ? 0 : 1);
  }
  ::close(pipe[1]);
  char endpoint[64] = {};
  Status status = makeError(StatusCode::Internal, "the server did not start");
  if (::read(pipe[0], endpoint, sizeof(endpoint)) == sizeof(endpoint))
    status = train(endpoint, rounds);
  if (!status.ok())
    ::kill(child, SIGKILL);
  int code = 0;
  ::waitpid(child, &code, 0);
  if (status.ok() && code == 0)
    return 0;
  fmt::print(stderr, "bench-row-exchange: {}\n", status.message());
  return 1;
}
