// SPDX-License-Identifier: MIT
// Pairs name=value between & or ;. + is a space and %41 a byte; a % without two hex digits is itself.
#include "decoders/osmand/osmand_query.h"

#include "decoders/fields.h"
#include "decoders/osmand/osmand_json.h"
#include "decoders/osmand/osmand_record.h"

struct pair {
	struct text name, value;
};

struct pairs {
	size_t count;
	struct pair at[OSMAND_QUERY_PAIRS];
};

static struct pair split_pair(struct text text)
{
	const char *mark = memchr(text.data, '=', text.len);
	const size_t len = mark ? (size_t)(mark - text.data) : text.len;
	return (struct pair){{text.data, len},
		{text.data + len + (mark != NULL), text.len - len - (mark != NULL)}};
}

// Returns false if there are more than OSMAND_QUERY_PAIRS.
static bool split(struct text text, struct pairs *pairs)
{
	const char *at = text.data, *end = text.data + text.len;
	pairs->count = 0;
	while (at < end) {
		const char *start = at;
		while (at < end && *at != '&' && *at != ';')
			at++;
		if (at > start) {
			if (pairs->count == OSMAND_QUERY_PAIRS)
				return false;
			pairs->at[pairs->count++] =
				split_pair((struct text){start, (size_t)(at - start)});
		}
		at++;
	}
	return true;
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
			 : hex    ? (char)(text_hex_digit(text.data[i + 1]) << 4 |
                                         text_hex_digit(text.data[i + 2]))
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
	if (!memchr(text.data, '%', text.len) && !memchr(text.data, '+', text.len))
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

static bool is_ident(struct text name)
{
	return fields_is_word(name, "ID") || fields_is_word(name, "DEVICEID");
}

static bool is_attributes(struct text name)
{
	return fields_is_word(name, "ATTRIBUTES");
}

// Returns the value of the last pair with such a name; empty if none has it.
static struct text find_last(const struct pairs *pairs, bool (*matches)(struct text name))
{
	for (size_t i = pairs->count; i > 0; i--)
		if (matches(pairs->at[i - 1].name))
			return pairs->at[i - 1].value;
	return (struct text){"", 0};
}

enum osmand_fault osmand_query_decode(const struct osmand_message *m, struct text text)
{
	struct pairs pairs;
	struct osmand_record record;
	if (!split(text, &pairs) || !unescape_all(m, text, &pairs))
		return OSMAND_MANY_FIELDS;
	const enum osmand_fault fault = osmand_message_set_ident(m, find_last(&pairs, is_ident));
	if (fault != OSMAND_FINE)
		return fault;
	if (!osmand_record_begin(&record, m, text))
		return OSMAND_MANY_RECORDS;
	osmand_json_set_attributes(&record, find_last(&pairs, is_attributes));
	for (size_t i = 0; i < pairs.count; i++) {
		const struct pair *pair = &pairs.at[i];
		if (!is_ident(pair->name) && !is_attributes(pair->name))
			osmand_record_set(
				&record, pair->name, (struct osmand_value){.text = pair->value});
	}
	osmand_record_end(&record, m->raw);
	return OSMAND_FINE;
}
