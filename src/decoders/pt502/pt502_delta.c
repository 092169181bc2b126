// SPDX-License-Identifier: MIT
// Delta records ("Smart Report" in the maker's manuals): the fields that differ from the record
// made before.
//
//   '@' | check | field | offset | count | text | field | offset | count | text ...
//
//   check   XOR of that record, the reference, with its line end
//   field   number of the field, from 0 (pt502_fields.h)
//   text    count bytes, which replace the field's old text from offset on
//
// All numbers are one byte; field..text is a triple. A delta whose reference has not arrived or is
// not certain is held (held_frames_add) and tried again after each later record.
#include "decoders/pt502/pt502_delta.h"
#include "decoders/pt502/pt502_record.h"
#include "decoders/pt502/pt502_reference.h"

#define CHAIN_LEAST 2  /* deltas in a row that must apply to one device's records */
#define SURE_BITS   12 /* evidence beyond chance among many devices: 1 in 2^12 */
#define FEW         4  /* among so few records the device most likely is one of them: */
#define FEW_BITS    8  /* evidence enough then, two checks */

#define NOT_SEEN  "delta: reference not seen"
#define REST_LATE "delta: its rest came too late"

// Decodes a rebuilt record as if it had been sent whole. Its text is kept in the arena. Returns
// false, and adds nothing, if it is not a valid record.
static bool emit(struct session *session, const struct pt502_rebuilt *record, uint32_t tick,
	struct decoded *out)
{
	const size_t arena_len = out->arena_len, reports = out->report_count;
	const char *detail = out->detail;
	if (reports == DECODED_REPORTS || record->len > DECODED_ARENA - arena_len)
		return false;
	char *text = out->arena + arena_len;
	memcpy(text, record->data, record->len);
	out->arena_len += record->len;
	bool valid = pt502_record_decode(session, (uint8_t *)text, record->len, out) == DECODE_OK &&
		     !(out->reports[reports].body.flags & FLAG_TEXT);
	out->detail = detail;
	if (valid) {
		pt502_history_remember(session, (struct text){text, record->len},
			&out->reports[reports], tick, PT502_SUM_UNKNOWN);
		return true;
	}
	if (out->report_count > reports)
		decoded_drop_report(out);
	out->arena_len = arena_len;
	return false;
}

// Decodes a delta if its reference is found. Returns false if not.
static bool resolve(struct session *session, const struct pt502_query *query, struct decoded *out)
{
	struct pt502_history *history = device_memory_block(session);
	if (!history)
		return false;
	struct pt502_choice choice = pt502_reference_choose(session, history, query);
	if (!choice.found)
		return false;
	bool was_followed = history->records[choice.index].followed;
	history->records[choice.index].followed = true; // before a new record moves it
	if (!emit(session, &choice.record, choice.tick, out)) {
		history->records[choice.index].followed = was_followed;
		return false;
	}
	history->leans = (uint8_t)(choice.lean ? history->leans + (history->leans < UINT8_MAX) : 0);
	return true;
}

static uint32_t read_tick(const struct session *session, size_t at)
{
	uint32_t tick;
	memcpy(&tick, session->memo + at, sizeof tick);
	return tick;
}

// Returns the tick of the last unresolved delta of this conversation or device, or 0 if there is
// none.
static uint32_t last_unresolved(struct session *session)
{
	const struct pt502_history *history = device_memory_block(session);
	uint32_t tick = read_tick(session, PT502_MEMO_UNRESOLVED);
	const bool newer = history && history->unresolved &&
			   (!tick || pt502_is_later(history->unresolved, tick));
	return newer ? history->unresolved : tick;
}

static void note_unresolved(struct session *session, uint32_t tick)
{
	struct pt502_history *history = device_memory_block(session);
	memcpy(session->memo + PT502_MEMO_UNRESOLVED, &tick, sizeof tick);
	if (history)
		history->unresolved = tick;
}

enum decode_status pt502_delta_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (session->memory)
		pt502_history_note_start(session);
	const struct pt502_query query = {.delta = {(const char *)data, len},
		.held_at = -1,
		.tick = device_memory_tick(session),
		.unresolved = last_unresolved(session),
		.start = read_tick(session, PT502_MEMO_START),
		.received_us = session->received_us};
	if (resolve(session, &query, out))
		return DECODE_OK;
	note_unresolved(session, query.tick);
	const uint32_t marks[2] = {query.tick, query.unresolved};
	if (held_frames_add(session, NOT_SEEN, marks, data, len))
		return DECODE_OK;
	return pt502_refuse(out, DECODE_DETAIL, NOT_SEEN);
}

// Identification by deltas alone ----------------------------------------------

