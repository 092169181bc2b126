// SPDX-License-Identifier: MIT
// Two passes over a journal, then the finds are appended:
//
//   1  decodes every report and reject in order, each in the conversation of its device (without an ident, of its
//      peer). Reports restore the device memory as it was; held rejects are tried again with each of them.
//   2  drops finds that the journal already holds as reports
#include "util/log.h"
#define uthash_fatal(message) log_fatal("out of memory")
#include "cli/redecode.h"

#include "intake/admission.h"
#include "intake/memory_restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES  1000000
#define HOLD_US  INT64_C(86400000000) /* how long a reject is held for its reference */
#define MAX_SIZE (UINT64_C(1) << 40)  /* of the journal: the disk is the limit */

struct replay_key {
	char protocol[16], ident[IDENT_MAX];
	uint8_t address[16];
	uint16_t port, transport;
};

// The conversation of one device (or of one peer without ident), replayed.
struct replay {
	struct replay_key key;
	struct feed feed;
	struct peer peer;
	UT_hash_handle hh;
};

// A report that the journal does not hold as such. bytes: as entry_report_write writes them.
struct find {
	struct {
		uint64_t dedup, ident;
	} key;
	struct find *next; /* in the order of the finds */
	UT_hash_handle hh;
	size_t len;
	uint8_t bytes[];
};

struct work {
	struct journal *journal;
	struct device_memory *memory;
	struct messages messages;
	struct replay *replays;
	struct find *finds, *first, **last;
	struct redecoded *done; /* counters */
	struct decoded decoded; /* of the current frame */
};

static void copy(char *to, size_t room, struct text text)
{
	if (text.len > 0)
		memcpy(to, text.data, text.len < room ? text.len : room);
}

static struct replay *find_replay(struct work *work, const struct entry *entry)
{
	struct replay_key key = {0};
	struct replay *replay;
	copy(key.protocol, sizeof(key.protocol), entry->protocol);
	copy(key.ident, sizeof(key.ident), entry->ident);
	if (entry->ident.len == 0) {
		memcpy(key.address, entry->peer.address, sizeof(key.address));
		key.port = entry->peer.port;
		key.transport = (uint16_t)entry->peer.transport;
	}
	HASH_FIND(hh, work->replays, &key, sizeof(key), replay);
	if (!replay) {
		replay = calloc(1, sizeof(*replay));
		if (!replay)
			log_fatal("out of memory");
		replay->key = key;
		replay->feed.session.memory = work->memory;
		replay->feed.session.all_messages = &work->messages;
		HASH_ADD(hh, work->replays, key, sizeof(replay->key), replay);
	}
	replay->peer = entry->peer;
	return replay;
}

// Finds a report by dedup key and ident. Sets key->key.
static struct find *look_up(struct work *work, uint64_t dedup, struct text ident, struct find *key)
{
	struct find *find;
	memset(&key->key, 0, sizeof(key->key));
	key->key.dedup = dedup;
	key->key.ident = XXH3_64bits(ident.data, ident.len);
	HASH_FIND(hh, work->finds, &key->key, sizeof(key->key), find);
	return find;
}

static void keep(struct work *work, const struct replay *replay, const struct report *report)
{
	const char *name = replay->feed.session.decoder->name;
	const struct text protocol = {name, strlen(name)};
	const struct entry_head head = entry_report_head(
		report, replay->feed.session.received_us, &replay->peer, protocol);
	const size_t len = entry_head_size(&head);
	struct find *find = calloc(1, sizeof(*find) + len);
	if (!find)
		log_fatal("out of memory");
	if (look_up(work, report->body.dedup, report->ident, find)) {
		free(find);
		return;
	}
	find->len = len;
	entry_report_write(report, protocol, &head, find->bytes);
	*work->last = find;
	work->last = &find->next;
	HASH_ADD(hh, work->finds, key, sizeof(find->key), find);
	work->done->found++;
}

// Keeps all decoded reports, except the one that the entry itself is.
static void keep_all(struct work *work, const struct replay *replay, const struct entry *entry)
{
	for (size_t i = 0; i < work->decoded.report_count; i++) {
		const struct report *report = &work->decoded.reports[i];
		if (!entry || entry->kind == ENTRY_REJECT ||
			report->body.dedup != entry->body.dedup)
			keep(work, replay, report);
	}
}

