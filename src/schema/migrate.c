// SPDX-License-Identifier: MIT
// Owns the way from one schema version to the next. Each migration is one transaction:
//
//     prologue | lock | version read again | the migration's SQL | its row in schema_version |
//     COMMIT
//
// A run that dies anywhere leaves the last whole version; of two runs the second waits at the lock
// and then finds the work done.
#include "schema/migrate.h"
#include "schema/migrations.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// The user's settings must not reach a migration: neither what names mean, nor how long it may
// take. READ COMMITTED: what another run committed while this one waited for the lock must be seen.
static const char prologue[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n"
			       "SET LOCAL search_path = pg_catalog, pg_temp;\n"
			       "SET LOCAL TimeZone = 'UTC';\n"
			       "SET LOCAL client_min_messages = notice;\n"
			       "SET LOCAL standard_conforming_strings = on;\n"
			       "SET LOCAL statement_timeout = 0;\n"
			       "SET LOCAL lock_timeout = 0;\n"
			       "SET LOCAL idle_in_transaction_session_timeout = 0;\n";

// 'avld' in ASCII, and 1; the functions for partitions use 2. Let go at the end of the transaction.
#define LOCK_KEY "1635151972, 1"
static const char lock[] = "SELECT pg_advisory_xact_lock(" LOCK_KEY ");\n";
static const char try_lock[] = "SELECT pg_try_advisory_xact_lock(" LOCK_KEY ");";

// The row of a migration, as format: its version and name.
#define ROW_FORMAT "INSERT INTO avld.schema_version (version, name) VALUES (%d, '%s');\n"

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// Runs statements, the last of which may return rows. NULL on an error, which PQerrorMessage(conn)
// then tells.
static PGresult *query(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	const ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	PQclear(result);
	return NULL;
}

static bool run(PGconn *conn, const char *sql)
{
	PGresult *result = query(conn, sql);
	PQclear(result);
	return result != NULL;
}

// Keeps what the server said: PQerrorMessage lasts only until the next statement.
static void keep_error(PGconn *conn, const char *what, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s", what, PQerrorMessage(conn));
	const size_t len = strlen(error);
	if (len > 0 && error[len - 1] == '\n')
		error[len - 1] = '\0';
}

static void on_notice(void *progress, const char *message)
{
	fputs(message, progress);
}

// Not to_regclass: it asks a cache of names, which a session that waited for the lock has not
// brought up to date.
static const char find_table[] =
	"SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
	" ON n.oid = c.relnamespace WHERE n.nspname = 'avld' AND c.relname = 'schema_version')";

int migrate_version(PGconn *conn)
{
	PGresult *there = query(conn, find_table);
	if (!there)
		return -1;
	const bool made = PQgetvalue(there, 0, 0)[0] == 't';
	PQclear(there);
	if (!made)
		return 0;

	PGresult *max = query(conn, "SELECT coalesce(max(version), 0) FROM avld.schema_version");
	if (!max)
		return -1;
	const int version = (int)strtol(PQgetvalue(max, 0, 0), NULL, 10);
	PQclear(max);
	return version;
}

// The version, where this program can go on from it; else -1 and the reason.
static int find_version(PGconn *conn, char *error, size_t error_size)
{
	const int version = migrate_version(conn);
	if (version < 0)
		keep_error(conn, "cannot read the schema's version", error, error_size);
	if (version <= SCHEMA_VERSION)
		return version;
	snprintf(error, error_size,
		"the schema is version %d, made by a newer avld; this one knows versions up to %d: "
		"upgrade it",
		version, SCHEMA_VERSION);
	return -1;
}

// Until the end of the transaction no other run does anything. Says so if that takes waiting.
static bool take_lock(PGconn *conn, FILE *progress)
{
	PGresult *result = query(conn, try_lock);
	if (!result)
		return false;
	const bool taken = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	if (taken)
		return true;
	fputs("waiting for another migration of this database to end\n", progress);
	fflush(progress);
	return run(conn, lock);
}

static bool commit(PGconn *conn, const struct migration *migration)
{
	char row[256];
	snprintf(row, sizeof(row), ROW_FORMAT "COMMIT", migration->version, migration->name);
	return run(conn, row);
}

enum step { STEP_FAILED, STEP_DONE, STEP_NOT_NEEDED };

// One migration, begun but not undone on failure. NOT_NEEDED: another run has made it by now.
static enum step advance(PGconn *conn, const struct migration *migration, FILE *progress,
	char *error, size_t error_size)
{
	if (!run(conn, prologue) || !take_lock(conn, progress)) {
		keep_error(conn, migration->name, error, error_size);
		return STEP_FAILED;
	}
	const int version = find_version(conn, error, error_size);
	if (version < 0)
		return STEP_FAILED;

	const bool needed = version < migration->version;
	const double started = now_ms();
	if (needed ? !run(conn, migration->sql) || !commit(conn, migration)
		   : !run(conn, "ROLLBACK")) {
		keep_error(conn, migration->name, error, error_size);
		return STEP_FAILED;
	}
	if (!needed)
		return STEP_NOT_NEEDED;
	fprintf(progress, "migrated to %d (%s) in %.0f ms\n", migration->version, migration->name,
		now_ms() - started);
	fflush(progress);
	return STEP_DONE;
}

static bool advance_all(PGconn *conn, FILE *progress, char *error, size_t error_size)
{
	const int version = find_version(conn, error, error_size);
	if (version < 0)
		return false;
	bool done = false;
	for (size_t i = 0; i < migration_count; i++) {
		if (migrations[i].version <= version)
			continue;
		switch (advance(conn, &migrations[i], progress, error, error_size)) {
		case STEP_FAILED:
			run(conn, "ROLLBACK");
			return false;
		case STEP_DONE:
			done = true;
			break;
		case STEP_NOT_NEEDED:
			break;
		}
	}
	if (!done)
		fprintf(progress, "schema is up to date (version %d)\n", SCHEMA_VERSION);
	return true;
}

bool migrate_run(PGconn *conn, FILE *progress, char *error, size_t error_size)
{
	const PQnoticeProcessor before = PQsetNoticeProcessor(conn, on_notice, progress);
	const bool good = advance_all(conn, progress, error, error_size);
	// The argument it had cannot be asked for; libpq's own has none.
	PQsetNoticeProcessor(conn, before, NULL);
	return good;
}

bool migrate_print(PGconn *conn, FILE *out, char *error, size_t error_size)
{
	const int version = find_version(conn, error, error_size);
	if (version < 0)
		return false;
	if (version == SCHEMA_VERSION)
		fprintf(out, "-- schema is up to date (version %d)\n", version);
	else
		fputs("\\set ON_ERROR_STOP on\n", out);
	for (size_t i = 0; i < migration_count; i++) {
		const struct migration *m = &migrations[i];
		if (m->version <= version)
			continue;
		fprintf(out, "%s%s%s", prologue, lock, m->sql);
		fprintf(out, ROW_FORMAT "COMMIT;\n", m->version, m->name);
	}
	return true;
}
