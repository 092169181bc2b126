// SPDX-License-Identifier: MIT
#include "intake/hold.h"

#include "journal/entry.h"
#include "protocol/decoder.h"

#include <string.h>

#define ENTRY_BYTES 512 /* of an entry without its raw bytes, at most */
#define MEASURE_BYTES                                                                              \
	(1 << 20) /* of the journal, after which the size of all holds is measured again */

// ---- the list

static void pin(const struct holds *holds, struct journal *journal)
{
	journal_pin(journal, holds->first ? holds->first->lsn : UINT64_MAX);
}

static void link_last(struct holds *holds, struct hold *hold, uint64_t lsn)
{
	hold->lsn = lsn;
	hold->previous = holds->last;
	hold->next = NULL;
	*(holds->last ? &holds->last->next : &holds->first) = hold;
	holds->last = hold;
}

static void unlink_hold(struct holds *holds, struct hold *hold)
{
	*(hold->previous ? &hold->previous->next : &holds->first) = hold->next;
	*(hold->next ? &hold->next->previous : &holds->last) = hold->previous;
	hold->lsn = 0;
}

void hold_end(struct holds *holds, struct journal *journal, struct hold *hold)
{
	if (hold->lsn == 0)
		return;
	unlink_hold(holds, hold);
	pin(holds, journal);
}

void hold_share(struct holds *holds, const struct hold *from, struct hold *to, struct feed *feed,
	const struct peer *peer)
{
	if (from->lsn == 0 || (to->lsn != 0 && to->lsn <= from->lsn))
		return;
	if (to->lsn != 0)
		unlink_hold(holds, to);
	// Just before `from`: the list stays in order.
	*to = (struct hold){from->previous, NULL, from->lsn, feed, peer};
	to->next = from->previous ? from->previous->next : holds->first;
	*(to->previous ? &to->previous->next : &holds->first) = to;
	to->next->previous = to;
}

void hold_restore(struct holds *holds, struct journal *journal, struct hold *hold, uint64_t lsn,
	struct feed *feed, const struct peer *peer)
{
	if (hold->lsn != 0)
		return;
	hold->feed = feed;
	hold->peer = peer;
	link_last(holds, hold, lsn ? lsn : 1); // LSN 0 has no entry
	pin(holds, journal);
}

// ---- entries

struct saving {
	struct journal *journal;
	const struct feed *feed;
	const struct peer *peer;
};

// Returns the key of what the next entry is the first of. journal_end itself is 0 in a new journal.
static uint64_t new_key(const struct saving *saving)
{
	return journal_end(saving->journal) + 1;
}

static void append(const struct saving *saving, const struct entry *entry)
{
	entry_write(entry, journal_begin(saving->journal, entry_size(entry)));
	journal_commit(saving->journal);
}

static struct entry entry_of(
	const struct saving *saving, enum entry_kind kind, const struct decoder *decoder)
{
	return (struct entry){.kind = kind,
		.peer = *saving->peer,
		.protocol = {decoder->name, strlen(decoder->name)}};
}

static void save_frames(const struct saving *saving, bool only_new)
{
	const struct session *session = &saving->feed->session;
	for (uint32_t i = 0; i < held_frames_count(session); i++) {
		struct held_frame *frame = &session->held->frames[i];
		if (only_new && frame->key)
			continue;
		if (!frame->key)
			frame->key = new_key(saving);
		struct entry entry = entry_of(saving, ENTRY_HELD, session->decoder);
		entry.received_us = frame->received_us;
		entry.ident = (struct text){frame->ident, frame->ident_len};
		entry.raw = held_frames_text(session->held, i);
		entry.mark.key = frame->key;
		append(saving, &entry);
	}
}

// message_visitor
static void save_part(void *context, const struct message_visit *visit)
{
	const struct saving *saving = context;
	if (!*visit->key)
		*visit->key = new_key(saving);
	struct entry entry = entry_of(saving, ENTRY_HELD, saving->feed->session.decoder);
	entry.received_us = visit->received_us;
	entry.ident = visit->ident;
	entry.raw = visit->frame;
	entry.mark = (struct held_mark){.key = *visit->key, .number = visit->number};
	append(saving, &entry);
}

