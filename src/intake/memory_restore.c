// SPDX-License-Identifier: MIT
// What was remembered of devices, out of the journal: its entries' raw bytes go once more through the
// decoders that remember anything.
#include "intake/memory_restore.h"

#include "util/log.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void begin(struct feed *feed, const struct decoder *decoder, const struct entry *entry)
{
	const struct session kept = feed->session;
	feed_init(feed, DECODERS_ALL, decoder, true); // the bytes are whole, whatever ends them
	feed->session.memory = kept.memory;
	feed->session.held = kept.held;
	memcpy(feed->session.memo, kept.memo, sizeof(kept.memo));
	feed->session.received_us = entry->received_us;
	if (entry->ident.len > 0)
		session_set_ident(&feed->session, entry->ident.data, entry->ident.len);
	else if (kept.ident_len > 0)
		session_set_ident(&feed->session, kept.ident, kept.ident_len);
}

bool memory_restore_entry(struct feed *feed, const struct entry *entry, struct decoded *batch)
{
	size_t used;
	const bool cut = text_equal(entry->reason, "incomplete frame");
	decoded_reset(batch);
	if (entry->raw.len == 0 || cut)
		return false;
	begin(feed, registry_find(entry->protocol.data, entry->protocol.len), entry);
	feed_step(feed, (const uint8_t *)entry->raw.data, entry->raw.len, batch, &used);
	return used == entry->raw.len;
}

static bool is_remembered(const struct entry *entry)
{
	const struct decoder *decoder = registry_find(entry->protocol.data, entry->protocol.len);
	return entry->kind == ENTRY_REPORT && decoder && decoder->device_size > 0;
}

// Where to begin: whole segments, so many that the bytes wanted are among them.
static uint64_t first_lsn(const struct journal *journal, uint64_t wanted)
{
	struct journal_segment segment;
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++) {
		if (segment.first + MEMORY_RESTORE_BYTES >= wanted)
			return segment.first;
	}
	return journal_end(journal);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void memory_restore_devices(struct device_memory *memory, struct journal *journal)
{
	const double start = seconds();
	const uint64_t end = journal_end(journal);
	const uint64_t wanted = end > MEMORY_RESTORE_BYTES ? end - MEMORY_RESTORE_BYTES : 0;
	struct journal_cursor cursor;
	struct feed feed = {.session.memory = memory};
	struct decoded *batch = malloc(sizeof(*batch));
	struct entry entry;
	unsigned long long records = 0;

	if (!batch)
		log_fatal("out of memory");
	journal_cursor_init(&cursor, journal, first_lsn(journal, wanted));
	while (journal_cursor_next(&cursor)) {
		if (cursor.lsn < wanted || !entry_read(cursor.data, cursor.len, &entry) ||
			!is_remembered(&entry))
			continue;
		records += memory_restore_entry(&feed, &entry, batch);
	}
	journal_cursor_done(&cursor);
	feed_done(&feed);
	free(batch);
	log_info("remembered devices=%zu records=%llu from=journal seconds=%.3f",
		device_memory_count(memory), records, seconds() - start);
}
