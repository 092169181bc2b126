// SPDX-License-Identifier: MIT
// Reports, rejects and replies are stored in fixed arrays, the JSON members of reports one after another in the arena:
//
//   arena  "a":1,"b":"x" | "c":true | free ...
//          report 0        report 1 ^ arena_len
#include "protocol/decoded.h"

#include "protocol/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void decoded_reset(struct decoded *decoded)
{
	decoded->report_count = 0;
	decoded->reject_count = 0;
	memset(decoded->reply_len, 0, sizeof decoded->reply_len);
	decoded->arena_len = 0;
	decoded->detail = NULL;
}

struct report *decoded_report(struct decoded *decoded, const struct session *session)
{
	if (decoded->report_count == DECODED_REPORTS)
		return NULL;
	struct report *report = &decoded->reports[decoded->report_count++];
	report_clear(report);
	if (session->ident_len > 0)
		report->ident = (struct text){session->ident, session->ident_len};
	return report;
}

void decoded_drop_report(struct decoded *decoded)
{
	assert(decoded->report_count > 0);
	// Its members are removed too, so that those of the report before it are last in the arena again.
	decoded->arena_len -= decoded->reports[--decoded->report_count].extra.len;
}

static struct text span(struct text a, struct text b)
{
	const char *start = a.data < b.data ? a.data : b.data;
	const char *a_end = a.data + a.len, *b_end = b.data + b.len;
	return (struct text){start, (size_t)((a_end > b_end ? a_end : b_end) - start)};
}

void decoded_reject(struct decoded *decoded, enum decode_status status, const char *detail,
	const uint8_t *data, size_t len)
{
	struct text raw = {(const char *)data, len};
	if (decoded->reject_count == DECODED_REJECTS) {
		struct reject *last = &decoded->rejects[DECODED_REJECTS - 1];
		last->raw = span(last->raw, raw);
		return;
	}
	decoded->rejects[decoded->reject_count++] = (struct reject){status, detail, raw};
}

bool decoded_reply(struct decoded *decoded, enum reply_when when, const void *data, size_t len)
{
	assert(when < REPLY_KINDS);
	if (len > DECODED_REPLY - decoded->reply_len[when])
		return false;
	if (len > 0)
		memcpy(decoded->reply[when] + decoded->reply_len[when], data, len);
	decoded->reply_len[when] += len;
	return true;
}

const char *decoded_status_text(enum decode_status status)
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

size_t decoded_reject_reason(const struct reject *reject, char out[DECODED_REASON_MAX])
{
	const char *status = decoded_status_text(reject->status);
	const char *detail = reject->detail ? reject->detail : "";
	const int len = snprintf(
		out, DECODED_REASON_MAX, "%s%s%s", status, *status && *detail ? ": " : "", detail);

	assert(len > 0 && len < DECODED_REASON_MAX);
	return (size_t)len;
}
