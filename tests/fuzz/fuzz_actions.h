// SPDX-License-Identifier: MIT
// An input that is a list of actions, and the mutator of such lists:
//
//   settings | action | action ...      action: kind | who | value | length u16 | bytes
//
// Kind 0 gives bytes to `who`. The mutator inserts such actions with real frames from the file FUZZ_FRAMES (length u16 | bytes
// ..., of make_seeds).
#ifndef AVLD_FUZZ_ACTIONS_H
#define AVLD_FUZZ_ACTIONS_H

#include "fuzz.h"

#define ACTION_KINDS 11
#define ACTIONS_MOST 400
#define ACTION_HEAD  5 /* bytes before its own */

struct action {
	uint8_t kind, who, value;
	struct input bytes;
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t most);

static uint8_t frames[1 << 20]; /* of FUZZ_FRAMES */
static size_t frames_len;

static inline bool next_action(struct input *input, struct action *action)
{
	if (input->len < ACTION_HEAD)
		return false;
	action->kind = input_byte(input);
	action->who = input_byte(input);
	action->value = input_byte(input);
	action->bytes = input_bytes(input, input_number(input, 2));
	return true;
}

static inline void load_frames(void)
{
	const char *path = getenv("FUZZ_FRAMES");
	FILE *file = path && *path ? fopen(path, "rb") : NULL;

	if (!file)
		return;
	frames_len = fread(frames, 1, sizeof(frames), file);
	fclose(file);
}

// Returns the frame of this number, counted round.
static inline struct input find_frame(unsigned number)
{
	struct input all = {frames, frames_len}, frame = {0};

	if (frames_len == 0)
		load_frames();
	for (unsigned i = 0; frames_len > 2 && i <= number; i++) {
		if (all.len < 2)
			all = (struct input){frames, frames_len};
		frame = input_bytes(&all, input_number(&all, 2));
	}
	return frame;
}

// Writes an action with small numbers, most often a real frame. Returns its length.
static inline size_t write_action(uint8_t *out, unsigned seed)
{
	const bool gives = seed % 4 < 3;
	const struct input frame = gives ? find_frame(seed / 64 % 4096) : (struct input){0};
	const uint8_t head[ACTION_HEAD] = {gives ? 0 : (uint8_t)(seed / 4 % ACTION_KINDS),
		(uint8_t)(seed >> 20 & 7), (uint8_t)(gives ? 0 : seed >> 12),
		(uint8_t)(frame.len >> 8), (uint8_t)frame.len};

	memcpy(out, head, ACTION_HEAD);
	if (frame.len > 0)
		memcpy(out + ACTION_HEAD, frame.data, frame.len);
	return ACTION_HEAD + frame.len;
}

// Mutates as libFuzzer does, or inserts or removes an action.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most, unsigned seed)
{
	static uint8_t added[ACTION_HEAD + UINT16_MAX];
	size_t starts[ACTIONS_MOST + 1], count = 0;
	struct input input = {data, len};
	struct action action;

	if (seed % 4 == 0 || len == 0)
		return LLVMFuzzerMutate(data, len, most);
	input_byte(&input);
	do
		starts[count++] = len - input.len;
	while (count <= ACTIONS_MOST && next_action(&input, &action));
	const unsigned dice = seed / 4 * 2654435761u;
	const size_t which = dice % count, at = starts[which];
	if (seed % 4 == 1 && which + 1 < count) {
		const size_t removed = starts[which + 1] - at;
		memmove(data + at, data + at + removed, len - at - removed);
		return len - removed;
	}
	const size_t size = write_action(added, dice ^ dice >> 13);
	if (size > most - len)
		return LLVMFuzzerMutate(data, len, most);
	memmove(data + at + size, data + at, len - at);
	memcpy(data + at, added, size);
	return len + size;
}

#endif
