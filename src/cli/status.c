// SPDX-License-Identifier: MIT
// avld status: prints the counters of the running daemon, read over HTTP at http.listen.
#include "cli/interrupt.h"
#include "cli/status_rates.h"
#include "cli/verbs.h"
#include "config/setting.h"
#include "util/address.h"
#include "util/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S 5
#define WATCH_S   1
#define PAGE_SIZE 65536

// Returns -1 on error, with errno.
static int connect_to(const char *listen)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct sockaddr_storage address;
	socklen_t len;

	errno = EINVAL;
	if (!address_parse(listen, &address, &len))
		return -1;
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(fd, (const struct sockaddr *)&address, len))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

// Reads the whole answer, NUL-terminated. Returns its length, or -1 on error, with errno.
static ssize_t ask(int fd, char *answer, size_t cap)
{
	static const char question[] = "GET /status HTTP/1.0\r\n\r\n";
	size_t len = 0;

	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	for (;;) {
		const ssize_t n = recv(fd, answer + len, cap - 1 - len, 0);
		if (n < 0)
			return -1;
		len += (size_t)n;
		answer[len] = '\0';
		if (n == 0 || len == cap - 1)
			return (ssize_t)len;
	}
}

// Reads the page into `answer`. Returns it, NUL-terminated, or NULL after an error message.
static const char *read_page(const struct config *config, char *answer, size_t cap)
{
	const char *listen = config->http.listen;
	char origin[SETTING_ORIGIN_MAX];
	const int fd = connect_to(listen);
	const ssize_t len = fd < 0 ? -1 : ask(fd, answer, cap);
	const int error = errno;

	if (fd >= 0)
		close(fd);
	if (len < 0) {
		fprintf(stderr,
			"avld status: no answer from http.listen=%s (%s): %s; is avld running?\n",
			listen, setting_origin(config, "http.listen", origin), strerror(error));
		return NULL;
	}
	const char *body = strstr(answer, "\r\n\r\n");
	if (strncmp(answer, "HTTP/1.", 7) != 0 || !strstr(answer, " 200 ") || !body) {
		fprintf(stderr,
			"avld status: the server at http.listen=%s (%s) is not avld; set "
			"http.listen "
			"as the daemon has it\n",
			listen, setting_origin(config, "http.listen", origin));
		return NULL;
	}
	return body + 4;
}

static int show(const struct config *config)
{
	char answer[PAGE_SIZE];
	const char *page = read_page(config, answer, sizeof(answer));

	if (!page)
		return 1;
	fputs(page, stdout);
	return 0;
}

// Returns the number of lines that the terminal has; 0: stdout is none, or it does not say.
static unsigned terminal_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_row;
}

static bool print_page(const char *page, const char *before, double seconds, bool is_terminal)
{
	const unsigned lines = is_terminal ? terminal_lines() : 0;

	if (is_terminal)
		fputs("\033[H\033[J", stdout); // cursor to the top left, erase what is below
	else if (before)
		fputc('\n', stdout);
	status_rates_print(stdout, page, before, seconds, lines > 1 ? lines - 1 : lines);
	return !fflush(stdout);
}

// Prints the page every WATCH_S, until a signal or an error.
static int watch(const struct config *config)
{
	char answers[2][PAGE_SIZE];
	const bool is_terminal = isatty(STDOUT_FILENO);
	const char *before = NULL, *page;
	int64_t before_us = 0;

	interrupt_ends();
	for (unsigned turn = 0; (page = read_page(config, answers[turn], PAGE_SIZE)); turn ^= 1) {
		const int64_t now_us = clock_monotonic_us();
		if (!print_page(page, before, (double)(now_us - before_us) / 1e6, is_terminal))
			return 1;
		before = page;
		before_us = now_us;
		sleep(WATCH_S);
	}
	return 1;
}

int status_verb(struct command_line *line)
{
	const struct config *config = &line->config;
	char origin[SETTING_ORIGIN_MAX];

	if (config->http.listen[0])
		return command_line_value(line, "watch") ? watch(config) : show(config);
	fprintf(stderr,
		"avld status: http.listen is empty (%s): the daemon serves no counters; set an "
		"address and restart it\n",
		setting_origin(config, "http.listen", origin));
	return 1;
}
