// SPDX-License-Identifier: MIT
// c-ares's sockets become ev_io, its time-outs one ev_timer. It may answer within our call (/etc/hosts); so `done` is
// always called from the loop's next turn.
#include "writer/resolve.h"

#include "util/log.h"

#include <ares.h>
#include <arpa/inet.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX     16 /* in one conninfo */
#define ADDRESSES_MAX 8  /* of one name */
#define SOCKETS_MAX   16 /* open at a time */

struct host {
	struct resolve *resolve;
	char *name, *port;
	size_t count;
	char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
};

struct resolve {
	struct ev_loop *loop;
	resolve_done *done;
	void *context;
	ares_channel channel;
	bool channel_made, stopping;
	size_t pending; /* names without an answer yet */
	ev_timer timeout;
	ev_timer finished; /* all names have an answer */
	ev_io sockets[SOCKETS_MAX];
	struct host hosts[HOSTS_MAX];
	size_t host_count;
	struct resolve_result result;
	char error[256];
};

// Returns true if the host is neither empty, nor a path (abstract sockets begin with @), nor an address.
static bool is_name(const char *host)
{
	struct in_addr address;
	return *host && *host != '/' && *host != '@' && !strchr(host, ':') &&
	       inet_pton(AF_INET, host, &address) != 1;
}

static char *copy_part(const char **rest)
{
	const size_t len = strcspn(*rest, ",");
	char *part = strndup(*rest, len);
	if (!part)
		log_fatal("out of memory for=\"host names\"");
	*rest = (*rest)[len] ? *rest + len + 1 : NULL;
	return part;
}

bool resolve_needed(const char *hosts)
{
	bool needed = false;
	while (hosts) {
		char *host = copy_part(&hosts);
		needed |= is_name(host);
		free(host);
	}
	return needed;
}

// Appends ",text" (the first without the comma).
static void append(char **list, const char *text, bool first)
{
	const size_t size = strlen(*list) + strlen(text) + 2;
	char *grown = realloc(*list, size);
	if (!grown)
		log_fatal("out of memory for=\"host names\"");
	if (!first)
		strncat(grown, ",", size - strlen(grown) - 1);
	strncat(grown, text, size - strlen(grown) - 1);
	*list = grown;
}

static void build_result(struct resolve *resolve)
{
	struct resolve_result *result = &resolve->result;
	bool first = true;

	result->host = calloc(1, 1);
	result->hostaddr = calloc(1, 1);
	result->port = calloc(1, 1);
	if (!result->host || !result->hostaddr || !result->port)
		log_fatal("out of memory for=\"host names\"");
	for (size_t i = 0; i < resolve->host_count; i++) {
		const struct host *host = &resolve->hosts[i];
		const bool named = is_name(host->name);
		const bool local = !*host->name || *host->name == '/' || *host->name == '@';
		const size_t count = named ? host->count : 1;
		for (size_t n = 0; n < count; n++, first = false) {
			append(&result->host, host->name, first);
			append(&result->hostaddr,
				named   ? host->addresses[n]
				: local ? ""
					: host->name,
				first);
			append(&result->port, host->port, first);
		}
	}
}

static void on_finished(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct resolve *resolve = timer->data;
	build_result(resolve);
	if (*resolve->result.host || !*resolve->error) /* host="" alone is libpq's default */
		resolve->done(resolve->context, &resolve->result, NULL);
	else
		resolve->done(resolve->context, NULL, resolve->error);
}

