//===- TestCollectives.cpp - Every backend, for tests ---------------------===//

#include "test/Runtime/collective/TestCollectives.h"

#include <thread>

using namespace fleet;

void fleet::runRanks(uint32_t size, const std::function<void(uint32_t)> &body) {
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < size; ++rank)
    threads.emplace_back([&body, rank] { body(rank); });
  for (std::thread &thread : threads)
    thread.join();
}
