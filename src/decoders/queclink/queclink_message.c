// SPDX-License-Identifier: MIT
#include "decoders/queclink/queclink_message.h"

#include "decoders/queclink/queclink_value.h"
#include "util/simd.h"

#define TIME_LEN  14
#define COUNT_LEN 4

// Splitting -------------------------------------------------------------------

void queclink_message_split(struct text text, struct queclink_fields *fields)
{
	size_t at = 0, count = 1;
	fields->data = text.data;
	fields->start[0] = 0;
	for (; at + 32 <= text.len; at += 32)
		for (uint32_t set = lanes_either32(text.data + at, ',', ','); set; set &= set - 1)
			fields->start[count++] = (uint16_t)(at + (size_t)__builtin_ctz(set) + 1);
	for (; at < text.len; at += sizeof(lanes))
		for (uint32_t set = lanes_either(
			     lanes_load_until(text.data + at, text.data + text.len), ',', ',');
			set; set &= set - 1)
			fields->start[count++] = (uint16_t)(at + (size_t)__builtin_ctz(set) + 1);
	fields->start[count] = (uint16_t)(text.len + 1);
	fields->count = count;
}

struct text queclink_message_span(const struct queclink_message *m, size_t from, size_t to)
{
	if (from >= to || to > m->fields->count)
		return (struct text){"", 0};
	const uint16_t *start = m->fields->start;
	return (struct text){m->fields->data + start[from], (size_t)(start[to] - start[from] - 1)};
}

// Ends ------------------------------------------------------------------------

// Returns true for the send time. 14 digits after a latitude are the time of a position whose end is missing.
static bool is_send(const struct queclink_message *m, size_t index)
{
	return index >= m->first && index < m->fields->count &&
	       fields_is_digits(queclink_message_get(m, index), TIME_LEN, TIME_LEN) &&
	       !queclink_value_is_decimal(queclink_message_get(m, index - 1), true, 2, 6, 6);
}

static bool is_count(struct text text)
{
	return fields_is_hex(text, COUNT_LEN, COUNT_LEN);
}

// Returns true if the last field of a message without send time may lack its end: a 7 may have been a 76. The time of a
// position is whole. The answer to a command is kept as text: of that only a send time is left out.
static bool is_cut(const struct queclink_message *m, struct text last)
{
	if (m->is_answer)
		return fields_is_digits(last, 8, TIME_LEN - 1) && memcmp(last.data, "20", 2) == 0;
	return !fields_is_digits(last, TIME_LEN, TIME_LEN);
}

static void find_end(struct queclink_message *m)
{
	const size_t n = m->fields->count;
	m->end = n;
	if (m->name == 0 && n > 3 && is_send(m, n - 3) && is_count(queclink_message_get(m, n - 2)))
		m->end = n - 3; // a version follows the count
	else if (n > 2 && is_send(m, n - 2) && is_count(queclink_message_get(m, n - 1)))
		m->end = n - 2;
	if (m->end < n)
		m->count = queclink_message_get(m, m->end + 1);
	else if (is_send(m, n - 1))
		m->end = n - 1;
	if (m->end < n)
		m->send = queclink_message_get(m, m->end);
	else if (n - 1 >= m->first && is_cut(m, queclink_message_get(m, n - 1)))
		m->end = n - 1;
}

// Head ------------------------------------------------------------------------

static void read_type(struct queclink_message *m)
{
	struct text name = queclink_message_get(m, 0);
	const char *colon = memchr(name.data, ':', name.len);
	if (colon)
		name = (struct text){colon + 1, (size_t)(name.data + name.len - colon) - 1};
	if (name.len > 2 && fields_is_word((struct text){name.data, 2}, "GT"))
		name.data += 2, name.len -= 2;
	m->event = name;
	if (name.len == 3)
		m->type = QUECLINK_TYPE(
			name.data[0] & ~0x20, name.data[1] & ~0x20, name.data[2] & ~0x20);
}

static void read_prefix(struct queclink_message *m)
{
	uint64_t value;
	struct text prefix = m->version;
	prefix.len = prefix.len == 6 ? 2 : prefix.len == 10 ? 6 : 0;
	m->prefix =
		prefix.len > 0 && text_hex(prefix, &value) ? (uint32_t)value : QUECLINK_NO_PREFIX;
}

// The GV500 family gives a VIN, which may be empty, before the name.
static bool is_vin_first(uint32_t prefix)
{
	return prefix == 0x1F || prefix == 0x36 || prefix == 0x5E || prefix == 0x2D;
}

void queclink_message_read(struct queclink_message *m)
{
	read_type(m);
	const bool is_bare = fields_is_digits(queclink_message_get(m, 1), 15, 15);
	m->first = is_bare ? 2 : 3;
	m->ident = queclink_message_get(m, m->first - 1);
	m->version = is_bare ? (struct text){"", 0} : queclink_message_get(m, 1);
	m->name = is_bare ? 0 : 3;
	read_prefix(m);
	find_end(m);
	if (is_bare || m->type == QUECLINK_TYPE('G', 'S', 'M'))
		return;
	const struct text vin = queclink_message_at(m, 3);
	if (queclink_value_is_vin(vin))
		m->vin = vin;
	if (m->vin.len > 0 || is_vin_first(m->prefix))
		m->name = 4;
}

// Reports ---------------------------------------------------------------------

// The same report may come live and again from the buffer: type, time and count identify it.
static struct text make_key(
	const struct queclink_message *m, struct text place, struct text time, size_t index)
{
	uint8_t *key;
	const size_t len = 1 + m->event.len + time.len + COUNT_LEN + 1;
	if (m->count.len != COUNT_LEN || m->event.len > EVENT_MAX ||
		!(key = decoded_arena(m->out, len)))
		return place.len > 0 ? place : m->body;
	char *end = (char *)key;
	*end++ = m->is_answer ? 'A' : 'R';
	end = fields_put(end, m->event.data, m->event.len);
	end = fields_put(end, time.len > 0 ? time.data : "", time.len);
	end = fields_put(end, m->count.data, COUNT_LEN);
	*end = (char)('0' + index);
	return (struct text){(const char *)key, len};
}

void queclink_message_begin(
	struct queclink_message *m, struct text place, struct text time, size_t index)
{
	const struct text key = make_key(m, place, time, index);
	m->report = decoded_report(m->out, m->session);
	m->report->key = key;
	m->report->raw = m->raw;
	if (m->event.len > 0 && fields_is_printable(m->event, EVENT_MAX))
		m->report->event = m->event;
	if (m->is_stored)
		m->report->body.flags |= FLAG_STORED;
}
