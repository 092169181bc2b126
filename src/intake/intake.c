// SPDX-License-Identifier: MIT
// Room in the journal, and decoded frames, photos and connections written into it.
#include "intake/intake.h"

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

// What one frame can add to what is held, or resolve without a result: frames, a part of a message, of a photo, and so on.
#define HELD_ENTRIES (HELD_FRAMES_MAX + 8)

// The most that one frame can become: every report and reject of a struct decoded, its arena, and the
// bytes themselves (each belongs to one report or reject; widened rejects stay within the frame). Counts
// the longest frame that a decoder may declare.
#define FRAME_ENTRIES (DECODED_REPORTS + DECODED_REJECTS + HELD_ENTRIES)
#define FRAME_BYTES   (FRAME_ENTRIES * 384 + DECODED_ARENA + 2 * FRAME_MOST + 65536)

_Static_assert(ENTRY_RAW_MAX >= FRAME_MOST, "an entry holds the longest frame");

// In addition to a frame's: for entries about connections that open and end meanwhile.
#define SPARE_BYTES 131072

// What the bytes of a read can become, by experience: the shortest heartbeat has 15 bytes and makes an
// entry of 192. Only a series of tiny rejects makes more of its bytes, and soon ends its connection.
#define BYTES_PER_ENTRY 8
#define BYTES_GROWTH    16

// One piece of a photo, and its entry without the piece.
#define PIECE_MOST  65536 /* bytes of the photo */
#define PIECE_BYTES 512

#define LOG_S 60 /* between log lines */

// ---- room

bool intake_has_room_beside(const struct intake *intake, size_t entries, size_t bytes)
{
	return journal_room(
		intake->journal, entries + FRAME_ENTRIES, bytes + FRAME_BYTES + SPARE_BYTES);
}

static bool has_room(const struct intake *intake)
{
	return intake_has_room_beside(intake, 0, 0);
}

// A segment that is only being made does not count as a change.
static bool look_for_room(struct intake *intake)
{
	const bool room = has_room(intake);

	intake->waits = !room && !intake->full && journal_pending(intake->journal);
	if (room == intake->full && !intake->waits) {
		intake->full = !room;
		if (room)
			log_info("journal has room again bytes=%llu",
				(unsigned long long)journal_bytes(intake->journal));
		else
			log_warning("journal is full bytes=%llu effect=\"TCP is not read, UDP is "
				    "dropped\" "
				    "what_to_do=\"make the database reachable, free disk space, or "
				    "raise "
				    "journal.max_size\"",
				(unsigned long long)journal_bytes(intake->journal));
	}
	return room;
}

bool intake_has_room(struct intake *intake)
{
	if (has_room(intake) && !intake->full)
		return true;
	return look_for_room(intake) || (intake->stopping && intake_wait_for_room(intake));
}

bool intake_wait_for_room(struct intake *intake)
{
	bool room;

	do
		room = look_for_room(intake);
	while (!room && intake->waits && journal_wait(intake->journal));
	return room;
}

enum intake_room intake_room(struct intake *intake, size_t bytes)
{
	// Before its last frame, too, there must be room for a frame of any size.
	const size_t entries = bytes / BYTES_PER_ENTRY + FRAME_ENTRIES;
	const size_t size = bytes * BYTES_GROWTH + FRAME_BYTES + SPARE_BYTES;

	if (!intake->full && journal_room(intake->journal, entries, size))
		return INTAKE_AMPLE;
	return intake_has_room(intake) ? INTAKE_SCARCE : INTAKE_FULL;
}

uint64_t intake_safe(const struct intake *intake)
{
	if (intake->config->journal.sync == SYNC_REPLY)
		return journal_synced(intake->journal);
	return UINT64_MAX;
}

// ---- entries

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

static void append(struct intake *intake, const struct entry *entry)
{
	entry_write(entry, journal_begin(intake->journal, entry_size(entry)));
	journal_commit(intake->journal);
}

bool intake_append_entry(struct intake *intake, const struct entry *entry)
{
	while (!journal_room(intake->journal, 1, entry_size(entry)))
		if (!journal_wait(intake->journal))
			return false;
	append(intake, entry);
	return true;
}

static struct entry entry_of(enum entry_kind kind, const struct feed *feed, const struct peer *peer)
{
	struct entry entry = {
		.kind = kind, .received_us = feed->session.received_us, .peer = *peer};

