// SPDX-License-Identifier: MIT
// What a batch needs to be there before it: ids of devices, partitions of days.
#include "writer/writer_internal.h"

#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

#define REFUSED_S 5.  /* an unknown ident is looked up again after this */
#define BROKEN_S  60. /* one that the database refuses */
#define NOTES_MAX 65536

struct note {
	UT_hash_handle hh;
	bool wanted;  /* to be asked for */
	bool asked;   /* is being asked for */
	double until; /* refused until then, on the loop's clock */
	char *why;    /* not merely unknown: the database's words */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

void learn_init(struct writer *writer)
{
	writer->learn.limit = SIZE_MAX;
}

static void drop_note(struct learn *learn, struct note *note)
{
	HASH_DELETE(hh, learn->notes, note);
	free(note->why);
	free(note);
}

void learn_done(struct writer *writer)
{
	struct note *note, *next;
	HASH_ITER(hh, writer->learn.notes, note, next)
	drop_note(&writer->learn, note);
}

void learn_start_session(struct writer *writer)
{
	struct learn *learn = &writer->learn;
	struct note *note, *next;

	HASH_ITER(hh, learn->notes, note, next)
	drop_note(learn, note);
	learn->wanted = 0;
	learn->limit = SIZE_MAX;
	memset(learn->days, 0, sizeof(learn->days));
	memset(learn->missing, 0, sizeof(learn->missing));
	learn->days_wanted = false;
	learn->warned = false;
}

// ---- what is missing

enum ident_verdict learn_ident(struct writer *writer, struct text ident, const char **why)
{
	struct learn *learn = &writer->learn;
	struct note *note;

	HASH_FIND(hh, learn->notes, ident.data, ident.len, note);
	if (note && !note->wanted && note->until > ev_now(writer->loop)) {
		*why = note->why;
		return note->why ? IDENT_BROKEN : IDENT_REFUSED;
	}
	if (!note) {
		note = calloc(1, sizeof(*note));
		if (!note)
			log_fatal("out of memory: idents");
		note->ident_len = (uint8_t)ident.len;
		memcpy(note->ident, ident.data, ident.len);
		HASH_ADD(hh, learn->notes, ident, ident.len, note);
	}
	learn->wanted += !note->wanted;
	note->wanted = true;
	return IDENT_ASKED;
}

static void miss_day(struct learn *learn, int64_t day)
{
	if (day < 0 || day >= DAYS_KNOWN || learn->days[day / 64] >> (day % 64) & 1)
		return;
	learn->missing[day / 64] |= UINT64_C(1) << (day % 64);
	learn->days_wanted = true;
}

void learn_day(struct writer *writer, int64_t time_us)
{
	if (time_us >= 0)
		miss_day(&writer->learn, time_us / DAY_US);
}

int64_t learn_today(const struct writer *writer)
{
	return (int64_t)(ev_now(writer->loop) / 86400.);
}

void learn_near_days(struct writer *writer)
{
	writer->learn.today = learn_today(writer);
	for (int64_t day = -1; day <= 2; day++)
		miss_day(&writer->learn, writer->learn.today + day);
}

bool learn_needed(const struct writer *writer)
{
	return writer->learn.wanted || writer->learn.days_wanted;
}

void learn_forget_days(struct writer *writer)
{
	memset(writer->learn.days, 0, sizeof(writer->learn.days)); /* to ask anew costs little */
}

// ---- devices

static void add_quoted(char **out, const char *text, size_t len)
{
	*(*out)++ = '"';
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			*(*out)++ = '\\';
		*(*out)++ = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	}
	*(*out)++ = '"';
}

// The wanted idents, at most `limit`, as an array's text. To be freed.
static char *wanted_array(struct learn *learn)
{
	char *text = malloc(learn->wanted * (IDENT_MAX * 2 + 3) + 3), *out = text;
	size_t count = 0;

	if (!text)
		log_fatal("out of memory: idents");
	*out++ = '{';
	for (struct note *note = learn->notes; note; note = note->hh.next) {
		note->asked = note->wanted && count < learn->limit;
		if (!note->asked)
			continue;
		if (count++)
			*out++ = ',';
		add_quoted(&out, note->ident, note->ident_len);
	}
	*out++ = '}';
	*out = '\0';
	return text;
}

static void run_next(struct writer *writer);

