// SPDX-License-Identifier: MIT
// What the pages of net/http_pages.h show.
#ifndef AVLD_NET_HTTP_SOURCES_H
#define AVLD_NET_HTTP_SOURCES_H

#include "net/conn.h"
#include "net/vitals.h"
#include "writer/writer.h"

// All of it must outlive the http.
struct http_sources {
	const struct intake *intake;
	const struct conns *conns;
	const struct writer *writer;
	const struct command_queue *commands;
	const struct vitals *vitals;
};

#endif
