// SPDX-License-Identifier: MIT
// What was remembered of devices, out of the journal: its entries' raw bytes go once more through the
// decoders that remember anything.
#include "recollect.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct decoder *find_decoder(const struct entry *entry)
{
	const struct decoder *decoder = registry_find(entry->protocol.data, entry->protocol.len);
	return decoder && decoder->device_size > 0 ? decoder : NULL;
}

static void begin(struct feed *feed, const struct decoder *decoder, const struct entry *entry)
{
	const struct session kept = feed->session;
	// A report's bytes are whole whatever ends them; a reject's only if its transport says so.
	const bool whole = entry->kind == ENTRY_REPORT || entry->peer.transport == TRANSPORT_UDP;
	feed_init(feed, DECODERS_ALL, decoder, whole);
	feed->session.memory = kept.memory;
	feed->session.held = kept.held;
	memcpy(feed->session.memo, kept.memo, sizeof(kept.memo));
	feed->session.received_us = entry->received_us;
	if (entry->ident.len > 0)
		session_set_ident(&feed->session, entry->ident.data, entry->ident.len);
}

bool recollect_entry(struct feed *feed, const struct entry *entry, struct batch *batch)
{
	const struct decoder *decoder = find_decoder(entry);
	size_t used;
	if (!decoder || entry->raw.len == 0 ||
		(entry->kind != ENTRY_REPORT && entry->kind != ENTRY_REJECT))
		return false;
	begin(feed, decoder, entry);
	// The bytes are one frame. If the decoder sees less in them, they are none.
	return feed_rest(feed, (const uint8_t *)entry->raw.data, entry->raw.len, batch, &used) ==
		       FEED_TAKEN &&
	       used == entry->raw.len;
}

// Where to begin: whole segments, so many that the bytes wanted are among them.
static uint64_t first_lsn(const struct journal *journal, uint64_t wanted)
{
	struct journal_segment segment;
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++) {
		if (segment.first + RECOLLECT_BYTES >= wanted)
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

void recollect_devices(struct memory *memory, struct journal *journal)
{
	const double start = seconds();
	const uint64_t end = journal_end(journal);
	const uint64_t wanted = end > RECOLLECT_BYTES ? end - RECOLLECT_BYTES : 0;
	struct journal_cursor cursor;
	struct feed feed = {.session.memory = memory};
	struct batch *batch = malloc(sizeof(*batch));
	struct entry entry;
	unsigned long long records = 0;

	if (!batch)
		log_fatal("out of memory");
	journal_cursor_init(&cursor, journal, first_lsn(journal, wanted));
	while (journal_next(&cursor)) {
		if (cursor.lsn < wanted || !entry_read(cursor.data, cursor.len, &entry) ||
			entry.kind != ENTRY_REPORT)
			continue;
		records += recollect_entry(&feed, &entry, batch);
	}
	journal_cursor_done(&cursor);
	feed_done(&feed);
	free(batch);
	log_info("remembered devices=%zu records=%llu from=journal seconds=%.3f",
		memory_count(memory), records, seconds() - start);
}
