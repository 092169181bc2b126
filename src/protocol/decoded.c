// SPDX-License-Identifier: MIT
// Reports, rejects and replies are stored in fixed arrays, the JSON members of reports one after another in the arena:
//
//   arena  "a":1,"b":"x" | "c":true | free ...
//          report 0        report 1 ^ arena_len
#include "protocol/decoded.h"

#include "protocol/session.h"
#include "util/escape.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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
	if (decoded->report_count == 0) {
		decoded->fault = "decoded_drop_report without a report";
		return;
	}
	while (decoded->answer_count > 0 &&
		decoded->answers[decoded->answer_count - 1].report == decoded->report_count - 1)
		decoded->answer_count--;
	while (decoded->resolved_count > 0 &&
		decoded->resolved[decoded->resolved_count - 1].report == decoded->report_count - 1)
		decoded->resolved_count--;
	// Its members are removed too, so that those of the report before it are last in the arena again.
	decoded->arena_len -= decoded->reports[--decoded->report_count].extra.len;
	if (decoded->incomplete > decoded->report_count)
		decoded->incomplete = 0;
}

static void add_answer(struct decoded *decoded, size_t report, enum answer_result result,
	struct correlation correlation)
{
	if (decoded->answer_count < DECODED_ANSWERS)
		decoded->answers[decoded->answer_count++] =
			(struct command_answer){(uint16_t)report, (uint8_t)result, correlation};
}

void decoded_answer(
	struct decoded *decoded, enum answer_result result, struct correlation correlation)
{
	if (decoded->report_count == 0)
		decoded->fault = "decoded_answer without a report";
	else
		add_answer(decoded, decoded->report_count - 1, result, correlation);
}

void decoded_answer_alone(
	struct decoded *decoded, enum answer_result result, struct correlation correlation)
{
	add_answer(decoded, ANSWER_ALONE, result, correlation);
}

const struct command_answer *decoded_find_answer(const struct decoded *decoded, size_t report)
{
	for (size_t i = 0; i < decoded->answer_count; i++)
		if (decoded->answers[i].report == report)
			return &decoded->answers[i];
	return NULL;
}

enum answer_result decoded_judge_text(const void *text, size_t len)
{
	static const char *const words[] = {"fail", "error", "invalid"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const size_t word_len = strlen(words[i]);
		for (size_t at = 0; at + word_len <= len; at++)
			if (!strncasecmp((const char *)text + at, words[i], word_len))
				return ANSWER_REFUSED;
	}
	return ANSWER_GIVEN;
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
	decoded->rejects[decoded->reject_count++] =
		(struct reject){.status = status, .detail = detail, .raw = raw};
}

uint8_t *decoded_arena(struct decoded *decoded, size_t len)
{
	if (len > DECODED_ARENA - decoded->arena_len)
		return NULL;
	char *start = decoded->arena + decoded->arena_len;
	decoded->arena_len += len;
	return (uint8_t *)start;
}

struct text decoded_undo_7d(struct decoded *decoded, const uint8_t *data, size_t len)
{
	const size_t before = decoded->arena_len;
	uint8_t *start = decoded_arena(decoded, len);
	if (!start || !escape_undo_7d(data, len, start, &len)) {
		decoded->arena_len = before;
		return (struct text){NULL, 0};
	}
	decoded->arena_len = before + len;
	return (struct text){(char *)start, len};
}

void decoded_resolve(struct decoded *decoded, struct held_mark mark)
{
	if (mark.key == 0)
		return;
	if (decoded->report_count == 0 || decoded->resolved_count == DECODED_REPORTS) {
		decoded->fault = "decoded_resolve without a report";
		return;
	}
	decoded->resolved[decoded->resolved_count++] =
		(struct resolved){mark, (uint32_t)decoded->report_count - 1};
}

void decoded_change(struct decoded *decoded, uint64_t *value, uint64_t to)
{
	if (!decoded->changed) {
		decoded->changed = value;
		decoded->changed_from = *value;
	} else if (decoded->changed != value) {
		decoded->fault = "decoded_change of a second value";
	}
	*value = to;
}

void decoded_undo(struct decoded *decoded)
{
	if (decoded->changed)
		*decoded->changed = decoded->changed_from;
	decoded->changed = NULL;
}

struct held_mark decoded_remove_report(struct decoded *decoded, size_t index)
{
	struct held_mark mark = {0};
	uint16_t kept = 0;
	for (uint32_t i = 0; i < decoded->resolved_count; i++) {
		struct resolved resolved = decoded->resolved[i];
		if (resolved.report == index) {
			mark = resolved.mark;
			continue;
		}
		resolved.report -= resolved.report > index;
		decoded->resolved[kept++] = resolved;
	}
	decoded->resolved_count = kept;
	kept = 0;
	for (uint32_t i = 0; i < decoded->answer_count; i++) {
		struct command_answer answer = decoded->answers[i];
		if (answer.report == index)
			continue;
		if (answer.report != ANSWER_ALONE && answer.report > index)
			answer.report--;
		decoded->answers[kept++] = answer;
	}
	decoded->answer_count = (uint16_t)kept;
	decoded->report_count--;
	memmove(&decoded->reports[index], &decoded->reports[index + 1],
		(decoded->report_count - index) * sizeof(decoded->reports[0]));
	return mark;
}

bool decoded_reject_held(struct decoded *decoded, enum decode_status status, const char *detail,
	struct text held, struct held_mark mark)
{
	if (decoded->reject_count == DECODED_REJECTS)
		return false;
	uint8_t *copy = decoded_arena(decoded, held.len);
	if (!copy)
		return false;
	if (held.len > 0)
		memcpy(copy, held.data, held.len);
	decoded_reject(decoded, status, detail, copy, held.len);
	decoded->rejects[decoded->reject_count - 1].resolves = mark;
	return true;
}

bool decoded_reply(struct decoded *decoded, enum reply_when when, const void *data, size_t len)
{
	if ((unsigned)when >= REPLY_KINDS) {
		decoded->fault = "decoded_reply of an unknown kind";
		return false;
	}
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
		[DECODE_FOREIGN] = "unknown protocol",
	};
	return (unsigned)status < DECODE_STATUS_COUNT ? texts[status] : DECODED_FAULT;
}

size_t decoded_reject_reason(const struct reject *reject, char out[DECODED_REASON_MAX])
{
	const char *status = decoded_status_text(reject->status);
	const char *detail = reject->detail ? reject->detail : "";
	const char *separator = *status && *detail ? ": " : "";

	if (!*status && !*detail)
		status = DECODED_FAULT;
	const int len = snprintf(out, DECODED_REASON_MAX, "%s%s%s", status, separator, detail);
	return len < DECODED_REASON_MAX ? (size_t)len : DECODED_REASON_MAX - 1;
}
