// SPDX-License-Identifier: MIT
// Delta records ("Smart Report"): what differs from the record that the tracker made just before.
//
//   '@' check { field offset count text[count] } ...      numbers of one byte
//
// check is the XOR of that record, the reference. A byte is little proof: one record in 256 has it by
// chance. So a record that check fits is taken at once only when nothing speaks against it: no other
// delta has led on from it, and it is the newest, or comes right before the result by their times.
// Else the delta is held until the check of another delta fits the result, too.
//
// Of each device the last records are remembered, the newest live one whatever comes out of the log
// after it:
//
//   pool   record | (gone) | record | record | ... | free        records[] in order of arrival
#include "pt502.h"

#include "checksum.h"
#include "memory.h"

#define PAST_MOST   9 /* the last 8, and the newest live one if it is not among them */
#define PAST_POOL   1280u
#define RECORD_MOST 255 /* bytes of a record that is remembered */
#define FIELDS_MOST 64
#define CHAIN_LEAST 2 /* checks that must fit one device's records */

#define NOT_SEEN "delta: reference not seen"

struct past_record {
	uint32_t time_s; /* of the device, since 1970; 0: none */
	uint32_t tick;   /* when it came */
	uint16_t at;     /* in pool */
	uint8_t len;
	bool stored;   /* out of the tracker's log */
	bool followed; /* a delta has led on from it */
};

struct past {
	uint8_t xors[PAST_MOST]; /* first: a search through all devices looks at little else */
	uint8_t count;
	uint16_t end;    /* of what is used of pool */
	uint32_t astray; /* tick of the last delta that found no reference at once */
	struct past_record records[PAST_MOST];
	char pool[PAST_POOL];
};

_Static_assert(sizeof(struct past) <= PT502_PAST_SIZE, "the device's block holds it");

static struct text text_of(const struct past *past, size_t index)
{
	const struct past_record *record = &past->records[index];
	return (struct text){past->pool + record->at, record->len};
}

static uint8_t xor_of(struct text text)
{
	return checksum_xor((const uint8_t *)text.data, text.len);
}

static bool equal(struct text a, struct text b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

// Remembering -------------------------------------------------------------------------------------

static void drop(struct past *past, size_t index)
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
		drop(past, find_oldest(past, stored));
	if (PAST_POOL - past->end >= len)
		return;
	while (PAST_POOL - pool_used(past) < len)
		drop(past, find_oldest(past, stored));
	close_gaps(past);
}

static bool is_known(const struct past *past, struct text text, uint8_t sum)
{
	for (size_t i = 0; i < past->count; i++) {
		if (past->xors[i] == sum && equal(text_of(past, i), text))
			return true;
	}
	return false;
}

static void remember(struct session *session, struct text text, uint32_t time_s, bool stored)
{
	struct past *past = text.len <= RECORD_MOST ? session_device(session) : NULL;
	if (!past)
		return;
	uint8_t sum = xor_of(text);
	if (is_known(past, text, sum))
		return;
	make_room(past, text.len, stored);
	past->xors[past->count] = sum;
	past->records[past->count++] = (struct past_record){.time_s = time_s,
		.tick = session_tick(session),
		.at = past->end,
		.len = (uint8_t)text.len,
		.stored = stored};
	memcpy(past->pool + past->end, text.data, text.len);
	past->end = (uint16_t)(past->end + text.len);
}

// Fields ------------------------------------------------------------------------------------------

enum { FIELD_IDENT = 1, FIELD_TIME = 2, FIELD_DATE = 10 };

struct fields {
	size_t count; /* 0: too many */
	struct text field[FIELDS_MOST];
};

static struct fields split(struct text record)
{
	struct fields fields;
	const char *start = record.data, *end = record.data + record.len;
	fields.count = 0;
	for (const char *at = start; at <= end; at++) {
		if (at < end && *at != ',' && *at != '/')
			continue;
		if (fields.count == FIELDS_MOST) {
			fields.count = 0;
			return fields;
		}
		fields.field[fields.count++] = (struct text){start, (size_t)(at - start)};
		start = at + 1;
	}
	return fields;
}

static struct text ident_of(const struct fields *fields)
{
	struct text ident = {NULL, 0};
	struct text code = fields->count > 1 ? fields->field[0] : ident;
	if (code.len > 4 && memcmp(code.data, "$FUS", 4) == 0)
		return (struct text){code.data + 4, code.len - 4};
	return fields->count > 1 ? fields->field[FIELD_IDENT] : ident;
}

