// SPDX-License-Identifier: MIT
// The last records of a device. For a new record the oldest is dropped, but the newest live record
// stays until a newer one arrives, however many follow it from the log.
//
//   pool   record | (dropped) | record | record | ... | free        records[] in order of arrival
#include "decoders/pt502/pt502_history.h"
#include "decoders/pt502/pt502_fields.h"
#include "util/scan.h"

struct text pt502_history_text(const struct pt502_history *history, size_t index)
{
	const struct pt502_history_record *record = &history->records[index];
	return (struct text){history->pool + record->at, record->len};
}

void pt502_history_drop(struct pt502_history *history, size_t index)
{
	size_t later = --history->count - index;
	history->used = (uint16_t)(history->used - history->records[index].len);
	memmove(history->xors + index, history->xors + index + 1, later);
	memmove(history->records + index, history->records + index + 1,
		later * sizeof history->records[0]);
}

// Returns the index of the record to drop for a new one: the oldest, but never the newest live one
// if the new one is from the log.
static size_t find_oldest(const struct pt502_history *history, bool for_stored)
{
	if (!for_stored || history->records[0].stored || history->count < 2)
		return 0;
	for (size_t i = 1; i < history->count; i++) {
		if (!history->records[i].stored)
			return 0;
	}
	return 1;
}

static void close_gaps(struct pt502_history *history)
{
	const uint16_t first = history->records[0].at;
	if (history->count > 0 &&
		history->end - first == history->used) { // the only gap is at the start
		history->end = (uint16_t)(history->end - first);
		memmove(history->pool, history->pool + first, history->end);
		for (size_t i = 0; i < history->count; i++)
			history->records[i].at = (uint16_t)(history->records[i].at - first);
		return;
	}
	history->end = 0;
	for (size_t i = 0; i < history->count; i++) {
		struct pt502_history_record *record = &history->records[i];
		memmove(history->pool + history->end, history->pool + record->at, record->len);
		record->at = history->end;
		history->end = (uint16_t)(history->end + record->len);
	}
}

static void make_room(struct pt502_history *history, size_t len, bool stored)
{
	if (history->count == PT502_HISTORY_MOST)
		pt502_history_drop(history, find_oldest(history, stored));
	if (PT502_HISTORY_POOL - history->end >= len)
		return;
	while (PT502_HISTORY_POOL - history->used < len)
		pt502_history_drop(history, find_oldest(history, stored));
	close_gaps(history);
}

// Returns true if the byte is among these. Compares them all at once: this runs for each record,
// and mostly finds none.
static inline bool has_byte(const uint8_t bytes[PT502_HISTORY_MOST], uint8_t byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t differ = scan_word((const char *)bytes) ^ ones * byte;
	_Static_assert(PT502_HISTORY_MOST == 9, "a word and a byte");
	return (differ - ones) & ~differ & ones << 7 || bytes[8] == byte;
}

size_t pt502_history_find(const struct pt502_history *history, struct text text, uint8_t sum)
{
	if (!has_byte(history->xors, sum))
		return history->count;
	for (size_t i = 0; i < history->count; i++) {
		if (history->xors[i] == sum && pt502_is_same(pt502_history_text(history, i), text))
			return i;
	}
	return history->count;
}

static struct pt502_history_record *add(
	struct pt502_history *history, struct text text, uint8_t sum, bool stored)
{
	make_room(history, text.len, stored);
	history->xors[history->count] = sum;
	struct pt502_history_record *record = &history->records[history->count++];
	*record = (struct pt502_history_record){
		.at = history->end, .len = (uint8_t)text.len, .stored = stored};
	memcpy(history->pool + history->end, text.data, text.len);
	history->end = (uint16_t)(history->end + text.len);
	history->used = (uint16_t)(history->used + text.len);
	return record;
}

