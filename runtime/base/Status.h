//===- Status.h - The runtime's one error type ------------------*- C++ -*-===//
//
// Every function of the runtime that can fail returns a Status or a
// StatusOr<T>. No exception crosses a module, nothing aborts on input.
// A message is one line, lower case, without a final period; it names the
// file, flag, endpoint or source line at fault and says what would be right.
//
//===----------------------------------------------------------------------===//

#ifndef FLEET_RUNTIME_BASE_STATUS_H
#define FLEET_RUNTIME_BASE_STATUS_H

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace fleet {

/// Why something failed, for code that has to tell cases apart.
enum class StatusCode {
  Ok,
  InvalidArgument,  ///< a flag, an environment variable, an input is wrong
  DataLoss,         ///< a file or a frame is truncated or corrupt
  NotFound,         ///< a file, a tensor, a column does not exist
  Unavailable,      ///< a peer or a device cannot be reached
  DeadlineExceeded, ///< a wait took longer than its deadline
  Aborted,          ///< the job was ended: by a peer's failure or a signal
  Refused,          ///< a peer of another job, program version or role
  Internal          ///< an invariant of the runtime does not hold
};

/// Success, or a code and a message. Copying a success costs nothing.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : state(std::make_shared<State>(State{code, std::move(message)})) {}

  bool ok() const { return !state; }
  explicit operator bool() const = delete;
  StatusCode code() const { return state ? state->code : StatusCode::Ok; }
  const std::string &message() const {
    static const std::string empty;
    return state ? state->message : empty;
  }

  /// The same error, with `context` and ": " before the message.
  Status withContext(const std::string &context) const {
    return ok() ? *this : Status(code(), context + ": " + message());
  }

private:
  struct State {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const State> state;
};

/// A value, or why there is none.
template <typename T> class [[nodiscard]] StatusOr {
public:
  StatusOr(T value) : storage(std::move(value)) {}
  StatusOr(Status status) : storage(std::move(status)) {}

  bool ok() const { return std::holds_alternative<T>(storage); }
  Status status() const { return ok() ? Status() : std::get<Status>(storage); }
  T &operator*() { return std::get<T>(storage); }
  const T &operator*() const { return std::get<T>(storage); }
  T *operator->() { return &std::get<T>(storage); }
  const T *operator->() const { return &std::get<T>(storage); }

private:
  std::variant<T, Status> storage;
};

/// makeError(StatusCode::NotFound, "no column '{}' in {}", name, file)
template <typename... Args>
Status makeError(StatusCode code, fmt::format_string<Args...> format,
                 Args &&...args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace fleet

/// Returns from the enclosing function when `expr` (a Status) is an error.
#define FLEET_RETURN_IF_ERROR(expr)                                            \
  do {                                                                         \
    if (::fleet::Status fleetStatus = (expr); !fleetStatus.ok())               \
      return fleetStatus;                                                      \
  } while (false)

#define FLEET_CONCAT_IMPL(a, b) a##b
#define FLEET_CONCAT(a, b) FLEET_CONCAT_IMPL(a, b)

/// FLEET_ASSIGN_OR_RETURN(auto plan, loadPlan(path));
#define FLEET_ASSIGN_OR_RETURN(decl, expr)                                     \
  FLEET_ASSIGN_OR_RETURN_IMPL(FLEET_CONCAT(fleetResult, __LINE__), decl, expr)
#define FLEET_ASSIGN_OR_RETURN_IMPL(tmp, decl, expr)                           \
  auto tmp = (expr);                                                           \
  if (!tmp.ok())                                                               \
    return tmp.status();                                                       \
  decl = std::move(*tmp)

#endif // FLEET_RUNTIME_BASE_STATUS_H
