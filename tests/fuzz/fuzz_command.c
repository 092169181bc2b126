// SPDX-License-Identifier: MIT
// libFuzzer: commands with any arguments, encoded by each decoder, in sessions that have received any bytes before.
//
//   decoder and model | kind | arguments given, a bit each | length, text of each argument | bytes of the tracker ...
//
// What is encoded fits, lies within the buffer, and has nothing after it that the command's text has put there: of a text
// of printable characters no second line comes.
#include "fuzz.h"
#include "fuzz_models.h"

#include "feed/feed.h"
#include "feed/registry_decoders.h"
#include "model/immobilizer.h"

#define ENCODED_MOST 1024
#define RECEIVED_US  INT64_C(1795342500000000) /* 2026-11-22 10:15 */

static struct decoded batch; // half a megabyte: not for the stack

static unsigned count_decoders(void)
{
	unsigned count = 1; // there is at least one
	while (registry_decoders[count])
		count++;
	return count;
}

static bool read_command(struct input *input, struct command *command)
{
	char *copies[COMMAND_ARGS] = {0};
	struct text args[COMMAND_ARGS] = {{0}};
	const char *name =
		command_kind_name((enum command_kind)(input_byte(input) % COMMAND_KINDS));
	const uint8_t given = input_byte(input);
	for (size_t i = 0; i < COMMAND_ARGS; i++) {
		if (!(given >> i & 1))
			continue;
		const struct input part = input_bytes(input, input_byte(input));
		copies[i] = (char *)input_copy(part);
		args[i] = (struct text){copies[i], part.len};
	}
	const char *wrong = command_read((struct text){name, strlen(name)}, args, command);
	CHECK(!wrong || strlen(wrong) > 0);
	for (size_t i = 0; i < COMMAND_ARGS; i++)
		free(copies[i]);
	return !wrong;
}

static void check_command(const struct command *command)
{
	char out[COMMAND_TEXT_MAX + 1];
	unsigned index;
	bool on;
	CHECK(command_print_args(command, out, sizeof(out)) == out && strlen(out) < sizeof(out));
	immobilizer_stops(command);
	immobilizer_resumes(command);
	command_is_sent_once(command);
	if (command_sets_output(command, &index, &on))
		CHECK(index >= 1);
	for (size_t i = 0; i < command->text_len; i++)
		CHECK(command->text[i] >= 0x20 && command->text[i] <= 0x7E);
}

static void encode(struct feed *feed, const struct command *command)
{
	const struct decoder *decoder = feed->session.decoder;
	for (size_t cap = ENCODED_MOST; decoder && decoder->encode_command;
		cap = cap > 64 ? 64 : cap / 2) {
		uint8_t *out = malloc(cap ? cap : 1);
		CHECK(out);
		const struct encoded encoded =
			decoder->encode_command(&feed->session, command, out, cap);
		CHECK(encoded.result != ENCODE_DONE || (encoded.len >= 1 && encoded.len <= cap));
		free(out);
		if (cap == 0)
			break;
	}
}

// Processes the tracker's bytes as a stream; each report is compared with the command as if it were sent.
static void step_through(
	struct feed *feed, const struct command *command, const uint8_t *data, size_t len)
{
	for (size_t at = 0, used = 0; at < len; at += used) {
		if (feed_step(feed, data + at, len - at, &batch, &used) != FEED_TAKEN)
			break;
		const struct decoder *decoder = feed->session.decoder;
		const struct correlation sent = {true, batch.arena_len ? 1 : 0};
		for (size_t i = 0; decoder && decoder->confirms_command && i < batch.report_count;
			i++)
			decoder->confirms_command(command, sent, &batch.reports[i], NULL);
		encode(feed, command);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = {data, len};
	struct command command = {.id = 7};
	struct feed feed;
	const unsigned count = count_decoders(), number = input_byte(&input);
	if (!read_command(&input, &command))
		return 0;
	check_command(&command);
	feed_init(&feed, DECODERS_ALL, registry_decoders[number % count], false);
	set_model(&feed.session, number / count);
	feed.session.received_us = RECEIVED_US;
	feed.session.memory = device_memory_new(4);
	CHECK(feed.session.memory);
	encode(&feed, &command);
	uint8_t *copy = input_copy(input);
	step_through(&feed, &command, copy, input.len);
	free(copy);
	device_memory_free(feed.session.memory);
	feed_done(&feed);
	return 0;
}