// Each asked ident is a device now, or refused.
static void settle_asked(struct writer *writer, double for_s, const char *why)
{
	struct learn *learn = &writer->learn;
	struct note *note, *next;

	HASH_ITER(hh, learn->notes, note, next)
	{
		if (!note->asked) {
			if (!note->wanted && note->until <= ev_now(writer->loop))
				drop_note(learn, note);
			continue;
		}
		const struct device *device = device_directory_find(
			writer->directory, (struct text){note->ident, note->ident_len});
		learn->wanted--;
		note->wanted = note->asked = false;
		free(note->why);
		note->why = NULL;
		if (why && asprintf(&note->why, "database: %s", why) < 0)
			log_fatal("out of memory: idents");
		note->until = ev_now(writer->loop) + for_s;
		if ((device && device->id) || HASH_COUNT(learn->notes) > NOTES_MAX)
			drop_note(learn, note);
	}
}

// Is it the fault of what was asked for, not of the database's state?
static bool is_data_error(const struct failure *failure)
{
	return !strncmp(failure->sqlstate, "22", 2) || !strncmp(failure->sqlstate, "23", 2) ||
	       !strncmp(failure->sqlstate, "P0", 2);
}

static void on_devices(struct writer *writer)
{
	struct learn *learn = &writer->learn;
	const struct failure *failure = &writer->query.failure;

	if (!writer->query.failed) {
		settle_asked(writer, REFUSED_S, NULL);
	} else if (!is_data_error(failure)) {
		writer_lose_query(writer);
		return;
	} else if (learn->limit > 1 && learn->wanted > 1) {
		learn->limit = 1; /* one by one, to find which */
	} else {
		log_warning("the database refuses a device sqlstate=%s reason=\"%s\"",
			failure->sqlstate, failure->told);
		settle_asked(writer, BROKEN_S, failure->message);
	}
	run_next(writer);
}

static void ask_devices(struct writer *writer)
{
	char *array = wanted_array(&writer->learn);
	struct sql *sql = &writer->sql;

	sql_clear(sql);
	if (writer->config->devices.unknown == UNKNOWN_ACCEPT) {
		sql_add(sql, "INSERT INTO avld.devices (ident) SELECT i FROM unnest(");
		sql_literal(sql, writer->link.conn, array);
		sql_add(sql, "::text[]) i ORDER BY i ON CONFLICT (ident) DO NOTHING;\n");
	}
	sql_add(sql, "SELECT id, ident, state, protocol FROM avld.devices WHERE ident = ANY (");
	sql_literal(sql, writer->link.conn, array);
	sql_add(sql, "::text[])");
	free(array);
	writer_query(writer, sql->data, device_row, on_devices);
}

// ---- days

static bool is_missing(const struct learn *learn, int64_t day)
{
	return day < DAYS_KNOWN && learn->missing[day / 64] >> (day % 64) & 1;
}

// A failure is no reason to wait: rows of days without a partition go to DEFAULT.
static void on_days(struct writer *writer)
{
	struct learn *learn = &writer->learn;
	const struct failure *failure = &writer->query.failure;

	if (writer->query.failed &&
		(!*failure->sqlstate || !strncmp(failure->sqlstate, "57P", 3))) {
		writer_lose_query(writer);
		return;
	}
	if (writer->query.failed && !learn->warned) {
		log_warning("cannot make partitions, rows go to the DEFAULT partition sqlstate=%s "
			    "reason=\"%s\"",
			failure->sqlstate, failure->told);
		learn->warned = true;
	}
	for (size_t i = 0; i < DAYS_KNOWN / 64; i++) {
		learn->days[i] |= learn->missing[i];
		learn->missing[i] = 0;
	}
	learn->days_wanted = false;
	run_next(writer);
}

static void ask_days(struct writer *writer)
{
	struct sql *sql = &writer->sql;

	sql_clear(sql);
	for (int64_t day = 0; day < DAYS_KNOWN; day++) {
		if (!is_missing(&writer->learn, day))
			continue;
		int64_t last = day;
		while (is_missing(&writer->learn, last + 1) && last - day < 399)
			last++;
		sql_add(sql, "SELECT avld.ensure_partitions(");
		sql_date(sql, day);
		sql_add(sql, ", ");
		sql_date(sql, last);
		sql_add(sql, ");\n");
		day = last;
	}
	writer_query(writer, sql->data, NULL, on_days);
}

// ---- one after the other

static void run_next(struct writer *writer)
{
	struct learn *learn = &writer->learn;

	if (learn->wanted)
		ask_devices(writer);
	else if (learn->days_wanted)
		ask_days(writer);
	else {
		learn->limit = SIZE_MAX;
		learn->then(writer);
	}
}

void learn_run(struct writer *writer, on_end *then)
{
	writer->learn.then = then;
	if (writer->state >= WRITER_IDLE)
		writer_set_state(writer, WRITER_LEARNING);
	run_next(writer);
}
