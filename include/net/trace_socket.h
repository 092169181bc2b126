// SPDX-License-Identifier: MIT
// The socket of `avld trace`, in the folder of the journal: private, and locked by one process.
//
//   client: IDENT\n
//   avld:   {"event":"watching",...}\n then the events of intake/trace.h, one a line
//           {"event":"lost","count":N}\n where events were left out: the client reads too slowly
//           {"event":"refused","reason":...}\n or {"event":"end"}\n, then the connection is closed
#ifndef AVLD_NET_TRACE_SOCKET_H
#define AVLD_NET_TRACE_SOCKET_H

#include <stdbool.h>

#define TRACE_SOCKET_NAME "trace.sock"

struct ev_loop;
struct intake;
struct trace_socket;

// Starts to listen. Returns NULL, with errno. The journal of the intake is open, so its folder is locked.
struct trace_socket *trace_socket_new(struct ev_loop *loop, struct intake *intake);
// Tells the clients that avld ends, as far as they read at once; removes the socket.
void trace_socket_free(struct trace_socket *socket);

#endif
