// SPDX-License-Identifier: MIT
// The cross matrix: each frame of each golden capture, whole and by every prefix, against the probe of each decoder. No
// decoder answers YES to another protocol's bytes, and none takes back a NO.
//
//   test_cross           the golden captures
//   test_cross FOLDER    the frames that tests/reference/run --frames wrote: FOLDER/PROTOCOL, each with its length before it,
//                        u32, little-endian. Prints for each protocol what the probes answer to its whole frames.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "feed/feed.h"
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER        "tests/golden"
#define CAPTURE_MAX   65536
#define PREFIX_MAX    1024
#define DECODERS_MOST 32 /* a decoder_set has 32 bits */

static struct guarded page;

static int hex_pair(const char *text)
{
	return text_hex_digit(text[0]) << 4 | text_hex_digit(text[1]);
}

// Appends one line of a capture: "text" with escapes, or hex. The format is described in tests/golden/run.
static size_t read_line(const char *line, uint8_t *out)
{
	size_t len = 0;
	if (*line == '#')
		return 0;
	if (*line != '"') {
		for (; line[0] && line[1]; line++)
			if (text_hex_digit(line[0]) >= 0) {
				out[len++] = (uint8_t)hex_pair(line);
				line++;
			}
		return len;
	}
	for (line++; *line && *line != '"'; line++) {
		if (*line != '\\') {
			out[len++] = (uint8_t)*line;
			continue;
		}
		line++;
		if (*line == 'x') {
			out[len++] = (uint8_t)hex_pair(line + 1);
			line += 2;
		} else {
			out[len++] = *line == 'r'   ? '\r'
				     : *line == 'n' ? '\n'
				     : *line == 't' ? '\t'
						    : (uint8_t)*line;
		}
	}
	return len;
}

static size_t read_capture(const char *name, uint8_t *out)
{
	char path[512], line[16384];
	size_t len = 0;
	snprintf(path, sizeof path, FOLDER "/%s", name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file) && len + sizeof line < CAPTURE_MAX) {
		line[strcspn(line, "\n")] = 0;
		len += read_line(line, out + len);
	}
	fclose(file);
	return len;
}

static void check_frame(
	const char *name, const struct decoder *own, const uint8_t *data, size_t len)
{
	bool no[DECODERS_MOST] = {false};
	const size_t most = len < PREFIX_MAX ? len : PREFIX_MAX;
	for (size_t prefix = 1; prefix <= most; prefix++) {
		const uint8_t *at = guarded_copy(&page, data, prefix);
		for (size_t i = 0; registry_decoders[i]; i++) {
			const struct decoder *decoder = registry_decoders[i];
			const enum probe stream = decoder->probe(at, prefix, false);
			const enum probe datagram = decoder->probe(at, prefix, true);
			if (decoder != own && (stream == PROBE_YES || datagram == PROBE_YES))
				fail_msg("%s: %s answers YES to %zu bytes", name, decoder->name,
					prefix);
			if (datagram != PROBE_NO && strcmp(decoder->transports, "TCP") == 0)
				fail_msg("%s: %s is for TCP and answers to a datagram", name,
					decoder->name);
			if (datagram == PROBE_MORE)
				fail_msg("%s: %s answers MORE to a datagram", name, decoder->name);
			if (no[i] && stream != PROBE_NO)
				fail_msg("%s: %s takes back its NO at %zu bytes", name,
					decoder->name, prefix);
			no[i] = stream == PROBE_NO;
		}
	}
}

// Returns the decoder that a capture is named after, or NULL.
static const struct decoder *own_decoder(const char *name)
{
	for (size_t i = 0; registry_decoders[i]; i++) {
		const size_t len = strlen(registry_decoders[i]->name);
		if (!strncmp(name, registry_decoders[i]->name, len) && strchr("_.", name[len]))
			return registry_decoders[i];
	}
	return NULL;
}

