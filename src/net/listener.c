// SPDX-License-Identifier: MIT
// The listening sockets, and accepting connections.
#include "net/listener.h"

#include "net/udp.h"
#include "util/address.h"
#include "util/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG        4096
#define ACCEPTS        64  /* a loop turn */
#define PICKS          32  /* attempts to find a port that is free for TCP and UDP */
#define BACK_OFF_S     0.5 /* pause in accepting while descriptors are short */
#define KEEPALIVE_S    120 /* silence before the first probe */
#define PROBE_S        30
#define PROBES         4
#define RECEIVE_BUFFER 65536  /* likewise; by itself it would grow to megabytes */
#define SEND_BUFFER    32768  /* the kernel doubles it; a peer that does not read fills it soon */
#define UNACKED_MS     120000 /* TCP_USER_TIMEOUT */

// ---- binding

static void set_int(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		log_debug("setsockopt level=%d name=%d error=\"%s\"", level, name, strerror(errno));
}

static uint16_t *port_of(struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return &((struct sockaddr_in6 *)address)->sin6_port;
	return &((struct sockaddr_in *)address)->sin_port;
}

// Sets on the listening socket what accepted ones inherit on Linux.
static void tune_tcp(int fd)
{
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
}

static void tune_udp(int fd, int family)
{
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	const int size = UDP_BUFFER;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, size);
}

// Returns the socket, or -1 with errno set.
static int bind_one(const struct sockaddr_storage *address, socklen_t len, int type)
{
	const int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (address->ss_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (type == SOCK_STREAM)
		tune_tcp(fd);
	else
		tune_udp(fd, address->ss_family);
	if (!bind(fd, (const struct sockaddr *)address, len) &&
		(type != SOCK_STREAM || !listen(fd, BACKLOG)))
		return fd;
	const int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void describe(int fd, char *text)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &len);
	const struct peer peer = peer_of_sockaddr((struct sockaddr *)&address, TRANSPORT_TCP);
	peer_text(&peer, text);
}

// Tries once. Sets the address's port to the one that TCP got, so that UDP gets the same. On failure errno is
// set and bound->tcp may be open.
static bool bind_both(const struct config *config, struct sockaddr_storage *address, socklen_t len,
	struct bound *bound)
{
	bound->tcp = bound->udp = -1;
	if (config->server.tcp) {
		struct sockaddr_storage got = {0};
		socklen_t got_len = sizeof(got);
		bound->tcp = bind_one(address, len, SOCK_STREAM);
		if (bound->tcp < 0)
			return false;
		getsockname(bound->tcp, (struct sockaddr *)&got, &got_len);
		*port_of(address) = *port_of(&got);
		describe(bound->tcp, bound->tcp_text);
	}
	if (config->server.udp) {
		bound->udp = bind_one(address, len, SOCK_DGRAM);
		if (bound->udp < 0)
			return false;
		describe(bound->udp, bound->udp_text);
	}
	return true;
}

static void explain(const struct config *config, struct bound *bound, int error, int port)
{
	const char *transport = config->server.tcp && bound->tcp < 0 ? "TCP" : "UDP";
	const char *listen = config->server.listen;
	const size_t cap = sizeof(bound->error);

	if (error == EADDRINUSE)
		snprintf(bound->error, cap,
			"port %d is taken: another program already listens on %s (%s); stop it "
			"(ss -lntup shows which one it is) or choose another server.listen",
			port, listen, transport);
	else if (error == EACCES)
		snprintf(bound->error, cap,
			"not permitted to listen on %s (%s): %s; ports below 1024 need "
			"CAP_NET_BIND_SERVICE (docs/installation.md, Rights)",
			listen, transport, strerror(error));
	else
		snprintf(bound->error, cap, "cannot listen on %s (%s): %s", listen, transport,
			strerror(error));
}

bool listener_bind(const struct config *config, struct bound *bound)
{
	struct sockaddr_storage address;
	socklen_t len;

	*bound = (struct bound){.tcp = -1, .udp = -1};
	if (!address_parse(config->server.listen, &address, &len)) {
		snprintf(bound->error, sizeof(bound->error),
			"server.listen: \"%s\" is no address and port; write *:PORT",
			config->server.listen);
		return false;
	}
	const uint16_t wanted = *port_of(&address);
	for (int pick = 0;; pick++) {
		*port_of(&address) = wanted;
		if (bind_both(config, &address, len, bound))
			return true;
		const int error = errno;
		if (error == EAFNOSUPPORT && config->server.listen[0] == '*') {
			// A machine without IPv6.
			struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = wanted};
			memset(&address, 0, sizeof(address));
			memcpy(&address, &any, sizeof(any));
			len = sizeof(any);
			if (pick < PICKS)
				continue;
		}
		explain(config, bound, error, ntohs(*port_of(&address)));
		if (bound->tcp >= 0)
			close(bound->tcp);
		bound->tcp = -1;
		if (wanted != 0 || error != EADDRINUSE || pick >= PICKS)
			return false;
	}
}

// ---- accepting

struct listener {
	ev_io io;
	ev_timer retry; /* runs while accepting is paused */
	struct ev_loop *loop;
	struct conns *conns;
	size_t files_for_peers; /* more connections would starve the journal and the database */
	bool short_of_files;    /* when last tried */
};

static size_t count_files_for_peers(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return limit.rlim_cur > LISTENER_RESERVED_FILES ? limit.rlim_cur - LISTENER_RESERVED_FILES
							: 1;
}

static void back_off(struct listener *listener, int error)
{
	if (!listener->short_of_files)
		log_warning("cannot accept connections error=\"%s\" open=%zu "
			    "what_to_do=\"raise LimitNOFILE of the service\"",
			strerror(error), conn_count(listener->conns));
	listener->short_of_files = true;
	ev_io_stop(listener->loop, &listener->io);
	ev_timer_set(&listener->retry, BACK_OFF_S, 0.);
	ev_timer_start(listener->loop, &listener->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct listener *listener = timer->data;

	(void)revents;
	ev_io_start(loop, &listener->io);
}

// Returns false if no connection is pending, or none can be accepted now.
static bool accept_one(struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (conn_count(listener->conns) >= listener->files_for_peers) {
		back_off(listener, EMFILE);
		return false;
	}
	const int fd = accept4(
		listener->io.fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		listener->short_of_files = false;
		conn_add(listener->conns, fd, (struct sockaddr *)&address);
		return true;
	}
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		back_off(listener, errno);
		return false;
	case EAGAIN:
		return false;
	default: // this peer has gone again (ECONNABORTED and the like): try the next one
		return true;
	}
}

static void on_connect(struct ev_loop *loop, ev_io *watcher, int revents)
{
	(void)loop;
	(void)revents;
	for (int i = 0; i < ACCEPTS && accept_one(watcher->data); i++)
		;
}

struct listener *listener_new(struct ev_loop *loop, struct conns *conns, int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	listener->loop = loop;
	listener->conns = conns;
	listener->files_for_peers = count_files_for_peers();
	ev_io_init(&listener->io, on_connect, fd, EV_READ);
	ev_timer_init(&listener->retry, on_retry, 0., 0.);
	listener->io.data = listener->retry.data = listener;
	ev_io_start(loop, &listener->io);
	return listener;
}

void listener_finish(struct listener *listener)
{
	for (int i = 0; i < BACKLOG && accept_one(listener); i++)
		;
	ev_io_stop(listener->loop, &listener->io);
	ev_timer_stop(listener->loop, &listener->retry);
	close(listener->io.fd);
	free(listener);
}