// Drops frames that were held too long.
static void forget_old(struct feed *feed, int64_t now_us)
{
	struct held_frames *held = feed->session.held;
	message_forget(&feed->session, now_us - HOLD_US);
	while (held && held->count > 0 && held->frames[0].received_us < now_us - HOLD_US)
		held_frames_remove(held, 0);
}

static void decode_again(struct work *work, const struct entry *entry)
{
	if (entry->kind == ENTRY_REJECT && admission_is_refusal(entry->reason))
		return;
	struct replay *replay = find_replay(work, entry);
	forget_old(&replay->feed, entry->received_us);
	work->done->frames++;
	work->done->rejects += entry->kind == ENTRY_REJECT;
	if (memory_restore_entry(&replay->feed, entry, &work->decoded))
		keep_all(work, replay, entry);
}

static void decode_all(struct work *work)
{
	struct journal_cursor cursor;
	struct entry entry;
	journal_cursor_init(&cursor, work->journal, 0);
	while (journal_cursor_next(&cursor)) {
		if (entry_read(cursor.data, cursor.len, &entry) &&
			(entry.kind == ENTRY_REPORT || entry.kind == ENTRY_REJECT))
			decode_again(work, &entry);
	}
	journal_cursor_done(&cursor);
	for (struct replay *replay = work->replays; replay; replay = replay->hh.next) {
		feed_expire(&replay->feed, INT64_MAX, INT64_MAX, &work->decoded);
		keep_all(work, replay, NULL);
	}
}

// Sets len to 0 in finds that the journal holds as reports.
static void drop_known(struct work *work)
{
	struct journal_cursor cursor;
	struct entry entry;
	journal_cursor_init(&cursor, work->journal, 0);
	while (journal_cursor_next(&cursor)) {
		struct find key, *find;
		if (!entry_read(cursor.data, cursor.len, &entry) || entry.kind != ENTRY_REPORT)
			continue;
		find = look_up(work, entry.body.dedup, entry.ident, &key);
		if (!find || find->len == 0)
			continue;
		find->len = 0;
		work->done->known++;
	}
	journal_cursor_done(&cursor);
}

static bool append_all(struct work *work, char *error)
{
	for (const struct find *find = work->first; find; find = find->next) {
		if (find->len == 0)
			continue;
		if (!journal_room(work->journal, 1, find->len)) {
			snprintf(error, JOURNAL_ERROR_SIZE,
				"disk full: not all reports were appended to the journal; free "
				"space and run --redecode again");
			return false;
		}
		memcpy(journal_begin(work->journal, find->len), find->bytes, find->len);
		journal_commit(work->journal);
	}
	return true;
}

static void free_all(struct work *work)
{
	struct replay *replay = work->replays;
	HASH_CLEAR(hh, work->replays); // the links in hh outlive the table
	while (replay) {
		struct replay *next = replay->hh.next;
		feed_done(&replay->feed);
		free(replay);
		replay = next;
	}
	HASH_CLEAR(hh, work->finds);
	while (work->first) {
		struct find *next = work->first->next;
		free(work->first);
		work->first = next;
	}
	device_memory_free(work->memory);
	free(work);
}

// Opens the journal for writing, with segments of the size it already has.
static struct journal *open_journal(
	const char *dir, journal_finding *finding, void *context, char *error)
{
	struct journal_options options = {.dir = dir, .read_only = true};
	struct journal_segment segment = {0};
	struct journal *journal = journal_open(&options, finding, context, error);
	if (!journal)
		return NULL;
	for (size_t i = 0; journal_segment_at(journal, i, &segment); i++)
		options.segment_size = segment.size;
	journal_close(journal);
	options.read_only = false;
	options.max_size = MAX_SIZE;
	options.retain_us = INT64_MAX;
	return journal_open(&options, finding, context, error);
}

bool redecode_journal(const char *dir, journal_finding *finding, void *context,
	struct redecoded *done, char *error)
{
	memset(done, 0, sizeof(*done));
	struct journal *journal = open_journal(dir, finding, context, error);
	if (!journal)
		return false;
	struct work *work = calloc(1, sizeof(*work));
	if (!work)
		log_fatal("out of memory");
	work->journal = journal;
	work->memory = device_memory_new(DEVICES);
	work->done = done;
	work->last = &work->first;
	if (!work->memory)
		log_fatal("out of memory");
	decode_all(work);
	drop_known(work);
	const bool good = append_all(work, error);
	free_all(work);
	journal_close(journal);
	return good;
}
