// SPDX-License-Identifier: MIT
// One block of memory for each conversation that holds frames: their bytes stand without gaps, in order of receipt.
#include "protocol/held_frames.h"

#include <stdlib.h>

bool held_frames_add(struct session *session, const char *detail, const uint32_t marks[2],
	const uint8_t *data, size_t len)
{
	if (!session->memory)
		return false;
	if (!session->held)
		session->held = calloc(1, sizeof(*session->held));
	struct held_frames *held = session->held;
	if (!held || held->count == HELD_FRAMES_MAX || len > HELD_FRAMES_BYTES - held->used)
		return false;
	struct held_frame *frame = &held->frames[held->count++];
	*frame = (struct held_frame){
		.received_us = session->received_us,
		.detail = detail,
		.marks = {marks[0], marks[1]},
		.at = (uint16_t)held->used,
		.len = (uint16_t)len,
		.ident_len = session->ident_len,
	};
	memcpy(frame->ident, session->ident, session->ident_len);
	memcpy(held->bytes + held->used, data, len);
	held->used += (uint32_t)len;
	session->unsaved = true;
	return true;
}

void held_frames_resolve(struct held_frames *held, uint32_t index, struct decoded *decoded)
{
	if (index >= held->count)
		return;
	decoded_resolve(decoded, (struct held_mark){.key = held->frames[index].key});
	held_frames_remove(held, index);
}

bool held_frames_reject(
	struct held_frames *held, uint32_t index, const char *detail, struct decoded *decoded)
{
	if (index >= held->count)
		return false;
	const struct held_frame *frame = &held->frames[index];
	if (!decoded_reject_held(decoded, DECODE_DETAIL, detail ? detail : frame->detail,
		    held_frames_text(held, index), (struct held_mark){.key = frame->key}))
		return false;
	held_frames_remove(held, index);
	return true;
}

void held_frames_remove(struct held_frames *held, uint32_t index)
{
	if (index >= held->count)
		return;
	const struct held_frame gone = held->frames[index];
	const uint32_t next = gone.at + (uint32_t)gone.len;
	memmove(held->bytes + gone.at, held->bytes + next, held->used - next);
	held->used -= gone.len;
	held->count--;
	for (uint32_t i = index; i < held->count; i++) {
		held->frames[i] = held->frames[i + 1];
		held->frames[i].at = (uint16_t)(held->frames[i].at - gone.len);
	}
}

void held_frames_free(struct session *session)
{
	free(session->held);
	session->held = NULL;
}
