// SPDX-License-Identifier: MIT
// From a fresh connection to one that is ready: one query a step, in the order of `steps`, then the
// devices are loaded. What fails here gives the connection up; the next attempt starts from the
// beginning.
#include "writer/writer_internal.h"

#include "feed/registry.h"
#include "schema/migrations.h"
#include "util/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

// The unused end of a segment is never longer: between a checkpoint and the next segment's first
// entry so much says nothing.
#define GAP_UNSUSPICIOUS ((uint64_t)ENTRY_SIZE_MAX + 65536)

struct step {
	void (*sql)(
		struct writer *writer, struct sql *sql); /* nothing written: the step is left out */
	on_result *result;
	bool (*done)(struct writer *writer); /* false: the connection was given up */
	bool may_fail;
};

static const char *value_of(const PGresult *result, int column)
{
	return PQgetisnull(result, 0, column) ? "" : PQgetvalue(result, 0, column);
}

// ---- settings

static void write_messages(struct writer *writer, struct sql *sql)
{
	(void)writer;
	sql_add(sql, "SET lc_messages = 'C'"); /* superusers may: error contexts in English are
						  easiest to read */
}

// Those that this server has. Writes are to be durable; a stronger synchronous_commit stays.
static void write_settings(struct writer *writer, struct sql *sql)
{
	(void)writer;
	sql_add(sql,
		"SELECT set_config(s.name, v.value, false) FROM (VALUES ('TimeZone', 'UTC'), "
		"('DateStyle', 'ISO, YMD'), ('statement_timeout', '0'), ('lock_timeout', '0'), "
		"('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), "
		"('transaction_timeout', '0'), ('default_transaction_isolation', 'read "
		"committed'), "
		"('default_transaction_read_only', 'off'), ('default_transaction_deferrable', "
		"'off'), "
		"('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), "
		"('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30000')) v (name, value) "
		"JOIN pg_settings s ON lower(s.name) = lower(v.name);"
		"SELECT set_config('avld.writer', 'on', false);"
		"SELECT set_config('synchronous_commit', 'on', false) "
		"WHERE current_setting('synchronous_commit') = 'off'");
}

// ---- schema

static void write_version(struct writer *writer, struct sql *sql)
{
	(void)writer;
	sql_add(sql, "SELECT coalesce(max(version), 0) FROM avld.schema_version");
}

static void take_version(struct writer *writer, PGresult *result)
{
	writer->prepare.version = (int)strtol(value_of(result, 0), NULL, 10);
}

static bool check_version(struct writer *writer)
{
	char message[160];
	if (writer->prepare.version == SCHEMA_VERSION)
		return true;
	snprintf(message, sizeof(message), "schema avld has version %d, this avld needs %d: %s",
		writer->prepare.version, SCHEMA_VERSION,
		writer->prepare.version < SCHEMA_VERSION ? "run avld migrate" : "run a newer avld");
	writer_lose(writer, TROUBLE_SCHEMA, "", message);
	return false;
}

// ---- one writer for an instance: a lock that lives as long as the session

static void add_lock_key(struct writer *writer, struct sql *sql)
{
	sql_add(sql, "hashtextextended('avld:' || ");
	sql_literal(sql, writer->link.conn, writer->config->database.instance);
	sql_add(sql, ", 0)");
}

// Beside it each session takes a lock, shared, that is this process's own: by it a session of ours is
// known, also when it was lost before a single answer came.
static void write_lock(struct writer *writer, struct sql *sql)
{
	sql_format(sql, "SELECT pg_try_advisory_lock_shared(%" PRIu64 "), ", writer->link.token);
	sql_add(sql, "pg_try_advisory_lock(");
	add_lock_key(writer, sql);
	sql_add(sql, ")");
}

static void take_lock(struct writer *writer, PGresult *result)
{
	writer->prepare.locked = *value_of(result, 1) == 't';
	writer->prepare.holder[0] = '\0';
	writer->prepare.own = false;
}

