//===- TraceTest.cpp ------------------------------------------------------===//

#include "runtime/telemetry/Trace.h"
#include "../base/FaultyFiles.h"
#include "../base/TemporaryDirectory.h"
#include "ManualClock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

using namespace fleet;
using namespace fleet::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

class TraceTest : public testing::Test {
protected:
  TemporaryDirectory directory;
  SystemFiles files;
  ManualClock clock;
};

TEST_F(TraceTest, EventsAreCompleteOnesInMicroseconds) {
  auto writer = TraceWriter::open(files, directory.file("t.json"),
                                  "trainer \"0\"", 7, clock);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  uint32_t matmul = (*writer)->addName("matmul \\ x", "matmul");
  uint32_t step = (*writer)->addName("step", "step");
  TimePoint start = clock.now();
  {
    TraceScope outer(writer->get(), step);
    clock.advance(1500ns);
    TraceScope inner(writer->get(), matmul);
    clock.advance(2us);
  }
  (*writer)->event(matmul, start + 1h, start + 1h + 1ns, 3);
  ASSERT_TRUE((*writer)->close().ok());

  auto trace = nlohmann::json::parse(directory.read("t.json"));
  ASSERT_EQ(trace.size(), 4u);
  EXPECT_EQ(trace[0]["ph"], "M");
  EXPECT_EQ(trace[0]["args"]["name"], "trainer \"0\"");
  EXPECT_EQ(trace[1]["name"], "matmul \\ x");
  EXPECT_EQ(trace[1]["cat"], "matmul");
  EXPECT_EQ(trace[1]["ph"], "X");
  EXPECT_EQ(trace[1]["ts"], 1.5);
  EXPECT_EQ(trace[1]["dur"], 2.0);
  EXPECT_EQ(trace[1]["pid"], 7);
  EXPECT_EQ(trace[1]["tid"], 0);
  EXPECT_EQ(trace[2]["name"], "step");
  EXPECT_EQ(trace[2]["ts"], 0.0);
  EXPECT_EQ(trace[2]["dur"], 3.5);
  EXPECT_EQ(trace[3]["ts"], 3600e6);
  EXPECT_EQ(trace[3]["dur"], 0.001);
  EXPECT_EQ(trace[3]["tid"], 3);
}

TEST_F(TraceTest, MoreEventsThanAreKeptInMemory) {
  auto writer =
      TraceWriter::open(files, directory.file("t.json"), "local", 0, clock);
  ASSERT_TRUE(writer.ok());
  uint32_t name = (*writer)->addName("k", "kernel");
  for (int i = 0; i < 40000; ++i)
    TraceScope(writer->get(), name);
  EXPECT_GT(directory.read("t.json").size(), 100000u);
  writer->reset(); // destruction completes the file, too
  EXPECT_EQ(nlohmann::json::parse(directory.read("t.json")).size(), 40001u);
}

TEST_F(TraceTest, WithoutAWriterNothingHappens) {
  TraceScope scope(nullptr, 0);
  SUCCEED();
}

TEST_F(TraceTest, ErrorsAreKeptForTheEnd) {
  auto none = TraceWriter::open(files, directory.file("none/t.json"), "local",
                                0, clock);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.status().message(), HasSubstr("--trace: cannot create"));
  FaultyFiles faulty(files, FaultyFiles::Fault::DiskFull, 1);
  auto writer =
      TraceWriter::open(faulty, directory.file("t.json"), "local", 0, clock);
  ASSERT_TRUE(writer.ok());
  EXPECT_THAT((*writer)->close().message(),
              HasSubstr("--trace: injected fault"));
}

} // namespace
