// SPDX-License-Identifier: MIT
// The last records of a device, to which its next delta may refer. The newest live one stays whatever
// comes out of the log after it.
//
//   pool   record | (gone) | record | record | ... | free        records[] in order of arrival
#include "pt502_delta.h"

struct text past_text(const struct past *past, size_t index)
{
	const struct past_record *record = &past->records[index];
	return (struct text){past->pool + record->at, record->len};
}

void past_drop(struct past *past, size_t index)
{
	size_t behind = --past->count - index;
	memmove(past->xors + index, past->xors + index + 1, behind);
	memmove(past->records + index, past->records + index + 1, behind * sizeof past->records[0]);
}

// Which record goes for a new one: the oldest, but not the newest live one for one out of the log.
static size_t find_oldest(const struct past *past, bool for_stored)
{
	if (!for_stored || past->records[0].stored || past->count < 2)
		return 0;
	for (size_t i = 1; i < past->count; i++) {
		if (!past->records[i].stored)
			return 0;
	}
	return 1;
}

static size_t pool_used(const struct past *past)
{
	size_t used = 0;
	for (size_t i = 0; i < past->count; i++)
		used += past->records[i].len;
	return used;
}

static void close_gaps(struct past *past)
{
	past->end = 0;
	for (size_t i = 0; i < past->count; i++) {
		struct past_record *record = &past->records[i];
		memmove(past->pool + past->end, past->pool + record->at, record->len);
		record->at = past->end;
		past->end = (uint16_t)(past->end + record->len);
	}
}

static void make_room(struct past *past, size_t len, bool stored)
{
	if (past->count == PAST_MOST)
		past_drop(past, find_oldest(past, stored));
	if (PAST_POOL - past->end >= len)
		return;
	while (PAST_POOL - pool_used(past) < len)
		past_drop(past, find_oldest(past, stored));
	close_gaps(past);
}

size_t past_find(const struct past *past, struct text text)
{
	const uint8_t sum = delta_xor(text);
	for (size_t i = 0; i < past->count; i++) {
		if (past->xors[i] == sum && is_same(past_text(past, i), text))
			return i;
	}
	return past->count;
}

void past_add(struct past *past, struct text text, uint32_t time_s, uint32_t tick)
{
	const bool stored = pt502_is_stored(text);
	make_room(past, text.len, stored);
	past->xors[past->count] = delta_xor(text);
	past->records[past->count++] = (struct past_record){.time_s = time_s,
		.tick = tick,
		.at = past->end,
		.len = (uint8_t)text.len,
		.stored = stored};
	memcpy(past->pool + past->end, text.data, text.len);
	past->end = (uint16_t)(past->end + text.len);
}

// Without what came behind the terminator: CR LF, CR CR, LF. A read may have ended before the LF.
static struct text trim(struct text line, char whole[RECORD_MOST])
{
	size_t end = 0;
	while (end < line.len && !pt502_is_line_end((uint8_t)line.data[end]))
		end++;
	if (end == line.len || line.data[end] == '\n')
		return (struct text){line.data, end + (end < line.len)};
	if (end + 1 < line.len)
		return (struct text){line.data, end + 2};
	if (end + 2 > RECORD_MOST)
		return line;
	memcpy(whole, line.data, end);
	whole[end] = '\r';
	whole[end + 1] = memcmp(line.data, "$FUS", 4) == 0 ? '\r' : '\n';
	return (struct text){whole, end + 2};
}

void pt502_note_start(struct session *session)
{
	uint32_t tick;
	memcpy(&tick, session->memo + PT502_MEMO_START, sizeof tick);
	if (tick != 0)
		return;
	tick = session_tick(session);
	memcpy(session->memo + PT502_MEMO_START, &tick, sizeof tick);
}

// A record rejected for some field is one all the same: the next delta may edit that.
static bool is_record(const struct session *session, struct text text, const struct report *report)
{
	if (report)
		return !(report->body.flags & FLAG_TEXT);
	struct fields fields = delta_split(text);
	struct text ident = delta_ident(&fields);
	return pt502_is_ident(ident.data, ident.len) &&
	       is_same(ident, (struct text){session->ident, session->ident_len});
}

void pt502_remember(
	struct session *session, struct text line, const struct report *report, uint32_t tick)
{
	char whole[RECORD_MOST];
	if (!session->memory || line.len < 5 || line.len > RECORD_MOST + 2)
		return;
	struct text text = trim(line, whole);
	bool fits = text.len <= RECORD_MOST && is_record(session, text, report);
	struct past *past = fits ? session_device(session) : NULL;
	if (!past || past_find(past, text) < past->count)
		return;
	bool dated = report && report->body.has & HAS_TIME && report->body.device_time_us > 0;
	int64_t time_s = dated ? report->body.device_time_us / 1000000 : 0;
	pt502_note_start(session);
	past_add(past, text, (uint32_t)time_s, tick ? tick : session_tick(session));
	if (dated && !tick && !(report->body.flags & FLAG_STORED)) {
		past->lag_s = (int32_t)(session->received_us / 1000000 - time_s);
		past->lag_known = true;
	}
}
