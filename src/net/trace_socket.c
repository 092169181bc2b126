// SPDX-License-Identifier: MIT
// A client is closed when it closes, sends anything but one line with an ident, or does not send that within LINE_S.
// What it does not read is kept in a buffer; events that do not fit are counted, and the number is sent in their place.
#include "net/trace_socket.h"

#include "intake/trace.h"
#include "util/local_socket.h"
#include "util/log.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 8
#define BUFFER_SIZE (1 << 18)
#define LOST_MOST   64  /* bytes of a line "lost", for which there is always room */
#define LINE_S      5.  /* from the connection to its ident */
#define BACK_OFF_S  0.5 /* pause in accepting while descriptors are short */

struct client {
	struct trace_watcher watcher;
	struct trace_socket *of;
	ev_io io;
	ev_timer timer; /* until the ident is known */
	bool open, watching;
	char line[IDENT_MAX + 1];
	size_t line_len;
	char *buffer; /* of BUFFER_SIZE, while watching */
	size_t start, len;
	uint64_t lost; /* events left out since the last one in the buffer */
};

struct trace_socket {
	struct ev_loop *loop;
	struct intake *intake;
	ev_io listener;
	ev_timer pause;
	struct client clients[CLIENTS_MAX];
};

// ---- the buffer

// Sets the events to watch for; the only place that does.
static void watch(struct client *client)
{
	const int events = EV_READ | (client->len ? EV_WRITE : 0);

	if ((client->io.events & (EV_READ | EV_WRITE)) == events && ev_is_active(&client->io))
		return;
	ev_io_stop(client->of->loop, &client->io);
	ev_io_modify(&client->io, events);
	ev_io_start(client->of->loop, &client->io);
}

// Appends a line. Returns false if there is no room.
static bool put(struct client *client, struct text line)
{
	if (line.len + 1 > BUFFER_SIZE - client->len)
		return false;
	if (client->start + client->len + line.len + 1 > BUFFER_SIZE) {
		memmove(client->buffer, client->buffer + client->start, client->len);
		client->start = 0;
	}
	char *end = client->buffer + client->start + client->len;
	memcpy(end, line.data, line.len);
	end[line.len] = '\n';
	client->len += line.len + 1;
	return true;
}

static void put_lost(struct client *client)
{
	char line[LOST_MOST];
	const int len = snprintf(line, sizeof(line), "{\"event\":\"lost\",\"count\":%llu}",
		(unsigned long long)client->lost);

	if (client->lost && put(client, (struct text){line, (size_t)len}))
		client->lost = 0;
}

