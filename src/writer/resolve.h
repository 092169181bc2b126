// SPDX-License-Identifier: MIT
// Turns the database's host names into addresses without blocking the loop (libpq would call getaddrinfo). c-ares on
// libev.
#ifndef AVLD_WRITER_RESOLVE_H
#define AVLD_WRITER_RESOLVE_H

#include <stdbool.h>

struct ev_loop;
struct resolve;

// libpq's connection parameters with an address for each host: lists separated by commas, of the same length and order.
// A name with several addresses is repeated. `hostaddr` is empty for a path and for an empty host (libpq's default).
struct resolve_result {
	char *host, *hostaddr, *port;
};

// Returns true if a host is a name. hosts: a conninfo's `host`, "a,b"; NULL, paths and addresses need no resolving.
bool resolve_needed(const char *hosts);

// Starts resolving. ports: a conninfo's `port`: NULL, one for all, or one for each host. done is called once, from the loop:
// with the result (valid until resolve_free), or with NULL and the reason. Names that cannot be resolved are left out, as
// long as another host remains.
typedef void resolve_done(void *context, const struct resolve_result *result, const char *error);
struct resolve *resolve_start(struct ev_loop *loop, const char *hosts, const char *ports,
	resolve_done *done, void *context);
// Frees it; allowed within `done`. If `done` has not been called yet, it never is.
void resolve_free(struct resolve *resolve);

#endif
