// SPDX-License-Identifier: MIT
// The limits of the log, by cause and by peer: how many lines were written in this minute. Not for several threads at once.
#ifndef AVLD_UTIL_LOG_LIMIT_H
#define AVLD_UTIL_LOG_LIMIT_H

#include "util/log_site.h"

#include <stddef.h>

#define LOG_LIMIT_PEERS 128

// One minute of lines about peers. Peers without a slot share the last one, so that many addresses together cannot write
// more than a few lines.
struct log_limit {
	bool begun;
	uint32_t began_s;
	unsigned lines, strangers;
	size_t peers;
	struct {
		unsigned char address[16];
		unsigned lines;
	} slot[LOG_LIMIT_PEERS + 1];
};

// Returns true if the minute is over, or has not begun.
bool log_limit_is_over(const struct log_limit *limit, uint32_t now_s);
// Begins a minute. The caller sets the counters of the sites to 0.
void log_limit_begin(struct log_limit *limit, uint32_t now_s);
// Returns true if the site may write a line now; else counts it as suppressed. peer: NULL, or whom it is about.
bool log_limit_allow(struct log_limit *limit, struct log_site *site, const struct log_peer *peer);
// Writes the text of the format up to its first value, which names the cause: "conn refused"; "" if there is none. out has
// room for LOG_LIMIT_CAUSE_MAX. Returns out.
#define LOG_LIMIT_CAUSE_MAX 64
const char *log_limit_cause(const struct log_site *site, char *out);

#endif
