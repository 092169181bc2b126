// SPDX-License-Identifier: MIT
// Brings the schema of a database to the version of this program. One transaction does all of it:
//
//     prologue | lock | state read again | each missing step of tables, its row in schema_version |
//     all functions and views, their row in schema_version | COMMIT
//
// A run that dies leaves the schema as it was. Of two runs, the second waits for the lock and then
// finds nothing to do. If nothing is missing, the first read of the state is all that happens: it
// takes no lock that anybody waits for.
#include "schema/migrate.h"
#include "schema/engine.h"
#include "schema/migrations.h"
#include "util/clock.h"

#include <stdlib.h>
#include <string.h>

// Settings of the user or database must not change what names mean or end the migration early.
// READ COMMITTED: after waiting for the lock, this session must see what the other run committed.
static const char prologue[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n"
			       "SET LOCAL search_path = pg_catalog, pg_temp;\n"
			       "SET LOCAL TimeZone = 'UTC';\n"
			       "SET LOCAL client_min_messages = notice;\n"
			       "SET LOCAL standard_conforming_strings = on;\n"
			       "SET LOCAL check_function_bodies = on;\n"
			       "SET LOCAL statement_timeout = 0;\n"
			       "SET LOCAL lock_timeout = 0;\n"
			       "SET LOCAL idle_in_transaction_session_timeout = 0;\n";

// 'avld' in ASCII, and 1; the functions for partitions use 2. Released when the transaction ends.
#define LOCK_KEY "1635151972, 1"
static const char lock[] = "SELECT pg_advisory_xact_lock(" LOCK_KEY ");\n";
static const char try_lock[] = "SELECT pg_try_advisory_xact_lock(" LOCK_KEY ");";

// The row of a step: version and name.
#define STEP_FORMAT "INSERT INTO avld.schema_version (version, name) VALUES (%d, '%s');\n"
// The row of the functions, version 0: the hash of their text.
#define FUNCTIONS_NAME "functions %s"
#define FUNCTIONS_FORMAT                                                                           \
	"INSERT INTO avld.schema_version (version, name) VALUES (0, '" FUNCTIONS_NAME "')\n"       \
	"ON CONFLICT (version) DO UPDATE SET name = excluded.name, applied_at = "                  \
	"excluded.applied_at;\n"

// One call of migrate_run or migrate_print.
struct run {
	PGconn *conn;
	char *error;
	size_t error_size;
};

// What the database has.
struct state {
	int version;    /* 0: no schema */
	bool functions; /* they are those of this program */
};

// Writes the server's message to run->error, after `what`, and how to mend a missing right.
static void keep_error(const struct run *run, const char *what, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const bool denied = sqlstate && !strcmp(sqlstate, "42501");
	snprintf(run->error, run->error_size, "%s: %s%s", what, PQerrorMessage(run->conn),
		denied ? "run avld migrate as the owner of the schema avld; if there is none, as "
			 "the owner of the database"
		       : "");
	const size_t len = strlen(run->error);
	if (len > 0 && run->error[len - 1] == '\n')
		run->error[len - 1] = '\0';
}

// Runs statements, the last of which may return rows. NULL on an error, which is kept.
static PGresult *query(const struct run *run, const char *what, const char *sql)
{
	PGresult *result = PQexec(run->conn, sql);
	const ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	keep_error(run, what, result);
	PQclear(result);
	return NULL;
}

static bool execute(const struct run *run, const char *what, const char *sql)
{
	PGresult *result = query(run, what, sql);
	PQclear(result);
	return result != NULL;
}

static void on_notice(void *progress, const char *message)
{
	fputs(message, progress);
}

static const char read_version[] = "cannot read the schema's version";
// Not to_regclass: it reads a cache of names, which is out of date in a session that has waited for
// the lock.
static const char find_table[] =
	"SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
	" ON n.oid = c.relnamespace WHERE n.nspname = 'avld' AND c.relname = 'schema_version')";
static const char find_rows[] =
	"SELECT coalesce(max(version), 0), max(name) FILTER (WHERE version = 0)"
	" FROM avld.schema_version";

static bool read_state(const struct run *run, struct state *state)
{
	char functions[64];
	*state = (struct state){0};
	PGresult *found = query(run, read_version, find_table);
	if (!found)
		return false;
	const bool exists = PQgetvalue(found, 0, 0)[0] == 't';
	PQclear(found);
	if (!exists)
		return true;

	PGresult *rows = query(run, read_version, find_rows);
	if (!rows)
		return false;
	snprintf(functions, sizeof(functions), FUNCTIONS_NAME, migrations_functions_hash);
	state->version = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
	state->functions = !strcmp(PQgetvalue(rows, 0, 1), functions);
	PQclear(rows);
	return true;
}

int migrate_version(PGconn *conn)
{
	char error[256];
	const struct run run = {conn, error, sizeof(error)};
	struct state state;
	return read_state(&run, &state) ? state.version : -1;
}

// Citus sends the tables to its workers, but not the functions.
static bool refuse_worker(const struct run *run)
{
	char *coordinator = engine_find_coordinator(run->conn);
	if (!coordinator)
		return true;
	snprintf(run->error, run->error_size, ENGINE_WORKER_FORMAT, coordinator);
	free(coordinator);
	return false;
}

// As read_state; a schema that is newer than this program is an error, and so is a worker of Citus.
static bool find_state(const struct run *run, struct state *state)
{
	if (!refuse_worker(run) || !read_state(run, state))
		return false;
	if (state->version <= SCHEMA_VERSION)
		return true;
	snprintf(run->error, run->error_size,
		"the schema has version %d, this avld supports versions up to %d: install a newer "
		"avld",
		state->version, SCHEMA_VERSION);
	return false;
}

static bool is_current(const struct state *state)
{
	return state->version == SCHEMA_VERSION && state->functions;
}

// Holds off other runs until the transaction ends. Reports to `progress` before it waits.
static bool take_lock(const struct run *run, FILE *progress)
{
	PGresult *result = query(run, "lock", try_lock);
	if (!result)
		return false;
	const bool taken = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	if (taken)
		return true;
	fputs("waiting for another migration of this database\n", progress);
	fflush(progress);
	return execute(run, "lock", lock);
}

static bool apply_step(const struct run *run, const struct migration *step)
{
	char row[256];
	snprintf(row, sizeof(row), STEP_FORMAT, step->version, step->name);
	return execute(run, step->name, step->sql) && execute(run, step->name, row);
}

// Runs the missing steps and all functions, in a transaction that has begun, and commits it.
static bool apply(const struct run *run, int version)
{
	char row[256];
	for (size_t i = 0; i < migrations_tables_count; i++)
		if (migrations_tables[i].version > version &&
			!apply_step(run, &migrations_tables[i]))
			return false;
	for (size_t i = 0; i < migrations_functions_count; i++)
		if (!execute(run, migrations_functions[i].name, migrations_functions[i].sql))
			return false;
	snprintf(row, sizeof(row), FUNCTIONS_FORMAT, migrations_functions_hash);
	return execute(run, "functions", row) && execute(run, "commit", "COMMIT");
}

static void print_current(FILE *out, const char *prefix)
{
	fprintf(out, "%sschema is up to date (version %d)\n", prefix, SCHEMA_VERSION);
}

static void print_done(FILE *progress, int version, int64_t started_us)
{
	const double ms = (double)(clock_monotonic_us() - started_us) / 1e3;
	if (version == SCHEMA_VERSION)
		fprintf(progress, "functions and views updated (version %d) in %.0f ms\n", version,
			ms);
	else
		fprintf(progress, "migrated to %d (%s) in %.0f ms\n", SCHEMA_VERSION,
			migrations_tables[migrations_tables_count - 1].name, ms);
	fflush(progress);
}

// One transaction. The caller rolls back if this returns false.
static bool migrate(const struct run *run, FILE *progress)
{
	struct state state;
	if (!execute(run, "begin", prologue) || !take_lock(run, progress) ||
		!find_state(run, &state))
		return false;
	if (is_current(&state)) { // another run has done it
		print_current(progress, "");
		return execute(run, "rollback", "ROLLBACK");
	}
	const int64_t started_us = clock_monotonic_us();
	if (!apply(run, state.version))
		return false;
	print_done(progress, state.version, started_us);
	return true;
}

static bool migrate_if_needed(const struct run *run, FILE *progress)
{
	struct state state;
	if (!find_state(run, &state))
		return false;
	if (is_current(&state)) {
		print_current(progress, "");
		return true;
	}
	if (migrate(run, progress))
		return true;
	PQclear(PQexec(run->conn, "ROLLBACK"));
	return false;
}

bool migrate_run(PGconn *conn, FILE *progress, char *error, size_t error_size)
{
	const struct run run = {conn, error, error_size};
	const PQnoticeProcessor before = PQsetNoticeProcessor(conn, on_notice, progress);
	const bool good = migrate_if_needed(&run, progress);
	// libpq does not return the argument of the processor before; its default has none.
	PQsetNoticeProcessor(conn, before, NULL);
	return good;
}

bool migrate_print(PGconn *conn, FILE *out, char *error, size_t error_size)
{
	const struct run run = {conn, error, error_size};
	struct state state;
	if (!find_state(&run, &state))
		return false;
	if (is_current(&state)) {
		print_current(out, "-- ");
		return true;
	}
	fprintf(out, "\\set ON_ERROR_STOP on\n%s%s", prologue, lock);
	for (size_t i = 0; i < migrations_tables_count; i++) {
		const struct migration *step = &migrations_tables[i];
		if (step->version > state.version)
			fprintf(out, "%s" STEP_FORMAT, step->sql, step->version, step->name);
	}
	for (size_t i = 0; i < migrations_functions_count; i++)
		fputs(migrations_functions[i].sql, out);
	fprintf(out, FUNCTIONS_FORMAT "COMMIT;\n", migrations_functions_hash);
	return true;
}
