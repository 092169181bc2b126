// SPDX-License-Identifier: MIT
#include "util/log.h"
#define uthash_fatal(message) log_fatal("out of memory for=\"idents\"")
#include "writer/writer_lookup.h"

#include "feed/registry.h"
#include "util/uthash_config.h"
#include "writer/writer_days.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#define UNKNOWN_S 5.    /* until an unknown ident is asked for again */
#define REFUSED_S 60.   /* until one that the database refuses is */
#define NOTES_MAX 65536 /* more only if one batch has them */

// An ident that has no id.
struct note {
	UT_hash_handle hh;
	bool wanted;  /* pending */
	bool asked;   /* in the query under way */
	double until; /* unknown or refused until then, on clock_monotonic_s */
	char *why;    /* refused: the database's reason */
	uint8_t ident_len;
	char ident[IDENT_MAX];
};

struct writer_lookup {
	struct note *notes;
	size_t wanted;    /* notes */
	size_t limit;     /* idents in one query; 1 after the database refused some */
	bool made;        /* missing devices were inserted; the others are to be read */
	bool due;         /* avld.devices was changed */
	bool bad_setting; /* warned of one since avld.devices was read last */
	writer_on_end *end;
};

void writer_lookup_init(struct writer *writer)
{
	writer->lookup = calloc(1, sizeof(*writer->lookup));
	if (!writer->lookup)
		log_fatal("out of memory for=\"writer\"");
	writer->lookup->limit = SIZE_MAX;
}

static void drop_note(struct writer_lookup *lookup, struct note *note)
{
	HASH_DELETE(hh, lookup->notes, note);
	free(note->why);
	free(note);
}

static void drop_notes(struct writer_lookup *lookup)
{
	struct note *note, *next;

	HASH_ITER(hh, lookup->notes, note, next)
	drop_note(lookup, note);
	lookup->wanted = 0;
}

void writer_lookup_done(struct writer *writer)
{
	drop_notes(writer->lookup);
	free(writer->lookup);
}

// ---- what is missing

enum lookup_verdict writer_lookup_ident(struct writer *writer, struct text ident, const char **why)
{
	struct writer_lookup *lookup = writer->lookup;
	struct note *note;

	HASH_FIND(hh, lookup->notes, ident.data, ident.len, note);
	if (note && !note->wanted && note->until > clock_monotonic_s()) {
		*why = note->why;
		return note->why ? LOOKUP_REFUSED : LOOKUP_UNKNOWN;
	}
	if (!note) {
		note = calloc(1, sizeof(*note));
		if (!note)
			log_fatal("out of memory for=\"idents\"");
		note->ident_len = (uint8_t)ident.len;
		memcpy(note->ident, ident.data, ident.len);
		HASH_ADD(hh, lookup->notes, ident, ident.len, note);
	}
	lookup->wanted += !note->wanted;
	note->wanted = true;
	return LOOKUP_PENDING;
}

bool writer_lookup_needed(const struct writer *writer)
{
	return writer->lookup->wanted;
}

// ---- devices

// The columns of avld.devices that read_device reads, in its order.
#define DEVICE_COLUMNS "id, ident, state, protocol, model, secret, networks"

