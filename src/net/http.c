// SPDX-License-Identifier: MIT
// Serves the pages of net/http_pages.h. libmicrohttpd runs on our loop, which watches its epoll descriptor. We accept the
// connections ourselves and limit their number and time; each serves one request:
//
//   accept -> open -> request, reply -> closed
//               |-- after TIME_MAX_S ---^
//               `-- oldest, another one arrives and there is no room: closed after GRACE_S
#include "net/http.h"

#include "util/address.h"
#include "util/clock.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define TIME_MAX_S      5.  /* from accepting a connection to the end of its reply */
#define GRACE_S         0.1 /* before the oldest connection makes room for a new one */
#define BACK_OFF_S      0.5 /* pause in accepting while descriptors are short */
#define BACKLOG         1024

struct client {
	bool open;
	int fd;
	double since;
};

struct http {
	struct ev_loop *loop;
	struct MHD_Daemon *daemon;
	struct http_sources sources;
	struct client clients[CONNECTIONS_MAX];
	bool short_of_files; /* when last tried */
	ev_io listener;
	ev_io io;        /* epoll descriptor of the library */
	ev_timer timer;  /* next call of the library */
	ev_timer pause;  /* runs while accepting is paused */
	ev_timer expiry; /* runs while connections are open */
	double started;
};

static enum MHD_Result reply(
	struct MHD_Connection *connection, unsigned code, const char *type, char *page, size_t len)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, page, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	const enum MHD_Result result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	static const unsigned codes[] = {[HTTP_PAGE_TEXT] = MHD_HTTP_OK,
		[HTTP_PAGE_JSON] = MHD_HTTP_OK,
		[HTTP_PAGE_UNHEALTHY] = MHD_HTTP_SERVICE_UNAVAILABLE,
		[HTTP_PAGE_UNKNOWN] = MHD_HTTP_NOT_FOUND};
	const struct http *http = context;
	const bool is_get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
	enum http_page kind = HTTP_PAGE_TEXT;
	char *page = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (!to)
		return MHD_NO;
	if (is_get)
		kind = http_pages_write(
			&http->sources, url, clock_monotonic_s() - http->started, to);
	if (fclose(to)) {
		free(page);
		return MHD_NO;
	}
	const bool is_json = kind == HTTP_PAGE_JSON || kind == HTTP_PAGE_UNHEALTHY;
	return reply(connection, is_get ? codes[kind] : MHD_HTTP_METHOD_NOT_ALLOWED,
		is_json ? "application/json" : "text/plain; charset=utf-8", page, len);
}

// Lets the library do what is due, and sets the timer for its next call.
static void run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(http->daemon);
	ev_timer_stop(http->loop, &http->timer);
	if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES) {
		ev_timer_set(&http->timer, (double)wait_ms / 1e3, 0.);
		ev_timer_start(http->loop, &http->timer);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	run(io->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	run(timer->data);
}

// Connections ------------------------------------------------------------------------------------

// Does nothing unless accepting is paused.
static void resume_accepting(struct http *http)
{
	ev_timer_stop(http->loop, &http->pause);
	ev_io_start(http->loop, &http->listener);
}

// Called by the library when a connection was added, and before it is closed.
static void on_connection(void *context, struct MHD_Connection *connection, void **client,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;
	struct client *slot = http->clients;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		slot = *client;
		if (slot)
			slot->open = false;
		if (!http->short_of_files)
			resume_accepting(http);
		return;
	}
	while (slot < http->clients + CONNECTIONS_MAX && slot->open)
		slot++;
	assert(slot < http->clients + CONNECTIONS_MAX); // by the library's limit
	*slot = (struct client){.open = true,
		.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			      ->connect_fd,
		.since = clock_monotonic_s()};
	*client = slot;
	if (!ev_is_active(&http->expiry)) {
		ev_timer_set(&http->expiry, 1., 1.);
		ev_timer_start(http->loop, &http->expiry);
	}
}

// Returns the connection that has been open longest, NULL if none is.
static struct client *find_oldest(struct http *http)
{
	struct client *oldest = NULL;

	for (struct client *at = http->clients; at < http->clients + CONNECTIONS_MAX; at++)
		if (at->open && (!oldest || at->since < oldest->since))
			oldest = at;
	return oldest;
}

static bool is_full(const struct http *http)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (!http->clients[i].open)
			return false;
	return true;
}