	if (feed->session.decoder)
		entry.protocol = text_of(feed->session.decoder->name);
	entry.ident = (struct text){feed->session.ident, feed->session.ident_len};
	return entry;
}

void intake_connected(struct intake *intake, const struct feed *feed, const struct peer *peer)
{
	const struct entry entry = entry_of(ENTRY_CONNECTED, feed, peer);

	intake_append_entry(intake, &entry);
}

void intake_left(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device)
{
	struct entry entry = entry_of(ENTRY_LEFT, feed, peer);

	entry.ident = (struct text){device->ident, device->ident_len};
	intake_append_entry(intake, &entry);
}

void intake_disconnected(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct traffic *traffic, const char *reason)
{
	struct entry entry = entry_of(ENTRY_DISCONNECTED, feed, peer);

	entry.received_us = clock_utc_us();
	entry.traffic = *traffic;
	entry.reason = text_of(reason);
	intake_append_entry(intake, &entry);
}

void intake_closed(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device, const struct traffic *traffic, const char *reason)
{
	/* While avld.devices has not been read, a device may be in it. */
	const bool known = device && (device->id || !device_directory_loaded(intake->directory));
	const struct row_limits_row row = {.peer = peer,
		.ident = known ? (struct text){device->ident, device->ident_len} : (struct text){0},
		.cause = reason,
		.standing = !known       ? ROW_STRANGER
			    : device->id ? ROW_ADMITTED
					 : ROW_PROVEN};

	if (row_limits_allow(intake->limits[LIMITED_CONNECTIONS], &row, clock_coarse_s()))
		intake_disconnected(intake, feed, peer, traffic, reason);
	else if (device)
		intake_left(intake, feed, peer, device);
}

// ---- rejects

// Returns true if the bytes are of no protocol, whatever the peer has spoken before.
static bool is_foreign(const char *reason)
{
	return !strcmp(reason, "unknown protocol") || !strcmp(reason, "datagram too long");
}

static void count_reject(struct intake *intake, const struct feed *feed, const char *reason)
{
	const bool known = feed->session.decoder && !is_foreign(reason);
	const char *protocol = known ? feed->session.decoder->name : "-";

	intake->counters.rejects++;
	tally_add(&intake->reasons, protocol, reason);
}

void intake_count_unusable(
	struct intake *intake, const struct feed *feed, const struct peer *peer, size_t bytes)
{
	struct frame_counts_row *counts = intake_counts(intake, feed, peer);

	intake->counters.frames++;
	counts->frames++;
	counts->outcomes[FRAME_REJECTED]++;
	counts->bytes += bytes;
}

static struct entry reject_of(
	const struct feed *feed, const struct peer *peer, const char *reason, struct text raw)
{
	struct entry entry = entry_of(ENTRY_REJECT, feed, peer);

	if (is_foreign(reason))
		entry.protocol = entry.ident = (struct text){0};
	entry.reason = text_of(reason);
	entry.raw = raw;
	if (entry.raw.len > REJECT_RAW_MAX)
		entry.raw.len = REJECT_RAW_MAX;
	return entry;
}

// Counts the reject. Returns false if it makes no row: the limits of avld.rejects are reached.
static bool admit_reject(
	struct intake *intake, const struct feed *feed, const struct peer *peer, const char *reason)
{
	const bool proven = feed->session.ident_len > 0 && feed->frames > 0;
	const struct row_limits_row row = {
		.peer = peer, .cause = reason, .standing = proven ? ROW_PROVEN : ROW_STRANGER};

	count_reject(intake, feed, reason);
	return row_limits_allow(intake->limits[LIMITED_REJECTS], &row, clock_coarse_s());
}

// Overwrites the password where it is in the raw bytes, which end the entry. Readers of avld.rejects are not to see it.
static void blank_password(uint8_t *end, struct text raw, size_t raw_len, struct text password)
{
	const uintptr_t at = (uintptr_t)password.data - (uintptr_t)raw.data;

	if (password.len > 0 && at < raw_len)
		memset(end - raw_len + at, '*',
			password.len < raw_len - at ? password.len : raw_len - at);
}

static bool is_in_arena(const struct decoded *decoded, struct text text)
{
	return (uintptr_t)text.data - (uintptr_t)decoded->arena < sizeof(decoded->arena);
}

// Returns the bytes of a reject that are kept: none of a frame in which the password has another form than in the arena
// (escapes), because nobody knows where it is.
static struct text without_password(const struct decoded *decoded, struct text raw)
{
	const bool is_hidden = decoded->has_password && decoded->password.len > 0 &&
			       is_in_arena(decoded, decoded->password) &&
			       !is_in_arena(decoded, raw);