// Who holds the lock? If it is the backend of an earlier connection of ours, which has not noticed yet
// that we are gone, end it.
static void write_holder(struct writer *writer, struct sql *sql)
{
	if (writer->prepare.locked)
		return;
	sql_add(sql, "SELECT a.pid, coalesce(host(a.client_addr), 'local'), "
		     "coalesce(a.application_name, ''), CASE WHEN EXISTS (SELECT FROM pg_locks o "
		     "WHERE o.pid = l.pid AND o.database = l.database AND o.locktype = 'advisory' "
		     "AND o.granted AND o.objsubid = 1 ");
	sql_format(sql, "AND o.classid::bigint = %" PRIu64 " AND o.objid::bigint = %" PRIu64 ") ",
		writer->link.token >> 32, writer->link.token & UINT32_MAX);
	sql_add(sql, "THEN pg_terminate_backend(a.pid) ELSE false END "
		     "FROM (SELECT ");
	add_lock_key(writer, sql);
	sql_add(sql, " AS key) k, pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
		     "JOIN pg_database d ON d.oid = l.database "
		     "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname "
		     "= current_database() "
		     "AND l.classid::bigint = (k.key >> 32) & 4294967295 AND l.objid::bigint = "
		     "k.key & 4294967295");
}

static void take_holder(struct writer *writer, PGresult *result)
{
	if (!PQntuples(result))
		return;
	writer->prepare.own = *value_of(result, 3) == 't';
	snprintf(writer->prepare.holder, sizeof(writer->prepare.holder),
		"pid %s from %s, application %s", value_of(result, 0), value_of(result, 1),
		value_of(result, 2));
}

static bool check_lock(struct writer *writer)
{
	char message[360];
	if (writer->prepare.locked)
		return true;
	if (writer->prepare.own) {
		writer->link.backoff /= 2; /* as it was: it is gone in a moment */
		writer_lose(
			writer, TROUBLE_AWAY, "", "a connection of ours was still alive, ended it");
		return false;
	}
	snprintf(message, sizeof(message),
		"its lock is held by %s; two daemons must not have the same database.instance",
		writer->prepare.holder[0] ? writer->prepare.holder
					  : "a session that is gone already");
	writer_lose(writer, TROUBLE_LOCKED, "", message);
	return false;
}

static void write_session(struct writer *writer, struct sql *sql)
{
	(void)writer;
	sql_session(sql);
}

// ---- checkpoint: what the database has of our journal

static void write_checkpoint(struct writer *writer, struct sql *sql)
{
	writer->prepare.found = false;
	sql_add(sql, "SELECT journal::text, lsn FROM avld.checkpoint WHERE instance = ");
	sql_literal(sql, writer->link.conn, writer->config->database.instance);
}

static void take_checkpoint(struct writer *writer, PGresult *result)
{
	struct prepare *prepare = &writer->prepare;
	prepare->found = PQntuples(result) > 0;
	if (!prepare->found)
		return;
	snprintf(prepare->journal, sizeof(prepare->journal), "%s", value_of(result, 0));
	prepare->lsn = (uint64_t)strtoll(value_of(result, 1), NULL, 10);
}

static bool same_journal(const struct writer *writer)
{
	return writer->prepare.found &&
	       !strcasecmp(writer->prepare.journal, journal_uuid(writer->journal));
}

static _Noreturn void die_of_fence(struct writer *writer, uint64_t expected)
{
	log_fatal("another avld writes as instance=%s: the checkpoint in the database is not what "
		  "this one left "
		  "there (lsn=%" PRIu64 " journal=%s, expected lsn=%" PRIu64
		  " journal=%s); stop one of them, or give each "
		  "its own database.instance and journal.dir, then start again",
		writer->config->database.instance, writer->prepare.found ? writer->prepare.lsn : 0,
		writer->prepare.found ? writer->prepare.journal : "none", expected,
		journal_uuid(writer->journal));
}

// The database is where this process left it, or behind (restored, failed over), or one batch
// ahead: the answer to a commit was lost.
static uint64_t adopt_again(struct writer *writer)
{
	const uint64_t lsn = writer->prepare.lsn;

	if (writer->batch.sent && lsn == writer->batch.now.end && lsn != writer->lsn) {
		log_info(
			"the last batch was committed, only the answer was lost lsn=%" PRIu64, lsn);
		batch_committed(writer);
		return lsn;
	}
	if (lsn > writer->lsn)
		die_of_fence(writer, writer->lsn);
	if (lsn < writer->lsn)
		log_warning("the database is behind what it had confirmed (restored, or failed "
			    "over), writing again from "
			    "lsn=%" PRIu64 " confirmed=%" PRIu64,
			lsn, writer->lsn);
	return lsn;
}

