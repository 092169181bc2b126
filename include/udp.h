// SPDX-License-Identifier: MIT
// UDP: many datagrams a system call, a small memory of each sender, replies from the address that
// was hit.
#ifndef AVLD_UDP_H
#define AVLD_UDP_H

#include "intake.h"

#include <ev.h>

struct udp;

// Takes over a bound, non-blocking socket.
struct udp *udp_new(struct ev_loop *loop, struct intake *intake, int fd);
void udp_free(struct udp *udp); /* closes the socket */
void udp_synced(struct udp *udp);
bool udp_waiting(const struct udp *udp);
// The end: takes what has already arrived.
void udp_finish(struct udp *udp);

#endif