	return is_hidden ? (struct text){"", 0} : raw;
}

// Appends that what has this mark is resolved, though nothing came of it. A mark without a key is ignored.
static void append_released(struct intake *intake, const struct feed *feed, const struct peer *peer,
	struct held_mark mark)
{
	if (mark.key == 0)
		return;
	struct entry entry = entry_of(ENTRY_RELEASED, feed, peer);
	entry.mark = mark;
	append(intake, &entry);
}

// Appends the entry, with asterisks in place of the password in its raw bytes.
static void append_blanked(struct intake *intake, const struct entry *entry, struct text password)
{
	const size_t size = entry_size(entry);
	uint8_t *out = journal_begin(intake->journal, size);

	entry_write(entry, out);
	blank_password(out + size, entry->raw, entry->raw.len, password);
	journal_commit(intake->journal);
}

// mark: what it resolves; key 0: nothing.
static void append_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, struct text raw, struct text password, struct held_mark mark)
{
	struct entry entry = reject_of(feed, peer, reason, raw);

	if (!admit_reject(intake, feed, peer, reason)) {
		append_released(intake, feed, peer, mark);
		return;
	}
	entry.mark = mark;
	append_blanked(intake, &entry, password);
}

void intake_reject_report(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, struct text raw, struct held_mark mark)
{
	intake->counters.reports_refused++;
	append_reject(intake, feed, peer, reason, raw, (struct text){NULL, 0}, mark);
}

void intake_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, const uint8_t *data, size_t len)
{
	const struct entry entry =
		reject_of(feed, peer, reason, (struct text){(const char *)data, len});

	if (admit_reject(intake, feed, peer, reason))
		intake_append_entry(intake, &entry);
}

// ---- reports

// Writes the entry directly into the journal's memory.
static void append_report(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct report *report)
{
	const struct text protocol = text_of(feed->session.decoder->name);
	const struct entry_head head =
		entry_report_head(report, feed->session.received_us, peer, protocol);

	entry_report_write(
		report, protocol, &head, journal_begin(intake->journal, entry_head_size(&head)));
	journal_commit(intake->journal);
	intake->counters.reports_journaled++;
}

// The same for a report that resolves what has this mark, or one of a log-in: the database may refuse it, and then its raw bytes
// become a reject.
static void append_result(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const struct report *report, struct held_mark mark)
{
	const struct text password = decoded->has_password ? decoded->password : (struct text){0};
	struct entry entry = entry_of(ENTRY_REPORT, feed, peer);

	entry.body = report->body;
	entry.ident = report->ident;
	entry.event = report->event;
	entry.driver = report->driver;
	entry.extra = report->extra;
	entry.raw = without_password(decoded, report->raw);
	entry.mark = mark;
	append_blanked(intake, &entry, password);
	intake->counters.reports_journaled++;
}

// Returns the mark of what the report of this index resolves; *next: index in decoded->resolved, from 0.
static struct held_mark mark_of(const struct decoded *decoded, size_t report, uint32_t *next)
{
	while (*next < decoded->resolved_count && decoded->resolved[*next].report < report)
		++*next;
	if (*next < decoded->resolved_count && decoded->resolved[*next].report == report)
		return decoded->resolved[(*next)++].mark;
	return (struct held_mark){0};
}

// Returns the mark for an entry that `left` entries follow: its own; the last one without its own gets that of the message,
// which is emptied.
static struct held_mark last_mark(struct held_mark own, size_t left, struct held_mark *message)
{
	if (left > 0 || own.key)
		return own;
	const struct held_mark last = *message;
	message->key = 0;
	return last;
}

// Appends the reports and rejects. What the frame as a whole resolves (decoded->message) is the mark of the last entry: it
// is resolved only once all are in the journal.
static __attribute__((noinline)) void append_marked(struct intake *intake, struct feed *feed,
	const struct peer *peer, const struct decoded *decoded, const char *refusal)
{
	const struct text password = decoded->has_password ? decoded->password : (struct text){0};
	struct held_mark message = decoded->message;
	size_t left = decoded->report_count + decoded->reject_count;
	uint32_t next = 0;

	for (size_t i = 0; i < decoded->report_count; i++) {
		const struct report *report = &decoded->reports[i];
		const struct held_mark mark =
			last_mark(mark_of(decoded, i, &next), --left, &message);
		if (refusal)
			append_reject(intake, feed, peer, refusal,
				without_password(decoded, report->raw), password, mark);
		else if (mark.key || decoded->has_password)
			append_result(intake, feed, peer, decoded, report, mark);
		else
			append_report(intake, feed, peer, report);
	}
	for (size_t i = 0; i < decoded->reject_count; i++) {
		const struct reject *reject = &decoded->rejects[i];
		const struct held_mark mark = last_mark(reject->resolves, --left, &message);
		char reason[DECODED_REASON_MAX];
		decoded_reject_reason(reject, reason);
		append_reject(intake, feed, peer, reason, without_password(decoded, reject->raw),
			password, mark);
	}
	append_released(intake, feed, peer, message);
}

