// SPDX-License-Identifier: MIT
// A batch: what one frame said. Decoders fill it through these functions, which hold its limits;
// reports, rejects and replies live in fixed arrays, JSON members one after another in the arena:
//
//   arena  "a":1,"b":"x" | "c":true | free ...
//          report 0        report 1 ^ arena_len
#include "protocol/decoder.h"
#include "util/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void decoded_reset(struct decoded *batch)
{
	batch->report_count = 0;
	batch->reject_count = 0;
	memset(batch->reply_len, 0, sizeof batch->reply_len);
	batch->arena_len = 0;
	batch->detail = NULL;
}

struct report *decoded_report(struct decoded *batch, const struct session *session)
{
	if (batch->report_count == DECODED_REPORTS)
		return NULL;
	struct report *report = &batch->reports[batch->report_count++];
	report_clear(report);
	if (session->ident_len > 0)
		report->ident = (struct text){session->ident, session->ident_len};
	return report;
}

void decoded_drop_report(struct decoded *batch)
{
	assert(batch->report_count > 0);
	// Its members go too, so that those of the report before it are at the arena's end again.
	batch->arena_len -= batch->reports[--batch->report_count].extra.len;
}

static struct text span(struct text a, struct text b)
{
	const char *start = a.data < b.data ? a.data : b.data;
	const char *a_end = a.data + a.len, *b_end = b.data + b.len;
	return (struct text){start, (size_t)((a_end > b_end ? a_end : b_end) - start)};
}

void decoded_reject(struct decoded *batch, enum decode_status status, const char *detail,
	const uint8_t *data, size_t len)
{
	struct text raw = {(const char *)data, len};
	if (batch->reject_count == DECODED_REJECTS) {
		struct reject *last = &batch->rejects[DECODED_REJECTS - 1];
		last->raw = span(last->raw, raw);
		return;
	}
	batch->rejects[batch->reject_count++] = (struct reject){status, detail, raw};
}

bool decoded_reply(struct decoded *batch, enum reply_when when, const void *data, size_t len)
{
	assert(when < REPLY_KINDS);
	if (len > DECODED_REPLY - batch->reply_len[when])
		return false;
	if (len > 0)
		memcpy(batch->reply[when] + batch->reply_len[when], data, len);
	batch->reply_len[when] += len;
	return true;
}

// Writes one member behind what the report has; it counts only when finish() finds that all of it
// went in.
struct member {
	char *start, *at, *end;
	bool full;
};

static void put(struct member *member, const char *data, size_t len)
{
	if (member->full || len > (size_t)(member->end - member->at)) {
		member->full = true;
		return;
	}
	memcpy(member->at, data, len);
	member->at += len;
}

static struct member begin(struct decoded *batch, const struct report *report, const char *name)
{
	assert(batch->report_count > 0 && report == &batch->reports[batch->report_count - 1]);
	size_t room = DECODED_ARENA - batch->arena_len;
	if (room > EXTRA_MAX - report->extra.len)
		room = EXTRA_MAX - report->extra.len;
	char *start = batch->arena + batch->arena_len;
	struct member member = {start, start, start + room, false};
	if (report->extra.len > 0)
		put(&member, ",", 1);
	put(&member, "\"", 1);
	put(&member, name, strlen(name));
	put(&member, "\":", 2);
	return member;
}

static void finish(struct decoded *batch, struct report *report, const struct member *member)
{
	if (member->full)
		return;
	size_t len = (size_t)(member->at - member->start);
	if (report->extra.len == 0)
		report->extra.data = member->start;
	report->extra.len += len;
	batch->arena_len += len;
}

void extra_int(struct decoded *batch, struct report *report, const char *name, int64_t value)
{
	extra_fixed(batch, report, name, value, 0);
}

void extra_fixed(struct decoded *batch, struct report *report, const char *name, int64_t value,
	unsigned decimals)
{
	char digits[32];
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	assert(decimals < 20);
	// At least one digit stands before the point: 0.05 has the digits 005.
	int len = snprintf(digits, sizeof digits, "%0*" PRIu64, (int)decimals + 1, size);
	struct member member = begin(batch, report, name);
	if (value < 0)
		put(&member, "-", 1);
	put(&member, digits, (size_t)len - decimals);
	if (decimals > 0) {
		put(&member, ".", 1);
		put(&member, digits + len - decimals, decimals);
	}
	finish(batch, report, &member);
}