static void check_capture(const char *name, uint8_t *data)
{
	const struct decoder *own = own_decoder(name);
	struct session session = {.decoder = own};
	const size_t len = read_capture(name, data);
	check_frame(name, own, data, len);
	for (size_t at = 0; own && at < len;) {
		const size_t max = decoder_frame_max(own), left = len - at < max ? len - at : max;
		session.quiet = false;
		struct frame frame = own->frame(&session, data + at, left);
		if (frame.kind == FRAME_OPEN) {
			session.quiet = true;
			frame = own->frame(&session, data + at, left);
		}
		if (frame.kind == FRAME_MORE)
			break;
		if (frame.kind == FRAME_OK)
			check_frame(name, own, data + at, frame.len);
		at += frame.len ? frame.len : 1;
	}
}

static void only_the_own_decoder_answers_yes(void **state)
{
	struct dirent *entry;
	size_t count = 0;
	uint8_t *data = malloc(CAPTURE_MAX);
	DIR *folder = opendir(FOLDER);
	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".hex") != 0)
			continue;
		check_capture(entry->d_name, data);
		count++;
	}
	closedir(folder);
	free(data);
	assert_true(count > 20);
}

// The answers of the protocol's own probe to whole frames, and frames to which another one answers MAYBE or MORE.
struct answers {
	size_t own[4], others;
};

static void count_answers(
	struct answers *answers, const struct decoder *own, const uint8_t *data, size_t len)
{
	bool other = false;
	for (size_t i = 0; registry_decoders[i]; i++) {
		const enum probe probe = registry_decoders[i]->probe(data, len, false);
		if (registry_decoders[i] == own)
			answers->own[probe]++;
		else
			other |= probe != PROBE_NO;
	}
	answers->others += other;
}

static void check_generated(const char *folder, const char *name, uint8_t *data)
{
	const struct decoder *own = own_decoder(name);
	struct answers answers = {0};
	uint8_t head[4];
	size_t count = 0;
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_non_null(own);
	for (; fread(head, 1, sizeof head, file) == sizeof head; count++) {
		const size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
		assert_in_range(len, 1, CAPTURE_MAX);
		assert_int_equal(fread(data, 1, len, file), len);
		check_frame(name, own, data, len);
		count_answers(&answers, own, data, len);
	}
	fclose(file);
	printf("# %s: %zu frames; own probe: %zu YES, %zu MAYBE, %zu MORE, %zu NO; another one "
	       "MAYBE or MORE: %zu\n",
		name, count, answers.own[PROBE_YES], answers.own[PROBE_MAYBE],
		answers.own[PROBE_MORE], answers.own[PROBE_NO], answers.others);
	assert_true(count > 0 && answers.own[PROBE_YES] > count / 4);
}

static void only_the_own_decoder_answers_yes_to_generated_frames(void **state)
{
	const char *folder = *state;
	struct dirent *entry;
	size_t count = 0;
	uint8_t *data = malloc(CAPTURE_MAX);
	DIR *files = opendir(folder);
	assert_non_null(files);
	for (; (entry = readdir(files)) != NULL; count += entry->d_name[0] != '.')
		if (entry->d_name[0] != '.')
			check_generated(folder, entry->d_name, data);
	closedir(files);
	free(data);
	for (size_t i = 0; i < count; i++)
		assert_non_null(registry_decoders[i]);
	assert_null(registry_decoders[count]);
}

static void decoders_describe_themselves(void **state)
{
	(void)state;
	for (size_t i = 0; registry_decoders[i]; i++) {
		const struct decoder *decoder = registry_decoders[i];
		const char *const words[] = {
			decoder->transports, decoder->confirmed_by, decoder->acknowledges};
		assert_in_range(strlen(decoder->name), 1, 15);
		for (size_t j = 0; j < 3; j++)
			if (words[j] || j < 2)
				assert_in_range(strlen(words[j]), 1, 64);
		assert_true(!strcmp(words[0], "TCP, UDP") || !strcmp(words[0], "TCP"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest generated[] = {
		cmocka_unit_test_prestate(only_the_own_decoder_answers_yes_to_generated_frames,
			argc > 1 ? argv[1] : NULL),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoders_describe_themselves),
		cmocka_unit_test(only_the_own_decoder_answers_yes),
	};
	page = guarded_new(PREFIX_MAX);
	if (argc > 1)
		return cmocka_run_group_tests(generated, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