// The same, quickly for the usual frame: reports only, and they resolve nothing.
static void append_all(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const char *refusal)
{
	if (refusal || decoded->reject_count || decoded->resolved_count || decoded->message.key ||
		decoded->has_password) {
		append_marked(intake, feed, peer, decoded, refusal);
		return;
	}
	for (size_t i = 0; i < decoded->report_count; i++)
		append_report(intake, feed, peer, &decoded->reports[i]);
}

// Shows the reports, and the answers without one, to the command queue. It may append entries, so the frame's own come first.
static __attribute__((noinline)) void note_reports(struct intake *intake, const struct feed *feed,
	const struct peer *peer, const struct decoded *decoded)
{
	const struct session *session = &feed->session;

	for (size_t i = 0; i < decoded->report_count; i++)
		command_queue_note_report(intake->commands, session->decoder, peer,
			&decoded->reports[i], decoded_find_answer(decoded, i),
			session->received_us);
	for (size_t i = 0; i < decoded->answer_count; i++) {
		const struct report none = {.ident = {session->ident, session->ident_len}};
		if (decoded->answers[i].report == ANSWER_ALONE)
			command_queue_note_report(intake->commands, session->decoder, peer, &none,
				&decoded->answers[i], session->received_us);
	}
}

// Logs a broken decoder, once until the next start: its rejects are counted as "decoder fault".
static __attribute__((noinline, cold)) void log_fault(
	struct intake *intake, const struct decoder *decoder, const char *rule)
{
	for (size_t i = 0; registry_decoders[i]; i++) {
		if (registry_decoders[i] != decoder || intake->faulty >> i & 1)
			continue;
		intake->faulty |= (decoder_set)1 << i;
		log_error("decoder fault protocol=%s rule=\"%s\" "
			  "what_to_do=\"report it with a row of avld.rejects; its frames are "
			  "rejected\"",
			decoder->name, rule);
	}
}

void intake_append_reports(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const char *refusal)
{
	if (decoded->fault)
		log_fault(intake, feed->session.decoder, decoded->fault);
	append_all(intake, feed, peer, decoded, refusal);
	if (refusal) {
		feed->rejects += (uint32_t)decoded->report_count;
		intake->counters.reports_refused += decoded->report_count;
	} else if (decoded->report_count > 0) {
		intake->counters.reports += decoded->report_count;
		intake_counts(intake, feed, peer)->reports += decoded->report_count;
	}
	if (!refusal && intake->commands && command_queue_count(intake->commands))
		note_reports(intake, feed, peer, decoded);
}

// ---- photos

// The identity of a photo: the same when it is fetched again.
static uint64_t hash_photo(const struct photo *photo, int64_t taken_us)
{
	struct {
		int64_t taken_us, device_time_us;
		uint32_t announced_size;
		int32_t camera;
	} what = {taken_us, photo->body.device_time_us, photo->announced_size, photo->camera};
	return XXH3_64bits(&what, sizeof(what));
}

static struct media_piece describe(const struct photo *photo, uint16_t pieces)
{
	const struct report_body *body = &photo->body;
	const int64_t taken_us = report_fixed_time(body, photo->announced_us).time_us;
	const bool has_fix = body->has & HAS_FIX && body->flags & FLAG_VALID;
	struct media_piece media = {
		.dedup = hash_photo(photo, taken_us),
		.taken_us = taken_us,
		.lat_e7 = has_fix ? body->lat_e7 : 0,
		.lon_e7 = has_fix ? body->lon_e7 : 0,
		.pieces = pieces,
		.camera = photo->camera,
		.flags = (uint16_t)((photo->complete ? MEDIA_COMPLETE : 0) |
				    (has_fix ? MEDIA_FIX : 0)),
	};
	const uint64_t seed = XXH3_64bits_withSeed(
		photo->ident, photo->ident_len, media.dedup ^ (uint64_t)photo->received_us);
	media.key = XXH3_64bits_withSeed(photo->data, photo->size, seed);
	return media;
}

