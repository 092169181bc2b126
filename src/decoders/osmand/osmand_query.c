// SPDX-License-Identifier: MIT
// Pairs name=value between & or ;. + is a space and %41 a byte; a % without two hex digits is itself.
#include "decoders/osmand/osmand_query.h"

#include "decoders/osmand/osmand_json.h"
#include "decoders/osmand/osmand_names.h"
#include "decoders/osmand/osmand_record.h"
#include "util/simd.h"

struct pair {
	struct text name, value;
	uint8_t field; /* osmand_names_find */
};

struct pairs {
	size_t count;
	bool has_escapes;
	struct pair at[OSMAND_QUERY_PAIRS];
};

// Adds the pair between two separators, unless it is empty; mark: its =, or NULL. Returns false if there are more than
// OSMAND_QUERY_PAIRS.
static bool add_pair(struct pairs *pairs, const char *start, const char *mark, const char *end)
{
	if (start == end)
		return true;
	if (pairs->count == OSMAND_QUERY_PAIRS)
		return false;
	struct pair *pair = &pairs->at[pairs->count++];
	const char *name_end = mark ? mark : end, *value = mark ? mark + 1 : end;
	pair->name = (struct text){start, (size_t)(name_end - start)};
	pair->value = (struct text){value, (size_t)(end - value)};
	return true;
}

// Returns false if there are more than OSMAND_QUERY_PAIRS.
static bool split(struct text text, struct pairs *pairs)
{
	const char *start = text.data, *mark = NULL, *end = text.data + text.len;
	pairs->count = 0;
	lanes escapes = {0};
	for (const char *at = start; at < end; at += sizeof(lanes)) {
		const lanes bytes = lanes_load_until(at, end);
		uint32_t set = lanes_set((lanes)((bytes == (uint8_t)'&') | (bytes == (uint8_t)';') |
						 (bytes == (uint8_t)'=')));
		escapes |= (lanes)((bytes == (uint8_t)'%') | (bytes == (uint8_t)'+'));
		for (; set; set &= set - 1) {
			const char *found = at + __builtin_ctz(set);
			if (*found == '=') {
				mark = mark ? mark : found;
				continue;
			}
			if (!add_pair(pairs, start, mark, found))
				return false;
			start = found + 1;
			mark = NULL;
		}
	}
	pairs->has_escapes = lanes_set(escapes) != 0;
	return add_pair(pairs, start, mark, end);
}

// Writes a text without its escapes. Returns the byte after it.
static char *unescape(struct text text, char *out)
{
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];
		const bool hex = c == '%' && text.len - i > 2 &&
				 text_hex_digit(text.data[i + 1]) >= 0 &&
				 text_hex_digit(text.data[i + 2]) >= 0;
		*out++ = c == '+' ? ' '
			 : hex    ? (char)((unsigned)text_hex_digit(text.data[i + 1]) << 4 |
                                         (unsigned)text_hex_digit(text.data[i + 2]))
				  : c;
		i += hex ? 2 : 0;
	}
	return out;
}

static void unescape_in(struct text *text, char **room)
{
	if (text->len == 0)
		return;
	char *start = *room;
	*room = unescape(*text, start);
	*text = (struct text){start, (size_t)(*room - start)};
}

// Replaces the pairs by ones without escapes, in the arena. Returns false if that is full.
static bool unescape_all(const struct osmand_message *m, struct text text, struct pairs *pairs)
{
	if (!pairs->has_escapes)
		return true;
	char *room = (char *)decoded_arena(m->out, text.len);
	if (!room)
		return false;
	for (size_t i = 0; i < pairs->count; i++) {
		unescape_in(&pairs->at[i].name, &room);
		unescape_in(&pairs->at[i].value, &room);
	}
	return true;
}

// Finds the fields of all names. *ident, *attributes: the last value of each; empty if there is none.
static void find_fields(struct pairs *pairs, struct text *ident, struct text *attributes)
{
	*ident = *attributes = (struct text){"", 0};
	for (size_t i = 0; i < pairs->count; i++) {
		struct pair *pair = &pairs->at[i];
		pair->field = osmand_names_find(pair->name);
		const uint8_t kind = osmand_names_at(pair->field)->kind;
		if (kind == OSMAND_IDENT)
			*ident = pair->value;
		if (kind == OSMAND_ATTRIBUTES)
			*attributes = pair->value;
	}
}

enum osmand_fault osmand_query_decode(const struct osmand_message *m, struct text text)
{
	struct pairs pairs;
	struct osmand_record record;
	struct text ident, attributes;
	if (!split(text, &pairs) || !unescape_all(m, text, &pairs))
		return OSMAND_MANY_FIELDS;
	find_fields(&pairs, &ident, &attributes);
	const enum osmand_fault fault = osmand_message_set_ident(m, ident);
	if (fault != OSMAND_FINE)
		return fault;
	if (!osmand_record_begin(&record, m, text))
		return OSMAND_MANY_RECORDS;
	osmand_json_set_attributes(&record, attributes);
	for (size_t i = 0; i < pairs.count; i++) {
		const struct pair *pair = &pairs.at[i];
		const uint8_t kind = osmand_names_at(pair->field)->kind;
		if (kind != OSMAND_IDENT && kind != OSMAND_ATTRIBUTES)
			osmand_record_set_found(&record, pair->field, pair->name,
				(struct osmand_value){.text = pair->value});
	}
	osmand_record_end(&record, m->raw);
	return OSMAND_FINE;
}
