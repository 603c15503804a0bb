//===- MpiWorld.cpp - What a process has of MPI ---------------------------===//

#include "runtime/collective/mpi/MpiWorld.h"

#include <algorithm>
#include <cstring>
#include <sched.h>

using namespace fleet;

/// How long a rank tries to tell the others that it has failed.
static constexpr auto kFarewell = std::chrono::seconds(1);

Status fleet::mpiStatus(int code, const char *function) {
  if (code == MPI_SUCCESS)
    return Status();
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
    length = 0;
  return makeError(StatusCode::Unavailable, "{}: {}", function,
                   length > 0
                       ? std::string_view(text, static_cast<size_t>(length))
                       : "unknown error of MPI");
}

StatusOr<std::shared_ptr<MpiWorld>> MpiWorld::create(Duration deadline) {
  std::shared_ptr<MpiWorld> world(new MpiWorld(deadline));
  FLEET_RETURN_IF_ERROR(world->open());
  return world;
}

Status MpiWorld::open() {
  int initialized = 0, provided = 0;
  MPI_Initialized(&initialized);
  if (!initialized) {
    FLEET_RETURN_IF_ERROR(mpiStatus(
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
      mpiStatus(MPI_Comm_dup(MPI_COMM_WORLD, &all), "MPI_Comm_dup"));
  FLEET_RETURN_IF_ERROR(
      mpiStatus(MPI_Comm_dup(MPI_COMM_WORLD, &control), "MPI_Comm_dup"));
  MPI_Comm_set_errhandler(all, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(control, MPI_ERRORS_RETURN);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(all, &rank);
  MPI_Comm_size(all, &ranks);
  self = static_cast<uint32_t>(rank);
  left.assign(static_cast<size_t>(ranks), false);
  listen();
  return Status();
}

MpiWorld::~MpiWorld() {
  // A word that nobody takes would be taken for one of the next communicator.
  auto until = std::chrono::steady_clock::now() + deadline;
  auto othersAreHere = [&] {
    poll();
    for (uint32_t r = 0; r < size(); ++r)
      if (r != self && !left[r])
        return failed.ok();
    return false;
  };
  while (othersAreHere()) {
    if (std::chrono::steady_clock::now() >= until)
      failed = makeError(StatusCode::DeadlineExceeded,
                         "the other ranks did not end");
    sched_yield();
  }
  if (listening != MPI_REQUEST_NULL) {
    MPI_Cancel(&listening);
    MPI_Wait(&listening, MPI_STATUS_IGNORE);
  }
  if (!failed.ok())
    return;
  if (control != MPI_COMM_NULL)
    MPI_Comm_free(&control);
  if (all != MPI_COMM_NULL)
    MPI_Comm_free(&all);
  if (finalizes)
    MPI_Finalize();
}

void MpiWorld::listen() {
  MPI_Irecv(&heard, sizeof(heard), MPI_BYTE, MPI_ANY_SOURCE, 0, control,
            &listening);
}

void MpiWorld::poll() {
  for (;;) {
    int done = 0;
    MPI_Status status;
    if (listening == MPI_REQUEST_NULL ||
        MPI_Test(&listening, &done, &status) != MPI_SUCCESS || !done)
      return;
    if (heard.code == 0) {
      left[static_cast<size_t>(status.MPI_SOURCE)] = true;
    } else if (failed.ok()) {
      heard.text[kMaxText - 1] = 0;
      bool known = heard.code <= static_cast<uint32_t>(StatusCode::Internal);
      failed = Status(known ? static_cast<StatusCode>(heard.code)
                            : StatusCode::Aborted,
                      heard.text);
    }
    listen();
  }
}

/// Words are small: MPI takes them at once, or the peer is gone.
void MpiWorld::tell(const Word &word) {
  std::vector<MPI_Request> requests;
  for (uint32_t r = 0; r < size(); ++r)
    if (r != self) { // who has left waits for the others
      requests.emplace_back();
      MPI_Isend(&word, sizeof(word), MPI_BYTE, static_cast<int>(r), 0, control,
                &requests.back());
    }
  auto until = std::chrono::steady_clock::now() + kFarewell;
  int done = requests.empty();
  while (!done && std::chrono::steady_clock::now() < until)
    if (MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done,
                    MPI_STATUSES_IGNORE) != MPI_SUCCESS)
      return;
}

void MpiWorld::fail(const Status &reason) {
  poll();
  if (!failed.ok())
    return;
  failed = reason;
  Word word{};
  word.code = static_cast<uint32_t>(reason.code());
  std::strncpy(word.text, reason.message().c_str(), kMaxText - 1);
  tell(word);
}

void MpiWorld::leave() {
  if (failed.ok())
    tell(Word{});
}
