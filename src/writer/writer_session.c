// SPDX-License-Identifier: MIT
// One query a step, in the order of `steps`; then the devices are loaded. A step that fails gives the connection up; the
// next connection starts with the first step.
#include "writer/writer_session.h"

#include "journal/entry.h"
#include "schema/engine.h"
#include "schema/migrations.h"
#include "util/log.h"
#include "writer/writer_batch.h"
#include "writer/writer_commands.h"
#include "writer/writer_days.h"
#include "writer/writer_lookup.h"
#include "writer/writer_shape.h"
#include "writer/writer_states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The unused end of a segment is never longer. A gap of that size between the checkpoint and the next segment's first
// entry is no loss.
#define GAP_UNSUSPICIOUS ((uint64_t)ENTRY_SIZE_MAX + 65536)

struct writer_session {
	unsigned step;
	const char *engine_query; /* NULL: no extension is there */
	char coordinator[160];    /* of Citus, if this is a worker */
	int version;              /* of the schema */
	bool locked;              /* the instance's lock is ours */
	bool own_lock; /* it was held by our own previous connection, which has been ended */
	char holder[200];
	bool found;       /* the checkpoint's row: */
	char journal[40]; /* UUID */
	uint64_t lsn, state_lsn;
	unsigned changed; /* rows that the step changed */
	bool adopted;     /* a checkpoint, by this process */
	bool was_reset;   /* device_state.connected, by this process */
	uint64_t
		token; /* of this process: each of its sessions holds a shared lock with this key */
};

struct step {
	/* Writes the query; nothing if the step is to be skipped. */
	void (*sql)(struct writer *writer, struct writer_sql *sql);
	writer_on_result *result;
	bool (*done)(struct writer *writer); /* false: the connection was given up */
	bool may_fail;
};

static const char *value_of(const PGresult *result, int column)
{
	return PQgetisnull(result, 0, column) ? "" : PQgetvalue(result, 0, column);
}

// ---- settings

static void write_messages(struct writer *writer, struct writer_sql *sql)
{
	(void)writer;
	/* Only superusers may. English error contexts are the easiest to read. */
	writer_sql_add(sql, "SET lc_messages = 'C'");
}

// Sets those that this server has. Commits must be durable; a stronger synchronous_commit is kept. Citus's default opens a connection
// for every shard in each commit.
static void write_settings(struct writer *writer, struct writer_sql *sql)
{
	(void)writer;
	writer_sql_add(sql,
		"SELECT set_config(s.name, v.value, false) FROM (VALUES "
		"('TimeZone', 'UTC'), ('DateStyle', 'ISO, YMD'), ('statement_timeout', '0'), "
		"('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), "
		"('idle_session_timeout', '0'), ('transaction_timeout', '0'), "
		"('default_transaction_isolation', 'read committed'), "
		"('default_transaction_read_only', 'off'), "
		"('default_transaction_deferrable', 'off'), ('tcp_keepalives_idle', '15'), "
		"('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), "
		"('tcp_user_timeout', '30000'), "
		"('citus.multi_shard_modify_mode', 'sequential')) v (name, value) "
		"JOIN pg_settings s ON lower(s.name) = lower(v.name);"
		"SELECT set_config('avld.writer', 'on', false);"
		"SELECT set_config('synchronous_commit', 'on', false) "
		"WHERE current_setting('synchronous_commit') = 'off'");
}

// ---- engine

static void write_extension(struct writer *writer, struct writer_sql *sql)
{
	writer->on_citus = false;
	writer->session->engine_query = NULL;
	writer->session->coordinator[0] = '\0';
	snprintf(writer->engine, sizeof(writer->engine), "postgresql");
	writer_sql_add(sql, engine_extension_query);
}

static void read_extension(struct writer *writer, PGresult *result)
{
	if (!PQntuples(result))
		return;
	writer->on_citus = !strcmp(value_of(result, 0), "citus");
	writer->session->engine_query = engine_query(value_of(result, 0));
}

static void write_engine(struct writer *writer, struct writer_sql *sql)
{
	if (writer->session->engine_query)
		writer_sql_add(sql, writer->session->engine_query);
}

static void read_engine(struct writer *writer, PGresult *result)
{
	if (!PQntuples(result))
		return;
	snprintf(writer->engine, sizeof(writer->engine), "%s", value_of(result, 0));
	snprintf(writer->session->coordinator, sizeof(writer->session->coordinator), "%s",
		value_of(result, 1));
}

// A worker makes no partitions, and does not notify of commands that were entered on another node.
static bool check_engine(struct writer *writer)
{
	char message[400];
	if (!writer->session->coordinator[0])
		return true;
	snprintf(message, sizeof(message), ENGINE_WORKER_FORMAT, writer->session->coordinator);
	writer_link_lose(writer, TROUBLE_REFUSED, "", message);
	return false;
}

