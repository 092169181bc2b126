// SPDX-License-Identifier: MIT
// A delta and a record it is applied to. Fields end at ',' and '/'; the line end is part of the last.
#include "decoders/pt502/pt502_delta.h"

#include "util/checksum.h"

enum {
	FIELD_IDENT = 1,
	FIELD_TIME = 2,
	FIELD_LATITUDE = 4,
	FIELD_LONGITUDE = 6,
	FIELD_SPEED = 8,
	FIELD_COURSE = 9,
	FIELD_DATE = 10,
	FIELD_ODOMETER = 20
};

uint8_t delta_xor(struct text record)
{
	return checksum_xor((const uint8_t *)record.data, record.len);
}

struct fields delta_split(struct text record)
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

struct text delta_ident(const struct fields *fields)
{
	if (fields->count < 2)
		return (struct text){"", 0};
	const struct text code = fields->field[0];
	if (code.len > 4 && memcmp(code.data, "$FUS", 4) == 0)
		return (struct text){code.data + 4, code.len - 4};
	return fields->field[FIELD_IDENT];
}

uint32_t delta_time(const struct fields *fields)
{
	int64_t clock_us, date_us;
	if (fields->count <= FIELD_DATE || !text_hhmmss(fields->field[FIELD_TIME], &clock_us) ||
		!text_ddmmyy(fields->field[FIELD_DATE], &date_us))
		return 0;
	return (uint32_t)((date_us + clock_us) / 1000000);
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

bool delta_apply(struct text reference, struct text delta, struct record *out)
{
	struct edit edits[FIELDS_MOST] = {0};
	struct fields fields = delta_split(reference);
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
	       !is_same(record_text(out), reference);
}

bool delta_is_lean(struct text reference, struct text delta)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	struct fields fields = delta_split(reference);
	for (; at < end; at += 3 + (size_t)at[2]) {
		struct text old = fields.field[at[0]];
		if (at[2] > 0 && at[1] < old.len && old.data[at[1]] == (char)at[3])
			return false;
	}
	return true;
}

struct text delta_held(const struct held_frames *held, uint32_t index)
{
	const struct held_frame *frame = &held->frames[index];
	return (struct text){(const char *)held->bytes + frame->at, frame->len};
}

static bool is_later_of_same(struct text later, struct text text)
{
	struct fields a = delta_split(later), b = delta_split(text);
	return is_same(delta_ident(&a), delta_ident(&b)) && delta_time(&a) >= delta_time(&b);
}

// How much of each field still is the reference's own, none of it written by a delta since.
struct own {
	uint8_t len[FIELDS_MOST];
};

static struct own own_of(struct text reference)
{
	struct own own = {0};
	const struct fields fields = delta_split(reference);
	for (size_t i = 0; i < fields.count; i++)
		own.len[i] = (uint8_t)fields.field[i].len;
	return own;
}

// The fields in which vehicles differ. Of their digits a 0 says nothing: those that stand still have
// many alike, and odometers end in them.
static bool is_telling(size_t field, char c)
{
	const bool differs = field == FIELD_LATITUDE || field == FIELD_LONGITUDE ||
			     field == FIELD_SPEED || field == FIELD_COURSE ||
			     field == FIELD_ODOMETER;
	return differs && c >= '1' && c <= '9';
}

// What the check behind this delta will say about the reference. Of two records of the same XOR, both
// edited alike, the XORs differ only if the texts that went did; and those that a delta has written
// before are the same in both. So only text of the reference's own counts. (Time, the only one that
// a vehicle at rest changes, is the same in all that report at the same times.)
static unsigned weigh(const struct fields *here, struct text delta, struct own *own)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	unsigned digits = 0;
	for (; at < end; at += 3 + (size_t)at[2]) {
		const size_t field = at[0];
		for (size_t i = at[1]; i < own->len[field]; i++)
			digits += is_telling(field, here->field[field].data[i]);
		own->len[field] = at[1] < own->len[field] ? at[1] : own->len[field];
	}
	return digits < 2 ? 2 * digits : DELTA_CHECK_BITS;
}

struct chain delta_chain(const struct held_frames *held, uint32_t start, struct text reference)
{
	struct record here = {0}, next;
	struct chain chain = {0};
	struct own own = own_of(reference);
	unsigned bits = DELTA_CHECK_BITS; // of the check at hand
	put(&here, reference.data, reference.len);
	for (uint32_t i = start; i < held->count; i++, chain.length++) {
		struct text delta = delta_held(held, i);
		if (delta_xor(record_text(&here)) != (uint8_t)delta.data[1] ||
			!delta_apply(record_text(&here), delta, &next) ||
			!is_later_of_same(record_text(&next), record_text(&here)))
			break;
		const struct fields fields = delta_split(record_text(&here));
		chain.bits += bits;
		bits = weigh(&fields, delta, &own);
		here = next;
	}
	return chain;
}
