// SPDX-License-Identifier: MIT
// A place in the source that logs: what the parts of the log have in common.
#ifndef AVLD_UTIL_LOG_SITE_H
#define AVLD_UTIL_LOG_SITE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_CAUSE_LINES 20  /* of one cause, in a minute */
#define LOG_PEER_LINES  5   /* about one peer address, of all causes together */
#define LOG_PEERS_LINES 150 /* about all peers */
#define LOG_STRANGER_LINES                                                                         \
	20 /* of these, about peers without an ident: enough to find one new tracker */
#define LOG_WINDOW_S 60

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// A place that logs. Lives as long as the program.
struct log_site {
	const char *file;   /* "src/net/conn.c" */
	const char *format; /* its text up to the first value is the cause */
	int line;
	enum log_level level;
	atomic_bool on;         /* as the level of its room says */
	atomic_uint lines;      /* in this minute */
	atomic_uint suppressed; /* in this minute */
};

// Whom a line is about, for log_..._peer.
struct log_peer {
	const unsigned char *address; /* 16 bytes */
	bool stranger;                /* it has given no ident */
};

// Defines the site, and its entry in the table of all sites.
#define LOG_SITE(level_, format_)                                                                  \
	static struct log_site log_site = {.file = __FILE__,                                       \
		.format = (format_),                                                               \
		.line = __LINE__,                                                                  \
		.level = (level_),                                                                 \
		.on = (level_) <= LOG_LEVEL_INFO};                                                 \
	static struct log_site *log_site_entry __attribute__((section("avld_log_sites"), used)) =  \
		&log_site

#endif