// ---- schema

static void write_version(struct writer *writer, struct writer_sql *sql)
{
	(void)writer;
	writer_sql_add(sql, "SELECT coalesce(max(version), 0) FROM avld.schema_version");
}

static void read_version(struct writer *writer, PGresult *result)
{
	writer->session->version = (int)strtol(value_of(result, 0), NULL, 10);
}

static bool check_version(struct writer *writer)
{
	char message[160];
	if (writer->session->version == SCHEMA_VERSION)
		return true;
	snprintf(message, sizeof(message), "schema avld has version %d, this avld needs %d: %s",
		writer->session->version, SCHEMA_VERSION,
		writer->session->version < SCHEMA_VERSION ? "run avld migrate"
							  : "run a newer avld");
	writer_link_lose(writer, TROUBLE_REFUSED, "", message);
	return false;
}

// ---- one writer for an instance: a lock for the lifetime of the session

static void add_lock_key(struct writer *writer, struct writer_sql *sql)
{
	writer_sql_add(sql, "hashtextextended('avld:' || ");
	writer_sql_literal(sql, writer_link_conn(writer), writer->config->database.instance);
	writer_sql_add(sql, ", 0)");
}

// Each session also takes a shared lock with this process's token. It identifies our sessions, also those that were lost
// before the first answer arrived.
static void write_lock(struct writer *writer, struct writer_sql *sql)
{
	writer_sql_format(
		sql, "SELECT pg_try_advisory_lock_shared(%" PRIu64 "), ", writer->session->token);
	writer_sql_add(sql, "pg_try_advisory_lock(");
	add_lock_key(writer, sql);
	writer_sql_add(sql, ")");
}

static void read_lock(struct writer *writer, PGresult *result)
{
	writer->session->locked = *value_of(result, 1) == 't';
	writer->session->holder[0] = '\0';
	writer->session->own_lock = false;
}

// Asks who holds the lock. If it is the backend of our previous connection, which has not noticed the end of that
// connection yet, terminates it.
static void write_holder(struct writer *writer, struct writer_sql *sql)
{
	if (writer->session->locked)
		return;
	writer_sql_add(sql,
		"SELECT a.pid, coalesce(host(a.client_addr), 'local'), "
		"coalesce(a.application_name, ''), CASE WHEN EXISTS (SELECT FROM pg_locks o "
		"WHERE o.pid = l.pid AND o.database = l.database AND o.locktype = 'advisory' "
		"AND o.granted AND o.objsubid = 1 ");
	writer_sql_format(sql,
		"AND o.classid::bigint = %" PRIu64 " AND o.objid::bigint = %" PRIu64 ") ",
		writer->session->token >> 32, writer->session->token & UINT32_MAX);
	writer_sql_add(sql, "THEN pg_terminate_backend(a.pid) ELSE false END "
			    "FROM (SELECT ");
	add_lock_key(writer, sql);
	writer_sql_add(sql,
		" AS key) k, pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
		"JOIN pg_database d ON d.oid = l.database "
		"WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname "
		"= current_database() "
		"AND l.classid::bigint = (k.key >> 32) & 4294967295 AND l.objid::bigint = "
		"k.key & 4294967295");
}

static void read_holder(struct writer *writer, PGresult *result)
{
	if (!PQntuples(result))
		return;
	writer->session->own_lock = *value_of(result, 3) == 't';
	snprintf(writer->session->holder, sizeof(writer->session->holder),
		"pid %s from %s, application %s", value_of(result, 0), value_of(result, 1),
		value_of(result, 2));
}

static bool check_lock(struct writer *writer)
{
	char message[360];
	if (writer->session->locked)
		return true;
	if (writer->session->own_lock) {
		writer_link_keep_backoff(writer); /* that backend ends in a moment */
		writer_link_lose(writer, TROUBLE_UNREACHABLE, "",
			"the previous connection was still open in the database, terminated it");
		return false;
	}
	snprintf(message, sizeof(message),
		"the lock is held by %s; two daemons must not have the same database.instance",
		writer->session->holder[0] ? writer->session->holder : "a session that has ended");
	writer_link_lose(writer, TROUBLE_LOCKED, "", message);
	return false;
}

static void write_session(struct writer *writer, struct writer_sql *sql)
{
	(void)writer;
	writer_sql_session(sql);
}

// ---- checkpoint: how much of the journal the database has

static void write_checkpoint(struct writer *writer, struct writer_sql *sql)
{
	writer->session->found = false;
	writer_sql_add(sql, "SELECT journal::text, lsn, coalesce(state_lsn, lsn) "
			    "FROM avld.checkpoint WHERE instance = ");
	writer_sql_literal(sql, writer_link_conn(writer), writer->config->database.instance);
}

