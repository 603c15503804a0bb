//===- MpiEngine.cpp - Messages of MPI, on a thread of their own ----------===//

#include "runtime/transport/mpi/MpiEngine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <sched.h>

using namespace fleet;

using EngineClock = std::chrono::steady_clock;

static constexpr int kTag = 1;
static constexpr size_t kMaxMessageBytes =
    sizeof(MpiMessage::Head) + kMaxDataBytes;
/// MPI cannot wake a thread: it looks for arrivals, at once for a while, then
/// after pauses that grow from kFirstPause to kLastPause.
static constexpr auto kSpin = std::chrono::microseconds(50);
static constexpr auto kFirstPause = std::chrono::microseconds(20);
static constexpr auto kLastPause = std::chrono::microseconds(500);

static Status check(int code, const char *function) {
  if (code == MPI_SUCCESS)
    return Status();
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   std::string(text, static_cast<size_t>(length)));
}

MpiMessage MpiMessage::make(int peer, Kind kind, uint64_t stream,
                            uint64_t value, const void *data, size_t size) {
  MpiMessage message;
  message.peer = peer;
  Head head{kind, 0, stream, value};
  message.bytes.resize(sizeof(head) + size);
  std::memcpy(message.bytes.data(), &head, sizeof(head));
  if (size > 0)
    std::memcpy(message.bytes.data() + sizeof(head), data, size);
  return message;
}

MpiMessage::Head MpiMessage::head() const {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  return head;
}

StatusOr<std::unique_ptr<MpiEngine>>
MpiEngine::create(std::function<void(MpiMessage)> arrived) {
  std::unique_ptr<MpiEngine> engine(new MpiEngine(std::move(arrived)));
  FLEET_RETURN_IF_ERROR(engine->open());
  engine->thread = std::thread([raw = engine.get()] { raw->run(); });
  return engine;
}

Status MpiEngine::open() {
  int initialized = 0, finalized = 0, provided = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (finalized)
    return makeError(StatusCode::Unavailable,
                     "MPI has been used up in this process");
  if (!initialized) {
    FLEET_RETURN_IF_ERROR(check(
        MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
        "MPI_Init_thread"));
    finalizes = true;
  }
  MPI_Query_thread(&provided);
  if (provided < MPI_THREAD_SERIALIZED)
    return makeError(StatusCode::Unavailable,
                     "this MPI does not let two threads take turns "
                     "(MPI_THREAD_SERIALIZED)");
  FLEET_RETURN_IF_ERROR(
      check(MPI_Comm_dup(MPI_COMM_WORLD, &communicator), "MPI_Comm_dup"));
  MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
  MPI_Comm_rank(communicator, &self);
  MPI_Comm_size(communicator, &ranks);
  receives.resize(static_cast<size_t>(ranks));
  return Status();
}

MpiEngine::~MpiEngine() {
  if (thread.joinable()) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    thread.join();
  }
  if (communicator != MPI_COMM_NULL)
    MPI_Comm_free(&communicator);
  if (finalizes)
    MPI_Finalize();
}

void MpiEngine::send(MpiMessage message) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    queue.push_back(std::move(message));
  }
  changed.notify_one();
}

/// Each step says whether it got on.
bool MpiEngine::sendQueued() {
  std::deque<MpiMessage> taken;
  {
    std::lock_guard<std::mutex> lock(mutex);
    taken.swap(queue);
  }
  for (MpiMessage &message : taken) {
    sending.push_back(std::move(message.bytes));
    sends.emplace_back();
    // An error shows as a peer that is silent until the deadline.
    if (MPI_Isend(sending.back().data(),
                  static_cast<int>(sending.back().size()), MPI_BYTE,
                  message.peer, kTag, communicator,
                  &sends.back()) != MPI_SUCCESS) {
      sending.pop_back();
      sends.pop_back();
    }
  }
  return !taken.empty();
}

bool MpiEngine::finishSends() {
  if (sends.empty())
    return false;
  std::vector<int> done(sends.size());
  int count = 0;
  MPI_Testsome(static_cast<int>(sends.size()), sends.data(), &count,
               done.data(), MPI_STATUSES_IGNORE);
  if (count <= 0) // MPI_UNDEFINED is negative
    return false;
  size_t kept = 0;
  for (size_t i = 0; i < sends.size(); ++i)
    if (sends[i] != MPI_REQUEST_NULL) {
      std::swap(sends[kept], sends[i]);
      std::swap(sending[kept], sending[i]);
      ++kept;
    }
  sends.resize(kept);
  sending.resize(kept);
  return true;
}

bool MpiEngine::matchArrivals() {
  bool any = false;
  for (;;) {
    int found = 0;
    MPI_Message handle;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, kTag, communicator, &found, &handle,
                    &status) != MPI_SUCCESS ||
        !found)
      return any;
    any = true;
    int size = 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    auto &row = receives[static_cast<size_t>(status.MPI_SOURCE)];
    row.emplace_back();
    Receive &receive = row.back();
    receive.message.peer = status.MPI_SOURCE;
    receive.message.bytes.resize(static_cast<size_t>(std::max(size, 0)));
    MPI_Imrecv(receive.message.bytes.data(), size, MPI_BYTE, &handle,
               &receive.request);
    ++receiving;
  }
}

bool MpiEngine::finishReceives() {
  if (receiving == 0)
    return false;
  bool any = false;
  for (auto &row : receives)
    while (!row.empty()) {
      int done = 0;
      MPI_Test(&row.front().request, &done, MPI_STATUS_IGNORE);
      if (!done)
        break;
      MpiMessage message = std::move(row.front().message);
      row.pop_front();
      --receiving;
      any = true;
      // What is no message of ours is dropped.
      if (message.bytes.size() >= sizeof(MpiMessage::Head) &&
          message.bytes.size() <= kMaxMessageBytes)
        arrived(std::move(message));
    }
  return any;
}

void MpiEngine::run() {
  EngineClock::time_point lastWork = EngineClock::now();
  EngineClock::duration pause = kFirstPause;
  for (;;) {
    bool worked = sendQueued();
    worked |= finishSends();
    worked |= matchArrivals();
    worked |= finishReceives();
    if (worked) {
      lastWork = EngineClock::now();
      pause = kFirstPause;
      continue;
    }
    std::unique_lock<std::mutex> lock(mutex);
    if (stopping && queue.empty() && sends.empty())
      return;
    if (EngineClock::now() - lastWork < kSpin) {
      lock.unlock();
      sched_yield();
      continue;
    }
    changed.wait_for(lock, pause, [&] { return !queue.empty() || stopping; });
    pause = std::min<EngineClock::duration>(pause * 2, kLastPause);
  }
}
