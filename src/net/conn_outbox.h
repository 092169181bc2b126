// SPDX-License-Identifier: MIT
// The bytes on their way to a TCP peer: those that may be sent, and replies held until the journal is safe.
#ifndef AVLD_NET_CONN_OUTBOX_H
#define AVLD_NET_CONN_OUTBOX_H

#include "util/list.h"

#include <stdint.h>

#define CONN_OUTBOX_MAX 65536 /* bytes of either kind that a peer may leave unread */

struct conn_outbox_held;

// Zeroed it is empty. An empty one owns no memory.
struct conn_outbox {
	uint8_t *data; /* may be sent */
	struct conn_outbox_held *held;
	uint32_t len;
};

// Appends bytes that may be sent. Returns false if the outbox is full or memory is out.
bool conn_outbox_put(struct conn_outbox *outbox, const void *data, size_t len);

// Appends a reply that may be sent once the journal is safe up to lsn, and the replies held before it are sent. An outbox
// that holds replies is in the list `holding`. Returns as conn_outbox_put.
bool conn_outbox_hold(struct conn_outbox *outbox, struct list *holding, const void *data,
	size_t len, uint64_t lsn);
// Returns the bytes of the held replies.
uint32_t conn_outbox_held(const struct conn_outbox *outbox);
static inline bool conn_outbox_holds(const struct conn_outbox *outbox)
{
	return outbox->held != NULL;
}
// The outbox of a link in `holding`.
struct conn_outbox *conn_outbox_of(struct list *link);

// Lets those held replies be sent that are safe now. Returns as conn_outbox_put.
bool conn_outbox_release(struct conn_outbox *outbox, uint64_t safe);

// Sends as much as the socket accepts. Returns false if the connection is broken.
bool conn_outbox_send(struct conn_outbox *outbox, int fd);

// Drops everything.
void conn_outbox_done(struct conn_outbox *outbox);

#endif
