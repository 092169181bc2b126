// SPDX-License-Identifier: MIT
// A session has at most one open photo, and a list of finished ones. A photo's data has no gaps: a part is inserted where
// it belongs by its number.
//
//   data   part 0 | part 1 | part 4 | free ...      part[].len   960 960 0 0 120      part[].arrived   0 1 4
#include "protocol/photo.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US INT64_C(10000000) /* between requests for the same part */
#define RETRIES  3

#define SPARE (PHOTOS_BYTES / 8) /* less is left: idle photos yield */

static size_t weight(const struct photo *photo)
{
	return sizeof(*photo) + photo->part_room * sizeof(photo->part[0]) + photo->room;
}

// ---- open ones, by progress

static void unlist(struct photo *photo)
{
	struct photos *all = photo->all;

	if (!photo->listed)
		return;
	*(photo->before ? &photo->before->after : &all->first) = photo->after;
	*(photo->after ? &photo->after->before : &all->last) = photo->before;
	photo->before = photo->after = NULL;
	photo->listed = false;
}

static void list_last(struct photo *photo)
{
	struct photos *all = photo->all;

	unlist(photo);
	photo->before = all->last;
	*(all->last ? &all->last->after : &all->first) = photo;
	all->last = photo;
	photo->listed = true;
}

static void drop(struct photo *photo)
{
	unlist(photo);
	photo->all->bytes -= weight(photo);
	if (photo->yields)
		photo->all->yielding -= weight(photo);
	free(photo->data);
	free(photo->part);
	free(photo);
}

// Returns the silence from which on others yield to this photo: twice as long as it took to get its newest part. NULL: to
// one that is announced.
static int64_t silence_for(const struct photo *photo, int64_t now_us)
{
	const int64_t silence_us = photo ? 2 * (now_us - photo->progress_us) : 0;

	return silence_us < PHOTO_SLOW_US   ? PHOTO_SLOW_US
	       : silence_us > PHOTO_IDLE_US ? PHOTO_IDLE_US
					    : silence_us;
}

static bool is_idle(const struct photo *photo, int64_t silence_us, int64_t now_us)
{
	return now_us - photo->progress_us >= silence_us ||
	       now_us - photo->announced_us >= PHOTO_OPEN_US;
}

// Returns true if so many more bytes may be used. Makes idle photos yield while little is left.
static bool has_room(
	struct photos *all, size_t bytes, const struct photo *for_photo, int64_t now_us)
{
	const int64_t silence_us = silence_for(for_photo, now_us);
	struct photo *next;

	for (struct photo *photo = all->first;
		photo && all->bytes + bytes > PHOTOS_BYTES - SPARE + all->yielding; photo = next) {
		next = photo->after;
		if (photo == for_photo || !is_idle(photo, silence_us, now_us))
			continue;
		unlist(photo);
		photo->yields = true;
		all->cut++;
		all->yielding += weight(photo);
	}
	all->full = bytes > PHOTOS_BYTES - all->bytes;
	return !all->full;
}

void photo_describe(struct photo *photo, const struct report *report, const char *type, int camera)
{
	photo->body = report->body;
	photo->camera = (int16_t)camera;
	snprintf(photo->type, sizeof(photo->type), "%s", type);
}

static struct photo *new_photo(struct session *session, const struct report *report,
	const struct photo_plan *plan, struct photos *all)
{
	if (!has_room(all, sizeof(struct photo), NULL, session->received_us))
		return NULL;
	struct photo *photo = calloc(1, sizeof(*photo));
	if (!photo)
		return NULL;
	all->bytes += sizeof(*photo);
	photo->all = all;
	photo->decoder = session->decoder;
	photo->announced_us = photo->received_us = photo->progress_us = session->received_us;
	photo->announced_size = (uint32_t)plan->size;
	photo->planned = photo->parts = plan->parts;
	photo_describe(photo, report, plan->type, plan->camera);
	photo->ident_len = (uint8_t)report->ident.len;
	memcpy(photo->ident, report->ident.data, report->ident.len);
	return photo;
}

static bool is_allowed(const struct report *report, const struct photo_plan *plan)
{
	return plan->size <= PHOTO_BYTES && plan->parts - 1 < PHOTO_PARTS &&
	       report->ident.len <= IDENT_MAX;
}

struct photo *photo_open(
	struct session *session, const struct report *report, const struct photo_plan *plan)
{
	if (!session->photos || !is_allowed(report, plan))
		return NULL;
	photo_end(session);
	session->photo = new_photo(session, report, plan, session->photos);
	if (session->photo)
		list_last(session->photo);
	return session->photo;
}

enum photo_retry photo_retry(struct session *session)
{
	struct photo *photo = session->photo;
	if (!photo)
		return PHOTO_WAIT;
	if (session->now_us < photo->asked_us) // the clock was set back
		photo->asked_us = session->now_us;
	if (session->now_us - photo->asked_us < RETRY_US)
		return PHOTO_WAIT;
	return photo->tries++ == RETRIES ? PHOTO_GIVE_UP : PHOTO_ASK;
}

uint32_t photo_missing(const struct photo *photo)
{
	uint32_t part = 0;
	while (photo_has(photo, part))
		part++;
	return part;
}

// Returns the offset in data of the part of this number, whether it is there or not.
static uint32_t offset_of(const struct photo *photo, uint32_t part)
{
	uint32_t offset = 0;
	for (uint32_t i = 0; i < part && i < photo->part_room; i++)
		offset += photo->part[i].len;
	return offset;
}

