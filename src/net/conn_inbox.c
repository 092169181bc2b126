// SPDX-License-Identifier: MIT
#include "net/conn_inbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

ssize_t conn_inbox_receive(const struct conn_inbox *inbox, struct conn_inbox_buffer *buffer, int fd,
	size_t most, bool peek, const uint8_t **data)
{
	uint8_t *fresh = buffer->bytes + CONN_INBOX_REST;

	assert(inbox->len < FRAME_MOST && most <= CONN_INBOX_READ);
	const ssize_t n = recv(fd, fresh, most, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
	if (n <= 0)
		return n;
	buffer->peeked = peek ? (size_t)n : 0;
	uint8_t *start = fresh - inbox->len;
	if (inbox->len)
		memcpy(start, inbox->rest, inbox->len);
	*data = start;
	return n;
}

const uint8_t *conn_inbox_again(const struct conn_inbox *inbox, struct conn_inbox_buffer *buffer)
{
	assert(inbox->len <= sizeof(buffer->bytes));
	memcpy(buffer->bytes, inbox->rest, inbox->len);
	return buffer->bytes;
}

static bool keep(struct conn_inbox *inbox, const uint8_t *data, size_t len)
{
	uint8_t *kept = NULL;

	if (data == inbox->rest && len == inbox->len)
		return true;
	if (len > 0) {
		kept = malloc(len);
		if (kept)
			memcpy(kept, data, len);
	}
	free(inbox->rest);
	inbox->rest = kept;
	inbox->len = kept ? (uint32_t)len : 0;
	return kept || len == 0;
}

static void discard(int fd, size_t len)
{
	while (len > 0) {
		const ssize_t n = recv(fd, NULL, len, MSG_TRUNC | MSG_DONTWAIT);
		if (n <= 0)
			return; // the connection is broken: nothing of it will be read again
		len -= (size_t)n;
	}
}

bool conn_inbox_keep(struct conn_inbox *inbox, struct conn_inbox_buffer *buffer, int fd,
	const uint8_t *data, size_t len, bool leave, size_t *left)
{
	*left = !leave ? 0 : len < buffer->peeked ? len : buffer->peeked;
	discard(fd, buffer->peeked - *left);
	buffer->peeked = 0;
	return keep(inbox, data, len - *left);
}

void conn_inbox_done(struct conn_inbox *inbox)
{
	free(inbox->rest);
	*inbox = (struct conn_inbox){NULL, 0};
}
