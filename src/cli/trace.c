// SPDX-License-Identifier: MIT
// avld trace: prints what one tracker sends, as the running daemon tells it over its socket (net/trace_socket.h).
#include "intake/trace.h"
#include "cli/interrupt.h"
#include "cli/trace_text.h"
#include "cli/verbs.h"
#include "config/setting.h"
#include "net/trace_socket.h"
#include "util/json_reader.h"
#include "util/local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE (1 << 19) /* longer than any event */
#define JSON_DEPTH  16

enum { GO_ON = -1 }; /* no exit code yet */

struct tracing {
	const char *ident;
	bool json;
	uint64_t count; /* frames to be shown; 0: without end */
	char *buffer;
	size_t len;
};

static int explain_no_socket(const struct config *config)
{
	const int error = errno;
	const char *remedy = "";
	char origin[SETTING_ORIGIN_MAX];

	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
		remedy = "; avld is not running with this journal.dir: start it, or give its "
			 "settings with -c or -o";
	if (error == EACCES || error == EPERM)
		remedy = "; only the daemon's user and root may: sudo -u avld avld trace ...";
	fprintf(stderr,
		"avld trace: cannot connect to %s/" TRACE_SOCKET_NAME " (journal.dir: %s): %s%s\n",
		config->journal.dir, setting_origin(config, "journal.dir", origin), strerror(error),
		remedy);
	return 1;
}

// Says what is to be expected.
static void print_watching(const char *ident, struct text event)
{
	const struct text peer = trace_text_member(event, "peer");

	if (!text_equal(trace_text_member(event, "known"), "true"))
		fprintf(stderr,
			"avld trace: watching %s: avld does not know it yet; waiting for its "
			"first frame\n",
			ident);
	else if (peer.len)
		fprintf(stderr, "avld trace: watching %s: connected from %.*s\n", ident,
			(int)peer.len - 2, peer.data + 1);
	else
		fprintf(stderr,
			"avld trace: watching %s: it has no connection now; waiting for its next "
			"frame\n",
			ident);
}

// Prints the event. Returns GO_ON or the exit code.
static int handle(struct tracing *tracing, struct text line)
{
	struct text event;

	if (!json_reader_check(line, JSON_DEPTH, &event) ||
		json_reader_kind(event) != JSON_OBJECT) {
		fputs("avld trace: what answers is not an avld of this version\n", stderr);
		return 1;
	}
	if (trace_text_is(event, "refused")) {
		const struct text reason = trace_text_member(event, "reason");
		fprintf(stderr, "avld trace: refused: %.*s\n", (int)reason.len, reason.data);
		return 1;
	}
	if (trace_text_is(event, "end")) {
		fputs("avld trace: avld has ended\n", stderr);
		return 1;
	}
	if (trace_text_is(event, "watching"))
		print_watching(tracing->ident, event);
	if (tracing->json)
		printf("%.*s\n", (int)line.len, line.data);
	else
		trace_text_print(stdout, event);
	if (tracing->count && trace_text_is(event, "frame") && --tracing->count == 0)
		return 0;
	return GO_ON;
}

// Handles the lines in the buffer and keeps the rest. Returns GO_ON or the exit code.
static int handle_lines(struct tracing *tracing)
{
	char *at = tracing->buffer, *end = at + tracing->len, *line_end;
	int code = GO_ON;

	while (code == GO_ON && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
		code = handle(tracing, (struct text){at, (size_t)(line_end - at)});
		at = line_end + 1;
	}
	tracing->len = (size_t)(end - at);
	memmove(tracing->buffer, at, tracing->len);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "avld trace: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return code;
}

static int run(struct tracing *tracing, int fd)
{
	int code = GO_ON;

	while (code == GO_ON) {
		const ssize_t n =
			recv(fd, tracing->buffer + tracing->len, BUFFER_SIZE - tracing->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fputs("avld trace: the connection is lost: avld has ended without "
			      "saying so, its log has the reason\n",
				stderr);
			return 1;
		}
		tracing->len += (size_t)n;
		code = handle_lines(tracing);
	}
	return code;
}

static bool send_ident(int fd, const char *ident)
{
	char line[IDENT_MAX + 2];
	const int len = snprintf(line, sizeof(line), "%s\n", ident);

	return send(fd, line, (size_t)len, MSG_NOSIGNAL) == len;
}

int trace_verb(struct command_line *line)
{
	const char *count = command_line_value(line, "count");
	struct tracing tracing = {
		.ident = line->argument, .json = command_line_value(line, "json") != NULL};

	if (!trace_is_ident((struct text){line->argument, strlen(line->argument)}))
		return command_line_error(line,
			"'%s' is no ident: write 1 to %d letters, digits, dots, _, : or -",
			line->argument, IDENT_MAX);
	if (count &&
		(!text_uint((struct text){count, strlen(count)}, &tracing.count) || !tracing.count))
		return command_line_error(line, "--count %s: write a number from 1", count);
	const int fd = local_socket_connect(line->config.journal.dir, TRACE_SOCKET_NAME);
	if (fd < 0)
		return explain_no_socket(&line->config);
	interrupt_ends();
	tracing.buffer = malloc(BUFFER_SIZE);
	int code = 1;
	if (!tracing.buffer)
		fputs("avld trace: out of memory\n", stderr);
	else if (!send_ident(fd, line->argument) &&
		 errno != EPIPE) // refused before: run() says why
		fprintf(stderr, "avld trace: cannot send: %s\n", strerror(errno));
	else
		code = run(&tracing, fd);
	free(tracing.buffer);
	close(fd);
	return code;
}
