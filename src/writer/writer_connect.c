// SPDX-License-Identifier: MIT
#include "writer/writer_connect.h"

#include "util/log.h"
#include "writer/resolve.h"

#include <string.h>

#define PARAMETERS_MAX 16

static void start(struct writer_connect *connect, const struct resolve_result *resolved)
{
	const char *names[PARAMETERS_MAX] = {"fallback_application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding"};
	/* Values before dbname, the conninfo, are defaults; those after it override it. */
	const char *values[PARAMETERS_MAX] = {
		"avld", "15", "5", "3", "30000", connect->conninfo, "UTF8"};

	if (resolved) {
		names[7] = "host", values[7] = resolved->host;
		names[8] = "hostaddr", values[8] = resolved->hostaddr;
		names[9] = "port", values[9] = resolved->port;
	}
	PGconn *conn = PQconnectStartParams(names, values, 1);
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

static const char *option(const PQconninfoOption *options, const char *keyword)
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
	const char *host = option(options, "host"), *port = option(options, "port");

	*connect = (struct writer_connect){.conninfo = conninfo, .done = done, .context = context};
	if (!option(options, "hostaddr") && resolve_needed(host))
		connect->resolve = resolve_start(loop, host, port, on_resolved, connect);
	else
		start(connect, NULL);
	PQconninfoFree(options);
}

void writer_connect_stop(struct writer_connect *connect)
{
	resolve_free(connect->resolve);
	connect->resolve = NULL;
}
