// SPDX-License-Identifier: MIT
// Serves /health, /metrics (Prometheus) and /status (for people) over HTTP, on the daemon's own loop.
#ifndef AVLD_NET_HTTP_H
#define AVLD_NET_HTTP_H

#include "net/http_pages.h"

#include <ev.h>

struct http;

// Returns NULL if it cannot listen: *error says why (static text or strerror's; use it at once).
struct http *http_new(
	struct ev_loop *loop, const char *listen, struct http_sources sources, const char **error);
void http_free(struct http *http);

#endif
