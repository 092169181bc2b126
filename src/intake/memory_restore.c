// SPDX-License-Identifier: MIT
// Runs the raw bytes of the journal's newest entries once more through the decoders that have device memory.
#include "intake/memory_restore.h"

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

// Resets the feed for one entry, but keeps its memory, what it holds and the decoder's memo.
static void begin(struct feed *feed, const struct decoder *decoder, const struct entry *entry)
{
	const struct session kept = feed->session;
	feed_init(feed, DECODERS_ALL, decoder, true); // the bytes are whole, whatever ends them
	feed->session.memory = kept.memory;
	feed->session.held = kept.held;
	feed->session.all_messages = kept.all_messages;
	feed->session.messages = kept.messages;
	memcpy(feed->session.memo, kept.memo, sizeof(kept.memo));
	feed->session.received_us = entry->received_us;
	if (entry->ident.len > 0)
		session_set_ident(&feed->session, entry->ident.data, entry->ident.len);
	else if (kept.ident_len > 0)
		session_set_ident(&feed->session, kept.ident, kept.ident_len);
}

bool memory_restore_entry(struct feed *feed, const struct entry *entry, struct decoded *decoded)
{
	size_t used;
	const bool cut = text_equal(entry->reason, "incomplete frame");
	decoded_reset(decoded);
	if (entry->raw.len == 0 || cut)
		return false;
	begin(feed, registry_find(entry->protocol.data, entry->protocol.len), entry);
	feed_step(feed, (const uint8_t *)entry->raw.data, entry->raw.len, decoded, &used);
	return used == entry->raw.len;
}

// Returns true if decoding the entry again can restore anything.
static bool restores(const struct entry *entry)
{
	const struct decoder *decoder = registry_find(entry->protocol.data, entry->protocol.len);
	return entry->kind == ENTRY_REPORT && decoder && decoder->device_size > 0;
}

// Returns the start of the first segment to read. Entries in it before `wanted` are skipped.
static uint64_t first_lsn(const struct journal *journal, uint64_t wanted)
{
	struct journal_segment segment;
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++) {
		if (segment.first + MEMORY_RESTORE_BYTES >= wanted)
			return segment.first;
	}
	return journal_end(journal);
}

void memory_restore_devices(struct device_memory *memory, struct journal *journal)
{
	const int64_t start_us = clock_monotonic_us();
	const uint64_t end = journal_end(journal);
	const uint64_t wanted = end > MEMORY_RESTORE_BYTES ? end - MEMORY_RESTORE_BYTES : 0;
	struct journal_cursor cursor;
	struct feed feed = {.session.memory = memory};
	struct decoded *decoded = malloc(sizeof(*decoded));
	struct entry entry;
	unsigned long long records = 0;

	if (!decoded)
		log_fatal("out of memory: device memory");
	journal_cursor_init(&cursor, journal, first_lsn(journal, wanted));
	while (journal_cursor_next(&cursor)) {
		if (cursor.lsn < wanted || !entry_read(cursor.data, cursor.len, &entry) ||
			!restores(&entry))
			continue;
		records += memory_restore_entry(&feed, &entry, decoded);
	}
	journal_cursor_done(&cursor);
	feed_done(&feed);
	free(decoded);
	log_info("device memory restored devices=%zu records=%llu seconds=%.3f",
		device_memory_count(memory), records,
		(double)(clock_monotonic_us() - start_us) / 1e6);
}
