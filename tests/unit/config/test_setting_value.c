// SPDX-License-Identifier: MIT
#include "config/setting_value.h"
#include "util/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int family; /* 0: none */
		int port;
	} rows[] = {
		{"*:8888", AF_INET6, 8888},
		{"*:0", AF_INET6, 0},
		{"127.0.0.1:1", AF_INET, 1},
		{"[::1]:65535", AF_INET6, 65535},
		{"[::ffff:192.0.2.1]:1", AF_INET6, 1},
		{"", 0, 0},
		{":", 0, 0},
		{":1", 0, 0},
		{"*", 0, 0},
		{"*:", 0, 0},
		{"*:65536", 0, 0},
		{"*:123456", 0, 0},
		{"*:-1", 0, 0},
		{"*:1x", 0, 0},
		{"::1:1", 0, 0},
		{"[::1]", 0, 0},
		{"[::1", 0, 0},
		{"[:1", 0, 0},
		{"[]:1", 0, 0},
		{"[*]:1", 0, 0},
		{"[127.0.0.1]:1", 0, 0},
		{"127.0.0.1.2:1", 0, 0},
		{"127.1:1", 0, 0},
		{"localhost:1", 0, 0},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", 0, 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sockaddr_storage address;
		socklen_t len = 0;
		bool good = address_parse(rows[i].text, &address, &len);
		assert_int_equal(good, rows[i].family != 0);
		if (!good)
			continue;
		assert_int_equal(address.ss_family, rows[i].family);
		in_port_t port;
		memcpy(&port, (char *)&address + 2, sizeof(port)); // in both at 2
		assert_int_equal(ntohs(port), rows[i].port);
		assert_int_equal(len, rows[i].family == AF_INET ? sizeof(struct sockaddr_in)
								: sizeof(struct sockaddr_in6));
	}
}

static void quantities_are_shown(void **state)
{
	(void)state;
	char out[VALUE_SHOW_MAX];
	assert_string_equal(setting_value_show_size(0, out), "0");
	assert_string_equal(setting_value_show_size(1, out), "1");
	assert_string_equal(setting_value_show_size(1536, out), "1536");
	assert_string_equal(setting_value_show_size(64 << 20, out), "64M");
	assert_string_equal(setting_value_show_size(INT64_C(5) << 40, out), "5T");
	assert_string_equal(setting_value_show_duration(1, out), "1us");
	assert_string_equal(setting_value_show_duration(1500000, out), "1500ms");
	assert_string_equal(setting_value_show_duration(60000000, out), "1min");
	assert_string_equal(setting_value_show_duration(90000000, out), "90s");
	assert_string_equal(setting_value_show_duration(INT64_C(172800000000), out), "2d");
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(setting_value_distance("listen", "listen"), 0);
	assert_int_equal(setting_value_distance("lsten", "listen"), 1);
	assert_int_equal(setting_value_distance("", "abc"), 3);
	assert_int_equal(setting_value_distance("abc", ""), 3);
	assert_int_equal(setting_value_distance("kitten", "sitting"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(quantities_are_shown),
		cmocka_unit_test(distances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
