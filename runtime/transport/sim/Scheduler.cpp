//===- Scheduler.cpp - One thread at a time, in virtual time --------------===//

#include "runtime/transport/sim/Scheduler.h"

#include <algorithm>

using namespace fleet;
using namespace fleet::sim;

static double milliseconds(TimePoint time) {
  return std::chrono::duration<double, std::milli>(time - kStart).count();
}

Status Scheduler::run(const std::function<void()> &main) {
  tasks.push_back(std::make_unique<Task>());
  main();
  for (size_t i = 1; i < tasks.size(); ++i) // tasks may start tasks
    join(i);
  for (auto &task : tasks)
    if (task->thread.joinable())
      task->thread.join();
  tasks.front()->done = true;
  if (deadlocked())
    return Status(StatusCode::Internal, deadlock);
  return Status();
}

size_t Scheduler::spawn(std::function<void()> body) {
  size_t number = tasks.size();
  auto owned = std::make_unique<Task>();
  Task &task = *owned;
  task.readyAt = [this] { return time; };
  task.what = "its start";
  {
    // Threads without the baton look themselves up.
    std::lock_guard<std::mutex> lock(mutex);
    tasks.push_back(std::move(owned));
  }
  task.thread = std::thread([this, number, body = std::move(body)]() mutable {
    {
      std::unique_lock<std::mutex> lock(mutex);
      Task &self = *tasks[number];
      self.woken.wait(lock, [&] { return running == number; });
    }
    body();
    body = nullptr; // what it owns may use the network when it goes
    std::unique_lock<std::mutex> lock(mutex);
    tasks[number]->done = true;
    pickNext();
  });
  return number;
}

void Scheduler::join(size_t number) {
  Task *task = tasks[number].get();
  while (!task->done)
    wait([this, task] { return task->done ? time : kNever; }, kNever,
         fmt::format("the end of thread {}", number));
}

bool Scheduler::wait(const ReadyAt &readyAt, TimePoint deadline,
                     const std::string &what) {
  {
    std::unique_lock<std::mutex> lock(mutex);
    size_t self = running;
    Task &task = *tasks[self];
    task.readyAt = readyAt;
    task.deadline = deadline;
    task.what = what;
    pickNext();
    task.woken.wait(lock, [&] { return running == self; });
  }
  return readyAt() <= time;
}

void Scheduler::at(TimePoint time, std::function<void()> action) {
  actions.push_back({time, std::move(action)});
}

TimePoint Scheduler::wakeTime(const Task &task) const {
  if (task.done)
    return kNever;
  if (deadlocked())
    return time; // let everybody fail and return
  return std::min(task.readyAt(), task.deadline);
}

/// Gives the baton to somebody; maybe to who had it.
void Scheduler::pickNext() {
  for (;;) {
    std::vector<size_t> ready;
    TimePoint next = kNever;
    for (size_t i = 0; i < tasks.size(); ++i) {
      TimePoint wake = wakeTime(*tasks[i]);
      if (wake <= time)
        ready.push_back(i);
      next = std::min(next, wake);
    }
    if (!ready.empty()) {
      running = ready[dice.below(ready.size())];
      tasks[running]->woken.notify_all();
      return;
    }
    auto action = std::min_element(
        actions.begin(), actions.end(),
        [](const Action &a, const Action &b) { return a.time < b.time; });
    if (action != actions.end() && action->time <= next) {
      auto run = std::move(action->run);
      time = std::max(time, action->time);
      actions.erase(action);
      run();
    } else if (next != kNever) {
      time = next;
    } else {
      reportDeadlock();
    }
  }
}

void Scheduler::reportDeadlock() {
  deadlock = fmt::format("deadlock after {} ms:", milliseconds(time));
  const char *separator = " ";
  for (size_t i = 0; i < tasks.size(); ++i)
    if (!tasks[i]->done) {
      deadlock +=
          fmt::format("{}thread {} waits for {}", separator, i, tasks[i]->what);
      separator = ", ";
    }
}
