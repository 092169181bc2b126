// SPDX-License-Identifier: MIT
// Decoding, commands and their answers for a protocol whose frames are text. The test defines TESTED, its decoder.
#ifndef AVLD_TEXT_FRAMES_H
#define AVLD_TEXT_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"

#include <string.h>

static struct guarded page; /* allocated by main */
static struct decoded decoded;

static inline enum decode_status decode_with(struct session *session, const char *frame)
{
	const size_t len = strlen(frame);
	decoded_reset(&decoded);
	session->decoder = &TESTED;
	return TESTED.decode(session, guarded_copy(&page, frame, len), len, &decoded);
}

// Checks the bytes of a command, and that it needs room for all. text NULL: the tracker has no such command.
static inline void check_command(
	struct session *session, const struct command *command, const char *text)
{
	uint8_t out[300];
	const struct encoded encoded = TESTED.encode_command(session, command, out, sizeof out);
	assert_int_equal(encoded.result, text ? ENCODE_DONE : ENCODE_NEVER);
	if (!text)
		return;
	assert_int_equal(encoded.len, strlen(text));
	assert_memory_equal(out, text, encoded.len);
	assert_int_equal(
		TESTED.encode_command(session, command, out, encoded.len - 1).result, ENCODE_NEVER);
}

// Returns what an answer shows of a custom command with this text, sent after the frame `opening`.
static inline enum confirmation confirmation_of(
	const char *opening, const char *text, const char *answer)
{
	struct session session = {0};
	struct command command = {.kind = COMMAND_CUSTOM, .text_len = (uint8_t)strlen(text)};
	uint8_t out[300];

	memcpy(command.text, text, command.text_len);
	decode_with(&session, opening);
	const struct encoded sent = TESTED.encode_command(&session, &command, out, sizeof out);
	decode_with(&session, answer);
	return TESTED.confirms_command(
		&command, sent.correlation, &decoded.reports[0], decoded_find_answer(&decoded, 0));
}

#endif
