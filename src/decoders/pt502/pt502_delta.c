// SPDX-License-Identifier: MIT
// Delta records ("Smart Report"): what differs from the record that the tracker made just before.
//
//   '@' check { field offset count text[count] } ...      numbers of one byte
//
// check is the XOR of that record, the reference; text takes the place of the field's old text from
// offset on. A delta whose reference has not come, or is not certain, waits.
#include "decoders/pt502/pt502_delta.h"

#define CHAIN_LEAST 2  /* checks in a row that must fit one device's records */
#define SURE_BITS   12 /* 1 in 2^12 that one fits by chance, among all that are looked at, */
#define FEW         4  /* but of so few that are looked at, it most likely is one of them: */
#define FEW_BITS    8  /* two checks */

#define NOT_SEEN "delta: reference not seen"

// A record rebuilt is decoded as if it had been sent whole; its text is kept in the batch.
static bool emit(
	struct session *session, const struct record *record, uint32_t tick, struct decoded *out)
{
	const size_t arena_len = out->arena_len, reports = out->report_count;
	const char *detail = out->detail;
	if (reports == DECODED_REPORTS || record->len > DECODED_ARENA - arena_len)
		return false;
	char *text = out->arena + arena_len;
	memcpy(text, record->data, record->len);
	out->arena_len += record->len;
	bool sound = pt502_decode_line(session, (uint8_t *)text, record->len, out) == DECODE_OK &&
		     !(out->reports[reports].body.flags & FLAG_TEXT);
	out->detail = detail;
	if (sound) {
		pt502_remember(
			session, (struct text){text, record->len}, &out->reports[reports], tick);
		return true;
	}
	if (out->report_count > reports)
		decoded_drop_report(out);
	out->arena_len = arena_len;
	return false;
}

// True: the delta is done with.
static bool seek(struct session *session, const struct seeker *seeker, struct decoded *out)
{
	struct past *past = device_memory_block(session);
	if (!past)
		return false;
	struct choice choice = delta_choose(session, past, seeker);
	if (!choice.found)
		return false;
	bool was_followed = past->records[choice.index].followed;
	past->records[choice.index].followed = true; // before new ones move it
	if (!emit(session, &choice.record, choice.tick, out)) {
		past->records[choice.index].followed = was_followed;
		return false;
	}
	past->leans = (uint8_t)(choice.lean ? past->leans + (past->leans < UINT8_MAX) : 0);
	return true;
}

static uint32_t read_tick(const struct session *session, size_t at)
{
	uint32_t tick;
	memcpy(&tick, session->memo + at, sizeof tick);
	return tick;
}

// When the last delta went astray, in this conversation or of this device. 0: none did.
static uint32_t last_astray(struct session *session)
{
	const struct past *past = device_memory_block(session);
	uint32_t tick = read_tick(session, PT502_MEMO_ASTRAY);
	return past && past->astray && (!tick || is_later(past->astray, tick)) ? past->astray
									       : tick;
}

static void note_astray(struct session *session, uint32_t tick)
{
	struct past *past = device_memory_block(session);
	memcpy(session->memo + PT502_MEMO_ASTRAY, &tick, sizeof tick);
	if (past)
		past->astray = tick;
}

enum decode_status pt502_decode_delta(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (session->memory)
		pt502_note_start(session);
	const struct seeker seeker = {.delta = {(const char *)data, len},
		.place = -1,
		.tick = device_memory_tick(session),
		.after = last_astray(session),
		.start = read_tick(session, PT502_MEMO_START),
		.came_us = session->received_us};
	if (seek(session, &seeker, out))
		return DECODE_OK;
	note_astray(session, seeker.tick);
	const uint32_t marks[2] = {seeker.tick, seeker.after};
	if (held_frames_add(session, NOT_SEEN, marks, data, len))
		return DECODE_OK;
	return pt502_refuse(out, DECODE_DETAIL, NOT_SEEN);
}

// Whose deltas are these? ---------------------------------------------------------------------------