static void rearm_timeout(struct resolve *resolve)
{
	struct timeval wait, *next = ares_timeout(resolve->channel, NULL, &wait);
	ev_timer_stop(resolve->loop, &resolve->timeout);
	if (!next)
		return;
	ev_timer_set(
		&resolve->timeout, (double)next->tv_sec + (double)next->tv_usec / 1e6 + 1e-3, 0.);
	ev_timer_start(resolve->loop, &resolve->timeout);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct resolve *resolve = timer->data;
	ares_process_fd(resolve->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm_timeout(resolve);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct resolve *resolve = io->data;
	ares_process_fd(resolve->channel, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
		events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	rearm_timeout(resolve);
}

// c-ares reports what to watch a socket for; neither: the socket is closed.
static void on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
	struct resolve *resolve = context;
	ev_io *io = NULL;

	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		ev_io *one = &resolve->sockets[i];
		if (ev_is_active(one) && one->fd == fd)
			io = one;
		else if (!ev_is_active(one) && !io)
			io = one;
		if (io && ev_is_active(io))
			break;
	}
	if (!io) {
		log_warning("host names not resolved reason=\"too many sockets of the resolver\"");
		return; /* its query times out */
	}
	ev_io_stop(resolve->loop, io);
	if (!readable && !writable)
		return;
	ev_io_set(io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(resolve->loop, io);
}

static void on_answer(void *context, int status, int timeouts, struct ares_addrinfo *answer)
{
	(void)timeouts;
	struct host *host = context;
	struct resolve *resolve = host->resolve;

	if (resolve->stopping)
		return; /* ares_destroy: answer is NULL */
	const struct ares_addrinfo_node *node = answer ? answer->nodes : NULL;
	for (; node && host->count < ADDRESSES_MAX; node = node->ai_next) {
		char *text = host->addresses[host->count];
		if (!getnameinfo(node->ai_addr, node->ai_addrlen, text, INET6_ADDRSTRLEN, NULL, 0,
			    NI_NUMERICHOST))
			host->count++;
	}
	ares_freeaddrinfo(answer);
	if (!host->count)
		snprintf(resolve->error, sizeof(resolve->error), "host name \"%s\": %s", host->name,
			status == ARES_SUCCESS ? "no address" : ares_strerror(status));
	if (--resolve->pending == 0)
		ev_timer_start(resolve->loop, &resolve->finished);
}

static bool open_channel(struct resolve *resolve)
{
	struct ares_options options = {
		.timeout = 2000,
		.tries = 3,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = resolve,
	};
	const int flags = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&resolve->channel, &options, flags);
	resolve->channel_made = status == ARES_SUCCESS;
	if (!resolve->channel_made)
		snprintf(resolve->error, sizeof(resolve->error), "resolver: %s",
			ares_strerror(status));
	return resolve->channel_made;
}

static void split(struct resolve *resolve, const char *hosts, const char *ports)
{
	const bool one_port = !ports || !strchr(ports, ',');

	while (hosts && resolve->host_count < HOSTS_MAX) {
		struct host *host = &resolve->hosts[resolve->host_count++];
		const char *one = ports ? ports : "";
		host->resolve = resolve;
		host->name = copy_part(&hosts);
		host->port = copy_part(one_port || !ports ? &one : &ports);
	}
}

struct resolve *resolve_start(struct ev_loop *loop, const char *hosts, const char *ports,
	resolve_done *done, void *context)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	if (!resolve)
		log_fatal("out of memory for=\"host names\"");
	resolve->loop = loop;
	resolve->done = done;
	resolve->context = context;
	ev_timer_init(&resolve->timeout, on_timeout, 0., 0.);
	ev_timer_init(&resolve->finished, on_finished, 0., 0.);
	resolve->timeout.data = resolve->finished.data = resolve;
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		ev_io_init(&resolve->sockets[i], on_socket, -1, 0);
		resolve->sockets[i].data = resolve;
	}
	split(resolve, hosts, ports);
	resolve->pending = 1; /* this function: answers may come within the calls */
	if (open_channel(resolve)) {
		const struct ares_addrinfo_hints hints = {
			.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
		for (size_t i = 0; i < resolve->host_count; i++) {
			if (!is_name(resolve->hosts[i].name))
				continue;
			resolve->pending++;
			ares_getaddrinfo(resolve->channel, resolve->hosts[i].name, NULL, &hints,
				on_answer, &resolve->hosts[i]);
		}
		rearm_timeout(resolve);
	}
	if (--resolve->pending == 0)
		ev_timer_start(loop, &resolve->finished);
	return resolve;
}

void resolve_free(struct resolve *resolve)
{
	if (!resolve)
		return;
	resolve->stopping = true;
	if (resolve->channel_made)
		ares_destroy(resolve->channel);
	ares_library_cleanup();
	ev_timer_stop(resolve->loop, &resolve->timeout);
	ev_timer_stop(resolve->loop, &resolve->finished);
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		ev_io_stop(resolve->loop, &resolve->sockets[i]);
	for (size_t i = 0; i < resolve->host_count; i++) {
		free(resolve->hosts[i].name);
		free(resolve->hosts[i].port);
	}
	free(resolve->result.host);
	free(resolve->result.hostaddr);
	free(resolve->result.port);
	free(resolve);
}
