// SPDX-License-Identifier: MIT
// UDP: many datagrams a system call, a small memory of each sender, replies from the address that
// was hit.
#ifndef AVLD_NET_UDP_H
#define AVLD_NET_UDP_H

#include "intake/intake.h"

#include <ev.h>

// What the socket may hold while the loop is at something else. The kernel counts twice as much, and
// 768 bytes for a datagram of a report: 170,000 of them, or 1 s at the fastest that is promised. Memory
// is taken only while they wait, and for all sockets together no more than net.ipv4.udp_mem.
#define UDP_BUFFER (64 << 20)

struct udp;

// Takes over a bound, non-blocking socket; says so if its buffer is smaller than it should be.
struct udp *udp_new(struct ev_loop *loop, struct intake *intake, int fd);
void udp_free(struct udp *udp); /* closes the socket */
void udp_synced(struct udp *udp);
bool udp_waiting(const struct udp *udp);
void udp_resume(struct udp *udp); /* the journal may have room again: goes on if it had to stop */
// The end: takes what has already arrived.
void udp_finish(struct udp *udp);

#endif