// Returns a value of the result; empty for NULL.
static struct text text_at(const PGresult *result, int row, int column)
{
	return (struct text){
		PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

// Returns the value of device.decoder for avld.devices.protocol; "": NULL.
static uint8_t find_decoder(const char *protocol)
{
	if (!*protocol)
		return 0;
	for (uint8_t i = 0; registry_decoders[i]; i++)
		if (!strcmp(registry_decoders[i]->name, protocol))
			return (uint8_t)(i + 1);
	return DEVICE_NO_DECODER;
}

// Logs, once per reading, that a value which restricts a device was not understood. It admits nobody.
static void warn_bad_setting(struct writer_lookup *lookup, const struct device *device,
	const char *column, const char *remedy)
{
	if (lookup->bad_setting)
		return;
	lookup->bad_setting = true;
	log_warning("device is rejected: bad value in avld.devices.%s ident=%.*s what_to_do=\"%s\"",
		column, device->ident_len, device->ident, remedy);
}

static void read_device(struct writer *writer, const PGresult *result, int row)
{
	const struct text ident = text_at(result, row, 1);

	/* The table limits characters, not bytes; a longer ident is no tracker's. */
	if (ident.len < 1 || ident.len > IDENT_MAX)
		return;
	struct device *device = device_directory_add(writer->directory, ident);
	device->id = strtoll(PQgetvalue(result, row, 0), NULL, 10);
	device->state =
		strcmp(PQgetvalue(result, row, 2), "blocked") ? DEVICE_ACTIVE : DEVICE_BLOCKED;
	device->decoder = find_decoder(PQgetvalue(result, row, 3));
	if (device->decoder == DEVICE_NO_DECODER)
		warn_bad_setting(
			writer->lookup, device, "protocol", "avld protocols lists the names");
	device_directory_set_model(device, text_at(result, row, 4));
	device_directory_set_secret(device, text_at(result, row, 5));
	device_directory_set_networks(device, text_at(result, row, 6));
	if (device->networks && networks_are_empty(device->networks))
		warn_bad_setting(writer->lookup, device, "networks",
			"up to 16 networks such as 192.0.2.0/24");
}

static void read_devices(struct writer *writer, PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		read_device(writer, result, row);
}

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

// Returns the wanted idents, at most `limit`, as the text of an array. To be freed.
static char *wanted_array(struct writer_lookup *lookup)
{
	char *text = malloc(lookup->wanted * (IDENT_MAX * 2 + 3) + 3), *out = text;
	size_t count = 0;

	if (!text)
		log_fatal("out of memory for=\"idents\"");
	*out++ = '{';
	for (struct note *note = lookup->notes; note; note = note->hh.next) {
		note->asked = note->wanted && count < lookup->limit;
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

// Each ident that was asked for is a device now, or unknown, or refused (why) for a while.
static void settle_asked(struct writer *writer, double for_s, const char *why)
{
	struct writer_lookup *lookup = writer->lookup;
	const double now = clock_monotonic_s();
	struct note *note, *next;

	HASH_ITER(hh, lookup->notes, note, next)
	{
		if (!note->asked) {
			/* not those of the batch: it would ask for them again, and again */
			const bool many = HASH_COUNT(lookup->notes) > NOTES_MAX;
			if (!note->wanted && (many || note->until <= now))
				drop_note(lookup, note);
			continue;
		}
		const struct device *device = device_directory_find(
			writer->directory, (struct text){note->ident, note->ident_len});
		lookup->wanted--;
		note->wanted = note->asked = false;
		free(note->why);
		note->why = NULL;
		if (why && asprintf(&note->why, "database: %s", why) < 0)
			log_fatal("out of memory for=\"idents\"");
		note->until = now + for_s;
		if (device && device->id)
			drop_note(lookup, note);
	}
}

// Drops the notes of idents that are devices now. Returns how many others were asked for.
static size_t settle_found(struct writer *writer)
{
	struct writer_lookup *lookup = writer->lookup;
	struct note *note, *next;
	size_t left = 0;

	HASH_ITER(hh, lookup->notes, note, next)
	{
		if (!note->asked)
			continue;
		const struct device *device = device_directory_find(
			writer->directory, (struct text){note->ident, note->ident_len});
		if (device && device->id) {
			lookup->wanted--;
			drop_note(lookup, note);
		} else {
			left++;
		}
	}
	return left;
}

// Returns true if the idents are at fault, not the state of the database.
static bool is_data_error(const struct writer_failure *failure)
{
	return !strncmp(failure->sqlstate, "22", 2) || !strncmp(failure->sqlstate, "23", 2) ||
	       !strncmp(failure->sqlstate, "P0", 2);
}

// Returns true if unknown idents are to become devices, and that was not tried yet.
static bool inserts(const struct writer *writer)
{
	return writer->config->devices.unknown == UNKNOWN_ACCEPT && !writer->lookup->made;
}

static void on_devices(struct writer *writer);

// Mostly all are new: those that the INSERT returns need not be read. Its order is that of every instance of avld, so that two
// do not block each other; bytes are compared faster than the words of a language.
static void ask_devices(struct writer *writer)
{
	char *array = wanted_array(writer->lookup);
	struct writer_sql *sql = &writer->sql;

	writer_sql_clear(sql);
	if (inserts(writer))
		writer_sql_add(sql, "INSERT INTO avld.devices (ident) SELECT i FROM unnest(");
	else
		writer_sql_add(
			sql, "SELECT " DEVICE_COLUMNS " FROM avld.devices WHERE ident = ANY (");
	writer_sql_literal(sql, writer_link_conn(writer), array);
	writer_sql_add(sql, "::text[])");
	if (inserts(writer))
		writer_sql_add(sql, " i ORDER BY i COLLATE \"C\" ON CONFLICT (ident) DO NOTHING "
				    "RETURNING " DEVICE_COLUMNS);
	free(array);
	writer_link_query(writer, sql->data, read_devices, on_devices);
}

static void on_devices(struct writer *writer)
{
	struct writer_lookup *lookup = writer->lookup;
	const struct writer_failure *failure = writer_link_failure(writer);

	if (!failure) {
		if (settle_found(writer) > 0 && inserts(writer)) {
			lookup->made = true;
			ask_devices(writer);
			return;
		}
		settle_asked(writer, UNKNOWN_S, NULL);
	} else if (!is_data_error(failure)) {
		writer_link_lose_query(writer);
		return;
	} else if (lookup->limit > 1 && lookup->wanted > 1) {
		lookup->limit = 1; /* one at a time, to find the one at fault */
	} else {
		log_warning("the database refuses a device sqlstate=%s reason=\"%s\"",
			failure->sqlstate, failure->quoted);
		settle_asked(writer, REFUSED_S, failure->message);
	}
	lookup->made = false;
	run_next(writer);
}

void writer_lookup_load(struct writer *writer, writer_on_end *end)
{
	struct writer_lookup *lookup = writer->lookup;

	lookup->due = false;
	lookup->bad_setting = false;
	device_directory_forget_ids(writer->directory);
	drop_notes(lookup);
	writer_days_forget(writer);
	lookup->limit = SIZE_MAX;
	lookup->made = false; /* the connection may have been lost after the INSERT */
	writer_link_query(writer, "SELECT " DEVICE_COLUMNS " FROM avld.devices", read_devices, end);
	writer_link_set_single_rows(writer);
}

static void on_reloaded(struct writer *writer)
{
	if (writer_link_failure(writer)) {
		writer_link_lose_query(writer);
		return;
	}
	device_directory_set_loaded(writer->directory);
	log_info("devices read again, the table was changed devices=%zu",
		device_directory_count(writer->directory));
	writer_link_ready(writer);
}

void writer_lookup_reload(struct writer *writer)
{
	writer_link_set_state(writer, WRITER_ASKING);
	writer_lookup_load(writer, on_reloaded);
}

void writer_lookup_set_due(struct writer *writer)
{
	writer->lookup->due = true;
}

bool writer_lookup_due(const struct writer *writer)
{
	return writer->lookup->due;
}

// ---- one after the other

static void run_next(struct writer *writer)
{
	struct writer_lookup *lookup = writer->lookup;

	if (lookup->wanted) {
		ask_devices(writer);
	} else {
		lookup->limit = SIZE_MAX;
		lookup->end(writer);
	}
}

void writer_lookup_run(struct writer *writer, writer_on_end *end)
{
	writer->lookup->end = end;
	if (writer->state >= WRITER_IDLE)
		writer_link_set_state(writer, WRITER_ASKING);
	run_next(writer);
}
