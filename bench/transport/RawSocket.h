//===- RawSocket.h - The limit: blocking sockets and nothing else -*- C++ -*-=//

#ifndef FLEET_BENCH_TRANSPORT_RAWSOCKET_H
#define FLEET_BENCH_TRANSPORT_RAWSOCKET_H

#include <cstddef>
#include <cstdint>

namespace fleet::bench {

/// Listens at a free port of 127.0.0.1, which `port` becomes; -1 on failure.
int rawListen(uint16_t &port);
int rawAccept(int listener);
int rawConnect(uint16_t port);

/// Sends `head`, then `size` bytes, in as few calls as the kernel needs; false
/// when the connection is gone.
bool rawSend(int socket, uint64_t head, const void *data, size_t size);
/// Receives exactly `size` bytes.
bool rawReceive(int socket, void *data, size_t size);

} // namespace fleet::bench

#endif // FLEET_BENCH_TRANSPORT_RAWSOCKET_H
