// SPDX-License-Identifier: MIT
// The database's host names turned into addresses without blocking the loop (libpq would call
// getaddrinfo). c-ares on libev.
#ifndef AVLD_WRITER_RESOLVE_H
#define AVLD_WRITER_RESOLVE_H

#include <stdbool.h>

struct ev_loop;
struct resolve;

// libpq's connection parameters with an address for each host: comma-separated, of the same length,
// in order. A name with several addresses is there several times. `hostaddr` is empty in the place
// of a path, or of nothing (libpq's default).
struct resolve_result {
	char *host, *hostaddr, *port;
};

// Does libpq need help with these? hosts: a conninfo's `host`, "a,b"; NULL, paths and addresses
// need none.
bool resolve_needed(const char *hosts);

// Resolves the hosts at once. ports: a conninfo's `port`: NULL, one for all, or one for each host.
// done is called once, from the loop: with the result (valid until resolve_free), or with NULL and
// why. Names that could not be resolved are left out while another host is left.
typedef void resolve_done(void *context, const struct resolve_result *result, const char *error);
struct resolve *resolve_start(struct ev_loop *loop, const char *hosts, const char *ports,
	resolve_done *done, void *context);
// Frees it, in `done` too; before `done` it never comes.
void resolve_free(struct resolve *resolve);

#endif