static uint64_t adopt_first(struct writer *writer)
{
	const uint64_t lsn = writer->prepare.lsn, recovered = journal_recovered(writer->journal);

	if (lsn <= recovered)
		return lsn;
	log_warning("the journal ends before what the database has of it (its folder was restored, "
		    "or lost its end), "
		    "going on with what came since the start lsn=%" PRIu64 " database_lsn=%" PRIu64,
		recovered, lsn);
	return recovered;
}

// From where to read the journal.
static uint64_t choose_lsn(struct writer *writer)
{
	const struct prepare *prepare = &writer->prepare;
	const uint64_t start = journal_start(writer->journal);

	if (!prepare->found)
		return start;
	if (!same_journal(writer)) {
		if (prepare->adopted)
			die_of_fence(writer, writer->lsn);
		log_warning("taking over instance=%s from another journal: what only that one "
			    "holds is not in the "
			    "database old_journal=%s old_lsn=%" PRIu64 " journal=%s lsn=%" PRIu64,
			writer->config->database.instance, prepare->journal, prepare->lsn,
			journal_uuid(writer->journal), start);
		return start;
	}
	const uint64_t lsn = prepare->adopted ? adopt_again(writer) : adopt_first(writer);
	if (lsn >= start)
		return lsn;
	if (start - lsn > GAP_UNSUSPICIOUS)
		log_warning("the journal does not go back to what the database has, these bytes of "
			    "it are missing: "
			    "bytes=%" PRIu64 " lsn=%" PRIu64 " journal_start=%" PRIu64,
			start - lsn, lsn, start);
	return start;
}

static bool adopt_checkpoint(struct writer *writer)
{
	writer->lsn = choose_lsn(writer);
	writer->counters.lsn = writer->lsn;
	writer->batch.sent = false;
	return true;
}

// Writes down what was chosen, where it differs from what is there; guarded by what is there.
static void write_adoption(struct writer *writer, struct sql *sql)
{
	const struct prepare *prepare = &writer->prepare;
	const char *uuid = journal_uuid(writer->journal),
		   *instance = writer->config->database.instance;

	writer->prepare.changed = 1;
	if (same_journal(writer) && prepare->lsn == writer->lsn)
		return;
	writer->prepare.changed = 0;
	if (!prepare->found) {
		sql_add(sql, "INSERT INTO avld.checkpoint (instance, journal, lsn) VALUES (");
		sql_literal(sql, writer->link.conn, instance);
		sql_format(sql, ", '%s', %" PRIu64 ") ON CONFLICT DO NOTHING RETURNING 1", uuid,
			writer->lsn);
		return;
	}
	sql_format(sql,
		"UPDATE avld.checkpoint SET journal = '%s', lsn = %" PRIu64
		", updated_at = now() WHERE instance = ",
		uuid, writer->lsn);
	sql_literal(sql, writer->link.conn, instance);
	sql_format(sql, " AND journal = '%s' AND lsn = %" PRIu64 " RETURNING 1", prepare->journal,
		prepare->lsn);
}

static void take_adoption(struct writer *writer, PGresult *result)
{
	writer->prepare.changed = (unsigned)PQntuples(result);
}

static bool check_adoption(struct writer *writer)
{
	if (!writer->prepare.changed)
		die_of_fence(writer, writer->prepare.lsn);
	writer->prepare.adopted = true;
	journal_release(writer->journal, writer->lsn);
	return true;
}

// Connections that an earlier process of ours left marked as open.
static void write_reset(struct writer *writer, struct sql *sql)
{
	if (writer->prepare.was_reset)
		return;
	sql_add(sql,
		"UPDATE avld.device_state SET connected = false WHERE connected AND instance = ");
	sql_literal(sql, writer->link.conn, writer->config->database.instance);
}

static bool reset_done(struct writer *writer)
{
	writer->prepare.was_reset = true;
	return true;
}

// Before the open commands are read, so that none falls between the two.
static void write_listen(struct writer *writer, struct sql *sql)
{
	sql_add(sql, "LISTEN avld_devices");
	if (writer->commands.sink)
		sql_add(sql, ";LISTEN avld_commands");
}

static bool listening(struct writer *writer)
{
	commands_set_due(writer);
	return true;
}

