// SPDX-License-Identifier: MIT
// Rows of avld.devices become devices of the directory. The connection is replaced by functions that keep the query and
// give it rows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/writer_days.h"
#include "writer/writer_lookup.h"

#include "util/log.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char asked[1024]; /* the query under way */
static writer_on_result *on_result;
static writer_on_end *on_end;

void writer_link_query(
	struct writer *writer, const char *sql, writer_on_result *result, writer_on_end *end)
{
	(void)writer;
	snprintf(asked, sizeof(asked), "%s", sql);
	on_result = result;
	on_end = end;
}

void writer_link_set_single_rows(struct writer *writer)
{
	(void)writer;
}

void writer_link_set_state(struct writer *writer, enum writer_state state)
{
	writer->state = state;
}

const struct writer_failure *writer_link_failure(const struct writer *writer)
{
	(void)writer;
	return NULL;
}

void writer_link_lose_query(struct writer *writer)
{
	(void)writer;
	fail();
}

bool writer_link_was_cut_off(const struct writer *writer)
{
	(void)writer;
	return false;
}

void writer_link_ready(struct writer *writer)
{
	writer->state = WRITER_IDLE;
}

void writer_link_wake(struct writer *writer)
{
	(void)writer;
}

PGconn *writer_link_conn(const struct writer *writer)
{
	(void)writer;
	return NULL;
}

// A row of avld.devices; NULL is NULL.
struct row {
	const char *id, *ident, *state, *protocol, *model, *secret, *networks;
};

// libpq's needs a connection.
char *PQescapeLiteral(PGconn *conn, const char *text, size_t len)
{
	char *quoted = malloc(len + 3);

	(void)conn;
	assert_non_null(quoted);
	snprintf(quoted, len + 3, "'%.*s'", (int)len, text);
	return quoted;
}

// Answers the query under way.
static void give(struct writer *writer, const struct row *rows, int count)
{
	static char names[][10] = {
		"id", "ident", "state", "protocol", "model", "secret", "networks"};
	PGresAttDesc columns[7];
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	for (int i = 0; i < 7; i++)
		columns[i] = (PGresAttDesc){.name = names[i]};
	assert_true(PQsetResultAttrs(result, 7, columns));
	for (int row = 0; row < count; row++) {
		const char *values[] = {rows[row].id, rows[row].ident, rows[row].state,
			rows[row].protocol, rows[row].model, rows[row].secret, rows[row].networks};
		for (int i = 0; i < 7; i++) {
			char value[128];
			snprintf(value, sizeof(value), "%s", values[i] ? values[i] : "");
			assert_true(PQsetvalue(
				result, row, i, value, values[i] ? (int)strlen(value) : -1));
		}
	}
	on_result(writer, result);
	PQclear(result);
	on_end(writer);
}

// config: NULL if the test asks for no idents.
static void begin(struct writer *writer, const struct config *config)
{
	*writer = (struct writer){.directory = device_directory_new(),
		.loop = ev_loop_new(0),
		.config = config,
		.state = WRITER_IDLE};
	writer_lookup_init(writer);
	writer_days_init(writer);
}

static void end(struct writer *writer)
{
	writer_days_done(writer);
	writer_lookup_done(writer);
	writer_sql_done(&writer->sql);
	ev_loop_destroy(writer->loop);
	device_directory_free(writer->directory);
}

static const struct device *find(const struct writer *writer, const char *ident)
{
	const struct device *device =
		device_directory_find(writer->directory, (struct text){ident, strlen(ident)});
	assert_non_null(device);
	return device;
}

#define COLUMNS "id, ident, state, protocol, model, secret, networks"

// The same, if it is for all devices.
static void answer(struct writer *writer, const struct row *rows, int count)
{
	assert_string_equal(asked, "SELECT " COLUMNS " FROM avld.devices");
	give(writer, rows, count);
}

static void on_found(struct writer *writer)
{
	writer->state = WRITER_IDLE;
}

