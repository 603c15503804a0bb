//===- Communicator.cpp - Pushes and pulls beside the training ------------===//

#include "runtime/ps/Communicator.h"

#include <algorithm>
#include <cstring>

using namespace fleet;

StatusOr<std::unique_ptr<Communicator>>
Communicator::create(ParameterClient &client, Transport &transport,
                     std::vector<Block> blocks, Options options,
                     const Tables &tables) {
  if (options.queue < 1 || options.merge < 1)
    return makeError(StatusCode::InvalidArgument,
                     "a queue of {} steps that merges {}, expected at least 1",
                     options.queue, options.merge);
  std::unique_ptr<Communicator> result(
      new Communicator(client, std::move(blocks), options));
  auto allocate = [&](std::vector<AlignedBuffer> &buffers) {
    for (const Block &block : result->blocks) {
      FLEET_ASSIGN_OR_RETURN(
          AlignedBuffer buffer,
          AlignedBuffer::allocate(block.bytes, "the communicator's queue"));
      buffers.push_back(std::move(buffer));
    }
    return Status();
  };
  result->slots.resize(options.queue);
  for (Slot &slot : result->slots)
    FLEET_RETURN_IF_ERROR(allocate(slot.blocks));
  for (const plan::Table &table : tables) {
    result->merges.emplace_back(table);
    for (Slot &slot : result->slots)
      slot.tables.emplace_back();
  }
  result->rowSends.resize(tables.size(), {0, nullptr, nullptr});
  FLEET_RETURN_IF_ERROR(allocate(result->latest));
  FLEET_RETURN_IF_ERROR(allocate(result->incoming));
  result->sends.resize(result->blocks.size(), {nullptr, 0});
  result->recvs.resize(result->blocks.size(), {nullptr, 0});
  result->thread =
      transport.spawn([communicator = result.get()] { communicator->run(); });
  return result;
}

Communicator::~Communicator() {
  bool isBusy;
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
    isBusy = answered != submitted;
  }
  changed.notify_all();
  if (isBusy) // the thread may be waiting for a server
    client.disconnect();
}

size_t Communicator::find(uint32_t server, uint32_t block, size_t bytes) const {
  for (size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i].server == server && blocks[i].index == block &&
        blocks[i].bytes == bytes)
      return i;
  return blocks.size();
}

Status Communicator::enqueueSend(uint32_t server, uint32_t block,
                                 const void *data, size_t bytes) {
  size_t i = find(server, block, bytes);
  if (i == blocks.size())
    return makeError(StatusCode::Internal,
                     "there is no block {} of server {} with {} bytes", block,
                     server, bytes);
  sends[i] = {data, bytes};
  return Status();
}

Status Communicator::enqueueRecv(uint32_t server, uint32_t block, void *data,
                                 size_t bytes) {
  size_t i = find(server, block, bytes);
  if (i == blocks.size())
    return makeError(StatusCode::Internal,
                     "there is no block {} of server {} with {} bytes", block,
                     server, bytes);
  recvs[i] = {data, bytes};
  return Status();
}

Status Communicator::pullRows(const std::vector<RowSet> &sets) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!broken.ok())
      return broken;
  }
  std::lock_guard<std::mutex> hold(usingClient);
  return client.pullRows(sets);
}

Status Communicator::pushRows(const RowSet &set) {
  if (set.table >= rowSends.size())
    return makeError(StatusCode::Internal, "there is no table {}", set.table);
  rowSends[set.table] = set;
  return Status();
}

Status Communicator::waitFor(uint64_t left) {
  std::unique_lock<std::mutex> lock(mutex);
  for (;;) {
    uint64_t before = answered;
    // A push has deadlines of its own, which end before this one.
    bool inTime = changed.wait_for(lock, 3 * options.deadline, [&] {
      return !broken.ok() || submitted - answered <= left || answered != before;
    });
    if (!broken.ok())
      return broken;
    if (submitted - answered <= left)
      return Status();
    if (!inTime)
      return makeError(
          StatusCode::DeadlineExceeded,
          "the servers took none of {} steps within {} s", submitted - answered,
          3 * std::chrono::duration<double>(options.deadline).count());
  }
}

