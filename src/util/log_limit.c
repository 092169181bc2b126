// SPDX-License-Identifier: MIT
#include "util/log_limit.h"

#include <string.h>

bool log_limit_is_over(const struct log_limit *limit, uint32_t now_s)
{
	return !limit->begun || now_s - limit->began_s >= LOG_WINDOW_S;
}

void log_limit_begin(struct log_limit *limit, uint32_t now_s)
{
	limit->begun = true;
	limit->began_s = now_s;
	limit->peers = 0;
	limit->lines = limit->strangers = 0;
	limit->slot[LOG_LIMIT_PEERS].lines = 0;
}

// Returns the counter of lines of this peer address.
static unsigned *find_lines(struct log_limit *limit, const unsigned char *address)
{
	size_t i = 0;
	while (i < limit->peers &&
		memcmp(limit->slot[i].address, address, sizeof(limit->slot[i].address)) != 0)
		i++;
	if (i == limit->peers && i < LOG_LIMIT_PEERS) {
		memcpy(limit->slot[i].address, address, sizeof(limit->slot[i].address));
		limit->slot[i].lines = 0;
		limit->peers++;
	}
	return &limit->slot[i].lines;
}

static bool allow_peer(struct log_limit *limit, const struct log_peer *peer)
{
	unsigned *lines = find_lines(limit, peer->address);
	if (*lines >= LOG_PEER_LINES || limit->lines >= LOG_PEERS_LINES ||
		(peer->stranger && limit->strangers >= LOG_STRANGER_LINES))
		return false;
	(*lines)++;
	limit->lines++;
	limit->strangers += peer->stranger;
	return true;
}

bool log_limit_allow(struct log_limit *limit, struct log_site *site, const struct log_peer *peer)
{
	const bool allowed =
		peer ? allow_peer(limit, peer) : atomic_load(&site->lines) < LOG_CAUSE_LINES;

	atomic_fetch_add(allowed ? &site->lines : &site->suppressed, 1);
	return allowed;
}

const char *log_limit_cause(const struct log_site *site, char *out)
{
	const char *format = site->format ? site->format : "";
	size_t len = strcspn(format, "%=");
	if (format[len]) // not the word that the value is part of
		while (len && format[len - 1] != ' ')
			len--;
	while (len && strchr(" :;,(\"", format[len - 1]))
		len--;
	if (len >= LOG_LIMIT_CAUSE_MAX)
		len = LOG_LIMIT_CAUSE_MAX - 1;
	memcpy(out, format, len);
	out[len] = '\0';
	return out;
}
