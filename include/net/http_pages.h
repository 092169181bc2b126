// SPDX-License-Identifier: MIT
// The pages /health, /metrics (Prometheus) and /status (for people).
#ifndef AVLD_NET_HTTP_PAGES_H
#define AVLD_NET_HTTP_PAGES_H

#include "net/http_sources.h"

#include <stdio.h>

enum http_page {
	HTTP_PAGE_TEXT,
	HTTP_PAGE_JSON,
	HTTP_PAGE_UNHEALTHY, /* JSON too: data is not accepted */
	HTTP_PAGE_UNKNOWN    /* text: the pages that exist */
};

// Writes the page of this path. up_s: time since the start.
enum http_page http_pages_write(
	const struct http_sources *sources, const char *path, double up_s, FILE *to);

#endif
