// SPDX-License-Identifier: MIT
// The database makes a partition in a few milliseconds, but for as long it locks the DEFAULT partition, and it may have to wait
// for that lock: so partitions are made one by one, at most one a second, and given up after DAYS_MS.
#include "writer/writer_days.h"

#include "util/log.h"

#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_KNOWN 65536 /* 1970 to 2149; other days are in the DEFAULT partition */
#define HOUR_S     3600. /* in which the limits of new days count */
#define PAUSE_S    1.    /* between two partitions made; grows with each failure */
#define TRIES      20    /* failures in a row until the days are left in DEFAULT */
#define NEAR_TRY_S 600.  /* then: until the near days are noted again */
#define FIRST_MS   10000 /* time for the first partitions of a database */
#define PART_MS    25    /* more time for each part of a day */
#define CITUS_MS   5000  /* more time where each node makes the shards of a partition */

// The new days that a device has caused in this hour.
struct day_share {
	int64_t device_id;
	unsigned days;
};

struct writer_days {
	uint64_t known[DAYS_KNOWN / 64]; /* days that have partitions, or cannot have them */
	uint64_t statuses[DAYS_KNOWN /
			  64]; /* while reading: those of statuses; `known`: of positions */
	bool known_read;       /* `known` is as the database has it */
	uint16_t missing[DAYS_NEW + 4]; /* days to make a partition for, in this order */
	size_t missing_count;
	unsigned tries; /* failures in a row */
	struct day_share shares[DAYS_NEW];
	size_t shares_count;
	unsigned hour_days; /* new days in this hour */
	double hour_began;  /* on clock_monotonic_s, as below */
	double day_at;      /* when the next partition may be made */
	double near_at;     /* when the days are read again, since too many have failed; 0: never */
	ev_timer timer;     /* until day_at */
	int64_t today;
	bool warned, full_warned;
	writer_on_end *end;
};

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	writer_link_wake(timer->data);
}

void writer_days_init(struct writer *writer)
{
	writer->days = calloc(1, sizeof(*writer->days));
	if (!writer->days)
		log_fatal("out of memory for=\"writer\"");
	ev_timer_init(&writer->days->timer, on_timer, 0., 0.);
	writer->days->timer.data = writer;
}

void writer_days_done(struct writer *writer)
{
	ev_timer_stop(writer->loop, &writer->days->timer);
	free(writer->days);
}

static bool has_bit(const uint64_t *bits, int64_t day)
{
	return bits[day / 64] >> (day % 64) & 1;
}

static void set_bit(uint64_t *bits, int64_t day)
{
	bits[day / 64] |= UINT64_C(1) << (day % 64);
}

static bool is_missing(const struct writer_days *days, int64_t day)
{
	for (size_t i = 0; i < days->missing_count; i++)
		if (days->missing[i] == day)
			return true;
	return false;
}

static void add_missing(struct writer_days *days, int64_t day)
{
	if (days->missing_count < sizeof(days->missing) / sizeof(days->missing[0]))
		days->missing[days->missing_count++] = (uint16_t)day;
}

static void drop_missing(struct writer_days *days, size_t i)
{
	memmove(&days->missing[i], &days->missing[i + 1],
		(--days->missing_count - i) * sizeof(days->missing[0]));
}

// Counts a new day for the device. Returns false beyond the limits of this hour.
static bool share_day(struct writer *writer, int64_t device_id)
{
	struct writer_days *days = writer->days;
	const double now = clock_monotonic_s();
	size_t i = 0;

	if (now - days->hour_began >= HOUR_S) {
		days->hour_began = now;
		days->shares_count = days->hour_days = 0;
		days->full_warned = false;
	}
	while (i < days->shares_count && days->shares[i].device_id != device_id)
		i++;
	if (days->hour_days == DAYS_NEW ||
		(i < days->shares_count && days->shares[i].days == DAYS_OF_DEVICE))
		return false;
	if (i == days->shares_count)
		days->shares[days->shares_count++] = (struct day_share){device_id, 0};
	days->shares[i].days++;
	days->hour_days++;
	return true;
}

