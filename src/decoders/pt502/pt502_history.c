// SPDX-License-Identifier: MIT
// The last records of a device, to which its next delta may refer. The newest live one stays whatever
// comes out of the log after it.
//
//   pool   record | (gone) | record | record | ... | free        records[] in order of arrival
#include "decoders/pt502/pt502_delta.h"
#include "util/scan.h"

struct text past_text(const struct past *past, size_t index)
{
	const struct past_record *record = &past->records[index];
	return (struct text){past->pool + record->at, record->len};
}

void past_drop(struct past *past, size_t index)
{
	size_t behind = --past->count - index;
	past->used = (uint16_t)(past->used - past->records[index].len);
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

static void close_gaps(struct past *past)
{
	const uint16_t first = past->records[0].at;
	if (past->count > 0 && past->end - first == past->used) { // but at its start
		past->end = (uint16_t)(past->end - first);
		memmove(past->pool, past->pool + first, past->end);
		for (size_t i = 0; i < past->count; i++)
			past->records[i].at = (uint16_t)(past->records[i].at - first);
		return;
	}
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
	while (PAST_POOL - past->used < len)
		past_drop(past, find_oldest(past, stored));
	close_gaps(past);
}

// Is there such a byte among these? Looked at together: for each record that comes this is asked, and
// mostly there is none.
static inline bool has_byte(const uint8_t bytes[PAST_MOST], uint8_t byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t differ = scan_word((const char *)bytes) ^ ones * byte;
	_Static_assert(PAST_MOST == 9, "a word and one");
	return (differ - ones) & ~differ & ones << 7 || bytes[8] == byte;
}

size_t past_find(const struct past *past, struct text text, uint8_t sum)
{
	if (!has_byte(past->xors, sum))
		return past->count;
	for (size_t i = 0; i < past->count; i++) {
		if (past->xors[i] == sum && is_same(past_text(past, i), text))
			return i;
	}
	return past->count;
}

static struct past_record *add(struct past *past, struct text text, uint8_t sum, bool stored)
{
	make_room(past, text.len, stored);
	past->xors[past->count] = sum;
	struct past_record *record = &past->records[past->count++];
	*record = (struct past_record){.at = past->end, .len = (uint8_t)text.len, .stored = stored};
	memcpy(past->pool + past->end, text.data, text.len);
	past->end = (uint16_t)(past->end + text.len);
	past->used = (uint16_t)(past->used + text.len);
	return record;
}

// Without what came behind the terminator: CR LF, CR CR, LF. *cut: a read ended between CR and LF.
static inline struct text trim(struct text line, bool *cut)
{
	size_t end = line.len; // nothing but line ends stands behind the first of them
	while (end > 0 && pt502_is_line_end((uint8_t)line.data[end - 1]))
		end--;
	const size_t ends = line.len - end;
	*cut = ends == 1 && line.data[end] == '\r';
	if (ends > 0)
		end += line.data[end] == '\n' || *cut ? 1 : 2;
	return (struct text){line.data, end};
}

void pt502_note_start(struct session *session)
{
	uint32_t tick;
	memcpy(&tick, session->memo + PT502_MEMO_START, sizeof tick);
	if (tick != 0)
		return;
	tick = device_memory_tick(session);
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

static uint32_t find_latest(const struct past *past)
{
	uint32_t latest_s = 0;
	for (size_t i = 0; i < past->count; i++)
		latest_s = past->records[i].time_s > latest_s ? past->records[i].time_s : latest_s;
	return latest_s;
}

// Mostly a record is later than all others, and need not be looked for: one text has one time.
static bool is_known(struct past *past, struct text text, uint32_t time_s, uint8_t sum)
{
	if (time_s > past->latest_s)
		return false;
	past->latest_s = find_latest(past); // the one that had it may have gone
	return past_find(past, text, sum) < past->count;
}

static void remember(
	struct session *session, struct text text, const struct report *report, uint32_t tick)
{
	struct past *past = is_record(session, text, report) ? device_memory_block(session) : NULL;
	if (!past)
		return;
	const bool dated = report && report->body.has & HAS_TIME && report->body.device_time_us > 0;
	const uint32_t time_s = dated ? (uint32_t)(report->body.device_time_us / 1000000) : 0;
	const uint8_t sum = delta_xor(text);
	if (is_known(past, text, time_s, sum))
		return;
	pt502_note_start(session);
	struct past_record *record = add(past, text, sum, pt502_is_stored(text));
	record->time_s = time_s;
	record->tick = tick ? tick : device_memory_tick(session);
	past->latest_s = time_s > past->latest_s ? time_s : past->latest_s;
	if (dated && !tick && !record->stored) {
		past->lag_s = (int32_t)(session->received_us / 1000000 - time_s);
		past->lag_known = true;
	}
}

static void remember_cut(struct session *session, struct text text, const struct report *report)
{
	char whole[RECORD_MOST];
	memcpy(whole, text.data, text.len);
	whole[text.len] = memcmp(text.data, "$FUS", 4) == 0 ? '\r' : '\n';
	remember(session, (struct text){whole, text.len + 1}, report, 0);
}

void pt502_remember(
	struct session *session, struct text line, const struct report *report, uint32_t tick)
{
	bool cut;
	if (!session->memory || line.len < 5)
		return;
	struct text text = trim(line, &cut);
	if (text.len + cut > RECORD_MOST)
		return;
	if (cut)
		remember_cut(session, text, report);
	else
		remember(session, text, report, tick);
}
