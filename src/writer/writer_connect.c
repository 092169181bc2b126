// SPDX-License-Identifier: MIT
// From a conninfo to a connection: names resolved, then PQconnectPoll until it stands.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_PARAMETERS 16

static void on_notice(void *context, const PGresult *result)
{
	struct writer *writer = context;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	char text[240];

	writer_one_line(text, sizeof(text), PQresultErrorMessage(result));
	log_debug("database says %s", text);
	if (severity && !strcmp(severity, "FATAL"))
		snprintf(writer->link.farewell, sizeof(writer->link.farewell), "%s", text);
}

static void begin_connecting(struct writer *writer, const struct resolve_result *resolved)
{
	struct link *link = &writer->link;
	const char *names[CONNECT_PARAMETERS] = {"fallback_application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding"};
	/* What stands before dbname, the conninfo, are defaults; what stands behind it wins. */
	const char *values[CONNECT_PARAMETERS] = {
		"avld", "15", "5", "3", "30000", writer->config->database.conninfo, "UTF8"};

	if (resolved) {
		names[7] = "host", values[7] = resolved->host;
		names[8] = "hostaddr", values[8] = resolved->hostaddr;
		names[9] = "port", values[9] = resolved->port;
	}
	link->farewell[0] = '\0';
	link->conn = PQconnectStartParams(names, values, 1);
	if (!link->conn)
		log_fatal("out of memory: database connection");
	if (PQstatus(link->conn) == CONNECTION_BAD) {
		writer_lose_connection(writer);
		return;
	}
	PQsetNoticeReceiver(link->conn, on_notice, writer);
	link->poll = PGRES_POLLING_WRITING;
	writer_set_state(writer, WRITER_CONNECTING);
}

static void on_resolved(void *context, const struct resolve_result *result, const char *error)
{
	struct writer *writer = context;
	struct resolve *resolve = writer->link.resolve;

	writer->link.resolve = NULL;
	if (result)
		begin_connecting(writer, result);
	else
		writer_lose(writer, TROUBLE_AWAY, "", error);
	resolve_free(resolve);
}

// What libpq takes for the keywords that a conninfo does not have: from its service, the environment, its
// own. It tells so only of the service that the environment names.
static PQconninfoOption *defaults_of(const PQconninfoOption *options)
{
	for (; options->keyword; options++)
		if (!strncmp(options->keyword, "service", 7) && options->val && options->envvar)
			setenv(options->envvar, options->val, 1);
	return PQconndefaults();
}

// NULL: nobody says. To be freed.
static char *value_of(
	const PQconninfoOption *options, const PQconninfoOption *defaults, const char *keyword)
{
	for (; options->keyword; options++)
		if (!strcmp(options->keyword, keyword) && options->val)
			return strdup(options->val);
	return defaults ? value_of(defaults, NULL, keyword) : NULL;
}

void connect_start(struct writer *writer)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(writer->config->database.conninfo, &error);

	if (!options) {
		writer_lose(writer, TROUBLE_SCHEMA, "", error ? error : "bad conninfo");
		PQfreemem(error);
		return;
	}
	PQconninfoOption *defaults = defaults_of(options);
	char *host = value_of(options, defaults, "host");
	char *hostaddr = value_of(options, defaults, "hostaddr");
	char *port = value_of(options, defaults, "port");
	PQconninfoFree(defaults);
	PQconninfoFree(options);
	if (!hostaddr && resolve_needed(host)) {
		writer->link.resolve = resolve_start(writer->loop, host, port, on_resolved, writer);
		writer_set_state(writer, WRITER_RESOLVING);
	} else {
		begin_connecting(writer, NULL);
	}
	free(host);
	free(hostaddr);
	free(port);
}

void connect_poll(struct writer *writer)
{
	struct link *link = &writer->link;

	link->poll = PQconnectPoll(link->conn);
	if (link->poll == PGRES_POLLING_FAILED) {
		writer_lose_connection(writer);
	} else if (link->poll == PGRES_POLLING_OK) {
		if (PQsetnonblocking(link->conn, 1)) {
			writer_lose_connection(writer);
			return;
		}
		prepare_start(writer);
	} else {
		writer_watch(writer);
	}
}
