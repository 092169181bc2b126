// SPDX-License-Identifier: MIT
// A ring of replies of different lengths, each in one piece:
//
//   first < end:   |  free  | oldest ... newest |   free   |
//   end < first:   | ... newest |  free  | oldest ... | unused |
//                               ^end     ^first       ^wrap
#include "net/udp_held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(size_t len)
{
	const size_t align = _Alignof(struct udp_held_reply);

	return (sizeof(struct udp_held_reply) + len + align - 1) / align * align;
}

// Finds a free piece at the ring's end or, after that, at its start. One byte always stays free before
// `first`, so that first == end means empty.
static bool find_place(struct udp_held *held, size_t size)
{
	if (held->count == 0)
		held->first = held->end = 0;
	if (held->end < held->first)
		return held->first - held->end > size;
	if (size <= UDP_HELD_BYTES - held->end)
		return true;
	if (held->first <= size)
		return false;
	held->wrap = held->end;
	held->end = 0;
	return true;
}

bool udp_held_add(struct udp_held *held, uint64_t lsn, const struct udp_route *route,
	const uint8_t *data, size_t len)
{
	if (!held->ring)
		held->ring = malloc(UDP_HELD_BYTES);
	if (!held->ring || held->count == UDP_HELD_MAX || len > UDP_HELD_BYTES / 2 ||
		!find_place(held, size_of(len)))
		return false;
	struct udp_held_reply *reply = (void *)(held->ring + held->end);
	reply->lsn = lsn;
	reply->route = *route;
	reply->len = len;
	memcpy(reply->data, data, len);
	held->end += size_of(len);
	held->count++;
	return true;
}

struct udp_held_reply *udp_held_first(const struct udp_held *held)
{
	return held->count ? (void *)(held->ring + held->first) : NULL;
}

void udp_held_remove(struct udp_held *held)
{
	const struct udp_held_reply *first = udp_held_first(held);

	assert(first);
	held->first += size_of(first->len);
	held->count--;
	if (held->count > 0 && held->end < held->first && held->first == held->wrap)
		held->first = 0;
}

void udp_held_done(struct udp_held *held)
{
	free(held->ring);
	*held = (struct udp_held){0};
}
