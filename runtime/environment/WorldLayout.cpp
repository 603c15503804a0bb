//===- WorldLayout.cpp - Processes of a job that start together -----------===//

#include "runtime/environment/WorldLayout.h"

#include <algorithm>

using namespace fleet;

uint32_t fleet::worldSize(const plan::Job &job) {
  if (job.mode() == plan::SINGLE)
    return 1;
  return static_cast<uint32_t>(job.pservers_size()) + job.trainers();
}

std::pair<plan::Role, uint32_t> fleet::placeOfWorldRank(const plan::Job &job,
                                                        uint32_t rank) {
  auto servers = static_cast<uint32_t>(job.pservers_size());
  uint32_t both = std::min(servers, job.trainers());
  if (rank < 2 * both)
    return {rank % 2 == 0 ? plan::PSERVER : plan::TRAINER, rank / 2};
  return {servers > both ? plan::PSERVER : plan::TRAINER, rank - both};
}

uint32_t fleet::worldRankOf(const plan::Job &job, plan::Role role,
                            uint32_t rank) {
  auto servers = static_cast<uint32_t>(job.pservers_size());
  uint32_t both = std::min(servers, job.trainers());
  if (rank < both)
    return 2 * rank + (role == plan::TRAINER ? 1 : 0);
  return rank + both;
}
