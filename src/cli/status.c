// SPDX-License-Identifier: MIT
// avld status: prints the counters of the running daemon, read over HTTP at http.listen.
#include "cli/verbs.h"
#include "config/setting.h"
#include "util/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S 5

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

static int show(const struct config *config)
{
	const char *listen = config->http.listen;
	char answer[65536], origin[SETTING_ORIGIN_MAX];
	const int fd = connect_to(listen);
	const ssize_t len = fd < 0 ? -1 : ask(fd, answer, sizeof(answer));
	const int error = errno;

	if (fd >= 0)
		close(fd);
	if (len < 0) {
		fprintf(stderr,
			"avld status: no answer from http.listen=%s (%s): %s; is avld running?\n",
			listen, setting_origin(config, "http.listen", origin), strerror(error));
		return 1;
	}
	const char *body = strstr(answer, "\r\n\r\n");
	if (strncmp(answer, "HTTP/1.", 7) != 0 || !strstr(answer, " 200 ") || !body) {
		fprintf(stderr,
			"avld status: the server at http.listen=%s (%s) is not avld; set "
			"http.listen "
			"as the daemon has it\n",
			listen, setting_origin(config, "http.listen", origin));
		return 1;
	}
	fputs(body + 4, stdout);
	return 0;
}

int status_verb(struct command_line *line)
{
	const struct config *config = &line->config;
	char origin[SETTING_ORIGIN_MAX];

	if (config->http.listen[0])
		return show(config);
	fprintf(stderr,
		"avld status: http.listen is empty (%s): the daemon serves no counters; set an "
		"address and restart it\n",
		setting_origin(config, "http.listen", origin));
	return 1;
}