// Cuts off the bytes after the terminator, which is CR LF, CR CR or LF. *cut: a read ended between
// CR and LF.
static inline struct text trim(struct text line, bool *cut)
{
	size_t end = line.len; // only line ends follow the first of them
	while (end > 0 && pt502_is_line_end((uint8_t)line.data[end - 1]))
		end--;
	const size_t ends = line.len - end;
	*cut = ends == 1 && line.data[end] == '\r';
	if (ends > 0)
		end += line.data[end] == '\n' || *cut ? 1 : 2;
	return (struct text){line.data, end};
}

void pt502_history_note_start(struct session *session)
{
	uint32_t tick;
	memcpy(&tick, session->memo + PT502_MEMO_START, sizeof tick);
	if (tick != 0)
		return;
	tick = device_memory_tick(session);
	memcpy(session->memo + PT502_MEMO_START, &tick, sizeof tick);
}

// Returns true if the line is a record. That includes one rejected for a field, which the next
// delta may edit.
static bool is_record(const struct session *session, struct text text, const struct report *report)
{
	if (report)
		return !(report->body.flags & FLAG_TEXT);
	struct pt502_fields fields = pt502_fields_split(text);
	struct text ident = pt502_fields_ident(&fields);
	return pt502_is_ident(ident.data, ident.len) &&
	       pt502_is_same(ident, (struct text){session->ident, session->ident_len});
}

static uint32_t find_latest(const struct pt502_history *history)
{
	uint32_t latest_s = 0;
	for (size_t i = 0; i < history->count; i++)
		latest_s = history->records[i].time_s > latest_s ? history->records[i].time_s
								 : latest_s;
	return latest_s;
}

// Returns true if the record is remembered already. Most records are later than all others, so they
// cannot be: equal texts have equal times.
static bool is_known(struct pt502_history *history, struct text text, uint32_t time_s, uint8_t sum)
{
	if (time_s > history->latest_s)
		return false;
	history->latest_s = find_latest(history); // the record it came from may have been dropped
	return pt502_history_find(history, text, sum) < history->count;
}

static void remember(struct session *session, struct text text, const struct report *report,
	uint32_t tick, int known_sum)
{
	struct pt502_history *history =
		is_record(session, text, report) ? device_memory_block(session) : NULL;
	if (!history)
		return;
	const bool dated = report && report->body.has & HAS_TIME && report->body.device_time_us > 0;
	const uint32_t time_s = dated ? (uint32_t)(report->body.device_time_us / 1000000) : 0;
	const uint8_t sum = known_sum != PT502_SUM_UNKNOWN ? (uint8_t)known_sum : pt502_xor(text);
	if (is_known(history, text, time_s, sum))
		return;
	pt502_history_note_start(session);
	struct pt502_history_record *record = add(history, text, sum, pt502_is_stored(text));
	record->time_s = time_s;
	record->tick = tick ? tick : device_memory_tick(session);
	history->latest_s = time_s > history->latest_s ? time_s : history->latest_s;
	if (dated && !tick && !record->stored) {
		history->lag_s = (int32_t)(session->received_us / 1000000 - time_s);
		history->lag_known = true;
	}
}

// Completes the terminator of a record that was cut between CR and LF.
static __attribute__((noinline)) void remember_cut(
	struct session *session, struct text text, const struct report *report)
{
	char whole[PT502_RECORD_MOST];
	memcpy(whole, text.data, text.len);
	whole[text.len] = memcmp(text.data, "$FUS", 4) == 0 ? '\r' : '\n';
	remember(session, (struct text){whole, text.len + 1}, report, 0, PT502_SUM_UNKNOWN);
}

void pt502_history_remember(struct session *session, struct text line, const struct report *report,
	uint32_t tick, int sum)
{
	bool cut;
	if (!session->memory || line.len < 5)
		return;
	struct text text = trim(line, &cut);
	if (text.len + cut > PT502_RECORD_MOST)
		return;
	if (cut)
		remember_cut(session, text, report);
	else
		remember(session, text, report, tick,
			text.len == line.len ? sum : PT502_SUM_UNKNOWN);
}
