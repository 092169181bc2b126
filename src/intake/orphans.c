// SPDX-License-Identifier: MIT
#include "intake/orphans.h"

#include "intake/admission.h"
#include "util/log.h"
#include "util/text.h"
#include "util/uthash_config.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY ((struct text){NULL, 0})

// peer: only without an ident.
struct key {
	const struct decoder *decoder;
	char ident[IDENT_MAX];
	uint8_t address[16];
	uint16_t port, transport;
};

struct orphan {
	struct key key;
	struct hold hold;
	struct feed feed;
	struct peer peer;
	bool admitted; /* the device of the key was, when it sent what is held */
	UT_hash_handle hh;
};

static struct key key_of(const struct decoder *decoder, struct text ident, const struct peer *peer)
{
	struct key key = {.decoder = decoder};

	if (ident.len > 0) {
		memcpy(key.ident, ident.data, ident.len);
		return key;
	}
	memcpy(key.address, peer->address, sizeof(key.address));
	key.port = peer->port;
	key.transport = peer->transport;
	return key;
}

static struct orphan *find(struct intake *intake, const struct key *key)
{
	struct orphan *orphan;

	HASH_FIND(hh, intake->orphans, key, sizeof(*key), orphan);
	return orphan;
}

// Returns NULL if there are too many.
static struct orphan *add(struct intake *intake, const struct key *key, const struct peer *peer)
{
	if (HASH_COUNT(intake->orphans) >= ORPHANS_MAX)
		return NULL;
	struct orphan *orphan = calloc(1, sizeof(*orphan));
	if (!orphan)
		return NULL;
	orphan->key = *key;
	orphan->peer = *peer;
	orphan->admitted = true;
	HASH_ADD(hh, intake->orphans, key, sizeof(orphan->key), orphan);
	return orphan;
}

static void drop(struct intake *intake, struct orphan *orphan)
{
	hold_end(&intake->holds, intake->journal, &orphan->hold);
	HASH_DEL(intake->orphans, orphan);
	feed_done(&orphan->feed);
	free(orphan);
}

static bool has_ident(const struct report *report, struct text ident)
{
	return ident.len > 0 && text_same(ident, report->ident);
}

// Rejects the reports of intake->ending of devices that are not admitted. sender: the device of the conversation that tries
// it again, which is; or empty.
static void reject_others(struct intake *intake, struct orphan *orphan, struct text sender)
{
	struct decoded *decoded = &intake->ending;
	const struct feed *feed = &orphan->feed;
	const struct text own = {orphan->key.ident, strnlen(orphan->key.ident, IDENT_MAX)};

	for (size_t i = 0; i < decoded->report_count;) {
		const struct report *report = &decoded->reports[i];
		const bool known =
			(orphan->admitted && has_ident(report, own)) || has_ident(report, sender);
		const struct device *device =
			known ? NULL : device_directory_find(intake->directory, report->ident);
		const char *objection = device ? admission_objection(device, feed->session.decoder,
							 &orphan->peer, NULL)
					       : NULL;
		if (!objection) {
			i++;
			continue;
		}
		const struct text raw = report->raw;
		intake_reject_report(intake, feed, &orphan->peer, objection, raw,
			decoded_remove_report(decoded, i));
	}
}

// Journals intake->ending. Drops the orphan when nothing is left of it.
static void finish(struct intake *intake, struct orphan *orphan, struct text sender)
{
	struct feed *feed = &orphan->feed;

	intake->counters.reports_decoded += intake->ending.report_count;
	reject_others(intake, orphan, sender);
	intake_append_reports(intake, feed, &orphan->peer, &intake->ending, NULL);
	hold_save(&intake->holds, intake->journal, &orphan->hold, feed, &orphan->peer);
	if (!orphan->hold.lsn)
		drop(intake, orphan);
}

// ---- at the start

static struct orphan *orphan_of(struct intake *intake, const struct entry *entry,
	const struct decoder *decoder, uint64_t lsn)
{
	const struct key key = key_of(decoder, entry->ident, &entry->peer);
	struct orphan *orphan = find(intake, &key);

	if (orphan || !(orphan = add(intake, &key, &entry->peer)))
		return orphan;
	struct session *session = &orphan->feed.session;
	feed_init(&orphan->feed, DECODERS_ALL, decoder, entry->peer.transport == TRANSPORT_UDP);
	session->memory = intake->memory;
	session->all_messages = &intake->messages;
	session->photos = &intake->photos;
	if (entry->ident.len > 0)
		session_set_ident(session, entry->ident.data, entry->ident.len);
	hold_restore(
		&intake->holds, intake->journal, &orphan->hold, lsn, &orphan->feed, &orphan->peer);
	return orphan;
}

// Decodes the frame again, as one that nothing follows. Either it is held again, under its old mark; or something comes of
// it now: then that resolves the mark.
static void restore_frame(struct intake *intake, struct orphan *orphan, const struct entry *entry)
{
	struct session *session = &orphan->feed.session;
	struct decoded *decoded = &intake->ending;
	size_t used;

	session->received_us = entry->received_us;
	session->unsaved = false;
	orphan->feed.pinned = true;
	orphan->feed.sniffed_again = false;
	feed_rest(&orphan->feed, (const uint8_t *)entry->raw.data, entry->raw.len, decoded, &used);
	const bool held = session->unsaved;
	session->unsaved = false;
	if (held) {
		for (uint32_t i = 0; i < held_frames_count(session); i++)
			if (session->held->frames[i].key == 0)
				session->held->frames[i].key = entry->mark.key;
		message_set_key(session, entry->mark.key);
	} else if (!decoded->message.key) {
		decoded->message = entry->mark;
		if (used < entry->raw.len) // an earlier version accepted it
			decoded_reject(decoded, DECODE_DETAIL, "incomplete frame",
				(const uint8_t *)entry->raw.data, entry->raw.len);
	}
	finish(intake, orphan, NOBODY);
}

