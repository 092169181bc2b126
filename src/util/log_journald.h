// SPDX-License-Identifier: MIT
// Lines for journald with their values as fields, in its native protocol. Not through sd_journal_sendv, whose socket blocks
// when journald does not keep up.
#ifndef AVLD_UTIL_LOG_JOURNALD_H
#define AVLD_UTIL_LOG_JOURNALD_H

#include "util/log_site.h"

#include <stddef.h>

#define LOG_JOURNALD_MAX    8192 /* bytes of a datagram */
#define LOG_JOURNALD_SOCKET "/run/systemd/journal/socket"

// Writes the datagram for a line of this site: MESSAGE, PRIORITY, AVLD_MODULE, AVLD_CAUSE, CODE_FILE, CODE_LINE, and
// AVLD_KEY for each key=value. message: one line, no control bytes. out has room for LOG_JOURNALD_MAX. Returns the length.
size_t log_journald_compose(
	const struct log_site *site, int priority, const char *message, size_t len, char *out);
// Sends it to the socket without blocking. Returns false if it could not.
bool log_journald_send(const char *path, const char *data, size_t len);

#endif
