// SPDX-License-Identifier: MIT
// The bytes that have arrived over a TCP connection and are not processed yet.
//
//   recv --> [ rest of the last read | new bytes ] --> the owner processes some --> conn_inbox_keep: the next rest
//               (one buffer for all; a connection owns no memory for bytes between frames, and within a
//                frame less than its decoder's frame_max)
//
// A read may only peek: its bytes are also still in the socket until conn_inbox_keep, which leaves them there or
// discards them.
#ifndef AVLD_NET_CONN_INBOX_H
#define AVLD_NET_CONN_INBOX_H

#include "protocol/decoder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONN_INBOX_READ 65536                         /* bytes of one read, at most */
#define CONN_INBOX_REST ((FRAME_MOST + 63) / 64 * 64) /* so that the new bytes are aligned */

// Of one connection. Zeroed it is empty. An empty one owns no memory.
struct conn_inbox {
	uint8_t *
		rest; /* the start of a frame, or everything that was left while its owner was paused */
	uint32_t len;
};

// Of all connections. Initialised by zeros.
struct conn_inbox_buffer {
	size_t peeked; /* bytes at the end of the current read that are also still in the socket */
	uint8_t bytes[CONN_INBOX_REST + CONN_INBOX_READ];
};

// Receives once, up to `most` bytes. Returns as recv does; if above 0, *data are inbox->len bytes of the rest and then the
// new ones, in the buffer.
ssize_t conn_inbox_receive(const struct conn_inbox *inbox, struct conn_inbox_buffer *buffer, int fd,
	size_t most, bool peek, const uint8_t **data);

// Returns the rest, copied into the buffer.
const uint8_t *conn_inbox_again(const struct conn_inbox *inbox, struct conn_inbox_buffer *buffer);

// Ends the read: the bytes at data become the rest (they may lie in it). leave: those of them that were only peeked at are
// left in the socket instead, *left of them. Returns false if memory is out: nothing is kept then.
bool conn_inbox_keep(struct conn_inbox *inbox, struct conn_inbox_buffer *buffer, int fd,
	const uint8_t *data, size_t len, bool leave, size_t *left);

// Drops the rest.
void conn_inbox_done(struct conn_inbox *inbox);

#endif