struct adoption {
	const struct held_frames *held;
	uint32_t start;   /* the conversation's first tick */
	size_t records;   /* held against deltas */
	size_t longest;   /* deltas in a row, up to the newest, that go on from a device's record */
	int surplus;      /* what they say beyond what they must for their place */
	unsigned devices; /* that many fit as well */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

static int log2_of(size_t count)
{
	int bits = 0;
	for (size_t n = 1; n < count; n *= 2)
		bits++;
	return bits;
}

// Where deltas may go on: the newest record by its time, and one out of the log if that came last.
// Two numbers.
static void find_ends(const struct past *past, size_t ends[2])
{
	ends[0] = past->count - 1u;
	for (size_t i = past->count; i-- > 0;) {
		if (past->records[i].time_s > past->records[ends[0]].time_s)
			ends[0] = i;
	}
	ends[1] = past->records[past->count - 1].stored ? past->count - 1u : ends[0];
}

// It has reported elsewhere since this conversation began.
static bool is_elsewhere(const struct past *past, uint32_t start)
{
	for (size_t i = 0; i < past->count; i++) {
		if (is_later(past->records[i].tick, start))
			return true;
	}
	return past->astray && is_later(past->astray, start);
}

static void look_at(void *context, struct text ident, const void *block)
{
	struct adoption *adoption = context;
	const struct held_frames *held = adoption->held;
	const struct past *past = block;
	size_t longest = 0, ends[2];
	int surplus = 0;
	if (past->count == 0)
		return;
	find_ends(past, ends);
	adoption->records += ends[0] == ends[1] ? 1 : 2;
	for (uint32_t start = 0; start + CHAIN_LEAST <= held->count; start++) {
		uint8_t check = (uint8_t)delta_held(held, start).data[1];
		for (size_t i = ends[0] == ends[1]; i < 2; i++) {
			if (past->xors[ends[i]] != check)
				continue;
			struct chain chain = delta_chain(held, start, past_text(past, ends[i]));
			if (start + chain.length < held->count || chain.length <= longest)
				continue;
			longest = chain.length;
			surplus = (int)chain.bits - 2 * log2_of(start + 1); // many may be tried
		}
	}
	if (longest < CHAIN_LEAST || longest < adoption->longest ||
		is_elsewhere(past, adoption->start))
		return;
	adoption->devices = longest > adoption->longest ? 1 : adoption->devices + 1;
	adoption->longest = longest;
	adoption->surplus = surplus;
	adoption->ident_len = (uint8_t)ident.len;
	memcpy(adoption->ident, ident.data, ident.len);
}

// The device whose records the deltas go on from, if there is just one, and what they say is enough
// that chance does not make one up among all that are remembered. It mostly is not where vehicles
// stand still, or are many: then the first record says who it is.
static void adopt(struct session *session)
{
	struct adoption adoption = {
		.held = session->held, .start = read_tick(session, PT502_MEMO_START)};
	if (held_frames_count(session) < CHAIN_LEAST ||
		!device_memory_search(session, look_at, &adoption))
		return;
	const int wanted =
		adoption.records <= FEW ? FEW_BITS : SURE_BITS + log2_of(adoption.records);
	if (adoption.devices == 1 && adoption.surplus >= wanted)
		session_set_ident(session, adoption.ident, adoption.ident_len);
}

static bool is_for(const struct session *session, const struct held_frame *frame)
{
	return frame->ident_len == 0 || is_same((struct text){frame->ident, frame->ident_len},
						(struct text){session->ident, session->ident_len});
}

// One that had gone astray is found: those behind it have the one before it before them.
static void found(struct session *session, uint32_t tick, uint32_t before)
{
	struct past *past = device_memory_block(session);
	for (uint32_t i = 0; i < held_frames_count(session); i++) {
		uint32_t *after = &session->held->frames[i].marks[1];
		*after = *after == tick ? before : *after;
	}
	if (read_tick(session, PT502_MEMO_ASTRAY) == tick)
		memcpy(session->memo + PT502_MEMO_ASTRAY, &before, sizeof before);
	if (past && past->astray == tick)
		past->astray = before;
}

void pt502_wake(struct session *session, int64_t last_us, struct decoded *out)
{
	if (session->ident_len == 0)
		adopt(session);
	if (session->ident_len == 0)
		return;
	for (uint32_t i = 0; i < held_frames_count(session);) {
		const struct held_frame *frame = &session->held->frames[i];
		const struct seeker seeker = {.delta = delta_held(session->held, i),
			.place = (int32_t)i,
			.tick = frame->marks[0],
			.after = frame->marks[1],
			.start = read_tick(session, PT502_MEMO_START),
			.came_us = frame->received_us,
			.last = frame->received_us < last_us &&
				i + 1 == held_frames_count(session)};
		if (is_for(session, frame) && seek(session, &seeker, out)) {
			found(session, seeker.tick, seeker.after);
			held_frames_remove(session->held, i);
			i = 0; // those before it may wait for what it became
		} else {
			i++;
		}
	}
}

void pt502_break_delta(struct session *session, struct decoded *out)
{
	struct held_frames *held = session->held;
	struct past *past;
	if (held_frames_count(session) > 0) {
		struct text delta = delta_held(held, held->count - 1);
		if (delta.len <= DECODED_ARENA - out->arena_len) {
			char *copy = out->arena + out->arena_len;
			memcpy(copy, delta.data, delta.len);
			out->arena_len += delta.len;
			decoded_reject(
				out, DECODE_DETAIL, PT502_DELTA_LATE, (uint8_t *)copy, delta.len);
		}
		held_frames_remove(held, held->count - 1);
	} else if ((past = device_memory_block(session)) && past->count > 0) {
		past_drop(past, past->count - 1u);
		for (size_t i = 0; i < past->count; i++)
			past->records[i].followed = false; // one of them was not
	}
}
