// SPDX-License-Identifier: MIT
// avld decode: decodes bytes from a file or stdin with the daemon's own code, and prints JSON lines.
#include "cli/verbs.h"
#include "intake/report_json.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES 10000 /* remembered */

// Half a megabyte: on the heap.
struct decoding {
	struct feed feed;
	struct decoded decoded;         /* of the current frame */
	const struct decoder *protocol; /* -p, or NULL */
	const char *model;              /* --model, or NULL */
	struct device_memory *memory;
	struct photos photos;
	struct messages messages;
	bool with_photos;
	size_t len; /* of pending bytes in buffer */
	uint8_t buffer[65536 + FRAME_MOST];
};

static void print(struct decoding *d)
{
	// NULL until a decoder is chosen.
	const char *name = d->feed.session.decoder ? d->feed.session.decoder->name : NULL;
	report_json_decoded(stdout, name, &d->decoded);
	for (; d->feed.session.finished; photo_drop(&d->feed.session))
		report_json_photo(stdout, name, d->feed.session.finished);
}

// Every device has the model and the protocol of the options.
static struct device_settings find_settings(const void *context, struct text ident)
{
	const struct decoding *d = context;
	(void)ident;
	return (struct device_settings){
		.model = d->model ? (struct text){d->model, strlen(d->model)} : (struct text){0},
		.protocol = d->protocol,
		.known = d->protocol != NULL};
}

static void start(struct decoding *d, bool datagram)
{
	feed_init(&d->feed, DECODERS_ALL, d->protocol, datagram);
	d->feed.session.received_us = clock_utc_us();
	d->feed.session.memory = d->memory;
	d->feed.session.all_messages = &d->messages;
	d->feed.session.photos = d->with_photos ? &d->photos : NULL;
	d->feed.session.find_settings = find_settings;
	d->feed.session.settings_context = d;
}

// Ends the conversation: held frames expire, an unfinished photo is printed.
static void end(struct decoding *d)
{
	photo_end(&d->feed.session);
	do {
		feed_expire(&d->feed, clock_utc_us(), INT64_MAX, &d->decoded);
		print(d);
	} while (feed_holds(&d->feed));
	feed_done(&d->feed);
}

// Decodes all whole frames in the bytes. Returns how many bytes were used.
static size_t decode_frames(struct decoding *d, const uint8_t *data, size_t len)
{
	size_t at = 0;
	for (;;) {
		size_t used;
		const enum feed_verdict verdict =
			feed_step(&d->feed, data + at, len - at, &d->decoded, &used);
		at += used;
		if (verdict == FEED_MORE)
			return at;
		print(d);
		// Where the daemon would close, the next bytes begin a new conversation here.
		if (verdict == FEED_CLOSE || (d->decoded.close && !d->feed.session.datagram)) {
			end(d);
			start(d, d->feed.session.datagram);
		}
		if (at == len)
			return at;
	}
}

static void drop(struct decoding *d, size_t used)
{
	d->len -= used;
	memmove(d->buffer, d->buffer + used, d->len);
}

// Decodes the bytes after the last whole frame; what no decoder accepts is printed as a reject.
static void decode_rest(struct decoding *d)
{
	bool open = d->feed.open;
	while (open && d->len > 0) { // frames may follow the open one
		size_t used;
		open = feed_rest(&d->feed, d->buffer, d->len, &d->decoded, &used) == FEED_TAKEN;
		print(d);
		drop(d, used);
	}
	const size_t blanks = feed_blanks(d->buffer, d->len);
	if (blanks < d->len) {
		decoded_reset(&d->decoded);
		decoded_reject(&d->decoded, DECODE_DETAIL, "incomplete frame", d->buffer + blanks,
			d->len - blanks);
		print(d);
	}
}

static int decode_file(struct decoding *d, int fd, const char *name, bool datagram)
{
	start(d, datagram);
	for (;;) {
		const ssize_t n = read(fd, d->buffer + d->len, sizeof(d->buffer) - d->len);
		if (n < 0) {
			fprintf(stderr, "avld decode: cannot read %s: %s%s\n", name,
				strerror(errno), errno == EISDIR ? "; name a file in it" : "");
			feed_done(&d->feed);
			return 1;
		}
		d->len += (size_t)n;
		if (datagram && n > 0 && d->len < sizeof(d->buffer))
			continue; // a datagram is decoded as a whole
		if (d->len > 0)
			drop(d, decode_frames(d, d->buffer, d->len));
		if (n == 0 || datagram)
			break;
		fflush(stdout); // the reader of a live pipe sees each line at once
	}
	decode_rest(d);
	end(d);
	return 0;
}

static bool find_protocol(struct decoding *d, const char *name)
{
	d->protocol = registry_find(name, strlen(name));
	if (d->protocol)
		return true;
	fprintf(stderr, "avld decode: unknown protocol '%s'; known are:", name);
	for (size_t i = 0; registry_decoders[i]; i++)
		fprintf(stderr, " %s", registry_decoders[i]->name);
	fputc('\n', stderr);
	return false;
}

int decode_verb(struct command_line *line)
{
	const char *protocol = command_line_value(line, "protocol");
	const char *path = line->argument ? line->argument : "-";
	const bool from_stdin = !strcmp(path, "-");
	struct decoding *decoding = calloc(1, sizeof(*decoding));
	int fd = -1, code = 1;

	if (!decoding || !(decoding->memory = device_memory_new(DEVICES))) {
		fputs("avld decode: out of memory\n", stderr);
		goto done;
	}
	decoding->with_photos = command_line_value(line, "photos") != NULL;
	decoding->model = command_line_value(line, "model");
	if (protocol && !find_protocol(decoding, protocol)) {
		code = 2;
		goto done;
	}
	fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fprintf(stderr, "avld decode: cannot read %s: %s\n", path, strerror(errno));
	else
		code = decode_file(decoding, fd, from_stdin ? "standard input" : path,
			command_line_value(line, "datagram") != NULL);
	if (fd > STDIN_FILENO)
		close(fd);
done:
	if (decoding)
		device_memory_free(decoding->memory);
	free(decoding);
	return code;
}
