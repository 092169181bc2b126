// SPDX-License-Identifier: MIT
// avld decode: the very code that serves the sockets, over bytes from a file or stdin.
#include "cli/cli.h"
#include "cli/report_json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 10000 /* whose last records are remembered */

static const char usage[] =
	"usage: avld decode [-p PROTOCOL] [--datagram] [--photos] [FILE]\n\n"
	"Reads bytes as a tracker sends them (FILE or stdin), prints JSON lines: reports, rejects "
	"with\n"
	"their reason, and bytes a server would send back.\n\n"
	"  -p, --protocol NAME  do not find the protocol by the first bytes: it is NAME\n"
	"      --datagram       the input is one UDP datagram, not a TCP stream\n"
	"      --photos         photos are fetched and told of, as with pt502.photos = on\n"
	"  -h, --help           this text\n";

struct decoding {
	struct feed feed;
	struct decoded batch;
	const struct decoder *told; /* -p, or NULL */
	struct device_memory *memory;
	struct photos photos;
	bool with_photos;
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void print(struct decoding *d)
{
	// The verdict stays the feed's after lost framing, but those bytes are nobody's.
	const char *name = d->feed.session.decoder ? d->feed.session.decoder->name : NULL;
	batch_print_json(stdout, name, &d->batch);
	for (; d->feed.session.finished; photo_drop(&d->feed.session))
		photo_print_json(stdout, name, d->feed.session.finished);
}

static void start(struct decoding *d, bool datagram)
{
	feed_init(&d->feed, DECODERS_ALL, d->told, datagram);
	d->feed.session.received_us = now_us();
	d->feed.session.memory = d->memory;
	d->feed.session.photos = d->with_photos ? &d->photos : NULL; // as in the settings: off
}

// The conversation is over: what waits has waited in vain.
static void end(struct decoding *d)
{
	photo_end(&d->feed.session);
	do {
		feed_expire(&d->feed, now_us(), INT64_MAX, &d->batch);
		print(d);
	} while (feed_holds(&d->feed));
	feed_done(&d->feed);
}

// Decodes what can be decoded of the bytes; returns how many are dealt with.
static size_t take(struct decoding *d, const uint8_t *data, size_t len)
{
	size_t at = 0;
	for (;;) {
		size_t used;
		const enum feed_verdict verdict =
			feed_step(&d->feed, data + at, len - at, &d->batch, &used);
		at += used;
		if (verdict == FEED_MORE)
			return at;
		print(d);
		if (verdict ==
			FEED_CLOSE) { // the daemon would close; a capture goes on with what follows
			end(d);
			start(d, d->feed.session.datagram);
		}
		if (at == len)
			return at;
	}
}

static int decode_file(struct decoding *d, int fd, const char *name, bool datagram)
{
	static uint8_t buffer[65536 + FRAME_CAP];
	size_t len = 0;

	start(d, datagram);
	for (;;) {
		const ssize_t n = read(fd, buffer + len, sizeof(buffer) - len);
		if (n < 0) {
			fprintf(stderr, "avld decode: cannot read %s: %s%s\n", name,
				strerror(errno), errno == EISDIR ? "; name a file in it" : "");
			return 1;
		}
		len += (size_t)n;
		if (datagram && n > 0 && len < sizeof(buffer))
			continue; // one datagram is taken whole
		const size_t used = len > 0 ? take(d, buffer, len) : 0;
		len -= used;
		memmove(buffer, buffer + used, len);
		if (n == 0 || datagram)
			break;
		fflush(stdout); // a live pipe is seen as it comes
	}
	if (d->feed.open) {
		size_t used;
		feed_rest(&d->feed, buffer, len, &d->batch, &used);
		print(d);
		len -= used;
		memmove(buffer, buffer + used, len);
	}
	const size_t blanks = feed_blanks(buffer, len);
	if (blanks < len) {
		decoded_reset(&d->batch);
		decoded_reject(&d->batch, DECODE_DETAIL, "incomplete frame", buffer + blanks,
			len - blanks);
		print(d);
	}
	end(d);
	if (fflush(stdout)) {
		fprintf(stderr, "avld decode: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

static bool find_protocol(struct decoding *d, const char *name)
{
	d->told = registry_find(name, strlen(name));
	if (d->told)
		return true;
	fprintf(stderr, "avld decode: no protocol '%s'; there are:", name);
	for (size_t i = 0; registry_decoders[i]; i++)
		fprintf(stderr, " %s", registry_decoders[i]->name);
	fputc('\n', stderr);
	return false;
}

int decode_verb(int argc, char **argv)
{
	static const struct option options[] = {
		{"protocol", required_argument, NULL, 'p'},
		{"datagram", no_argument, NULL, 'd'},
		{"photos", no_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static struct decoding decoding; // half a megabyte: not for the stack
	bool datagram = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":p:h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		} else if (option == 'd') {
			datagram = true;
		} else if (option == 'P') {
			decoding.with_photos = true;
		} else if (option == 'p') {
			if (!find_protocol(&decoding, optarg))
				return 2;
		} else if (option == ':') {
			return cli_usage_error(
				"decode", "option '%s' wants a value", argv[optind - 1]);
		} else {
			return cli_usage_error("decode", "unknown option '%s'", argv[optind - 1]);
		}
	}
	if (argc - optind > 1)
		return cli_usage_error("decode", "one file at a time");
	decoding.memory = device_memory_new(DEVICES);
	if (!decoding.memory) {
		fputs("avld decode: out of memory\n", stderr);
		return 1;
	}
	const bool from_stdin = argc == optind || !strcmp(argv[optind], "-");
	const int fd = from_stdin ? STDIN_FILENO : open(argv[optind], O_RDONLY | O_CLOEXEC);
	int code = 1;
	if (fd < 0)
		fprintf(stderr, "avld decode: cannot read %s: %s\n", argv[optind], strerror(errno));
	else
		code = decode_file(
			&decoding, fd, from_stdin ? "standard input" : argv[optind], datagram);
	if (fd > STDIN_FILENO)
		close(fd);
	device_memory_free(decoding.memory);
	return code;
}