// Returns false if the journal has no room for it now. The room that was found for a frame is left: the frame may be at hand,
// because its connection displaces another one, whose photo this is.
static bool append_photo(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct photo *photo)
{
	const size_t pieces = (photo->size + PIECE_MOST - 1) / PIECE_MOST;
	const size_t bytes = photo->size + (pieces + 1) * PIECE_BYTES;

	if (!intake_has_room_beside(intake, pieces + 1, bytes))
		return false;
	struct entry entry = entry_of(ENTRY_MEDIA, feed, peer);
	entry.protocol = text_of(photo->decoder->name);
	entry.ident = (struct text){photo->ident, photo->ident_len};
	entry.received_us = photo->received_us;
	entry.reason = text_of(photo->type);
	entry.media = describe(photo, (uint16_t)pieces);
	for (size_t at = 0; at < photo->size; at += PIECE_MOST, entry.media.piece++) {
		const size_t left = photo->size - at;
		entry.raw = (struct text){
			(const char *)photo->data + at, left < PIECE_MOST ? left : PIECE_MOST};
		append(intake, &entry);
	}
	append_released(intake, feed, peer, (struct held_mark){.key = photo->key});
	if (photo->size == 0)
		return true;
	intake->counters.photos++;
	log_debug("photo received ident=%.*s bytes=%u complete=%d", (int)photo->ident_len,
		photo->ident, photo->size, photo->complete);
	return true;
}

// Logs once a minute that photos have been cut.
static void log_cut(struct intake *intake)
{
	const uint64_t cut = intake->photos.cut;
	const uint32_t now_s = clock_coarse_s();

	if (cut == intake->photos_cut ||
		(intake->photos_cut_s && now_s - intake->photos_cut_s < LOG_S))
		return;
	log_warning("photos cut count=%llu bytes=%zu reason=\"their trackers sent no part while "
		    "others needed the room\"",
		(unsigned long long)(cut - intake->photos_cut), intake->photos.bytes);
	intake->photos_cut = cut;
	intake->photos_cut_s = now_s;
}

// Appends the finished photos while there is room, and drops them here once they are in the journal.
void intake_append_photos(struct intake *intake, struct feed *feed, const struct peer *peer)
{
	struct session *session = &feed->session;

	while (session->finished && append_photo(intake, feed, peer, session->finished))
		photo_drop(session);
	if (intake->photos.full && !intake->photos_full)
		log_warning("photo not fetched reason=\"too many at once\" bytes=%zu",
			intake->photos.bytes);
	intake->photos_full = intake->photos.full;
	log_cut(intake);
}

void intake_flush_photos(struct intake *intake, struct feed *feed, const struct peer *peer)
{
	if (!feed->session.photos)
		return;
	do
		intake_append_photos(intake, feed, peer);
	while (feed->session.finished && journal_wait(intake->journal));
}

void intake_drop_photos(struct intake *intake, struct feed *feed, const struct peer *peer)
{
	struct session *session = &feed->session;

	for (photo_end(session); session->finished; photo_drop(session))
		append_released(
			intake, feed, peer, (struct held_mark){.key = session->finished->key});
}

static struct device_settings find_settings(const void *context, struct text ident)
{
	const struct device *device = device_directory_find(context, ident);

	if (!device)
		return (struct device_settings){.known = !device_directory_loaded(context)};
	return (struct device_settings){
		.model = device->model ? text_of(device->model) : (struct text){0},
		.protocol = device->decoder && device->decoder != DEVICE_NO_DECODER
				    ? registry_decoders[device->decoder - 1]
				    : NULL,
		.known = true};
}

void intake_begin(struct intake *intake, struct session *session)
{
	session->memory = intake->memory;
	session->find_settings = find_settings;
	session->settings_context = intake->directory;
	session->all_messages = &intake->messages;
	session->photos = intake->config->media.photos ? &intake->photos : NULL;
}

// ---- a whole frame

uint64_t intake_append(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *decoded, const char *refusal)
{
	intake_append_reports(intake, feed, peer, decoded, refusal);
	if (feed->session.photos) {
		if (refusal)
			intake_drop_photos(intake, feed, peer);
		intake_append_photos(intake, feed, peer);
	}
	return journal_end(intake->journal);
}