void extra_bool(struct decoded *batch, struct report *report, const char *name, bool value)
{
	struct member member = begin(batch, report, name);
	put(&member, value ? "true" : "false", value ? 4 : 5);
	finish(batch, report, &member);
}

// Length of the UTF-8 character at the head of data, 0 if there is none: overlong forms, surrogates
// and values beyond U+10FFFF are none (Unicode, table 3-7).
static size_t utf8_len(const uint8_t *data, size_t len)
{
	uint8_t lead = data[0], least = 0x80, most = 0xBF;
	size_t want = lead < 0x80   ? 1
		      : lead < 0xC2 ? 0
		      : lead < 0xE0 ? 2
		      : lead < 0xF0 ? 3
		      : lead < 0xF5 ? 4
				    : 0;
	if (want < 2)
		return want;
	if (len < want)
		return 0;
	if (lead == 0xE0)
		least = 0xA0;
	else if (lead == 0xED)
		most = 0x9F;
	else if (lead == 0xF0)
		least = 0x90;
	else if (lead == 0xF4)
		most = 0x8F;
	if (data[1] < least || data[1] > most)
		return 0;
	for (size_t i = 2; i < want; i++) {
		if ((data[i] & 0xC0) != 0x80)
			return 0;
	}
	return want;
}

static const char hex_digits[16] = "0123456789abcdef";

static void put_ascii(struct member *member, char c)
{
	if (c == '"' || c == '\\') {
		put(member, (const char[2]){'\\', c}, 2);
	} else if (c >= 0x20) {
		put(member, &c, 1);
	} else if (c != 0) { // SQL's jsonb has no NUL
		const char escape[6] = {
			'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
		put(member, escape, sizeof escape);
	}
}

void extra_text(struct decoded *batch, struct report *report, const char *name, const void *data,
	size_t len)
{
	const uint8_t *bytes = data;
	struct member member = begin(batch, report, name);
	put(&member, "\"", 1);
	for (size_t i = 0; i < len && !member.full;) {
		size_t step = utf8_len(bytes + i, len - i);
		if (step == 1)
			put_ascii(&member, (char)bytes[i]);
		else if (step > 1)
			put(&member, (const char *)bytes + i, step);
		else
			put(&member, "\xEF\xBF\xBD", 3);
		i += step ? step : 1;
	}
	put(&member, "\"", 1);
	finish(batch, report, &member);
}

void extra_hex(struct decoded *batch, struct report *report, const char *name, const void *data,
	size_t len)
{
	const uint8_t *bytes = data;
	struct member member = begin(batch, report, name);
	put(&member, "\"", 1);
	for (size_t i = 0; i < len && !member.full; i++)
		put(&member, (const char[2]){hex_digits[bytes[i] >> 4], hex_digits[bytes[i] & 15]},
			2);
	put(&member, "\"", 1);
	finish(batch, report, &member);
}

static bool is_ident_char(char c)
{
	return text_is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
	       c == '_' || c == ':' || c == '-';
}

bool session_set_ident(struct session *session, const void *data, size_t len)
{
	const char *ident = data;
	if (len < 1 || len > IDENT_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_ident_char(ident[i]))
			return false;
	}
	memcpy(session->ident, ident, len);
	session->ident_len = (uint8_t)len;
	return true;
}

const char *decode_status_text(enum decode_status status)
{
	static const char *const texts[DECODE_STATUS_COUNT] = {
		[DECODE_OK] = "",
		[DECODE_IGNORED] = "",
		[DECODE_BAD_SUM] = "bad checksum",
		[DECODE_BAD_LENGTH] = "bad length",
		[DECODE_BAD_VALUE] = "bad value",
		[DECODE_UNKNOWN] = "unknown message",
		[DECODE_DETAIL] = "",
	};
	assert(status < DECODE_STATUS_COUNT);
	return texts[status];
}
