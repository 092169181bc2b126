// SPDX-License-Identifier: MIT
#include "writer/writer_connect.h"

#include "util/log.h"
#include "writer/resolve.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS_MAX 16

// Returns the list "a,b,c" with as many items of its head moved to its end. To be freed; NULL if the list is.
static char *rotate(const char *list, size_t skip)
{
	size_t count = 1;
	char *rotated;

	if (!list)
		return NULL;
	for (const char *c = list; *c; c++)
		count += *c == ',';
	const char *rest = list;
	for (skip %= count; skip > 0; skip--)
		rest = strchr(rest, ',') + 1;
	const bool moved = rest > list;
	const int len = moved ? (int)(rest - 1 - list) : 0;
	if (asprintf(&rotated, "%s%s%.*s", rest, moved ? "," : "", len, list) < 0)
		log_fatal("out of memory for=\"database connection\"");
	return rotated;
}

static void start(struct writer_connect *connect, const struct resolve_result *hosts)
{
	const char *names[PARAMETERS_MAX] = {"fallback_application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", "host", "hostaddr", "port"};
	/* Values before dbname, the conninfo, are defaults; those after it override it. */
	char *host = rotate(hosts->host, connect->skip),
	     *hostaddr = rotate(hosts->hostaddr, connect->skip),
	     *port = rotate(hosts->port, connect->skip);
	const char *values[PARAMETERS_MAX] = {
		"avld", "15", "5", "3", "30000", connect->conninfo, "UTF8", host, hostaddr, port};
	PGconn *conn = PQconnectStartParams(names, values, 1);

	free(host);
	free(hostaddr);
	free(port);
	if (!conn)
		log_fatal("out of memory for=\"database connection\"");
	connect->done(connect->context, conn, NULL);
}

static void on_resolved(void *context, const struct resolve_result *result, const char *error)
{
	struct writer_connect *connect = context;
	struct resolve *resolve = connect->resolve;

	connect->resolve = NULL;
	if (result)
		start(connect, result);
	else
		connect->done(connect->context, NULL, error);
	resolve_free(resolve);
}

// Returns the options of a conninfo with those that libpq adds: from the service, the environment, its own defaults. To
// be freed; may be NULL. libpq completes options only for a connection; an sslmode that is none keeps it from being
// started, and a password keeps libpq from reading the password file.
static PQconninfoOption *complete_options(const char *conninfo)
{
	const char *const names[] = {"dbname", "sslmode", "password", NULL};
	const char *const values[] = {conninfo, "invalid", "unused", NULL};
	PGconn *probe = PQconnectStartParams(names, values, 1);
	PQconninfoOption *options = probe ? PQconninfo(probe) : NULL;
	PQfinish(probe);
	return options;
}

static char *option(const PQconninfoOption *options, const char *keyword)
{
	for (; options && options->keyword; options++)
		if (!strcmp(options->keyword, keyword))
			return options->val;
	return NULL;
}

void writer_connect_start(struct writer_connect *connect, struct ev_loop *loop,
	const char *conninfo, writer_connect_done *done, void *context)
{
	PQconninfoOption *options = complete_options(conninfo);
	const struct resolve_result hosts = {
		option(options, "host"), option(options, "hostaddr"), option(options, "port")};

	const struct resolve_result as_given = {NULL, NULL, NULL};

	*connect = (struct writer_connect){
		.conninfo = conninfo, .skip = connect->skip, .done = done, .context = context};
	if (!hosts.hostaddr && resolve_needed(hosts.host))
		connect->resolve =
			resolve_start(loop, hosts.host, hosts.port, on_resolved, connect);
	else
		start(connect, connect->skip ? &hosts : &as_given);
	PQconninfoFree(options);
}

void writer_connect_stop(struct writer_connect *connect)
{
	resolve_free(connect->resolve);
	connect->resolve = NULL;
}