// Devices that another instance has entered are read after the INSERT, the new ones are not.
static void unknown_idents_become_devices(void **state)
{
	(void)state;
	const struct config config = {.devices = {.unknown = UNKNOWN_ACCEPT}};
	struct writer writer;
	const char *why;
	begin(&writer, &config);

	for (int round = 0; round < 2; round++) {
		const char *idents[][2] = {{"5020001", "5020002"}, {"5020003", "5020004"}};
		for (int i = 0; i < 2; i++)
			assert_int_equal(writer_lookup_ident(
						 &writer, (struct text){idents[round][i], 7}, &why),
				LOOKUP_PENDING);
		writer_lookup_run(&writer, on_found);
		assert_int_equal(writer.state, WRITER_ASKING);
		assert_string_equal(asked,
			round ? "INSERT INTO avld.devices (ident) SELECT i FROM "
				"unnest('{\"5020003\",\"5020004\"}'::text[]) i ORDER BY i "
				"COLLATE \"C\" ON CONFLICT (ident) DO NOTHING RETURNING " COLUMNS
			      : "INSERT INTO avld.devices (ident) SELECT i FROM "
				"unnest('{\"5020001\",\"5020002\"}'::text[]) i ORDER BY i "
				"COLLATE \"C\" ON CONFLICT (ident) DO NOTHING RETURNING " COLUMNS);
		if (round == 0) {
			give(&writer,
				(const struct row[]){
					{"2", "5020002", "active", NULL, NULL, NULL, NULL}},
				1);
			assert_int_equal(writer.state, WRITER_ASKING);
			assert_string_equal(asked,
				"SELECT " COLUMNS " FROM avld.devices WHERE ident = ANY "
				"('{\"5020001\"}'::text[])");
			give(&writer,
				(const struct row[]){
					{"1", "5020001", "blocked", NULL, NULL, NULL, NULL}},
				1);
		} else {
			give(&writer,
				(const struct row[]){
					{"3", "5020003", "active", NULL, NULL, NULL, NULL},
					{"4", "5020004", "active", NULL, NULL, NULL, NULL}},
				2);
		}
		assert_int_equal(writer.state, WRITER_IDLE);
	}
	assert_int_equal(find(&writer, "5020001")->state, DEVICE_BLOCKED);
	assert_int_equal(find(&writer, "5020004")->id, 4);
	assert_false(writer_lookup_needed(&writer));

	// Neither inserted nor found: unknown for a while.
	assert_int_equal(
		writer_lookup_ident(&writer, (struct text){"5020005", 7}, &why), LOOKUP_PENDING);
	writer_lookup_run(&writer, on_found);
	give(&writer, NULL, 0);
	give(&writer, NULL, 0);
	assert_int_equal(writer.state, WRITER_IDLE);
	assert_int_equal(
		writer_lookup_ident(&writer, (struct text){"5020005", 7}, &why), LOOKUP_UNKNOWN);

	end(&writer);
}

// The connection is lost between the INSERT, which found a device of another instance, and its SELECT.
static void idents_become_devices_after_a_lost_connection(void **state)
{
	(void)state;
	const struct config config = {.devices = {.unknown = UNKNOWN_ACCEPT}};
	struct writer writer;
	const char *why;
	begin(&writer, &config);

	assert_int_equal(
		writer_lookup_ident(&writer, (struct text){"5020001", 7}, &why), LOOKUP_PENDING);
	writer_lookup_run(&writer, on_found);
	give(&writer, NULL, 0);
	assert_memory_equal(asked, "SELECT", 6);

	writer_lookup_load(&writer, on_found); // of the next connection
	answer(&writer, (const struct row[]){{"1", "5020001", "active", NULL, NULL, NULL, NULL}},
		1);
	assert_int_equal(
		writer_lookup_ident(&writer, (struct text){"5020002", 7}, &why), LOOKUP_PENDING);
	writer_lookup_run(&writer, on_found);
	assert_memory_equal(asked, "INSERT", 6);

	end(&writer);
}

