// SPDX-License-Identifier: MIT
// From a decoded batch into the journal.
#include "intake/intake.h"

#include "util/log.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

// What one frame can become at most: every report and reject there is room for, the arena, and the
// bytes themselves (each belongs to one report or reject; widened rejects stay within the frame).
#define FRAME_ENTRIES (DECODED_REPORTS + DECODED_REJECTS)
#define FRAME_BYTES   (FRAME_ENTRIES * 384 + DECODED_ARENA + 2 * FRAME_CAP + 65536)

// Beyond a frame's: for what is told while one is taken in, and of conversations that end while none
// may be.
#define SPARE_BYTES 131072

// A photo's piece, without its bytes.
#define PIECE_BYTES 512

// A device that nobody has written into avld.devices is made on its first report; this many and no
// more.
#define DEVICES_MAX 2000000

int64_t intake_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint32_t intake_now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

static bool has_room(const struct intake *intake)
{
	return journal_room(intake->journal, FRAME_ENTRIES, FRAME_BYTES + SPARE_BYTES);
}

// Room that is only on its way is no news.
static bool look_for_room(struct intake *intake)
{
	const bool room = has_room(intake);

	intake->waits = !room && !intake->full && journal_pending(intake->journal);
	if (room == intake->full && !intake->waits) {
		intake->full = !room;
		if (room)
			log_info("journal has room again, reading goes on bytes=%llu",
				(unsigned long long)journal_bytes(intake->journal));
		else
			log_warning(
				"journal is full, TCP is not read and UDP is dropped bytes=%llu "
				"what_to_do=\"bring the database back, free the disk, or raise "
				"journal.max_size\"",
				(unsigned long long)journal_bytes(intake->journal));
	}
	return room;
}

bool intake_room(struct intake *intake)
{
	if (has_room(intake) && !intake->full)
		return true;
	return look_for_room(intake) || (intake->stopping && intake_room_at_last(intake));
}

bool intake_room_at_last(struct intake *intake)
{
	bool room;

	do
		room = look_for_room(intake);
	while (!room && intake->waits && journal_wait(intake->journal));
	return room;
}

// The shortest heart-beat of 15 bytes makes an entry of 192. Only a row of tiny rejects makes more of
// its bytes, and ends its connection soon.
bool intake_is_ample(const struct intake *intake, size_t bytes)
{
	return journal_room(intake->journal, bytes / 8, bytes * 16);
}

uint64_t intake_safe(const struct intake *intake)
{
	if (intake->config->journal.sync == SYNC_REPLY)
		return journal_synced(intake->journal);
	return UINT64_MAX;
}

static struct text text_of(const char *chars)
{
	return (struct text){chars, strlen(chars)};
}

static void append(struct intake *intake, const struct entry *entry)
{
	entry_write(entry, journal_take(intake->journal, entry_size(entry)));
	journal_put(intake->journal);
}

// What does not come again finds its place in what is spared, while there is any.
static bool append_if_room(struct intake *intake, const struct entry *entry)
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

// Nobody has understood it, whoever understood what came from there before.
static bool is_foreign(const char *reason)
{
	return !strcmp(reason, "unknown protocol") || !strcmp(reason, "datagram too long");
}

static void count_reject(struct intake *intake, const struct feed *feed, const char *reason)
{
	const bool known = feed->session.decoder && !is_foreign(reason);
	const char *protocol = known ? feed->session.decoder->name : "-";

	intake->counters.rejects++;
	for (size_t i = 0; i < REASONS_MAX; i++) {
		struct reason_count *row = &intake->reasons[i];
		if (row->count == 0) {
			row->protocol = protocol;
			snprintf(row->reason, sizeof(row->reason), "%s", reason);
		} else if (strcmp(row->protocol, protocol) != 0 ||
			   strcmp(row->reason, reason) != 0) {
			continue;
		}
		row->count++;
		return;
	}
}

// Straight from the batch into the journal's memory.
static void append_report(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct report *report)
{
	const struct text protocol = text_of(feed->session.decoder->name);
	const struct entry_head head =
		entry_report_head(report, feed->session.received_us, peer, protocol);

	entry_report_write(
		report, protocol, &head, journal_take(intake->journal, entry_head_size(&head)));
	journal_put(intake->journal);
}