static const struct step steps[] = {
	{.sql = write_messages, .may_fail = true},
	{.sql = write_settings},
	{.sql = write_version, .result = take_version, .done = check_version},
	{.sql = write_lock, .result = take_lock},
	{.sql = write_holder, .result = take_holder, .done = check_lock},
	{.sql = write_session},
	{.sql = write_checkpoint, .result = take_checkpoint, .done = adopt_checkpoint},
	{.sql = write_adoption, .result = take_adoption, .done = check_adoption},
	{.sql = write_reset, .done = reset_done},
	{.sql = write_listen, .done = listening},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

// ---- devices

// A row of: id, ident, state, protocol.
static void take_device(struct writer *writer, const PGresult *result, int row)
{
	const char *ident = PQgetvalue(result, row, 1);
	const size_t len = (size_t)PQgetlength(result, row, 1);
	const char *protocol = PQgetvalue(result, row, 3);

	if (len < 1 || len > IDENT_MAX)
		return; /* characters were counted, not bytes: no tracker has such an ident */
	struct device *device = device_directory_add(writer->directory, (struct text){ident, len});
	device->id = strtoll(PQgetvalue(result, row, 0), NULL, 10);
	device->state =
		strcmp(PQgetvalue(result, row, 2), "blocked") ? DEVICE_ACTIVE : DEVICE_BLOCKED;
	device->decoder = 0;
	for (uint8_t i = 0; *protocol && registry_decoders[i]; i++)
		if (!strcmp(registry_decoders[i]->name, protocol))
			device->decoder = (uint8_t)(i + 1);
}

void device_row(struct writer *writer, PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		take_device(writer, result, row);
}

static void on_loaded(struct writer *writer)
{
	if (writer->query.failed) {
		writer_lose_query(writer);
		return;
	}
	device_directory_set_loaded(writer->directory, true);
	learn_near_days(writer);
	learn_run(writer, writer_ready);
}

static void read_devices(struct writer *writer, on_end *end)
{
	writer->devices_due = false;
	device_directory_set_loaded(writer->directory, false);
	device_directory_forget_ids(writer->directory);
	learn_start_session(writer);
	writer_query(
		writer, "SELECT id, ident, state, protocol FROM avld.devices", device_row, end);
	if (writer->link.conn)
		PQsetSingleRowMode(writer->link.conn);
}

static void on_reloaded(struct writer *writer)
{
	if (writer->query.failed) {
		writer_lose_query(writer);
		return;
	}
	device_directory_set_loaded(writer->directory, true);
	log_info("devices read again, the table was changed devices=%zu",
		device_directory_count(writer->directory));
	writer_ready(writer);
}

void prepare_reload_devices(struct writer *writer)
{
	writer->reloaded_last = true;
	batch_drop_ahead(writer);
	writer_set_state(writer, WRITER_LEARNING);
	read_devices(writer, on_reloaded);
}

static void load_devices(struct writer *writer)
{
	writer_set_state(writer, WRITER_LOADING);
	read_devices(writer, on_loaded);
}

// ---- the steps

static void on_step(struct writer *writer);

static void next_step(struct writer *writer)
{
	for (; writer->prepare.step < STEPS; writer->prepare.step++) {
		const struct step *step = &steps[writer->prepare.step];
		sql_clear(&writer->sql);
		step->sql(writer, &writer->sql);
		if (writer->sql.len) {
			writer_set_state(writer, WRITER_PREPARING);
			writer_query(writer, writer->sql.data, step->result, on_step);
			return;
		}
		if (step->done && !step->done(writer))
			return;
	}
	load_devices(writer);
}

static void on_step(struct writer *writer)
{
	const struct step *step = &steps[writer->prepare.step];

	if (writer->query.failed && !step->may_fail) {
		writer_lose_query(writer);
		return;
	}
	if (step->done && !step->done(writer))
		return;
	writer->prepare.step++;
	next_step(writer);
}

void prepare_start(struct writer *writer)
{
	writer->prepare.step = 0;
	next_step(writer);
}

// ---- the fence did not hold

static void on_fence_read(struct writer *writer)
{
	if (writer->query.failed) {
		writer_lose_query(writer);
		return;
	}
	if (!same_journal(writer) || writer->prepare.lsn != writer->batch.now.end)
		die_of_fence(writer, writer->lsn);
	batch_committed(writer); /* it is there already */
	writer_ready(writer);
}

void prepare_check_fence(struct writer *writer)
{
	sql_clear(&writer->sql);
	write_checkpoint(writer, &writer->sql);
	writer_query(writer, writer->sql.data, take_checkpoint, on_fence_read);
}