// Returns twice what there is, at least what is needed, and at most `most`.
static uint32_t next_room(uint32_t room, uint32_t needed, uint32_t most)
{
	const uint32_t twice = room < most / 2 ? 2 * room : most;
	return twice > needed ? twice : needed;
}

// Makes room for len more bytes of data.
static bool grow(struct photo *photo, uint32_t len, uint32_t most)
{
	if (len <= photo->room - photo->size)
		return true;
	const uint32_t room = next_room(photo->room, photo->size + len, most);
	if (!has_room(photo->all, room - photo->room, photo, photo->received_us))
		return false;
	uint8_t *data = realloc(photo->data, room);
	if (!data)
		return false;
	photo->all->bytes += room - photo->room;
	photo->all->yielding += photo->yields ? room - photo->room : 0;
	photo->data = data;
	photo->room = room;
	return true;
}

// Makes room for a part of this number.
static bool grow_parts(struct photo *photo, uint32_t part)
{
	if (part < photo->part_room)
		return true;
	const uint32_t room = next_room(photo->part_room, part + 1, photo->parts);
	const size_t bytes = (room - photo->part_room) * sizeof(photo->part[0]);
	if (!has_room(photo->all, bytes, photo, photo->received_us))
		return false;
	struct photo_part *parts = realloc(photo->part, room * sizeof(*parts));
	if (!parts)
		return false;
	memset(parts + photo->part_room, 0, bytes);
	photo->all->bytes += bytes;
	photo->all->yielding += photo->yields ? bytes : 0;
	photo->part = parts;
	photo->part_room = room;
	return true;
}

bool photo_add_part(struct photo *photo, uint32_t part, const uint8_t *data, uint32_t len)
{
	const uint32_t most = photo->announced_size ? photo->announced_size : PHOTO_BYTES;
	if (part >= photo->parts || len == 0 || photo_has(photo, part) ||
		len > most - photo->size || !grow_parts(photo, part) || !grow(photo, len, most))
		return false;
	const uint32_t offset = offset_of(photo, part);
	memmove(photo->data + offset + len, photo->data + offset, photo->size - offset);
	memcpy(photo->data + offset, data, len);
	photo->size += len;
	photo->part[part].len = len;
	photo->part[photo->arrived++].arrived = part;
	photo->progress_us = photo->received_us;
	if (photo->listed)
		list_last(photo);
	return true;
}

const uint8_t *photo_part_data(const struct photo *photo, uint32_t part)
{
	return photo->data + offset_of(photo, part);
}

void photo_expect(struct photo *photo, uint32_t parts)
{
	assert(photo->arrived == 0 && parts - 1 < PHOTO_PARTS);
	photo->planned = photo->parts = parts;
}

void photo_cut(struct photo *photo, uint32_t parts)
{
	if (parts >= photo->parts)
		return;
	photo->size = offset_of(photo, parts);
	photo->parts = parts;
	uint32_t kept = 0, saved = 0;
	for (uint32_t i = 0; i < photo->arrived; i++) {
		if (photo->part[i].arrived >= parts)
			continue;
		saved += i < photo->saved;
		photo->part[kept++].arrived = photo->part[i].arrived;
	}
	photo->arrived = kept;
	photo->saved = saved;
}

// Returns true unless the bytes are a JPEG by their type, but do not start and end like one. Cameras that send blocks pad
// the last one with zeros.
static bool is_sound(const struct photo *photo)
{
	const uint8_t *data = photo->data;
	uint32_t len = photo->size;
	if (strcmp(photo->type, "image/jpeg") != 0)
		return true;
	while (len > 0 && data[len - 1] == 0)
		len--;
	return len >= 4 && data[0] == 0xFF && data[1] == 0xD8 && data[len - 2] == 0xFF &&
	       data[len - 1] == 0xD9;
}

static void finish(struct photo *photo)
{
	const uint32_t missing = photo_missing(photo);
	const bool whole = missing == photo->planned &&
			   (!photo->announced_size || photo->size == photo->announced_size);
	photo_cut(photo, missing);
	photo->complete = whole && is_sound(photo);
}

void photo_end(struct session *session)
{
	struct photo *photo = session->photo, **end = &session->finished;
	if (!photo)
		return;
	session->photo = NULL;
	unlist(photo);
	finish(photo);
	if (photo->size == 0 && photo->key == 0) {
		drop(photo);
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = photo;
}

struct photo *photo_restore(struct session *session, uint64_t key, const struct report *report,
	const struct photo_plan *plan)
{
	struct photo **at = &session->finished;
	while (*at && (*at)->key != key)
		at = &(*at)->next;
	if (*at || !session->photos || !is_allowed(report, plan))
		return *at;
	struct photo *photo = new_photo(session, report, plan, session->photos);
	if (photo)
		photo->key = key;
	*at = photo;
	return photo;
}

void photo_end_restored(struct session *session)
{
	for (struct photo *photo = session->finished; photo; photo = photo->next)
		finish(photo);
}

void photo_drop(struct session *session)
{
	struct photo *photo = session->finished;
	assert(photo);
	session->finished = photo->next;
	drop(photo);
}

void photo_drop_all(struct session *session)
{
	while (session->finished)
		photo_drop(session);
	if (session->photo)
		drop(session->photo);
	session->photo = NULL;
}