static uint32_t time_of(const struct fields *fields)
{
	int64_t clock_us, date_us;
	if (fields->count <= FIELD_DATE || !text_hhmmss(fields->field[FIELD_TIME], &clock_us) ||
		!text_ddmmyy(fields->field[FIELD_DATE], &date_us))
		return 0;
	return (uint32_t)((date_us + clock_us) / 1000000);
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

void pt502_remember(struct session *session, struct text line, const struct report *report)
{
	char whole[RECORD_MOST];
	if (!session->memory || line.len < 5 || line.len > RECORD_MOST + 2)
		return;
	struct text text = trim(line, whole);
	if (report) {
		bool dated = report->body.has & HAS_TIME && report->body.device_time_us > 0;
		if (!(report->body.flags & FLAG_TEXT))
			remember(session, text,
				dated ? (uint32_t)(report->body.device_time_us / 1000000) : 0,
				report->body.flags & FLAG_STORED);
		return;
	}
	struct fields fields = split(text); // rejected for some field: the next delta may edit it
	struct text ident = ident_of(&fields);
	if (pt502_is_ident(ident.data, ident.len) &&
		equal(ident, (struct text){session->ident, session->ident_len}))
		remember(session, text, 0, pt502_is_stored(text));
}

// Applying ----------------------------------------------------------------------------------------

struct record {
	uint8_t len; /* 0: none */
	char data[RECORD_MOST];
};

static struct text record_text(const struct record *record)
{
	return (struct text){record->data, record->len};
}

// May these bytes stand in a field? CR and LF only at the end of the last one.
static bool is_plain(struct text text, bool last)
{
	bool ended = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.data[i];
		bool line_end = pt502_is_line_end(c);
		if (c == ',' || c == '/' || (c < 0x20 && !(line_end && last)) ||
			(ended && !line_end))
			return false;
		ended |= line_end;
	}
	return true;
}

static bool put(struct record *out, const char *data, size_t len)
{
	if (len > (size_t)(RECORD_MOST - out->len))
		return false;
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len = (uint8_t)(out->len + len);
	return true;
}

struct edit {
	bool named;
	uint8_t keep;
	struct text text;
};

static bool take_edits(struct text delta, const struct fields *fields, struct edit *edits)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	for (size_t triple; at < end; at += triple) {
		triple = 3 + (size_t)at[2];
		size_t field = at[0];
		struct text text = {(const char *)at + 3, at[2]};
		if (field >= fields->count || edits[field].named ||
			at[1] > fields->field[field].len ||
			!is_plain(text, field == fields->count - 1))
			return false;
		edits[field] = (struct edit){true, at[1], text};
	}
	return true;
}

// delta: whole triples behind its first two bytes. False: it does not fit the reference.
static bool apply(struct text reference, struct text delta, struct record *out)
{
	struct edit edits[FIELDS_MOST] = {0};
	struct fields fields = split(reference);
	size_t start = 0; // of the field at hand
	out->len = 0;
	if (fields.count < 2 || !take_edits(delta, &fields, edits))
		return false;
	for (size_t i = 0; i < fields.count; i++) {
		struct text old = fields.field[i];
		start = out->len;
		if (!put(out, old.data, edits[i].named ? edits[i].keep : old.len) ||
			!put(out, edits[i].text.data, edits[i].text.len) ||
			(i < fields.count - 1 && !put(out, old.data + old.len, 1)))
			return false;
	}
	return is_plain((struct text){out->data + start, out->len - start}, true) &&
	       !equal(record_text(out), reference);
}

// Choosing the reference --------------------------------------------------------------------------

// A delta that looks for its reference.
struct seeker {
	struct text delta;
	int32_t place;  /* in session->held; -1: it has only just come, and nothing waits */
	uint32_t after; /* a live record's reference came after this tick; 0: any */
};

// How good a reference is, rising.
enum rank { NONE, DOUBTFUL, REPEATED, NEWEST, NEXT_IN_TIME };

struct choice {
	enum rank rank;
	bool lean; /* each text begins where the reference differs, as the tracker makes them */
	size_t index;
	struct record record;
};

static bool is_ours(const struct session *session, const struct fields *fields)
{
	return equal(ident_of(fields), (struct text){session->ident, session->ident_len});
}

static bool is_next_in_time(const struct past *past, size_t index, uint32_t time_s)
{
	uint32_t before_s = past->records[index].time_s;
	if (before_s == 0 || time_s == 0 || time_s < before_s)
		return false;
	for (size_t i = 0; i < past->count; i++) {
		uint32_t other_s = past->records[i].time_s;
		if (other_s > before_s && other_s < time_s)
			return false;
	}
	return true;
}

static bool is_later(uint32_t tick, uint32_t other)
{
	return (int32_t)(tick - other) > 0;
}

