// SPDX-License-Identifier: MIT
// libFuzzer: any bytes as a journal entry. What is read lies inside them and within the limits, and reads
// the same after it is written again.
#include "journal/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_entry: %s:%d: %s\n", __FILE__, __LINE__,             \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void check_text(struct text text, size_t most, const uint8_t *data, size_t len)
{
	const uint8_t *start = (const uint8_t *)text.data;
	if (text.len == 0)
		return;
	CHECK(text.len <= most && start >= data && text.len <= (size_t)(data + len - start));
}

static void check_limits(const struct entry *entry, const uint8_t *data, size_t len)
{
	CHECK(entry->kind >= ENTRY_REPORT && entry->kind < ENTRY_KINDS);
	check_text(entry->protocol, 32, data, len);
	check_text(entry->ident, IDENT_MAX, data, len);
	check_text(entry->event, EVENT_MAX, data, len);
	check_text(entry->driver, DRIVER_MAX, data, len);
	check_text(entry->reason, 128, data, len);
	check_text(entry->extra, EXTRA_MAX, data, len);
	check_text(entry->raw, ENTRY_RAW_MAX, data, len);
}

static bool is_same(struct text a, struct text b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

static void check_same(const struct entry *a, const struct entry *b)
{
	CHECK(a->kind == b->kind && a->received_us == b->received_us);
	CHECK(!memcmp(a->peer.address, b->peer.address, sizeof a->peer.address));
	CHECK(a->peer.port == b->peer.port && a->peer.transport == b->peer.transport);
	CHECK(is_same(a->protocol, b->protocol) && is_same(a->ident, b->ident));
	if (a->kind == ENTRY_REPORT) {
		CHECK(is_same(a->event, b->event) && is_same(a->driver, b->driver));
		CHECK(is_same(a->extra, b->extra));
		CHECK(!memcmp(&a->body, &b->body, sizeof a->body));
	} else {
		CHECK(is_same(a->reason, b->reason));
	}
	if (a->mark.key) // else a report or reject need not have one
		CHECK(!memcmp(&a->mark, &b->mark, sizeof a->mark));
	if (a->kind == ENTRY_MEDIA_PART)
		CHECK(!memcmp(&a->part, &b->part, sizeof a->part));
	if (a->kind == ENTRY_REPORT || a->kind == ENTRY_REJECT || a->kind == ENTRY_MEDIA ||
		a->kind == ENTRY_HELD || a->kind == ENTRY_MEDIA_PART)
		CHECK(is_same(a->raw, b->raw));
	if (a->kind == ENTRY_COMMAND) {
		CHECK(a->change.state < COMMAND_STATES && is_same(a->extra, b->extra));
		CHECK(!memcmp(&a->change, &b->change, sizeof a->change));
	}
	if (a->kind == ENTRY_MEDIA)
		CHECK(!memcmp(&a->media, &b->media, sizeof a->media));
	if (a->kind == ENTRY_DISCONNECTED)
		CHECK(!memcmp(&a->traffic, &b->traffic, sizeof a->traffic));
}

// Allocates exactly the size of the entry, so that one byte too many ends the run.
static uint8_t *write_entry(const struct entry *entry, size_t *len)
{
	*len = entry_size(entry);
	CHECK(*len > 0 && *len <= ENTRY_SIZE_MAX);
	uint8_t *bytes = malloc(*len);
	CHECK(bytes);
	entry_write(entry, bytes);
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct entry entry, again;
	size_t first_len, second_len;
	if (!entry_read(data, len, &entry))
		return 0;
	check_limits(&entry, data, len);

	uint8_t *first = write_entry(&entry, &first_len);
	CHECK(first_len <= len); /* a later version's head and body may be longer */
	CHECK(entry_read(first, first_len, &again));
	check_same(&entry, &again);
	uint8_t *second = write_entry(&again, &second_len);
	CHECK(first_len == second_len && !memcmp(first, second, first_len));
	CHECK(!entry_read(first, first_len - 1, &again));
	free(first);
	free(second);
	return 0;
}