static void save_photo(const struct saving *saving, struct photo *photo, bool only_new)
{
	if (!photo->key && photo->arrived > 0)
		photo->key = new_key(saving);
	for (uint32_t i = only_new ? photo->saved : 0; i < photo->arrived; i++) {
		const uint32_t number = photo->part[i].arrived;
		struct entry entry = entry_of(saving, ENTRY_MEDIA_PART, photo->decoder);
		entry.received_us = photo->received_us;
		entry.ident = (struct text){photo->ident, photo->ident_len};
		entry.reason = (struct text){photo->type, strlen(photo->type)};
		entry.body = photo->body;
		entry.part = (struct media_part){.key = photo->key,
			.announced_us = photo->announced_us,
			.number = number,
			.parts = photo->planned,
			.size = photo->announced_size,
			.camera = photo->camera};
		entry.raw = (struct text){
			(const char *)photo_part_data(photo, number), photo->part[number].len};
		append(saving, &entry);
	}
	photo->saved = photo->arrived;
}

static void save(struct journal *journal, struct feed *feed, const struct peer *peer, bool only_new)
{
	struct saving saving = {journal, feed, peer};
	struct session *session = &feed->session;
	save_frames(&saving, only_new);
	message_visit_parts(session, only_new, true, save_part, &saving);
	if (session->photo)
		save_photo(&saving, session->photo, only_new);
	for (struct photo *photo = session->finished; photo; photo = photo->next)
		save_photo(&saving, photo, only_new);
	session->unsaved = false;
}

// ---- what is held

static bool holds_anything(const struct session *session)
{
	return held_frames_count(session) > 0 || message_is_held(session) || session->finished ||
	       (session->photo && session->photo->arrived > 0);
}

void hold_save(struct holds *holds, struct journal *journal, struct hold *hold, struct feed *feed,
	const struct peer *peer)
{
	if (!holds_anything(&feed->session)) {
		feed->session.unsaved = false;
		hold_end(holds, journal, hold);
		return;
	}
	hold_restore(holds, journal, hold, journal_end(journal), feed, peer);
	if (feed->session.unsaved || feed->session.photo || feed->session.finished)
		save(journal, feed, peer, true);
}

// Counts the entries and raw bytes that save would write.
struct size {
	size_t entries, bytes;
};

static void add_part(void *context, const struct message_visit *visit)
{
	struct size *size = context;
	size->entries++;
	size->bytes += visit->frame.len;
}

static struct size measure(struct session *session)
{
	struct size size = {held_frames_count(session), 0};
	if (session->held)
		size.bytes += session->held->used;
	message_visit_parts(session, false, false, add_part, &size);
	for (const struct photo *photo = session->finished; photo; photo = photo->next) {
		size.entries += photo->arrived;
		size.bytes += photo->size;
	}
	if (session->photo) {
		size.entries += session->photo->arrived;
		size.bytes += session->photo->size;
	}
	return size;
}

bool hold_renew(struct holds *holds, struct journal *journal, struct hold *hold)
{
	const struct size size = measure(&hold->feed->session);
	if (!journal_room(journal, size.entries, size.bytes + size.entries * ENTRY_BYTES))
		return false;
	unlink_hold(holds, hold);
	link_last(holds, hold, journal_end(journal));
	save(journal, hold->feed, hold->peer, false);
	pin(holds, journal);
	return true;
}

// Returns how far behind the journal's end a hold may be. What is held grows no faster than the journal, so an old measure
// is good enough.
static uint64_t find_span(struct holds *holds, const struct journal *journal)
{
	uint64_t bytes = 0;

	if (holds->span && journal_end(journal) - holds->measured_lsn < MEASURE_BYTES)
		return holds->span;
	for (const struct hold *hold = holds->first; hold; hold = hold->next) {
		const struct size size = measure(&hold->feed->session);
		bytes += size.bytes + size.entries * ENTRY_BYTES;
	}
	holds->measured_lsn = journal_end(journal);
	holds->span = 2 * bytes < HOLD_SPAN        ? HOLD_SPAN
		      : 2 * bytes > HOLD_SPAN_MOST ? HOLD_SPAN_MOST
						   : 2 * bytes;
	return holds->span;
}

void hold_renew_old(struct holds *holds, struct journal *journal)
{
	const uint64_t behind = holds->first ? journal_end(journal) - holds->first->lsn : 0;

	if (behind > HOLD_SPAN && behind > find_span(holds, journal))
		hold_renew(holds, journal, holds->first);
}
