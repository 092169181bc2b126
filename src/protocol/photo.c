// SPDX-License-Identifier: MIT
// A session's photos: at most one that is open, and a list of those that are finished.
#include "protocol/photo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t weight(uint32_t announced_size)
{
	return sizeof(struct photo) + announced_size;
}

static void drop(struct photo *photo)
{
	photo->all->bytes -= weight(photo->announced_size);
	free(photo);
}

struct photo *photo_open(
	struct session *session, const struct report *report, uint64_t size, int camera)
{
	struct photos *all = session->photos;
	if (!all || size == 0 || size > PHOTO_BYTES || report->ident.len > IDENT_MAX)
		return NULL;
	photo_end(session);
	const size_t bytes = weight((uint32_t)size);
	struct photo *photo = bytes <= PHOTOS_BYTES - all->bytes ? calloc(1, bytes) : NULL;
	all->full = !photo;
	if (!photo)
		return NULL;
	all->bytes += bytes;
	photo->all = all;
	photo->body = report->body;
	photo->announced_us = photo->received_us = session->received_us;
	photo->size = photo->announced_size = (uint32_t)size;
	photo->camera = (int16_t)camera;
	photo->ident_len = (uint8_t)report->ident.len;
	memcpy(photo->ident, report->ident.data, report->ident.len);
	session->photo = photo;
	return photo;
}

static uint32_t count_parts(const struct photo *photo)
{
	return (photo->size + PHOTO_PART - 1) / PHOTO_PART;
}

uint32_t photo_missing(const struct photo *photo)
{
	const uint32_t count = count_parts(photo);
	uint32_t part = 0;
	while (part < count && photo_has(photo, part))
		part++;
	return part;
}

void photo_add_part(struct photo *photo, uint32_t part, const uint8_t *data, uint32_t len)
{
	assert(part < count_parts(photo) && len <= photo_part_len(photo, part));
	memcpy(photo->data + part * PHOTO_PART, data, len);
	if (len < photo_part_len(photo, part))
		photo->size = part * PHOTO_PART + len;
	photo->have[part / 8] |= (uint8_t)(1u << part % 8);
}

// Starts as a JPEG does, and ends so. Cameras that hand out blocks fill the last one up with zeros.
static bool is_jpeg(const uint8_t *data, uint32_t len)
{
	while (len > 0 && data[len - 1] == 0)
		len--;
	return len >= 4 && data[0] == 0xFF && data[1] == 0xD8 && data[len - 2] == 0xFF &&
	       data[len - 1] == 0xD9;
}

void photo_end(struct session *session)
{
	struct photo *photo = session->photo, **end = &session->finished;
	if (!photo)
		return;
	session->photo = NULL;
	const uint32_t missing = photo_missing(photo);
	if (missing < count_parts(photo))
		photo->size = missing * PHOTO_PART;
	if (photo->size == 0) {
		drop(photo);
		return;
	}
	photo->complete = photo->size == photo->announced_size && is_jpeg(photo->data, photo->size);
	while (*end)
		end = &(*end)->next;
	*end = photo;
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