static struct entry reject_of(
	const struct feed *feed, const struct peer *peer, const char *reason, struct text raw)
{
	struct entry entry = entry_of(ENTRY_REJECT, feed, peer);

	if (is_foreign(reason))
		entry.protocol = entry.ident = (struct text){0};
	entry.reason = text_of(reason);
	entry.raw = raw;
	return entry;
}

static void append_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, struct text raw)
{
	const struct entry entry = reject_of(feed, peer, reason, raw);

	append(intake, &entry);
	count_reject(intake, feed, reason);
}

// Behind all that the frame was promised room for.
static void note_reports(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct decoded *batch)
{
	for (size_t i = 0; i < batch->report_count; i++)
		command_queue_note_report(intake->commands, feed->session.decoder, peer,
			&batch->reports[i], feed->session.received_us);
}

size_t intake_command(
	struct intake *intake, const struct feed *feed, const struct peer *peer, uint8_t *out)
{
	const struct session *session = &feed->session;
	const struct command_queue_talk talk = {
		{session->ident, session->ident_len}, feed->session.decoder, session, peer};

	if (!intake->commands || !command_queue_count(intake->commands) || !feed->pinned)
		return 0;
	return command_queue_next(intake->commands, &talk, intake_now_us(), out);
}

// Returns the LSN behind it.
static uint64_t append_batch(struct intake *intake, struct feed *feed, const struct peer *peer,
	const struct decoded *batch, const char *refusal)
{
	for (size_t i = 0; i < batch->report_count; i++) {
		if (refusal)
			append_reject(intake, feed, peer, refusal, batch->reports[i].raw);
		else
			append_report(intake, feed, peer, &batch->reports[i]);
	}
	if (refusal)
		feed->rejects += (uint32_t)batch->report_count;
	else
		intake->counters.reports += batch->report_count;
	for (size_t i = 0; i < batch->reject_count; i++) {
		char reason[DECODED_REASON_MAX];
		decoded_reject_reason(&batch->rejects[i], reason);
		append_reject(intake, feed, peer, reason, batch->rejects[i].raw);
	}
	const uint64_t lsn = journal_end(intake->journal);
	if (!refusal && intake->commands && command_queue_count(intake->commands))
		note_reports(intake, feed, peer, batch);
	return lsn;
}

// ---- photos

// What makes a photo itself: the same when it is fetched once more.
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

// False: the journal has no room for it now.
static bool append_photo(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct photo *photo)
{
	const size_t pieces = (photo->size + ENTRY_RAW_MAX - 1) / ENTRY_RAW_MAX;
	if (!journal_room(intake->journal, pieces, photo->size + pieces * PIECE_BYTES))
		return false;
	struct entry entry = entry_of(ENTRY_MEDIA, feed, peer);
	entry.ident = (struct text){photo->ident, photo->ident_len};
	entry.received_us = photo->received_us;
	entry.reason = text_of(PHOTO_TYPE);
	entry.media = describe(photo, (uint16_t)pieces);
	for (size_t at = 0; at < photo->size; at += ENTRY_RAW_MAX, entry.media.piece++) {
		const size_t left = photo->size - at;
		entry.raw = (struct text){(const char *)photo->data + at,
			left < ENTRY_RAW_MAX ? left : ENTRY_RAW_MAX};
		append(intake, &entry);
	}
	intake->counters.photos++;
	log_debug("photo ident=%.*s bytes=%u complete=%d", (int)photo->ident_len, photo->ident,
		photo->size, photo->complete);
	return true;
}

// Once it is in the journal, a photo is dropped here.
static void take_photos(
	struct intake *intake, struct feed *feed, const struct peer *peer, const char *refusal)
{
	struct session *session = &feed->session;

	if (!session->photos)
		return;
	if (refusal)
		photo_drop_all(session);
	while (session->finished && append_photo(intake, feed, peer, session->finished))
		photo_drop(session);
	if (intake->photos.full && !intake->photos_full)
		log_warning("too many photos are on their way at once, this one is not fetched "
			    "bytes=%zu",
			intake->photos.bytes);
	intake->photos_full = intake->photos.full;
}

void intake_begin(struct intake *intake, struct session *session)
{
	session->memory = intake->memory;
	session->photos = intake->config->pt502.photos ? &intake->photos : NULL;
}

// ----

uint64_t intake_batch(
	struct intake *intake, struct feed *feed, const struct peer *peer, const char *refusal)
{
	intake->counters.frames++;
	append_batch(intake, feed, peer, &intake->batch, refusal);
	take_photos(intake, feed, peer, refusal);
	return journal_end(intake->journal);
}