static void read_checkpoint(struct writer *writer, PGresult *result)
{
	struct writer_session *session = writer->session;
	session->found = PQntuples(result) > 0;
	if (!session->found)
		return;
	snprintf(session->journal, sizeof(session->journal), "%s", value_of(result, 0));
	session->lsn = (uint64_t)strtoll(value_of(result, 1), NULL, 10);
	session->state_lsn = (uint64_t)strtoll(value_of(result, 2), NULL, 10);
}

static bool same_journal(const struct writer *writer)
{
	return writer->session->found &&
	       !strcasecmp(writer->session->journal, journal_uuid(writer->journal));
}

void writer_session_die(struct writer *writer, uint64_t expected)
{
	log_fatal(
		"another avld writes as instance=%s lsn=%" PRIu64
		" journal=%s expected_lsn=%" PRIu64
		" expected_journal=%s reason=\"the checkpoint in the database is not the one that "
		"this process wrote\" what_to_do=\"stop one of them, or give each its own "
		"database.instance and journal.dir, then start again\"",
		writer->config->database.instance,
		writer->session->found ? writer->session->lsn : 0,
		writer->session->found ? writer->session->journal : "none", expected,
		journal_uuid(writer->journal));
}

// The checkpoint is the one that this process wrote last, or an older one (the database was restored, or failed over), or
// that of the batch whose commit was not answered.
static uint64_t adopt_again(struct writer *writer)
{
	const uint64_t lsn = writer->session->lsn;

	if (writer->batch->sent && lsn == writer->batch->now.end && lsn != writer->lsn) {
		log_info(
			"the last batch was committed, only the answer was lost lsn=%" PRIu64, lsn);
		writer_states_committed(writer);
		return lsn;
	}
	if (lsn > writer->lsn)
		writer_session_die(writer, writer->lsn);
	if (lsn < writer->lsn)
		log_warning("the database has lost commits, writing them again lsn=%" PRIu64
			    " confirmed=%" PRIu64 " reason=\"it was restored, or failed over\"",
			lsn, writer->lsn);
	return lsn;
}

static uint64_t adopt_first(struct writer *writer)
{
	const uint64_t lsn = writer->session->lsn, recovered = journal_recovered(writer->journal);

	if (lsn <= recovered)
		return lsn;
	log_warning(
		"the journal ends before the database's checkpoint, continuing with the entries "
		"since the start lsn=%" PRIu64 " database_lsn=%" PRIu64
		" reason=\"its folder was restored, or lost its end\"",
		recovered, lsn);
	return recovered;
}

// Returns the LSN from which to read the journal.
static uint64_t choose_lsn(struct writer *writer)
{
	const struct writer_session *session = writer->session;
	const uint64_t start = journal_start(writer->journal);

	if (!session->found)
		return start;
	if (!same_journal(writer)) {
		if (session->adopted)
			writer_session_die(writer, writer->lsn);
		log_warning("taking over instance=%s from another journal: entries that only that "
			    "journal holds are not in the database old_journal=%s old_lsn=%" PRIu64
			    " journal=%s lsn=%" PRIu64,
			writer->config->database.instance, session->journal, session->lsn,
			journal_uuid(writer->journal), start);
		return start;
	}
	const uint64_t lsn = session->adopted ? adopt_again(writer) : adopt_first(writer);
	if (lsn >= start)
		return lsn;
	if (start - lsn > GAP_UNSUSPICIOUS)
		log_warning("the journal begins after the database's checkpoint, the entries "
			    "between them are lost bytes=%" PRIu64 " lsn=%" PRIu64
			    " journal_start=%" PRIu64,
			start - lsn, lsn, start);
	return start;
}

static bool adopt_checkpoint(struct writer *writer)
{
	writer->lsn = choose_lsn(writer);
	writer->counters.lsn = writer->lsn;
	writer_states_adopt(
		writer, same_journal(writer) ? writer->session->state_lsn : writer->lsn);
	writer->batch->sent = false;
	return true;
}

// Writes the chosen checkpoint if it differs from the one in the table, provided that this one is still there.
static void write_adoption(struct writer *writer, struct writer_sql *sql)
{
	const struct writer_session *session = writer->session;
	const char *uuid = journal_uuid(writer->journal),
		   *instance = writer->config->database.instance;

	writer->session->changed = 1;
	if (same_journal(writer) && session->lsn == writer->lsn)
		return;
	writer->session->changed = 0;
	if (!session->found) {
		writer_sql_add(
			sql, "INSERT INTO avld.checkpoint (instance, journal, lsn) VALUES (");
		writer_sql_literal(sql, writer_link_conn(writer), instance);
		writer_sql_format(sql, ", '%s', %" PRIu64 ") ON CONFLICT DO NOTHING RETURNING 1",
			uuid, writer->lsn);
		return;
	}
	writer_sql_format(sql,
		"UPDATE avld.checkpoint SET journal = '%s', lsn = %" PRIu64 ", state_lsn = %" PRIu64
		", updated_at = now() WHERE instance = ",
		uuid, writer->lsn, writer_states_lsn(writer));
	writer_sql_literal(sql, writer_link_conn(writer), instance);
	writer_sql_format(sql, " AND journal = '%s' AND lsn = %" PRIu64 " RETURNING 1",
		session->journal, session->lsn);
}

