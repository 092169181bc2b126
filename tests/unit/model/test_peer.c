// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
	int family;
	const char *address;
	uint16_t port;
	const char *text;
} cases[] = {
	{AF_INET, "192.0.2.1", 4711, "192.0.2.1:4711"},
	{AF_INET, "0.0.0.0", 0, "0.0.0.0:0"},
	{AF_INET, "255.255.255.255", 65535, "255.255.255.255:65535"},
	{AF_INET6, "2001:db8::1", 4711, "[2001:db8::1]:4711"},
	{AF_INET6, "::", 1, "[::]:1"},
	{AF_INET6, "::1", 8888, "[::1]:8888"},
	{AF_INET6, "::ffff:192.0.2.1", 4711, "192.0.2.1:4711"},
	{AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", 65535,
		"[2001:db8:1111:2222:3333:4444:5555:6666]:65535"},
};

static void addresses_are_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage storage = {.ss_family = (sa_family_t)cases[i].family};
		if (cases[i].family == AF_INET) {
			struct sockaddr_in *in = (struct sockaddr_in *)&storage;
			in->sin_port = htons(cases[i].port);
			assert_int_equal(inet_pton(AF_INET, cases[i].address, &in->sin_addr), 1);
		} else {
			struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
			in6->sin6_port = htons(cases[i].port);
			assert_int_equal(inet_pton(AF_INET6, cases[i].address, &in6->sin6_addr), 1);
		}
		struct peer peer =
			peer_of_sockaddr((const struct sockaddr *)&storage, TRANSPORT_UDP);
		char text[PEER_TEXT_MAX];
		assert_ptr_equal(peer_text(&peer, text), text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(peer.port, cases[i].port);
		assert_int_equal(peer.transport, TRANSPORT_UDP);
	}
}

static void other_families_are_no_address(void **state)
{
	(void)state;
	struct sockaddr local = {.sa_family = AF_UNIX};
	struct peer peer = peer_of_sockaddr(&local, TRANSPORT_TCP);
	char text[PEER_TEXT_MAX];
	assert_string_equal(peer_text(&peer, text), "[::]:0");
}

static void transports_have_names(void **state)
{
	(void)state;
	assert_string_equal(peer_transport_name(TRANSPORT_TCP), "tcp");
	assert_string_equal(peer_transport_name(TRANSPORT_UDP), "udp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(other_families_are_no_address),
		cmocka_unit_test(transports_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
