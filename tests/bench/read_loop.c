// SPDX-License-Identifier: MIT
// What live traffic costs a libev loop that only reads: the counterpart of avld's.
//
//   read_loop    listens on a port of 127.0.0.1, prints it, and reads from all connections until it is ended. For each line
//                on its standard input it prints the reads so far.
#include <arpa/inet.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MOST 16384

static unsigned long long reads;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	static char bytes[READ_MOST];

	(void)revents;
	const ssize_t n = recv(io->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0) {
		reads++;
	} else if (n == 0) {
		ev_io_stop(loop, io);
		close(io->fd);
		free(io);
	}
}

static void on_connection(struct ev_loop *loop, ev_io *listener, int revents)
{
	ev_io *io = calloc(1, sizeof(*io));
	const int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);

	(void)revents;
	if (!io || fd < 0)
		die("read_loop: accept");
	ev_io_init(io, on_readable, fd, EV_READ);
	ev_io_start(loop, io);
}

static void on_question(struct ev_loop *loop, ev_io *io, int revents)
{
	char line[64];

	(void)revents;
	if (read(io->fd, line, sizeof(line)) <= 0)
		ev_break(loop, EVBREAK_ALL);
	printf("%llu\n", reads);
	fflush(stdout);
}

int main(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	ev_io listener, question;

	if (!loop || fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
		listen(fd, 1024) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		die("read_loop");
	ev_io_init(&listener, on_connection, fd, EV_READ);
	ev_io_start(loop, &listener);
	ev_io_init(&question, on_question, STDIN_FILENO, EV_READ);
	ev_io_start(loop, &question);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	ev_run(loop, 0);
	ev_loop_destroy(loop);
	return 0;
}