Status Communicator::submit(uint64_t examples) {
  FLEET_RETURN_IF_ERROR(waitFor(options.queue - 1));
  Slot &slot = slots[submitted % slots.size()];
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (!sends[i].data)
      return makeError(StatusCode::Internal,
                       "a step does not send block {} of server {}",
                       blocks[i].index, blocks[i].server);
    std::memcpy(slot.blocks[i].data(), sends[i].data, sends[i].size);
    sends[i] = {nullptr, 0};
  }
  for (size_t t = 0; t < rowSends.size(); ++t) {
    Rows &rows = slot.tables[t];
    rows.ids.clear();
    RowSet &set = rowSends[t];
    if (!set.batch)
      continue;
    size_t bytes =
        static_cast<size_t>(set.batch->size()) * set.batch->rowBytes();
    rows.ids.assign(set.batch->ids(), set.batch->ids() + set.batch->size());
    if (!rows.gradients.data() || rows.gradients.size() < bytes) {
      FLEET_ASSIGN_OR_RETURN(
          rows.gradients, AlignedBuffer::allocate(bytes + bytes / 4,
                                                  "the communicator's queue"));
    }
    if (bytes > 0)
      std::memcpy(rows.gradients.data(), set.rows, bytes);
    set.batch = nullptr;
  }
  slot.examples = examples;
  {
    std::lock_guard<std::mutex> lock(mutex);
    ++submitted;
  }
  changed.notify_all();
  return Status();
}

Status Communicator::fetchLatest() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!broken.ok())
      return broken;
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (recvs[i].data && answered != fetched)
        std::memcpy(recvs[i].data, latest[i].data(), recvs[i].size);
      recvs[i] = {nullptr, 0};
    }
    fetched = answered;
  }
  stalenessSum += staleness();
  stalenessMost = std::max(stalenessMost, staleness());
  return Status();
}

Status Communicator::drain() { return waitFor(0); }

Communicator::Staleness Communicator::summary() const {
  Staleness result;
  result.steps = submitted;
  result.pushes = pushes;
  result.most = stalenessMost;
  if (submitted > 0)
    result.mean =
        static_cast<double>(stalenessSum) / static_cast<double>(submitted);
  return result;
}

//===----------------------------------------------------------------------===//
// The thread
//===----------------------------------------------------------------------===//

Status Communicator::mergeRows(size_t table, uint64_t first, uint64_t count,
                               uint64_t examples) {
  std::vector<RowIds> lists;
  std::vector<const void *> gradients;
  std::vector<double> weights;
  for (uint64_t step = first; step < first + count; ++step) {
    const Slot &slot = slots[step % slots.size()];
    const Rows &rows = slot.tables[table];
    lists.push_back(
        {rows.ids.data(), plan::I64, static_cast<int64_t>(rows.ids.size())});
    gradients.push_back(rows.gradients.data());
    weights.push_back(static_cast<double>(slot.examples) /
                      static_cast<double>(examples));
  }
  RowBatch &batch = merges[table];
  FLEET_RETURN_IF_ERROR(batch.build(lists));
  FLEET_ASSIGN_OR_RETURN(void *merged, batch.makeRoom());
  batch.sum(gradients.data(), weights.data(), merged);
  return client.pushRows({static_cast<uint32_t>(table), &batch, merged});
}

/// Merges the steps from `first` on into one push and waits for the answer.
Status Communicator::push(uint64_t first, uint64_t count) {
  std::lock_guard<std::mutex> hold(usingClient);
  uint64_t examples = 0;
  for (uint64_t step = first; step < first + count; ++step)
    examples += slots[step % slots.size()].examples;
  for (size_t i = 0; i < blocks.size(); ++i) {
    contributions.clear();
    for (uint64_t step = first; step < first + count; ++step) {
      Slot &slot = slots[step % slots.size()];
      contributions.push_back({slot.blocks[i].data(), slot.examples});
    }
    const Block &block = blocks[i];
    const void *merged =
        block.dtype == plan::F64
            ? static_cast<const void *>(
                  mergeGradients<double>(contributions, block.bytes / 8))
            : mergeGradients<float>(contributions, block.bytes / 4);
    FLEET_RETURN_IF_ERROR(
        client.enqueueSend(block.server, block.index, merged, block.bytes));
    FLEET_RETURN_IF_ERROR(client.enqueueRecv(block.server, block.index,
                                             incoming[i].data(), block.bytes));
  }
  for (size_t t = 0; t < merges.size(); ++t)
    FLEET_RETURN_IF_ERROR(mergeRows(t, first, count, examples));
  FLEET_RETURN_IF_ERROR(client.sendBarrier(examples));
  return client.fetchBarrier();
}

void Communicator::run() {
  for (;;) {
    uint64_t first, count;
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return stopping || submitted != answered; });
      if (stopping)
        return;
      first = answered;
      count = std::min<uint64_t>(submitted - answered, options.merge);
    }
    Status status = push(first, count);
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (status.ok()) {
        std::swap(latest, incoming);
        answered += count;
        ++pushes;
      } else {
        broken = status;
      }
    }
    changed.notify_all();
    if (!status.ok())
      return;
  }
}
