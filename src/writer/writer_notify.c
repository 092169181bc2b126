// SPDX-License-Identifier: MIT
#include "writer/writer_notify.h"

#include "util/log.h"

#include <ev.h>
#include <inttypes.h>
#include <string.h>

#define PAUSE_S 60. /* without notifications after the database has refused them */
#define LOG_S   60. /* between two lines about a queue that is too full */

bool writer_notify_begin(struct writer *writer, uint64_t alarms)
{
	struct writer_notify *notify = &writer->notify;

	notify->sent = 0;
	notify->tried = writer->config->database.notify_alarms && alarms > 0 &&
			clock_monotonic_s() >= notify->resume;
	return notify->tried;
}

void writer_notify_answer(struct writer *writer, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		writer->notify.sent += *PQgetvalue(result, row, 0) == 't';
}

// Returns true for: a full queue; a transaction with two-phase commit; a role that may not call pg_notify.
static bool is_refusal(const char *sqlstate)
{
	return !strcmp(sqlstate, "54000") || !strcmp(sqlstate, "0A000") ||
	       !strcmp(sqlstate, "42501");
}

bool writer_notify_failed(struct writer *writer, const struct writer_failure *failure)
{
	struct writer_notify *notify = &writer->notify;
	const char *sqlstate = failure->sqlstate;

	if (!notify->tried || !is_refusal(sqlstate))
		return false;
	notify->tried = false;
	notify->resume = clock_monotonic_s() + PAUSE_S;
	writer->counters.retries++;
	log_warning("the database refused alarms with notifications, sending them without "
		    "for_s=%.0f sqlstate=%s reason=\"%s\"",
		PAUSE_S, sqlstate, failure->quoted);
	return true;
}

void writer_notify_committed(struct writer *writer, uint64_t alarms)
{
	struct writer_notify *notify = &writer->notify;
	struct writer_counters *counters = &writer->counters;
	const double now = clock_monotonic_s();

	if (!writer->config->database.notify_alarms)
		return;
	counters->notifications += notify->sent;
	counters->notifications_left_out += alarms - notify->sent;
	if (!notify->tried || alarms == notify->sent || now < notify->log_at)
		return;
	notify->log_at = now + LOG_S;
	log_warning("alarms are stored without notification, the notification queue of PostgreSQL "
		    "is half full left_out=%" PRIu64
		    " what_to_do=\"end the session that listens in an open transaction "
		    "(pg_stat_activity)\"",
		counters->notifications_left_out);
}
