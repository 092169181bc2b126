// SPDX-License-Identifier: MIT
// /health, /metrics (Prometheus) and /status (for people) over HTTP, on the daemon's own loop
// (libmicrohttpd).
#ifndef AVLD_NET_HTTP_H
#define AVLD_NET_HTTP_H

#include "net/conn.h"
#include "writer/writer.h"

struct http;

// What is told. The parts must outlive the http; conns and writer may be asked at any turn.
struct http_sources {
	const struct config *config;
	const struct intake *intake;
	const struct conns *conns;
	const struct writer *writer;
	const struct command_queue *commands;
};

// NULL: could not listen (logged by the caller with *error, which is static text or strerror's).
struct http *http_new(
	struct ev_loop *loop, const char *listen, struct http_sources sources, const char **error);
void http_free(struct http *http);

#endif
