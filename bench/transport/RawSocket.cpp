//===- RawSocket.cpp - The limit: blocking sockets and nothing else -------===//

#include "bench/transport/RawSocket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace fleet;

static sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

static int withoutDelay(int socket) {
  int on = 1;
  if (socket >= 0)
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

int bench::rawListen(uint16_t &port) {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (listener < 0 ||
      ::bind(listener, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
      ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size) !=
          0)
    return -1;
  port = ntohs(address.sin_port);
  return listener;
}

int bench::rawAccept(int listener) {
  return withoutDelay(::accept(listener, nullptr, nullptr));
}

int bench::rawConnect(uint16_t port) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  if (socket < 0 || ::connect(socket, reinterpret_cast<sockaddr *>(&address),
                              sizeof(address)) != 0)
    return -1;
  return withoutDelay(socket);
}

bool bench::rawSend(int socket, uint64_t head, const void *data, size_t size) {
  iovec pieces[2] = {{&head, sizeof(head)}, {const_cast<void *>(data), size}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  while (message.msg_iovlen > 0) {
    ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0)
      return false;
    size_t done = static_cast<size_t>(sent);
    while (message.msg_iovlen > 0 && done >= message.msg_iov->iov_len) {
      done -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0) {
      message.msg_iov->iov_base =
          static_cast<char *>(message.msg_iov->iov_base) + done;
      message.msg_iov->iov_len -= done;
    }
  }
  return true;
}

bool bench::rawReceive(int socket, void *data, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = ::recv(socket, static_cast<char *>(data) + done, size - done,
                         MSG_WAITALL);
    if (got <= 0)
      return false;
    done += static_cast<size_t>(got);
  }
  return true;
}