static enum rank rank_of(const struct past *past, const struct seeker *seeker, size_t index,
	struct text text, uint32_t time_s)
{
	const struct past_record *record = &past->records[index];
	bool live = !pt502_is_stored(text);
	if (is_known(past, text, xor_of(text)))
		return REPEATED;
	// Live ones come in the order in which they were made: what one refers to has come after
	// any delta before it that went astray.
	if (record->followed ||
		(live && seeker->after > 0 && !is_later(record->tick, seeker->after)))
		return DOUBTFUL;
	if (is_next_in_time(past, index, time_s))
		return NEXT_IN_TIME;
	return live && index == past->count - 1u ? NEWEST : DOUBTFUL;
}

static bool is_lean(struct text reference, struct text delta)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	struct fields fields = split(reference);
	for (; at < end; at += 3 + (size_t)at[2]) {
		struct text old = fields.field[at[0]];
		if (at[2] > 0 && at[1] < old.len && old.data[at[1]] == (char)at[3])
			return false;
	}
	return true;
}

// Does another delta that waits go on from this record?
static bool is_proven(const struct session *session, const struct seeker *seeker, struct text text)
{
	uint8_t sum = xor_of(text);
	for (uint32_t i = 0; i < session_holds(session); i++) {
		const struct hold_frame *frame = &session->held->frames[i];
		const char *bytes = (const char *)session->held->bytes + frame->at;
		struct record next;
		if ((int32_t)i != seeker->place && (uint8_t)bytes[1] == sum &&
			apply(text, (struct text){bytes, frame->len}, &next))
			return true;
	}
	return false;
}

static bool is_better(const struct choice *a, const struct choice *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	return a->lean && !b->lean;
}

static struct choice choose(
	const struct session *session, const struct past *past, const struct seeker *seeker)
{
	struct choice best = {.rank = NONE};
	bool torn = false;
	for (size_t i = past->count; i-- > 0;) {
		struct choice next = {.index = i};
		struct text reference = text_of(past, i);
		if (past->xors[i] != (uint8_t)seeker->delta.data[1] ||
			!apply(reference, seeker->delta, &next.record))
			continue;
		struct fields fields = split(record_text(&next.record));
		if (!is_ours(session, &fields))
			continue;
		next.rank = rank_of(past, seeker, i, record_text(&next.record), time_of(&fields));
		if (next.rank == DOUBTFUL && !is_proven(session, seeker, record_text(&next.record)))
			continue;
		next.lean = is_lean(reference, seeker->delta);
		if (best.rank == NONE || is_better(&next, &best)) {
			best = next;
			torn = false;
		} else if (next.rank == DOUBTFUL && !is_better(&best, &next)) {
			torn = true;
		}
	}
	if (torn)
		best.rank = NONE;
	return best;
}

// A record rebuilt is decoded as if it had been sent whole; its text is kept in the batch.
static bool emit(struct session *session, const struct record *record, struct batch *out)
{
	const size_t arena_len = out->arena_len, reports = out->report_count;
	const char *detail = out->detail;
	if (reports == BATCH_REPORTS || record->len > BATCH_ARENA - arena_len)
		return false;
	char *text = out->arena + arena_len;
	memcpy(text, record->data, record->len);
	out->arena_len += record->len;
	bool sound = pt502_decode_line(session, (uint8_t *)text, record->len, out) == DECODE_OK &&
		     !(out->reports[reports].body.flags & FLAG_TEXT);
	out->detail = detail;
	if (sound) {
		pt502_remember(session, (struct text){text, record->len}, &out->reports[reports]);
		return true;
	}
	if (out->report_count > reports)
		batch_drop_report(out);
	out->arena_len = arena_len;
	return false;
}

// True: the delta is done with.
static bool seek(struct session *session, const struct seeker *seeker, struct batch *out)
{
	struct past *past = session_device(session);
	if (!past)
		return false;
	struct choice choice = choose(session, past, seeker);
	if (choice.rank == NONE)
		return false;
	bool was_followed = past->records[choice.index].followed;
	past->records[choice.index].followed = true; // before new ones move it
	if (emit(session, &choice.record, out))
		return true;
	past->records[choice.index].followed = was_followed;
	return false;
}

// When the last delta went astray, in this conversation or of this device. 0: none did.
static uint32_t last_astray(struct session *session)
{
	const struct past *past = session_device(session);
	uint32_t tick;
	memcpy(&tick, session->memo + PT502_MEMO_ASTRAY, sizeof tick);
	return past && (tick == 0 || is_later(past->astray, tick)) ? past->astray : tick;
}

