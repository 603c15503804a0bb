//===- TestJob.h - Jobs made by hand, run in this process -------*- C++ -*-===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_TEST_RUNTIME_JOB_TESTJOB_H
#define FLEET_TEST_RUNTIME_JOB_TESTJOB_H

#include "runtime/job/Run.h"
#include "runtime/transport/inproc/InprocTransport.h"

#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace fleet::test {

using Change = std::function<void(plan::Plan &)>;

/// A linear regression on two columns, x (3 numbers) and y, with SGD at 0.1: as
/// a local job or for parameter servers, with the plans that a compiler would
/// make of it. `change` may spoil the plan of each process.
class TestJob {
public:
  /// Makes an empty folder.
  TestJob();
  ~TestJob();

  void writeLocal(const Change &change = {});
  void writeParameterServer(uint32_t trainers, const Change &trainer = {},
                            const Change &server = {});
  /// The job of makeTablePlan() with a table of 1000 rows, for so many trainers
  /// and servers; a local one for none.
  void writeTables(plan::Table::Placement placement, uint32_t trainers,
                   uint32_t servers, const Change &change = {});
  /// Rows of two ids and y for that job, as data.csv; options() for it.
  void writeTableData(int rows);
  RunOptions tableOptions() const;
  /// Rows of y = x . (1, -2, 0.5) as data.csv.
  void writeData(int rows);

  std::string path(const std::string &name) const {
    return folder + "/" + name;
  }
  std::string read(const std::string &name) const;
  /// For data.csv, batches of 4 and seed 1, poisoned temporaries.
  RunOptions options() const;

  struct Outcome {
    std::string name;
    Status status;
    std::vector<std::string> printed;
    std::string log;
  };
  /// Runs all processes of the job as threads; servers first in the result.
  /// `change` may give a process other options.
  std::vector<Outcome>
  run(const RunOptions &options,
      const std::function<void(const RoleChoice &, RunOptions &)> &change = {});

  /// What a local job, or trainer 0, is told to stop by.
  StopToken stop;

private:
  void writePlan(const std::string &name, plan::Plan plan,
                 const Change &change);
  std::string folder;
};

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_JOB_TESTJOB_H
