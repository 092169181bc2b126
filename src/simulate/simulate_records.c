// SPDX-License-Identifier: MIT
#include "simulate/simulate_records.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST    1024
#define KEEP_RECORDS 3

static void move_to_front(struct simulate_records *r)
{
	memmove(r->data, r->data + r->first, r->len - r->first);
	r->len -= r->first;
	r->sent -= r->first;
	r->again_until -= r->again_until < r->first ? r->again_until : r->first;
	r->first = 0;
}

bool simulate_records_reserve(struct simulate_records *r, size_t want)
{
	if (r->cap - r->len >= want)
		return true;
	if (r->first > 0)
		move_to_front(r);
	while (r->cap - r->len < want) {
		if (r->cap == RECORDS_MAX)
			return false;
		size_t cap = r->cap ? r->cap * 4 : CAP_FIRST;
		uint8_t *data = realloc(r->data, cap);
		if (!data)
			return false;
		r->data = data;
		r->cap = cap;
	}
	return true;
}

size_t simulate_records_at(const struct simulate_records *r, size_t at)
{
	return r->protocol->length(r->data + at, r->len - at);
}

uint64_t simulate_records_count(
	const struct simulate_records *r, size_t from, size_t to, bool reports_only)
{
	uint64_t count = 0;
	for (size_t at = from, next; at < to; at = next) {
		next = at + simulate_records_at(r, at);
		if (next <= to && (!reports_only || r->protocol->is_report(r->data + at)))
			count++;
	}
	return count;
}

static bool is_awaited(const struct simulate_records *r, size_t at, size_t len)
{
	return r->protocol->answer && r->protocol->key(r->data + at, len) != SIMULATE_NO_ANSWER;
}

uint64_t simulate_records_count_awaited(const struct simulate_records *r, size_t from, size_t to)
{
	uint64_t count = 0;
	for (size_t at = from, len; r->protocol->answer && at < to; at += len) {
		len = simulate_records_at(r, at);
		count += at + len <= to && is_awaited(r, at, len);
	}
	return count;
}

bool simulate_records_awaits_any(const struct simulate_records *r)
{
	for (size_t at = r->first, len; r->protocol->answer && at < r->len; at += len) {
		len = simulate_records_at(r, at);
		if (is_awaited(r, at, len))
			return true;
	}
	return false;
}

// Removes a record that was sent.
static void remove_sent(struct simulate_records *r, size_t at, size_t len)
{
	memmove(r->data + r->first + len, r->data + r->first, at - r->first);
	r->first += len;
}

// Of records that may be awaited, removes all but the last three of those that are not.
static void forget_unawaited(struct simulate_records *r)
{
	const uint64_t all = simulate_records_count(r, r->first, r->sent, false);
	uint64_t others = all - simulate_records_count_awaited(r, r->first, r->sent);
	for (size_t at = r->first, len; others > KEEP_RECORDS; at += len) {
		len = simulate_records_at(r, at);
		if (is_awaited(r, at, len))
			continue;
		remove_sent(r, at, len);
		others--;
	}
}

void simulate_records_forget_old(struct simulate_records *r)
{
	size_t kept[KEEP_RECORDS];
	size_t count = 0;
	if (r->protocol->answer) {
		forget_unawaited(r);
		return;
	}
	for (size_t at = r->first, next; at < r->sent; at = next) {
		next = at + simulate_records_at(r, at);
		if (next > r->sent)
			break;
		kept[count++ % KEEP_RECORDS] = at;
	}
	if (count > KEEP_RECORDS)
		r->first = kept[count % KEEP_RECORDS];
}

bool simulate_records_acknowledge(struct simulate_records *r, uint32_t key)
{
	for (size_t at = r->first, len; at < r->sent; at += len) {
		len = simulate_records_at(r, at);
		if (at + len > r->sent)
			break;
		if (r->protocol->key(r->data + at, len) != key)
			continue;
		remove_sent(r, at, len);
		return true;
	}
	return false;
}

void simulate_records_rewind(struct simulate_records *r)
{
	if (r->sent > r->again_until)
		r->again_until = r->sent;
	r->sent = r->first;
}

uint64_t simulate_records_unsent(const struct simulate_records *r)
{
	size_t handed = r->sent > r->again_until ? r->sent : r->again_until;
	return simulate_records_count(r, r->first, r->len, true) -
	       simulate_records_count(r, r->first, handed, true);
}

void simulate_records_done(struct simulate_records *r)
{
	free(r->data);
	*r = (struct simulate_records){.protocol = r->protocol};
}
