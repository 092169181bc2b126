// SPDX-License-Identifier: MIT
#include "decoders/wialon/wialon_message.h"

#include "util/checksum.h"
#include "util/decimal.h"

#define TYPE_MOST   8
#define PREFIX_MOST 80 /* bytes before the first # of a datagram */
#define CODE_MOST   32

// Parts -----------------------------------------------------------------------

// Splits "2.0;ident" or "ident".
static void read_prefix(struct wialon_message *m, struct text prefix)
{
	const char *separator = memchr(prefix.data, ';', prefix.len);
	m->ident = prefix;
	if (!separator)
		return;
	m->version = (struct text){prefix.data, (size_t)(separator - prefix.data)};
	m->ident = (struct text){separator + 1, prefix.len - m->version.len - 1};
}

void wialon_message_read(struct wialon_message *m, struct text packet, bool datagram)
{
	const char *at = packet.data, *end = packet.data + packet.len;
	m->type = m->version = m->ident = (struct text){"", 0};
	if (datagram) {
		const size_t most = packet.len < PREFIX_MOST ? packet.len : PREFIX_MOST;
		const char *mark = memchr(packet.data, '#', most);
		if (!mark)
			return;
		read_prefix(m, (struct text){packet.data, (size_t)(mark - packet.data)});
		at = mark;
	}
	if (at == end || *at != '#')
		return;
	const char *type = ++at;
	while (at < end && at - type <= TYPE_MOST && text_is_alnum(*at))
		at++;
	if (at == end || *at != '#' || at == type || at - type > TYPE_MOST)
		return;
	m->type = (struct text){type, (size_t)(at - type)};
	m->body = (struct text){at + 1, (size_t)(end - at - 1)};
}

// Answers ---------------------------------------------------------------------

void wialon_message_answer(
	const struct wialon_message *m, enum reply_when when, const char *type, struct text code)
{
	char reply[2 + TYPE_MOST + 1 + CODE_MOST + 2], *end = fields_put(reply, "#A", 2);
	end = fields_put(end, type, strlen(type));
	*end++ = '#';
	end = fields_put(end, code.data, code.len < CODE_MOST ? code.len : CODE_MOST);
	end = fields_put(end, "\r\n", 2);
	decoded_reply(m->out, when, reply, (size_t)(end - reply));
}

void wialon_message_answer_number(const struct wialon_message *m, enum reply_when when,
	const char *type, uint32_t number, const char *tail)
{
	char code[CODE_MOST], *end = decimal_write(code, number);
	end = fields_put(end, tail, strlen(tail));
	wialon_message_answer(m, when, type, (struct text){code, (size_t)(end - code)});
}

enum decode_status wialon_message_refuse(
	const struct wialon_message *m, enum decode_status status, const char *detail)
{
	m->out->detail = detail;
	return status;
}

// Reports ---------------------------------------------------------------------

struct report *wialon_message_begin(
	const struct wialon_message *m, struct text event, struct text key)
{
	struct report *report = decoded_report(m->out, m->session);
	if (!report)
		return NULL;
	report->key = key;
	report->raw = m->raw;
	report->event = event;
	return report;
}

bool wialon_message_time(struct text date, struct text clock, int64_t *time_us, bool *has)
{
	int64_t date_us = 0, clock_us = 0;
	const bool has_date = !wialon_message_is_absent(date),
		   has_clock = !wialon_message_is_absent(clock);
	if ((has_date && !text_ddmmyy(date, &date_us)) ||
		(has_clock && !text_hhmmss(clock, &clock_us)))
		return false;
	*has = has_date && has_clock;
	*time_us = date_us + clock_us;
	return true;
}

void wialon_message_driver(const struct wialon_message *m, struct report *report, struct text text)
{
	if (wialon_message_is_absent(text))
		return;
	if (fields_is_printable(text, DRIVER_MAX))
		report->driver = text;
	else
		extra_text(m->out, report, "driver", text.data, text.len);
}

// Sums ------------------------------------------------------------------------

bool wialon_message_sum(struct text text, uint16_t *sum)
{
	uint64_t value;
	if (text.len > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x')
		text = (struct text){text.data + 2, text.len - 2};
	if (!fields_is_hex(text, 1, 4) || !text_hex(text, &value))
		return false;
	*sum = (uint16_t)value;
	return true;
}

bool wialon_message_sum_fits(struct text sum, struct text covered)
{
	uint16_t value;
	return wialon_message_sum(sum, &value) &&
	       value == checksum_crc16_arc((const uint8_t *)covered.data, covered.len);
}