static void read_adoption(struct writer *writer, PGresult *result)
{
	writer->session->changed = (unsigned)PQntuples(result);
}

static bool check_adoption(struct writer *writer)
{
	if (!writer->session->changed)
		writer_session_die(writer, writer->session->lsn);
	writer->session->adopted = true;
	journal_release(writer->journal, writer_states_lsn(writer));
	return true;
}

// Connections that an earlier process of this instance left marked as open.
static void write_reset(struct writer *writer, struct writer_sql *sql)
{
	if (writer->session->was_reset)
		return;
	writer_sql_add(sql,
		"UPDATE avld.device_state SET connected = false WHERE connected AND instance = ");
	writer_sql_literal(sql, writer_link_conn(writer), writer->config->database.instance);
}

static bool note_reset(struct writer *writer)
{
	writer->session->was_reset = true;
	return true;
}

// Runs before the open commands are read, so that none is missed between the two.
static void write_listen(struct writer *writer, struct writer_sql *sql)
{
	writer_sql_add(sql, "LISTEN avld_devices");
	if (writer_commands_has_sink(writer))
		writer_sql_add(sql, ";LISTEN avld_commands");
}

static bool set_commands_due(struct writer *writer)
{
	writer_commands_set_due(writer);
	return true;
}

static const struct step steps[] = {
	{.sql = write_messages, .may_fail = true},
	{.sql = write_settings},
	{.sql = write_extension, .result = read_extension},
	{.sql = write_engine, .result = read_engine, .done = check_engine},
	{.sql = write_version, .result = read_version, .done = check_version},
	{.sql = writer_shape_begin, .result = writer_shape_read, .done = writer_shape_judge},
	{.sql = write_lock, .result = read_lock},
	{.sql = write_holder, .result = read_holder, .done = check_lock},
	{.sql = write_session},
	{.sql = write_checkpoint, .result = read_checkpoint, .done = adopt_checkpoint},
	{.sql = write_adoption, .result = read_adoption, .done = check_adoption},
	{.sql = write_reset, .done = note_reset},
	{.sql = write_listen, .done = set_commands_due},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

// ---- devices

static void on_days_known(struct writer *writer)
{
	writer_days_make_today(writer, writer_link_ready);
}

static void on_loaded(struct writer *writer)
{
	if (writer_link_failure(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	device_directory_set_loaded(writer->directory);
	writer_days_read(writer, on_days_known);
}

static void load_devices(struct writer *writer)
{
	writer_link_set_state(writer, WRITER_LOADING);
	writer_lookup_load(writer, on_loaded);
}

// ---- the steps

static void on_step(struct writer *writer);

static void next_step(struct writer *writer)
{
	for (; writer->session->step < STEPS; writer->session->step++) {
		const struct step *step = &steps[writer->session->step];
		writer_sql_clear(&writer->sql);
		step->sql(writer, &writer->sql);
		if (writer->sql.len) {
			writer_link_set_state(writer, WRITER_PREPARING);
			writer_link_query(writer, writer->sql.data, step->result, on_step);
			return;
		}
		if (step->done && !step->done(writer))
			return;
	}
	load_devices(writer);
}

static void on_step(struct writer *writer)
{
	const struct step *step = &steps[writer->session->step];

	if (writer_link_failure(writer) && !step->may_fail) {
		writer_link_lose_query(writer);
		return;
	}
	if (step->done && !step->done(writer))
		return;
	writer->session->step++;
	next_step(writer);
}

void writer_session_start(struct writer *writer)
{
	writer->session->step = 0;
	next_step(writer);
}

// ---- for the sender

void writer_session_read_checkpoint(struct writer *writer, writer_on_end *end)
{
	writer_sql_clear(&writer->sql);
	write_checkpoint(writer, &writer->sql);
	writer_link_query(writer, writer->sql.data, read_checkpoint, end);
}

bool writer_session_is_at(const struct writer *writer, uint64_t lsn)
{
	return same_journal(writer) && writer->session->lsn == lsn;
}

void writer_session_init(struct writer *writer)
{
	struct writer_session *session = calloc(1, sizeof(*session));

	if (!session)
		log_fatal("out of memory for=\"writer\"");
	writer->session = session;
	arc4random_buf(&session->token, sizeof(session->token));
	session->token >>= 1; /* a positive bigint */
}

void writer_session_done(struct writer *writer)
{
	free(writer->session);
}