// Returns false if the client is gone.
static bool flush(struct client *client)
{
	while (client->len > 0) {
		const ssize_t n = send(client->io.fd, client->buffer + client->start, client->len,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
		client->start += (size_t)n;
		client->len -= (size_t)n;
		if (client->len == 0) {
			client->start = 0;
			put_lost(client);
		}
	}
	return true;
}

// Returns true if the event, and later a line "lost", has room.
static bool has_room(const struct client *client, struct text event)
{
	return event.len + 1 + 2 * LOST_MOST <= BUFFER_SIZE - client->len;
}

// trace_watcher.write. A client that is gone is closed by on_io.
static void on_event(struct trace_watcher *watcher, struct text event)
{
	struct client *client = list_item(watcher, struct client, watcher);

	if (!has_room(client, event))
		flush(client);
	if (has_room(client, event)) {
		put_lost(client);
		put(client, event);
	} else {
		client->lost++;
	}
	watch(client);
}

// ---- clients

static void close_client(struct client *client)
{
	struct trace_socket *socket = client->of;

	if (client->watching) {
		trace_unwatch(socket->intake, &client->watcher);
		log_info("trace ends ident=%.*s", client->watcher.ident_len, client->watcher.ident);
	}
	ev_io_stop(socket->loop, &client->io);
	ev_timer_stop(socket->loop, &client->timer);
	close(client->io.fd);
	free(client->buffer);
	*client = (struct client){.open = false};
}

static void refuse(int fd, const char *reason)
{
	char line[256];
	const int len =
		snprintf(line, sizeof(line), "{\"event\":\"refused\",\"reason\":\"%s\"}\n", reason);

	send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void begin(struct client *client, struct text ident)
{
	const char *reason = "out of memory";

	client->watcher.write = on_event;
	client->buffer = malloc(BUFFER_SIZE);
	if (!trace_is_ident(ident))
		reason = "not an ident: 1 to 32 characters of 0-9, A-Z, a-z, '.', '_', ':' and '-'";
	else if (client->buffer)
		client->watching = trace_watch(client->of->intake, &client->watcher, ident);
	if (!client->watching) {
		refuse(client->io.fd, reason);
		close_client(client);
		return;
	}
	ev_timer_stop(client->of->loop, &client->timer);
	trace_greet(client->of->intake, &client->watcher);
	log_info("trace begins ident=%.*s", (int)ident.len, ident.data);
}

// Reads the line with the ident; afterwards whether the client has closed.
static void receive(struct client *client)
{
	char rest[64];
	char *to = client->watching ? rest : client->line + client->line_len;
	const size_t room =
		client->watching ? sizeof(rest) : sizeof(client->line) - client->line_len;
	const ssize_t n = recv(client->io.fd, to, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		close_client(client);
		return;
	}
	if (client->watching)
		return;
	client->line_len += (size_t)n;
	const char *end = memchr(client->line, '\n', client->line_len);
	if (end)
		begin(client, (struct text){client->line, (size_t)(end - client->line)});
	else if (client->line_len == sizeof(client->line))
		begin(client, (struct text){"", 0});
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *client = io->data;

	(void)loop;
	if (revents & EV_WRITE && !flush(client)) {
		close_client(client);
		return;
	}
	if (client->watching)
		watch(client);
	if (revents & EV_READ)
		receive(client);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	close_client(timer->data);
}

static void add(struct trace_socket *socket, int fd)
{
	struct client *client = socket->clients;

	while (client < socket->clients + CLIENTS_MAX && client->open)
		client++;
	if (client == socket->clients + CLIENTS_MAX) {
		refuse(fd, "8 traces are under way; end one of them");
		close(fd);
		return;
	}
	client->of = socket;
	client->open = true;
	ev_io_init(&client->io, on_io, fd, EV_READ);
	ev_timer_init(&client->timer, on_late, LINE_S, 0.);
	client->io.data = client->timer.data = client;
	ev_io_start(socket->loop, &client->io);
	ev_timer_start(socket->loop, &client->timer);
}
_Static_assert(CLIENTS_MAX == 8, "as the refusal says");

// ---- the listener

static void on_pause_ends(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct trace_socket *socket = timer->data;

	(void)revents;
	ev_io_start(loop, &socket->listener);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int revents)
{
	struct trace_socket *socket = io->data;
	const int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)revents;
	if (fd >= 0) {
		add(socket, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		ev_io_stop(loop, io);
		ev_timer_set(&socket->pause, BACK_OFF_S, 0.);
		ev_timer_start(loop, &socket->pause);
	}
}

struct trace_socket *trace_socket_new(struct ev_loop *loop, struct intake *intake)
{
	const char *dir = intake->config->journal.dir;
	struct trace_socket *socket = calloc(1, sizeof(*socket));
	const int fd = socket ? local_socket_listen(dir, TRACE_SOCKET_NAME, 2 * CLIENTS_MAX) : -1;

	if (fd < 0) {
		free(socket);
		return NULL;
	}
	socket->loop = loop;
	socket->intake = intake;
	ev_io_init(&socket->listener, on_connection, fd, EV_READ);
	ev_init(&socket->pause, on_pause_ends);
	socket->listener.data = socket->pause.data = socket;
	ev_io_start(loop, &socket->listener);
	return socket;
}

void trace_socket_free(struct trace_socket *socket)
{
	static const char end[] = "{\"event\":\"end\"}";

	if (!socket)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &socket->clients[i];
		if (!client->open)
			continue;
		if (client->watching) {
			flush(client);
			put(client, (struct text){end, sizeof(end) - 1});
			flush(client);
		}
		close_client(client);
	}
	ev_io_stop(socket->loop, &socket->listener);
	ev_timer_stop(socket->loop, &socket->pause);
	close(socket->listener.fd);
	local_socket_remove(socket->intake->config->journal.dir, TRACE_SOCKET_NAME);
	free(socket);
}