static void note_astray(struct session *session)
{
	struct past *past = session_device(session);
	uint32_t tick = session_tick(session);
	memcpy(session->memo + PT502_MEMO_ASTRAY, &tick, sizeof tick);
	if (past)
		past->astray = tick;
}

enum decode_status pt502_decode_delta(
	struct session *session, const uint8_t *data, size_t len, struct batch *out)
{
	const struct seeker seeker = {
		.delta = {(const char *)data, len}, .place = -1, .after = last_astray(session)};
	if (session_holds(session) == 0 && seek(session, &seeker, out))
		return DECODE_OK;
	note_astray(session);
	if (session_hold(session, NOT_SEEN, seeker.after, data, len))
		return DECODE_OK;
	return pt502_refuse(out, DECODE_DETAIL, NOT_SEEN);
}

// Whose deltas are these? ---------------------------------------------------------------------------

struct adoption {
	const struct hold *held;
	size_t records;   /* looked at */
	size_t length;    /* checks in a row that fit the best device's records */
	unsigned devices; /* that many fit as well */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

static struct text held_delta(const struct hold *held, uint32_t index)
{
	const struct hold_frame *frame = &held->frames[index];
	return (struct text){(const char *)held->bytes + frame->at, frame->len};
}

static size_t chain_length(const struct hold *held, struct text reference)
{
	struct record here = {0}, next;
	size_t length = 0;
	put(&here, reference.data, reference.len);
	for (; length < held->count; length++) {
		struct text delta = held_delta(held, (uint32_t)length);
		if (xor_of(record_text(&here)) != (uint8_t)delta.data[1] ||
			!apply(record_text(&here), delta, &next))
			break;
		here = next;
	}
	return length;
}

static void look_at(void *context, struct text ident, const void *block)
{
	struct adoption *adoption = context;
	const struct past *past = block;
	uint8_t check = (uint8_t)held_delta(adoption->held, 0).data[1];
	size_t length = 0;
	adoption->records += past->count;
	for (size_t i = 0; i < past->count; i++) {
		if (past->xors[i] != check)
			continue;
		size_t chain = chain_length(adoption->held, text_of(past, i));
		length = chain > length ? chain : length;
	}
	if (length < CHAIN_LEAST || length < adoption->length)
		return;
	adoption->devices = length > adoption->length ? 1 : adoption->devices + 1;
	adoption->length = length;
	adoption->ident_len = (uint8_t)ident.len;
	memcpy(adoption->ident, ident.data, ident.len);
}

// The device whose records the deltas go on from, if there is just one, and the checks in a row are
// enough that chance does not make one up among all that are remembered.
static void adopt(struct session *session)
{
	struct adoption adoption = {.held = session->held};
	if (session_holds(session) < CHAIN_LEAST || !session_search(session, look_at, &adoption))
		return;
	size_t wanted = CHAIN_LEAST;
	for (size_t n = adoption.records; n >= 256; n /= 256)
		wanted++;
	if (adoption.devices == 1 && adoption.length >= wanted)
		session_set_ident(session, adoption.ident, adoption.ident_len);
}

static bool is_for(const struct session *session, const struct hold_frame *frame)
{
	return frame->ident_len == 0 || equal((struct text){frame->ident, frame->ident_len},
						(struct text){session->ident, session->ident_len});
}

void pt502_wake(struct session *session, struct batch *out)
{
	if (session->ident_len == 0)
		adopt(session);
	if (session->ident_len == 0)
		return;
	for (uint32_t i = 0; i < session_holds(session);) {
		const struct hold_frame *frame = &session->held->frames[i];
		const struct seeker seeker = {.delta = held_delta(session->held, i),
			.place = (int32_t)i,
			.after = frame->mark};
		if (is_for(session, frame) && seek(session, &seeker, out)) {
			hold_remove(session->held, i);
			i = 0; // those before it may wait for what it became
		} else {
			i++;
		}
	}
}

void pt502_break_delta(struct session *session, struct batch *out)
{
	struct hold *held = session->held;
	struct past *past;
	if (session_holds(session) > 0) {
		struct text delta = held_delta(held, held->count - 1);
		if (delta.len <= BATCH_ARENA - out->arena_len) {
			char *copy = out->arena + out->arena_len;
			memcpy(copy, delta.data, delta.len);
			out->arena_len += delta.len;
			batch_reject(
				out, DECODE_DETAIL, PT502_DELTA_LATE, (uint8_t *)copy, delta.len);
		}
		hold_remove(held, held->count - 1);
	} else if ((past = session_device(session)) && past->count > 0) {
		drop(past, past->count - 1u);
	}
}