static void append_late(struct intake *intake, struct feed *feed, const struct peer *peer)
{
	struct device *device;
	const bool names = feed->session.ident_len > 0 && intake->late.report_count > 0;

	append_batch(intake, feed, peer, &intake->late,
		names ? intake_admit(intake, feed, &device) : NULL);
}

void intake_end(struct intake *intake, struct feed *feed, const struct peer *peer,
	const uint8_t *rest, size_t len)
{
	if (feed->open && len > 0 && intake_room_at_last(intake)) {
		size_t used;
		feed_rest(feed, rest, len, &intake->late, &used);
		intake->counters.frames++;
		append_late(intake, feed, peer);
		rest += used;
		len -= used;
	}
	while (feed_holds(feed) && intake_room_at_last(intake)) {
		feed_expire(feed, intake_now_us(), INT64_MAX, &intake->late);
		append_late(intake, feed, peer);
	}
	photo_end(&feed->session);
	do
		take_photos(intake, feed, peer, NULL);
	while (feed->session.finished && journal_wait(intake->journal));
	if (feed->session.finished)
		log_warning("journal is full, a photo is lost ident=%.*s bytes=%u",
			(int)feed->session.finished->ident_len, feed->session.finished->ident,
			feed->session.finished->size);
	const size_t blanks = feed_blanks(rest, len);
	if (blanks < len) {
		feed->rejects++;
		intake_reject(intake, feed, peer, "incomplete frame", rest + blanks, len - blanks);
	}
	feed_done(feed);
}

void intake_reject(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const char *reason, const uint8_t *data, size_t len)
{
	const struct entry entry =
		reject_of(feed, peer, reason, (struct text){(const char *)data, len});

	append_if_room(intake, &entry);
	count_reject(intake, feed, reason);
}

void intake_connected(struct intake *intake, const struct feed *feed, const struct peer *peer)
{
	const struct entry entry = entry_of(ENTRY_CONNECTED, feed, peer);
	append_if_room(intake, &entry);
}

void intake_left(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct device *device)
{
	struct entry entry = entry_of(ENTRY_LEFT, feed, peer);
	entry.ident = (struct text){device->ident, device->ident_len};
	append_if_room(intake, &entry);
}

void intake_disconnected(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct traffic *traffic, const char *reason)
{
	struct entry entry = entry_of(ENTRY_DISCONNECTED, feed, peer);
	entry.received_us = intake_now_us();
	entry.traffic = *traffic;
	entry.reason = text_of(reason);
	append_if_room(intake, &entry);
}

static const char blocked[] = "device is blocked",
		  other_protocol[] = "not the protocol set for the device",
		  unknown[] = "unknown device", too_many[] = "too many devices";

bool intake_is_refusal(struct text reason)
{
	return text_equal(reason, blocked) || text_equal(reason, other_protocol) ||
	       text_equal(reason, unknown) || text_equal(reason, too_many);
}

const char *intake_objection(const struct device *device, const struct feed *feed)
{
	if (device->state == DEVICE_BLOCKED)
		return blocked;
	if (device->decoder && registry_decoders[device->decoder - 1] != feed->session.decoder)
		return other_protocol;
	return NULL;
}

struct device *intake_device(struct intake *intake, struct text ident)
{
	struct device *device = device_directory_find(intake->directory, ident);

	if (device || intake->config->devices.unknown == UNKNOWN_REFUSE ||
		device_directory_count(intake->directory) >= DEVICES_MAX)
		return device;
	return device_directory_add(intake->directory, ident);
}

const char *intake_admit(struct intake *intake, const struct feed *feed, struct device **found)
{
	const struct text ident = {feed->session.ident, feed->session.ident_len};
	struct device *device = device_directory_find(intake->directory, ident);

	*found = NULL;
	if (device && intake_objection(device, feed))
		return intake_objection(device, feed);
	if (intake->config->devices.unknown == UNKNOWN_REFUSE &&
		device_directory_loaded(intake->directory) &&
		(!device || device->state != DEVICE_ACTIVE))
		return unknown;
	if (!device && device_directory_count(intake->directory) >= DEVICES_MAX)
		return too_many;
	*found = device ? device : device_directory_add(intake->directory, ident);
	return NULL;
}
