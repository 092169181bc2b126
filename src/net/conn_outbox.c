// SPDX-License-Identifier: MIT
#include "net/conn_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// Held replies in two groups: `first` up to first_lsn, the rest up to rest_lsn. New ones join the rest, so
// that a peer that never stops sending still gets its first replies when the sync that covers them ends.
// Allocated for the first reply, freed with the last: most peers never have any.
struct conn_outbox_held {
	struct list link; /* in the caller's list */
	struct conn_outbox *outbox;
	uint8_t *data;
	uint32_t len, first_len;
	uint64_t first_lsn, rest_lsn;
};

static bool append(uint8_t **bytes, uint32_t *bytes_len, const void *data, size_t len)
{
	if (len > CONN_OUTBOX_MAX - *bytes_len)
		return false;
	uint8_t *grown = realloc(*bytes, *bytes_len + len);
	if (!grown)
		return false;
	memcpy(grown + *bytes_len, data, len);
	*bytes = grown;
	*bytes_len += (uint32_t)len;
	return true;
}

static void drop(uint8_t **bytes, uint32_t *bytes_len, size_t len)
{
	*bytes_len -= (uint32_t)len;
	if (*bytes_len == 0) {
		free(*bytes);
		*bytes = NULL;
	} else {
		memmove(*bytes, *bytes + len, *bytes_len);
	}
}

static void drop_held(struct conn_outbox *outbox)
{
	if (!outbox->held)
		return;
	list_remove(&outbox->held->link);
	free(outbox->held->data);
	free(outbox->held);
	outbox->held = NULL;
}

bool conn_outbox_put(struct conn_outbox *outbox, const void *data, size_t len)
{
	return append(&outbox->data, &outbox->len, data, len);
}

bool conn_outbox_hold(struct conn_outbox *outbox, struct list *holding, const void *data,
	size_t len, uint64_t lsn)
{
	if (!outbox->held) {
		outbox->held = calloc(1, sizeof(*outbox->held));
		if (!outbox->held)
			return false;
		outbox->held->outbox = outbox;
		list_append(holding, &outbox->held->link);
	}
	struct conn_outbox_held *held = outbox->held;
	if (!append(&held->data, &held->len, data, len)) {
		if (held->len == 0)
			drop_held(outbox);
		return false;
	}
	if (held->first_len == 0) {
		held->first_len = held->len;
		held->first_lsn = lsn;
	}
	if (lsn > held->rest_lsn)
		held->rest_lsn = lsn;
	return true;
}

uint32_t conn_outbox_held(const struct conn_outbox *outbox)
{
	return outbox->held ? outbox->held->len : 0;
}

struct conn_outbox *conn_outbox_of(struct list *link)
{
	return list_item(link, struct conn_outbox_held, link)->outbox;
}

bool conn_outbox_release(struct conn_outbox *outbox, uint64_t safe)
{
	struct conn_outbox_held *held = outbox->held;
	const uint32_t len = held->rest_lsn <= safe    ? held->len
			     : held->first_lsn <= safe ? held->first_len
						       : 0;

	if (len == 0)
		return true;
	if (!conn_outbox_put(outbox, held->data, len))
		return false;
	drop(&held->data, &held->len, len);
	held->first_len = held->len;
	held->first_lsn = held->rest_lsn;
	if (held->len == 0)
		drop_held(outbox);
	return true;
}

bool conn_outbox_send(struct conn_outbox *outbox, int fd)
{
	while (outbox->len > 0) {
		const ssize_t n = send(fd, outbox->data, outbox->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		drop(&outbox->data, &outbox->len, (size_t)n);
	}
	return true;
}

void conn_outbox_done(struct conn_outbox *outbox)
{
	drop_held(outbox);
	free(outbox->data);
	*outbox = (struct conn_outbox){0};
}