void writer_days_note(struct writer *writer, int64_t day, int64_t device_id)
{
	struct writer_days *days = writer->days;

	if (day < 0 || day >= DAYS_KNOWN || !days->known_read || has_bit(days->known, day) ||
		is_missing(days, day))
		return;
	if (share_day(writer, device_id)) {
		add_missing(days, day);
	} else if (!days->full_warned) {
		log_warning("reports of many days without a partition, their rows go to the "
			    "DEFAULT partition device_id=%" PRId64
			    " limit=\"%d new days of a device in an hour, %d of all\" "
			    "what_to_do=\"avld.ensure_partitions makes more\"",
			device_id, DAYS_OF_DEVICE, DAYS_NEW);
		days->full_warned = true;
	}
}

int64_t writer_days_today(const struct writer *writer)
{
	return (int64_t)(ev_now(writer->loop) / 86400.);
}

bool writer_days_is_new(const struct writer *writer)
{
	const double again = writer->days->near_at;

	return writer_days_today(writer) != writer->days->today ||
	       (again > 0. && clock_monotonic_s() >= again);
}

// Today first.
void writer_days_note_near(struct writer *writer)
{
	static const int64_t near[] = {0, 1, -1, 2};
	struct writer_days *days = writer->days;

	days->today = writer_days_today(writer);
	if (days->near_at > 0.)
		days->known_read = false; /* near days may be marked as known */
	days->near_at = 0.;
	for (size_t i = 0; days->known_read && i < sizeof(near) / sizeof(near[0]); i++) {
		const int64_t day = days->today + near[i];
		if (day >= 0 && day < DAYS_KNOWN && !has_bit(days->known, day) &&
			!is_missing(days, day))
			add_missing(days, day);
	}
}

void writer_days_forget(struct writer *writer)
{
	writer->days->known_read = false;
	writer->days->missing_count = 0;
}

bool writer_days_are_read(const struct writer *writer)
{
	return writer->days->known_read;
}

// Reads a partition: of positions or not, its first day, the day after it.
static void read_days(struct writer *writer, PGresult *result)
{
	struct writer_days *days = writer->days;

	for (int row = 0; row < PQntuples(result); row++) {
		uint64_t *bits = *PQgetvalue(result, row, 0) == 't' ? days->known : days->statuses;
		const int64_t end = strtoll(PQgetvalue(result, row, 2), NULL, 10);
		int64_t day = strtoll(PQgetvalue(result, row, 1), NULL, 10);
		for (day = day < 0 ? 0 : day; day < end && day < DAYS_KNOWN; day++)
			set_bit(bits, day);
	}
}