static void restore_part(struct orphan *orphan, const struct entry *entry)
{
	const struct media_part *part = &entry->part;
	const struct report report = {.body = entry->body, .ident = entry->ident};
	char type[PHOTO_TYPE_MAX];
	const struct photo_plan plan = {type, part->size, part->parts, part->camera};
	struct session *session = &orphan->feed.session;

	const size_t len = entry->reason.len < sizeof(type) ? entry->reason.len : sizeof(type) - 1;
	memcpy(type, entry->reason.data, len);
	type[len] = '\0';
	session->received_us = part->announced_us;
	struct photo *photo = photo_restore(session, part->key, &report, &plan);
	if (!photo) {
		log_warning("part of a photo not restored ident=%.*s reason=\"no memory\"",
			(int)entry->ident.len, entry->ident.data);
		return;
	}
	if (photo_add_part(photo, part->number, (const uint8_t *)entry->raw.data,
		    (uint32_t)entry->raw.len))
		photo->saved = photo->arrived;
	photo->received_us = entry->received_us;
}

void orphans_restore(struct intake *intake, const struct entry *entry, uint64_t lsn)
{
	const struct decoder *decoder = registry_find(entry->protocol.data, entry->protocol.len);
	struct orphan *orphan = decoder ? orphan_of(intake, entry, decoder, lsn) : NULL;

	if (!orphan || !intake_wait_for_room(intake)) {
		log_warning("held data not restored, left in the journal for another start "
			    "protocol=%.*s ident=%.*s",
			(int)entry->protocol.len, entry->protocol.data, (int)entry->ident.len,
			entry->ident.data);
	} else if (entry->kind == ENTRY_HELD) {
		restore_frame(intake, orphan, entry);
	} else {
		restore_part(orphan, entry);
	}
}

void orphans_restore_end(struct intake *intake)
{
	struct orphan *orphan, *next;

	if (HASH_COUNT(intake->orphans) > 0)
		log_info("held data restored devices=%zu", orphans_count(intake));
	HASH_ITER(hh, intake->orphans, orphan, next)
	{
		photo_end_restored(&orphan->feed.session);
		intake_append_photos(intake, &orphan->feed, &orphan->peer);
		hold_renew(&intake->holds, intake->journal, &orphan->hold);
		decoded_reset(&intake->ending);
		finish(intake, orphan, NOBODY);
	}
}

// ---- while running

void orphans_adopt(struct intake *intake, struct hold *hold, struct feed *feed,
	const struct peer *peer, bool admitted)
{
	struct session *session = &feed->session;

	hold_save(&intake->holds, intake->journal, hold, feed, peer);
	if (!hold->lsn)
		return;
	const struct text ident = {session->ident, session->ident_len};
	const struct key key = key_of(session->decoder, ident, peer);
	struct orphan *orphan = add(intake, &key, peer);
	if (!orphan) {
		log_warning("held data left in the journal for the next start ident=%.*s "
			    "reason=\"no room in the journal\"",
			(int)ident.len, ident.data);
		hold_end(&intake->holds, intake->journal, hold);
		return;
	}
	orphan->feed = *feed;
	orphan->feed.session.forbids_memory = NULL; /* it belongs to the conversation */
	orphan->admitted = admitted;
	hold_share(&intake->holds, hold, &orphan->hold, &orphan->feed, &orphan->peer);
	hold_end(&intake->holds, intake->journal, hold);
	session->held = NULL;
	session->messages = NULL;
	session->finished = NULL;
}

static void retry(struct intake *intake, struct orphan *orphan, int64_t now_us, struct text sender)
{
	feed_expire(&orphan->feed, now_us, now_us - FEED_HOLD_US, &intake->ending);
	intake_append_photos(intake, &orphan->feed, &orphan->peer);
	finish(intake, orphan, sender);
}

void orphans_retry(
	struct intake *intake, struct hold *hold, struct feed *feed, const struct peer *peer)
{
	struct session *session = &feed->session;
	const struct text ident = {session->ident, session->ident_len};

	if (ident.len == 0 || !session->decoder)
		return;
	// A UDP sender that had no ident at the restart has one now.
	const struct key unnamed = key_of(session->decoder, NOBODY, peer);
	struct orphan *orphan = find(intake, &unnamed);
	if (orphan && peer->transport == TRANSPORT_UDP) {
		session_set_ident(&orphan->feed.session, ident.data, ident.len);
		retry(intake, orphan, session->received_us, ident);
	}
	const struct key key = key_of(session->decoder, ident, peer);
	orphan = find(intake, &key);
	if (!orphan)
		return;
	if (message_is_held(&orphan->feed.session) && message_move(&orphan->feed.session, session))
		hold_share(&intake->holds, &orphan->hold, hold, feed, peer);
	retry(intake, orphan, session->received_us, ident);
}

void orphans_expire(struct intake *intake, int64_t now_us)
{
	struct orphan *orphan, *next;

	HASH_ITER(hh, intake->orphans, orphan, next)
	if (intake_has_room(intake))
		retry(intake, orphan, now_us, NOBODY);
}

size_t orphans_count(const struct intake *intake)
{
	return HASH_COUNT(intake->orphans);
}

void orphans_free(struct intake *intake)
{
	struct orphan *orphan, *next;

	HASH_ITER(hh, intake->orphans, orphan, next)
	drop(intake, orphan);
}