// However many there are: a batch that has to ask again would never be sent.
static void all_unknown_idents_of_a_batch_are_remembered(void **state)
{
	(void)state;
	const struct config config = {.devices = {.unknown = UNKNOWN_REFUSE}};
	struct writer writer;
	const char *why;
	char ident[16];
	begin(&writer, &config);

	for (int batch = 0; batch < 2; batch++) {
		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < 70000; i++) {
				const int len =
					snprintf(ident, sizeof(ident), "%d%06d", batch + 1, i);
				assert_int_equal(writer_lookup_ident(&writer,
							 (struct text){ident, (size_t)len}, &why),
					round ? LOOKUP_UNKNOWN : LOOKUP_PENDING);
			}
			assert_int_equal(writer_lookup_needed(&writer), round == 0);
			if (round == 1)
				break;
			writer_lookup_run(&writer, on_found);
			give(&writer, NULL, 0);
			assert_int_equal(writer.state, WRITER_IDLE);
		}
	}
	end(&writer);
}

static void changes_of_a_row_reach_the_device(void **state)
{
	(void)state;
	struct writer writer;
	begin(&writer, NULL);
	log_set_level(LOG_LEVEL_ERROR);

	writer_lookup_reload(&writer);
	answer(&writer,
		(const struct row[]){{"1", "5020001", "active", NULL, "TR06", NULL, NULL},
			{"2", "5020002", "blocked", "pt502", NULL, "sha256$s1$00", NULL}},
		2);
	assert_int_equal(writer.state, WRITER_IDLE);
	const struct device *first = find(&writer, "5020001"), *second = find(&writer, "5020002");
	assert_int_equal(first->id, 1);
	assert_int_equal(first->state, DEVICE_ACTIVE);
	assert_int_equal(first->decoder, 0);
	assert_string_equal(first->model, "TR06");
	assert_int_equal(second->state, DEVICE_BLOCKED);
	assert_int_not_equal(second->decoder, 0);
	assert_null(second->model);
	assert_null(first->secret);
	assert_string_equal(second->secret, "sha256$s1$00");
	const uint32_t version = second->secret_version;

	writer_lookup_reload(&writer);
	assert_string_equal(first->model, "TR06"); // meanwhile
	assert_string_equal(second->secret, "sha256$s1$00");
	answer(&writer,
		(const struct row[]){{"1", "5020001", "active", NULL, NULL, "sha256$s2$01", NULL},
			{"2", "5020002", "active", NULL, "X3", "sha256$s1$00", NULL}},
		2);
	assert_null(first->model);
	assert_string_equal(second->model, "X3");
	assert_string_equal(first->secret, "sha256$s2$01");
	assert_int_equal(second->secret_version, version); // connections need not be asked again

	writer_lookup_reload(&writer);
	answer(&writer, (const struct row[]){{"1", "5020001", "active", NULL, NULL, NULL, NULL}},
		1);
	assert_int_equal(second->id, 0);
	assert_null(second->model); // its row was deleted
	assert_null(second->secret);
	assert_null(first->secret);
	end(&writer);
}

// A value that restricts the device and is not understood admits nobody.
static void what_restricts_a_device_reaches_it(void **state)
{
	(void)state;
	const uint8_t inside[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	struct writer writer;
	begin(&writer, NULL);
	log_set_level(LOG_LEVEL_ERROR);

	writer_lookup_reload(&writer);
	answer(&writer,
		(const struct row[]){{"1", "5020001", "active", NULL, NULL, NULL, "{192.0.2.0/24}"},
			{"2", "5020002", "active", "telepathy", NULL, NULL,
				"[0:1]={192.0.2.0/24}"}},
		2);
	const struct device *first = find(&writer, "5020001"), *second = find(&writer, "5020002");
	assert_true(networks_contain(first->networks, inside));
	assert_false(networks_contain(second->networks, inside));
	assert_int_equal(second->decoder, DEVICE_NO_DECODER);

	writer_lookup_reload(&writer);
	assert_non_null(first->networks); // meanwhile
	answer(&writer,
		(const struct row[]){{"1", "5020001", "active", NULL, NULL, NULL, NULL},
			{"2", "5020002", "active", NULL, NULL, NULL, NULL}},
		2);
	assert_null(first->networks);
	assert_null(second->networks);
	assert_int_equal(second->decoder, 0);
	end(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_a_row_reach_the_device),
		cmocka_unit_test(unknown_idents_become_devices),
		cmocka_unit_test(idents_become_devices_after_a_lost_connection),
		cmocka_unit_test(all_unknown_idents_of_a_batch_are_remembered),
		cmocka_unit_test(what_restricts_a_device_reaches_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
