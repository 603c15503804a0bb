//===- MetricsTest.cpp ----------------------------------------------------===//

#include "runtime/telemetry/Metrics.h"
#include "../base/FaultyFiles.h"
#include "../base/TemporaryDirectory.h"
#include "ManualClock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>

using namespace fleet;
using namespace fleet::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

class MetricsTest : public testing::Test {
protected:
  std::unique_ptr<MetricsWriter> open(const std::string &role = "trainer") {
    auto writer =
        MetricsWriter::open(files, directory.file("m.jsonl"), role, 1, clock);
    EXPECT_TRUE(writer.ok()) << writer.status().message();
    return std::move(*writer);
  }
  std::string written() const { return directory.read("m.jsonl"); }

  TemporaryDirectory directory;
  SystemFiles files;
  ManualClock clock;
};

TEST_F(MetricsTest, ALineHasExactlyTheAgreedKeysInOrder) {
  auto writer = open();
  writer->record({12, 0, static_cast<double>(0.53f), 20, 91});
  writer->record({13, 1, 1.0 / 3, 20, 91.26});
  EXPECT_TRUE(writer->close().ok());
  EXPECT_EQ(written(),
            "{\"role\":\"trainer\",\"rank\":1,\"step\":12,\"epoch\":0,"
            "\"loss\":0.53,\"examples\":20,\"step_time_us\":91}\n"
            "{\"role\":\"trainer\",\"rank\":1,\"step\":13,\"epoch\":1,"
            "\"loss\":0.3333333333333333,\"examples\":20,"
            "\"step_time_us\":91.3}\n");
}

TEST_F(MetricsTest, EveryLossGivesValidJsonThatReadsBack) {
  std::vector<double> losses = {0.0,     -0.0,     1e300,    5e-324, 1e-45f,
                                3.4e38f, 0.1f,     0.1,      1e20,   -17,
                                NAN,     INFINITY, -INFINITY};
  auto writer = open("a \"role\"\n");
  for (double loss : losses)
    writer->record({0, 0, loss, 0, 0.05});
  EXPECT_TRUE(writer->close().ok());
  std::istringstream lines(written());
  std::string line;
  for (double loss : losses) {
    ASSERT_TRUE(std::getline(lines, line));
    auto parsed = nlohmann::json::parse(line);
    EXPECT_EQ(parsed["role"], "a \"role\"\n");
    if (!std::isfinite(loss))
      EXPECT_TRUE(parsed["loss"].is_null());
    else if (static_cast<double>(static_cast<float>(loss)) == loss)
      EXPECT_EQ(parsed["loss"].get<float>(), static_cast<float>(loss));
    else
      EXPECT_EQ(parsed["loss"].get<double>(), loss);
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(MetricsTest, LinesAreWrittenAboutOnceASecond) {
  auto writer = open();
  writer->record({0, 0, 1, 1, 1});
  clock.advance(999ms);
  writer->record({1, 0, 1, 1, 1});
  EXPECT_EQ(written(), "");
  clock.advance(1ms);
  writer->record({2, 0, 1, 1, 1});
  std::string text = written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  writer->record({3, 0, 1, 1, 1});
  EXPECT_EQ(written(), text);
  writer.reset(); // without close(), nothing is lost either
  EXPECT_THAT(written(), HasSubstr("\"step\":3"));
}

TEST_F(MetricsTest, ManyLinesAreWrittenBeforeTheSecondIsOver) {
  auto writer = open();
  for (int64_t step = 0; step < 20000; ++step)
    writer->record({step, 0, 1, 1, 1});
  EXPECT_GT(written().size(), 200u << 10);
  EXPECT_TRUE(writer->close().ok());
  std::istringstream lines(written());
  int64_t step = 0;
  for (std::string line; std::getline(lines, line); ++step)
    ASSERT_EQ(nlohmann::json::parse(line)["step"], step);
  EXPECT_EQ(step, 20000);
}

TEST_F(MetricsTest, ErrorsAreKeptForTheEnd) {
  auto none = MetricsWriter::open(files, directory.file("none/m.jsonl"),
                                  "trainer", 0, clock);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.status().message(), HasSubstr("--metrics: cannot create"));
  // create, then one write: the write fails
  FaultyFiles faulty(files, FaultyFiles::Fault::DiskFull, 1);
  auto writer = MetricsWriter::open(faulty, directory.file("m.jsonl"),
                                    "trainer", 0, clock);
  ASSERT_TRUE(writer.ok());
  (*writer)->record({0, 0, 1, 1, 1});
  clock.advance(2s);
  (*writer)->record({1, 0, 1, 1, 1});
  (*writer)->record({2, 0, 1, 1, 1});
  Status status = (*writer)->close();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr("--metrics: injected fault"));
  EXPECT_FALSE((*writer)->close().ok());
}

} // namespace
