// SPDX-License-Identifier: MIT
// UDP: many datagrams a system call, a small memory of each sender, replies from the address the datagram
// was sent to.
#ifndef AVLD_NET_UDP_H
#define AVLD_NET_UDP_H

#include "intake/intake.h"

#include <ev.h>

// What the socket may hold while the loop is busy. The kernel counts twice as much, and 768 bytes for a
// datagram of a report: 170,000 of them, or 1 s at the highest rate promised. Memory is only used while
// datagrams are pending, and for all sockets together no more than net.ipv4.udp_mem.
#define UDP_BUFFER (64 << 20)

struct udp;

// Takes over a bound, non-blocking socket; logs if its buffer is smaller than UDP_BUFFER. Returns NULL if
// memory is out.
struct udp *udp_new(struct ev_loop *loop, struct intake *intake, int fd);
void udp_free(struct udp *udp); /* closes the socket */
// Sends the held replies for which the journal is safe now.
void udp_synced(struct udp *udp);
bool udp_holds_replies(const struct udp *udp);
// Resumes reading if it was paused for a segment of the journal.
void udp_resume(struct udp *udp);
// Shuts down: processes what has already arrived.
void udp_finish(struct udp *udp);

#endif