// The library sees the end of the stream and closes the connection.
static void end_client(struct http *http, const struct client *client)
{
	shutdown(client->fd, SHUT_RDWR);
	MHD_run(http->daemon);
}

static void on_expiry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct http *http = timer->data;
	const struct client *oldest;

	(void)revents;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		oldest = find_oldest(http);
		if (!oldest || clock_monotonic_s() - oldest->since < TIME_MAX_S)
			break;
		end_client(http, oldest);
	}
	if (!find_oldest(http))
		ev_timer_stop(loop, timer);
	run(http);
}

static void pause_accepting(struct http *http, double seconds)
{
	ev_io_stop(http->loop, &http->listener);
	ev_timer_set(&http->pause, seconds, 0.);
	ev_timer_start(http->loop, &http->pause);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	resume_accepting(timer->data);
}

static void back_off(struct http *http, int error)
{
	const struct client *oldest = find_oldest(http);

	if (!http->short_of_files)
		log_warning("http cannot accept connections error=\"%s\" "
			    "what_to_do=\"raise LimitNOFILE of the service\"",
			strerror(error));
	http->short_of_files = true;
	if (oldest)
		end_client(http, oldest);
	pause_accepting(http, BACK_OFF_S);
}

// Returns false if no connection is pending, or none can be accepted now.
static bool accept_one(struct http *http)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	const struct client *oldest = is_full(http) ? find_oldest(http) : NULL;

	if (oldest && clock_monotonic_s() - oldest->since < GRACE_S) {
		pause_accepting(http, GRACE_S);
		return false;
	}
	const int fd = accept4(
		http->listener.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		const int error = errno;
		if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
			back_off(http, error);
		return error == ECONNABORTED;
	}
	http->short_of_files = false;
	if (oldest)
		end_client(http, oldest);
	MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, len); // or closes fd
	return true;
}

static void on_connect(struct ev_loop *loop, ev_io *io, int revents)
{
	struct http *http = io->data;

	(void)loop;
	(void)revents;
	for (int i = 0; i < CONNECTIONS_MAX && accept_one(http); i++)
		;
	run(http);
}

// Start and end ----------------------------------------------------------------------------------

// Returns a listening socket, or -1 with errno set.
static int listen_on(const char *text)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int off = 0, on = 1;

	if (!address_parse(text, &address, &len)) {
		errno = EINVAL;
		return -1;
	}
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (!bind(fd, (const struct sockaddr *)&address, len) && !listen(fd, BACKLOG))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request,
		http, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, http, MHD_OPTION_END);
}

static void start_watchers(struct http *http, int listen_fd)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	ev_io_init(&http->listener, on_connect, listen_fd, EV_READ);
	ev_io_init(&http->io, on_readable, info->epoll_fd, EV_READ);
	ev_timer_init(&http->timer, on_timer, 0., 0.);
	ev_timer_init(&http->pause, on_pause_end, 0., 0.);
	ev_timer_init(&http->expiry, on_expiry, 0., 0.);
	http->listener.data = http->io.data = http->timer.data = http->pause.data =
		http->expiry.data = http;
	ev_io_start(http->loop, &http->listener);
	ev_io_start(http->loop, &http->io);
}

struct http *http_new(
	struct ev_loop *loop, const char *listen, struct http_sources sources, const char **error)
{
	struct http *http = calloc(1, sizeof(*http));

	*error = "out of memory";
	if (!http)
		return NULL;
	http->loop = loop;
	http->sources = sources;
	http->started = clock_monotonic_s();
	const int fd = listen_on(listen);
	if (fd < 0) {
		*error = strerror(errno);
		free(http);
		return NULL;
	}
	http->daemon = start_daemon(http);
	if (!http->daemon) {
		*error = "libmicrohttpd cannot start";
		close(fd);
		free(http);
		return NULL;
	}
	start_watchers(http, fd);
	return http;
}

void http_free(struct http *http)
{
	MHD_stop_daemon(http->daemon); // calls on_connection
	ev_io_stop(http->loop, &http->listener);
	ev_io_stop(http->loop, &http->io);
	ev_timer_stop(http->loop, &http->timer);
	ev_timer_stop(http->loop, &http->pause);
	ev_timer_stop(http->loop, &http->expiry);
	close(http->listener.fd);
	free(http);
}