struct search {
	const struct held_frames *held;
	uint32_t start; /* the conversation's first tick */
	size_t records; /* records compared */
	size_t longest; /* length of the longest chain from a device's record to the newest delta */
	int surplus;    /* its evidence in bits, less that for its position */
	unsigned devices; /* number of devices with a chain of this length */
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

// Finds the two records that deltas may refer to: the newest by its time, and the last to arrive if
// it is from the log. They may be the same.
static void find_ends(const struct pt502_history *history, size_t ends[2])
{
	ends[0] = history->count - 1u;
	for (size_t i = history->count; i-- > 0;) {
		if (history->records[i].time_s > history->records[ends[0]].time_s)
			ends[0] = i;
	}
	ends[1] = history->records[history->count - 1].stored ? history->count - 1u : ends[0];
}

// Returns true if the device has reported on another conversation since this one began.
static bool is_elsewhere(const struct pt502_history *history, uint32_t start)
{
	for (size_t i = 0; i < history->count; i++) {
		if (pt502_is_later(history->records[i].tick, start))
			return true;
	}
	return history->unresolved && pt502_is_later(history->unresolved, start);
}

// device_memory_search: looks for the longest chain of held deltas from this device's records.
static void visit_device(void *context, struct text ident, const void *block)
{
	struct search *search = context;
	const struct held_frames *held = search->held;
	const struct pt502_history *history = block;
	size_t longest = 0, ends[2];
	int surplus = 0;
	if (history->count == 0)
		return;
	find_ends(history, ends);
	search->records += ends[0] == ends[1] ? 1 : 2;
	for (uint32_t start = 0; start + CHAIN_LEAST <= held->count; start++) {
		uint8_t check = (uint8_t)pt502_apply_held(held, start).data[1];
		for (size_t i = ends[0] == ends[1]; i < 2; i++) {
			if (history->xors[ends[i]] != check)
				continue;
			struct pt502_chain chain = pt502_apply_chain(
				held, start, pt502_history_text(history, ends[i]));
			if (start + chain.length < held->count || chain.length <= longest)
				continue;
			longest = chain.length;
			surplus = (int)chain.bits - 2 * log2_of(start + 1); // many may be tried
		}
	}
	if (longest < CHAIN_LEAST || longest < search->longest ||
		is_elsewhere(history, search->start))
		return;
	search->devices = longest > search->longest ? 1 : search->devices + 1;
	search->longest = longest;
	search->surplus = surplus;
	search->ident_len = (uint8_t)ident.len;
	memcpy(search->ident, ident.data, ident.len);
}

// Sets the ident to the device that the held deltas refer to, if there is exactly one and the
// evidence rules out chance among all remembered devices. With many vehicles, or vehicles at rest,
// it mostly is too weak; then the first record identifies the device.
static void identify(struct session *session)
{
	struct search search = {
		.held = session->held, .start = read_tick(session, PT502_MEMO_START)};
	if (held_frames_count(session) < CHAIN_LEAST ||
		!device_memory_search(session, visit_device, &search))
		return;
	const int wanted = search.records <= FEW ? FEW_BITS : SURE_BITS + log2_of(search.records);
	if (search.devices == 1 && search.surplus >= wanted)
		session_set_ident(session, search.ident, search.ident_len);
}

static bool is_for(const struct session *session, const struct held_frame *frame)
{
	return frame->ident_len == 0 || pt502_is_same((struct text){frame->ident, frame->ident_len},
						(struct text){session->ident, session->ident_len});
}

// Notes that an unresolved delta is resolved: for the deltas after it, the one before it becomes
// the last unresolved one.
static void note_resolved(struct session *session, uint32_t tick, uint32_t before)
{
	struct pt502_history *history = device_memory_block(session);
	for (uint32_t i = 0; i < held_frames_count(session); i++) {
		uint32_t *unresolved = &session->held->frames[i].marks[1];
		*unresolved = *unresolved == tick ? before : *unresolved;
	}
	if (read_tick(session, PT502_MEMO_UNRESOLVED) == tick)
		memcpy(session->memo + PT502_MEMO_UNRESOLVED, &before, sizeof before);
	if (history && history->unresolved == tick)
		history->unresolved = before;
}

void pt502_delta_retry(struct session *session, int64_t last_us, struct decoded *out)
{
	if (session->ident_len == 0)
		identify(session);
	if (session->ident_len == 0)
		return;
	for (uint32_t i = 0; i < held_frames_count(session);) {
		const struct held_frame *frame = &session->held->frames[i];
		const struct pt502_query query = {.delta = pt502_apply_held(session->held, i),
			.held_at = (int32_t)i,
			.tick = frame->marks[0],
			.unresolved = frame->marks[1],
			.start = read_tick(session, PT502_MEMO_START),
			.received_us = frame->received_us,
			.last = frame->received_us < last_us &&
				i + 1 == held_frames_count(session)};
		if (is_for(session, frame) && resolve(session, &query, out)) {
			note_resolved(session, query.tick, query.unresolved);
			held_frames_resolve(session->held, i, out);
			i = 0; // its record may be the reference of those before it
		} else {
			i++;
		}
	}
}

// Rejects the newest held delta, or drops the newest record, which may be the result of the part of
// a delta.
static void undo_newest(struct session *session, struct decoded *out)
{
	struct held_frames *held = session->held;
	struct pt502_history *history;
	if (held_frames_count(session) > 0) {
		held_frames_reject(held, held->count - 1, REST_LATE, out);
	} else if ((history = device_memory_block(session)) && history->count > 0) {
		pt502_history_drop(history, history->count - 1u);
		for (size_t i = 0; i < history->count; i++)
			history->records[i].followed =
				false; // one was followed only by the dropped one
	}
}

enum decode_status pt502_delta_refuse_rest(struct session *session, struct decoded *out)
{
	undo_newest(session, out);
	return pt502_refuse(out, DECODE_DETAIL, REST_LATE);
}
