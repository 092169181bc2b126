// SPDX-License-Identifier: MIT
// Applies deltas of the PT-502 to records. Contracts are in the header.
#include "decoders/pt502/pt502_apply.h"
#include "decoders/pt502/pt502_fields.h"

// Returns true if these bytes may stand in a field. CR and LF may only end the last field.
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

// Appends bytes. Returns false if they do not fit.
static bool put(struct pt502_rebuilt *out, const char *data, size_t len)
{
	if (len > (size_t)(PT502_RECORD_MOST - out->len))
		return false;
	if (len > 0)
		memcpy(out->data + out->len, data, len);
	out->len = (uint8_t)(out->len + len);
	return true;
}

// The change of one field.
struct edit {
	bool present;
	uint8_t keep;     /* bytes of the old text that remain */
	struct text text; /* the text after them */
};

// Reads the triples of a delta. edits: one for each field.
static bool read_edits(struct text delta, const struct pt502_fields *fields, struct edit *edits)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	for (size_t triple; at < end; at += triple) {
		triple = 3 + (size_t)at[2];
		size_t field = at[0];
		struct text text = {(const char *)at + 3, at[2]};
		if (field >= fields->count || edits[field].present ||
			at[1] > fields->field[field].len ||
			!is_plain(text, field == fields->count - 1))
			return false;
		edits[field] = (struct edit){true, at[1], text};
	}
	return true;
}

bool pt502_apply(struct text reference, struct text delta, struct pt502_rebuilt *out)
{
	struct edit edits[PT502_FIELDS_MOST] = {0};
	struct pt502_fields fields = pt502_fields_split(reference);
	size_t start = 0; // of the current field
	out->len = 0;
	if (fields.count < 2 || !read_edits(delta, &fields, edits))
		return false;
	for (size_t i = 0; i < fields.count; i++) {
		struct text old = fields.field[i];
		start = out->len;
		if (!put(out, old.data, edits[i].present ? edits[i].keep : old.len) ||
			!put(out, edits[i].text.data, edits[i].text.len) ||
			(i < fields.count - 1 && !put(out, old.data + old.len, 1)))
			return false;
	}
	return is_plain((struct text){out->data + start, out->len - start}, true) &&
	       !pt502_is_same(pt502_rebuilt_text(out), reference);
}

bool pt502_apply_is_lean(struct text reference, struct text delta)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	struct pt502_fields fields = pt502_fields_split(reference);
	for (; at < end; at += 3 + (size_t)at[2]) {
		struct text old = fields.field[at[0]];
		if (at[2] > 0 && at[1] < old.len && old.data[at[1]] == (char)at[3])
			return false;
	}
	return true;
}

struct text pt502_apply_held(const struct held_frames *held, uint32_t index)
{
	const struct held_frame *frame = &held->frames[index];
	return (struct text){(const char *)held->bytes + frame->at, frame->len};
}

// Chains ----------------------------------------------------------------------

static bool is_later_of_same(struct text later, struct text text)
{
	struct pt502_fields a = pt502_fields_split(later), b = pt502_fields_split(text);
	return pt502_is_same(pt502_fields_ident(&a), pt502_fields_ident(&b)) &&
	       pt502_fields_time(&a) >= pt502_fields_time(&b);
}

// The number of bytes of each field that are still the reference's own: no delta has rewritten
// them.
struct own {
	uint8_t len[PT502_FIELDS_MOST];
};

static struct own own_of(struct text reference)
{
	struct own own = {0};
	const struct pt502_fields fields = pt502_fields_split(reference);
	for (size_t i = 0; i < fields.count; i++)
		own.len[i] = (uint8_t)fields.field[i].len;
	return own;
}

// Returns true if this digit tells vehicles apart. Only some fields differ between vehicles. A 0 is
// no evidence: vehicles at rest have many, and odometers end in zeros.
static bool is_telling(size_t field, char c)
{
	const bool differs = field == PT502_FIELD_LATITUDE || field == PT502_FIELD_LONGITUDE ||
			     field == PT502_FIELD_SPEED || field == PT502_FIELD_COURSE ||
			     field == PT502_FIELD_ODOMETER;
	return differs && c >= '1' && c <= '9';
}

// Returns the evidence that the check of the next delta gives about the reference. If two records
// have the same XOR and receive the same edits, their new XORs differ only if the replaced texts
// did. Texts that a delta has written are the same in both, so only the reference's own bytes
// count. (The time, the only field that changes while a vehicle is at rest, is the same in all
// trackers that report at the same times.)
static unsigned weigh(const struct pt502_fields *here, struct text delta, struct own *own)
{
	const uint8_t *at = (const uint8_t *)delta.data + 2, *end = at + delta.len - 2;
	unsigned digits = 0;
	for (; at < end; at += 3 + (size_t)at[2]) {
		const size_t field = at[0];
		for (size_t i = at[1]; i < own->len[field]; i++)
			digits += is_telling(field, here->field[field].data[i]);
		own->len[field] = at[1] < own->len[field] ? at[1] : own->len[field];
	}
	return digits < 2 ? 2 * digits : PT502_CHECK_BITS;
}

struct pt502_chain pt502_apply_chain(
	const struct held_frames *held, uint32_t start, struct text reference)
{
	struct pt502_rebuilt here = {0}, next;
	struct pt502_chain chain = {0};
	struct own own = own_of(reference);
	unsigned bits = PT502_CHECK_BITS; // of the current check
	put(&here, reference.data, reference.len);
	for (uint32_t i = start; i < held->count; i++, chain.length++) {
		const struct text delta = pt502_apply_held(held, i);
		const struct text record = pt502_rebuilt_text(&here);
		if (pt502_xor(record) != (uint8_t)delta.data[1] ||
			!pt502_apply(record, delta, &next) ||
			!is_later_of_same(pt502_rebuilt_text(&next), record))
			break;
		const struct pt502_fields fields = pt502_fields_split(record);
		chain.bits += bits;
		bits = weigh(&fields, delta, &own);
		here = next;
	}
	return chain;
}
