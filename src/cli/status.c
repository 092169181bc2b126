// SPDX-License-Identifier: MIT
// avld status: asks the running daemon for its counters, over the HTTP it serves at http.listen.
#include "cli/cli.h"
#include "util/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 5

static const char usage[] =
	"usage: avld status [-c FILE] [-o SECTION.KEY=VALUE]...\n\n"
	"Shows the running daemon's counters: what came in, what is stored, what waits, what was "
	"rejected.\n"
	"It is asked at http.listen of the settings.\n\n"
	"  -c, --config FILE         settings (default /etc/avld/avld.ini, if it is there)\n"
	"  -o, --option S.KEY=VALUE  a setting, over those of the file\n"
	"  -h, --help                this text\n";

// -1: errno says why
static int connect_to(const char *listen)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_storage address;
	socklen_t len;

	errno = EINVAL;
	if (!address_parse(listen, &address, &len))
		return -1;
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (const struct sockaddr *)&address, len))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

// The whole answer, NUL-terminated; -1: errno says why.
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

static int show(const char *listen)
{
	static char answer[65536];
	const int fd = connect_to(listen);
	const ssize_t len = fd < 0 ? -1 : ask(fd, answer, sizeof(answer));
	const int error = errno;

	if (fd >= 0)
		close(fd);
	if (len < 0) {
		fprintf(stderr,
			"avld status: no answer at http.listen=%s (%s): %s; is avld running "
			"there?\n",
			listen, config_origin("http.listen"), strerror(error));
		return 1;
	}
	const char *body = strstr(answer, "\r\n\r\n");
	if (strncmp(answer, "HTTP/1.", 7) != 0 || !strstr(answer, " 200 ") || !body) {
		fprintf(stderr, "avld status: what answers at http.listen=%s is not avld\n",
			listen);
		return 1;
	}
	fputs(body + 4, stdout);
	return 0;
}

int status_verb(int argc, char **argv)
{
	struct config config;
	int code;

	if (!cli_settings(argc, argv, usage, &config, &code))
		return code;
	if (config.http.listen[0]) {
		code = show(config.http.listen);
	} else {
		fprintf(stderr,
			"avld status: http.listen is empty (%s): the daemon does not tell\n",
			config_origin("http.listen"));
		code = 1;
	}
	config_done(&config);
	return code;
}