static void on_days_read(struct writer *writer)
{
	struct writer_days *days = writer->days;

	if (writer_link_failure(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	for (size_t i = 0; i < DAYS_KNOWN / 64; i++)
		days->known[i] &= days->statuses[i];
	days->known_read = true;
	for (size_t i = days->missing_count; i-- > 0;)
		if (has_bit(days->known, days->missing[i]))
			drop_missing(days, i);
	writer_days_note_near(writer);
	days->end(writer);
}

// As avld.list_partitions, which the daemon's role may not call. The session's DateStyle and TimeZone are those of its bounds. A
// partition counts for a day that it covers in part too: a partition of that day cannot be made.
static const char read_query[] =
	"SELECT parent = 'avld.positions'::regclass, "
	"floor(greatest(extract(epoch FROM starts), 0) / 86400)::bigint, "
	"ceil(least(extract(epoch FROM ends), 86400.0 * 65536) / 86400)::bigint "
	"FROM (SELECT parent, CASE WHEN bound LIKE '% FROM (MINVALUE) %' THEN '1970-01-01' "
	"ELSE substring(bound FROM $$ FROM \\('([^']+)'\\)$$) END::timestamptz AS starts, "
	"CASE WHEN bound LIKE '% TO (MAXVALUE)' THEN '2200-01-01' "
	"ELSE substring(bound FROM $$ TO \\('([^']+)'\\)$$) END::timestamptz AS ends "
	"FROM (SELECT i.inhparent AS parent, pg_get_expr(c.relpartbound, c.oid) AS bound "
	"FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
	"WHERE i.inhparent IN ('avld.positions'::regclass, 'avld.statuses'::regclass)) p "
	"WHERE bound <> 'DEFAULT') b";

void writer_days_read(struct writer *writer, writer_on_end *end)
{
	struct writer_days *days = writer->days;

	days->end = end;
	if (writer->state >= WRITER_IDLE)
		writer_link_set_state(writer, WRITER_ASKING);
	memset(days->known, 0, sizeof(days->known));
	memset(days->statuses, 0, sizeof(days->statuses));
	writer_link_query(writer, read_query, read_days, on_days_read);
}

bool writer_days_due(const struct writer *writer)
{
	const struct writer_days *days = writer->days;

	return days->missing_count && days->known_read && clock_monotonic_s() >= days->day_at;
}

// Removes the day that was tried, or puts it last for another try. After many failures all days are left in DEFAULT, until the
// days are read again.
static void settle_day(struct writer *writer, bool made)
{
	struct writer_days *days = writer->days;
	const double now = clock_monotonic_s();
	const uint16_t day = days->missing[0];

	drop_missing(days, 0);
	days->tries = made ? 0 : days->tries + 1;
	if (made)
		set_bit(days->known, day);
	else
		add_missing(days, day);
	if (days->tries >= TRIES) {
		while (days->missing_count > 0)
			set_bit(days->known, days->missing[--days->missing_count]);
		days->near_at = now + NEAR_TRY_S;
		days->tries = 0;
	}
	const double pause = PAUSE_S * (1 + days->tries);
	days->day_at = now + pause * 0.9; /* the timer may be early */
	ev_timer_stop(writer->loop, &days->timer);
	if (days->missing_count > 0) {
		ev_timer_set(&days->timer, pause, 0.);
		ev_timer_start(writer->loop, &days->timer);
	}
}

// Missing partitions delay nothing: rows of days without one go to DEFAULT.
static void warn(struct writer_days *days, const struct writer_failure *failure)
{
	log_warning("cannot make partitions, rows go to the DEFAULT partition sqlstate=%s "
		    "reason=\"%s\"",
		failure->sqlstate, failure->quoted);
	days->warned = true;
}

static void on_day_made(struct writer *writer)
{
	struct writer_days *days = writer->days;
	const struct writer_failure *failure = writer_link_failure(writer);

	if (writer_link_was_cut_off(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	if (failure && !days->warned)
		warn(days, failure);
	settle_day(writer, !failure);
	days->end(writer);
}

// The time-out also limits waiting for locks.
static void ask_to_make(
	struct writer *writer, int64_t first, int64_t last, int ms, writer_on_end *end)
{
	static const struct {
		const char *argument;
		int parts; /* partitions of a day */
	} every[] = {[PARTITION_1D] = {")", 0},
		[PARTITION_6H] = {", interval '6 hours')", 4},
		[PARTITION_1H] = {", interval '1 hour')", 24}};
	const enum partition_interval interval = writer->config->database.partition_interval;
	struct writer_sql *sql = &writer->sql;

	if (writer->state >= WRITER_IDLE)
		writer_link_set_state(writer, WRITER_ASKING);
	writer_sql_clear(sql);
	writer_sql_format(sql, "SET LOCAL statement_timeout = %d; SELECT avld.ensure_partitions(",
		ms + every[interval].parts * PART_MS + (writer->on_citus ? CITUS_MS : 0));
	writer_sql_date(sql, first);
	writer_sql_add(sql, ", ");
	writer_sql_date(sql, last);
	writer_sql_add(sql, every[interval].argument);
	writer_link_query(writer, sql->data, NULL, end);
}

void writer_days_make(struct writer *writer, writer_on_end *end)
{
	const int64_t day = writer->days->missing[0];

	writer->days->end = end;
	ask_to_make(writer, day, day, DAYS_MS, on_day_made);
}

// The days in `missing` are asked for one by one if this has failed.
static void on_today_made(struct writer *writer)
{
	struct writer_days *days = writer->days;
	const struct writer_failure *failure = writer_link_failure(writer);

	if (writer_link_was_cut_off(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	if (failure)
		warn(days, failure);
	for (size_t i = days->missing_count; !failure && i-- > 0;)
		if (days->missing[i] >= days->today - 1 && days->missing[i] <= days->today + 2) {
			set_bit(days->known, days->missing[i]);
			drop_missing(days, i);
		}
	days->end(writer);
}

void writer_days_make_today(struct writer *writer, writer_on_end *end)
{
	struct writer_days *days = writer->days;

	days->end = end;
	if (is_missing(days, days->today))
		ask_to_make(writer, days->today - 1, days->today + 2, FIRST_MS, on_today_made);
	else
		end(writer);
}
