// SPDX-License-Identifier: MIT
// Names that need no network: /etc/hosts, addresses, paths, and .onion, which resolvers reject (RFC 7686).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "writer/resolve.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>

struct answer {
	struct ev_loop *loop;
	int calls;
	bool ok;
	char host[256], hostaddr[256], port[64], error[256];
};

static void on_done(void *context, const struct resolve_result *result, const char *error)
{
	struct answer *answer = context;
	answer->calls++;
	answer->ok = result;
	if (result) {
		snprintf(answer->host, sizeof(answer->host), "%s", result->host);
		snprintf(answer->hostaddr, sizeof(answer->hostaddr), "%s", result->hostaddr);
		snprintf(answer->port, sizeof(answer->port), "%s", result->port);
	} else {
		snprintf(answer->error, sizeof(answer->error), "%s", error);
	}
	ev_break(answer->loop, EVBREAK_ALL);
}

static struct answer ask(const char *hosts, const char *ports)
{
	struct answer answer = {.loop = ev_loop_new(0)};
	struct resolve *resolve = resolve_start(answer.loop, hosts, ports, on_done, &answer);
	assert_int_equal(answer.calls, 0); /* never within the call */
	ev_run(answer.loop, 0);
	assert_int_equal(answer.calls, 1);
	resolve_free(resolve);
	ev_loop_destroy(answer.loop);
	return answer;
}

static size_t parts(const char *list)
{
	size_t n = 1;
	for (; *list; list++)
		n += *list == ',';
	return n;
}

static void only_host_names_need_resolving(void **state)
{
	(void)state;
	assert_false(resolve_needed(NULL));
	assert_false(resolve_needed(""));
	assert_false(resolve_needed("/run/postgresql"));
	assert_false(resolve_needed("@abstract"));
	assert_false(resolve_needed("127.0.0.1,::1,/tmp,fe80::1%lo"));
	assert_true(resolve_needed("localhost"));
	assert_true(resolve_needed("127.0.0.1,db.example"));
}

static void a_name_becomes_its_addresses(void **state)
{
	(void)state;
	const struct answer answer = ask("localhost", "5433");
	assert_true(answer.ok);
	assert_true(strstr(answer.hostaddr, "127.0.0.1") || strstr(answer.hostaddr, "::1"));
	assert_int_equal(parts(answer.host), parts(answer.hostaddr));
	assert_int_equal(parts(answer.port), parts(answer.hostaddr));
	assert_memory_equal(answer.port, "5433", 4);
}

static void lists_keep_their_order_and_drop_unresolved_names(void **state)
{
	(void)state;
	struct answer answer = ask("/run/a,192.0.2.1,x.onion", "1,2,3");
	assert_true(answer.ok);
	assert_string_equal(answer.host, "/run/a,192.0.2.1");
	assert_string_equal(answer.hostaddr, ",192.0.2.1");
	assert_string_equal(answer.port, "1,2");
	answer = ask("x.onion,192.0.2.1,localhost", NULL);
	assert_true(answer.ok);
	assert_memory_equal(answer.hostaddr, "192.0.2.1,", 10);
	assert_int_equal(parts(answer.port), parts(answer.hostaddr));
}

static void an_unresolved_name_is_an_error(void **state)
{
	(void)state;
	const struct answer answer = ask("x.onion", NULL);
	assert_false(answer.ok);
	assert_non_null(strstr(answer.error, "x.onion"));
}

static void a_freed_resolve_does_not_call_done(void **state)
{
	(void)state;
	struct answer answer = {.loop = ev_loop_new(0)};
	resolve_free(resolve_start(answer.loop, "localhost,localhost", NULL, on_done, &answer));
	ev_run(answer.loop, EVRUN_NOWAIT);
	assert_int_equal(answer.calls, 0);
	ev_loop_destroy(answer.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_host_names_need_resolving),
		cmocka_unit_test(a_name_becomes_its_addresses),
		cmocka_unit_test(lists_keep_their_order_and_drop_unresolved_names),
		cmocka_unit_test(an_unresolved_name_is_an_error),
		cmocka_unit_test(a_freed_resolve_does_not_call_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
