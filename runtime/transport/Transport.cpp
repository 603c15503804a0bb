//===- Transport.cpp - Bytes between processes ----------------------------===//

#include "runtime/transport/Transport.h"

#include <thread>

using namespace fleet;

namespace {

class SystemThread final : public Thread {
public:
  explicit SystemThread(std::function<void()> body) : thread(std::move(body)) {}
  ~SystemThread() override { thread.join(); }

private:
  std::thread thread;
};

} // namespace

std::unique_ptr<Thread> Transport::spawn(std::function<void()> body) {
  return std::make_unique<SystemThread>(std::move(body));
}
