// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/networks.h"
#include "model/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// As a peer of a dual-stack socket has it.
static struct peer peer_of(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return peer_of_sockaddr((struct sockaddr *)&four, TRANSPORT_TCP);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return peer_of_sockaddr((struct sockaddr *)&six, TRANSPORT_UDP);
}

static struct networks *parse(const char *text)
{
	struct networks *networks = networks_parse((struct text){text, strlen(text)});

	assert_non_null(networks);
	return networks;
}

static void an_address_is_in_its_networks_only(void **state)
{
	(void)state;
	static const struct {
		const char *networks, *address;
		bool in;
	} cases[] = {
		{"{192.0.2.0/24}", "192.0.2.0", true},
		{"{192.0.2.0/24}", "192.0.2.255", true},
		{"{192.0.2.0/24}", "192.0.3.0", false},
		{"{192.0.2.0/24}", "::ffff:192.0.2.77", true},
		{"{192.0.2.0/24}", "::192.0.2.77", false},
		{"{192.0.2.128/25}", "192.0.2.127", false},
		{"{192.0.2.128/25}", "192.0.2.128", true},
		{"{192.0.2.6/31}", "192.0.2.7", true},
		{"{192.0.2.6/31}", "192.0.2.8", false},
		{"{192.0.2.7/32}", "192.0.2.7", true},
		{"{192.0.2.7/32}", "192.0.2.6", false},
		{"{0.0.0.0/0}", "203.0.113.9", true},
		{"{0.0.0.0/0}", "2001:db8::1", false},
		{"{::/0}", "2001:db8::1", true},
		{"{::/0}", "203.0.113.9", false}, /* as in PostgreSQL */
		{"{::ffff:192.0.2.0/120}", "192.0.2.9", true},
		{"{::ffff:192.0.2.0/120}", "192.0.3.9", false},
		{"{2001:db8::/32}", "2001:db8:ffff::1", true},
		{"{2001:db8::/32}", "2001:db9::", false},
		{"{2001:db8::1/128}", "2001:db8::1", true},
		{"{2001:db8::1/128}", "2001:db8::2", false},
		{"{2001:db8:8000::/33}", "2001:db8:7fff::1", false},
		{"{10.0.0.0/8,2001:db8::/32,192.0.2.0/24}", "192.0.2.1", true},
		{"{10.0.0.0/8,2001:db8::/32,192.0.2.0/24}", "2001:db8::9", true},
		{"{10.0.0.0/8,2001:db8::/32,192.0.2.0/24}", "11.0.0.1", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct networks *networks = parse(cases[i].networks);
		const struct peer peer = peer_of(cases[i].address);
		if (networks_contain(networks, peer.address) != cases[i].in)
			fail_msg("%s in %s", cases[i].address, cases[i].networks);
		assert_false(networks_are_empty(networks));
		free(networks);
	}
}

static void what_cannot_be_read_contains_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "{", "}", "{}", "{NULL}", "192.0.2.0/24",
		"{192.0.2.0}", "{192.0.2.0/}", "{192.0.2.0/33}", "{2001:db8::/129}", "{x/8}",
		"{0.0.0.0/0,}", "{0.0.0.0/0,NULL}", "{0.0.0.0/-1}", "{0.0.0.0/ 0}",
		"{0.0.0.0/18446744073709551616}",
		"{0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/0}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct networks *networks = parse(bad[i]);
		const struct peer peer = peer_of("192.0.2.1");
		if (!networks_are_empty(networks) || networks_contain(networks, peer.address))
			fail_msg("%s", bad[i]);
		free(networks);
	}
}

static void there_is_room_for_16(void **state)
{
	(void)state;
	char text[400] = "{";
	const struct peer last = peer_of("10.15.0.1");

	for (int i = 0; i < NETWORKS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s10.%d.0.0/16",
			i ? "," : "", i);
	strcat(text, "}");
	struct networks *networks = parse(text);
	assert_true(networks_contain(networks, last.address));
	free(networks);
	text[strlen(text) - 1] = 0;
	strcat(text, ",10.16.0.0/16}");
	networks = parse(text);
	assert_true(networks_are_empty(networks)); /* not the first 16 of them */
	free(networks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_its_networks_only),
		cmocka_unit_test(what_cannot_be_read_contains_nothing),
		cmocka_unit_test(there_is_room_for_16),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
