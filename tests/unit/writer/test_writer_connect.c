// SPDX-License-Identifier: MIT
// A connection is started with the host that libpq would use, wherever it comes from. Only names that need no network:
// .onion, which resolvers reject (RFC 7686), and paths.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/writer_connect.h"

#include <ev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outcome {
	struct ev_loop *loop;
	int calls;
	bool started;
	char error[256];
};

static void on_done(void *context, PGconn *conn, const char *error)
{
	struct outcome *outcome = context;

	outcome->calls++;
	outcome->started = conn != NULL;
	snprintf(outcome->error, sizeof(outcome->error), "%s", error ? error : "");
	PQfinish(conn);
	ev_break(outcome->loop, EVBREAK_ALL);
}

static struct outcome start(const char *conninfo)
{
	struct outcome outcome = {.loop = ev_loop_new(0)};
	struct writer_connect connect = {0};

	writer_connect_start(&connect, outcome.loop, conninfo, on_done, &outcome);
	if (!outcome.calls)
		ev_run(outcome.loop, 0);
	assert_int_equal(outcome.calls, 1);
	writer_connect_stop(&connect);
	ev_loop_destroy(outcome.loop);
	return outcome;
}

static void a_path_is_connected_to_at_once(void **state)
{
	(void)state;
	const struct outcome outcome = start("host=/nowhere dbname=avld");
	assert_true(outcome.started);
}

static void the_host_of_the_conninfo_is_resolved(void **state)
{
	(void)state;
	const struct outcome outcome = start("host=nobody.onion dbname=avld");
	assert_false(outcome.started);
	assert_non_null(strstr(outcome.error, "nobody.onion"));
}

static void a_host_address_is_not_resolved(void **state)
{
	(void)state;
	const struct outcome outcome =
		start("host=nobody.onion hostaddr=127.0.0.1 port=1 dbname=avld");
	assert_true(outcome.started);
}

static void the_host_of_the_environment_is_resolved(void **state)
{
	(void)state;
	setenv("PGHOST", "elsewhere.onion", 1);
	const struct outcome outcome = start("dbname=avld");
	unsetenv("PGHOST");
	assert_non_null(strstr(outcome.error, "elsewhere.onion"));
}

static void the_host_of_a_service_is_resolved_without_a_change_of_the_environment(void **state)
{
	(void)state;
	char path[] = "/tmp/avld_services_XXXXXX";
	const int fd = mkstemp(path);
	const char services[] = "[boat]\nhost=service.onion\n";

	assert_true(fd >= 0);
	assert_int_equal(write(fd, services, sizeof(services) - 1), sizeof(services) - 1);
	close(fd);
	unsetenv("PGSERVICE");
	setenv("PGSERVICEFILE", path, 1);
	const struct outcome outcome = start("service=boat dbname=avld");
	assert_non_null(strstr(outcome.error, "service.onion"));
	assert_null(getenv("PGSERVICE"));
	unlink(path);
	const struct outcome missing = start("service=boat dbname=avld");
	assert_true(missing.started); /* PQerrorMessage names the file */
	unsetenv("PGSERVICEFILE");
}

static void a_stopped_start_does_not_call_done(void **state)
{
	(void)state;
	struct outcome outcome = {.loop = ev_loop_new(0)};
	struct writer_connect connect = {0};

	writer_connect_start(
		&connect, outcome.loop, "host=localhost dbname=avld", on_done, &outcome);
	writer_connect_stop(&connect);
	ev_run(outcome.loop, EVRUN_NOWAIT);
	assert_int_equal(outcome.calls, 0);
	ev_loop_destroy(outcome.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_connected_to_at_once),
		cmocka_unit_test(the_host_of_the_conninfo_is_resolved),
		cmocka_unit_test(a_host_address_is_not_resolved),
		cmocka_unit_test(the_host_of_the_environment_is_resolved),
		cmocka_unit_test(
			the_host_of_a_service_is_resolved_without_a_change_of_the_environment),
		cmocka_unit_test(a_stopped_start_does_not_call_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
