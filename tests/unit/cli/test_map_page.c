// SPDX-License-Identifier: MIT
// URLs of tile servers.
#include "cli/map_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_urls_that_are_safe_in_the_page_are_tiles(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		bool good;
	} rows[] = {
		{"https://tile.example.org/{z}/{x}/{y}.png", true},
		{"http://127.0.0.1:8080/{z}/{x}/{y}", true},
		{"https://{s}.tile.example.org/{z}/{x}/{-y}{r}.png?key=a_b-c&x=%20", true},
		{"https://example.org/{z}/{x}/1.png", false},
		{"https://example.org/{z}/{y}/{y}.png", false},
		{"https://example.org/{z}/{x}/{y}/{other}", false},
		{"https://example.org/{z}/{x}/{y}/{", false},
		{"https://example.org/{z}/{x}/{y}}", false},
		{"ftp://example.org/{z}/{x}/{y}", false},
		{"javascript:alert(1)/{z}/{x}/{y}", false},
		{"//example.org/{z}/{x}/{y}", false},
		{"https:///{z}/{x}/{y}", false},
		{"https://{z}/{x}/{y}", false},
		{"https://a;script-src/{z}/{x}/{y}", false},
		{"https://user@example.org/{z}/{x}/{y}", false},
		{"https://example.org", false},
		{"https://example.org:80a/{z}/{x}/{y}", false},
		{"https://example.org/{z}/{x}/{y}\"", false},
		{"https://example.org/{z}/{x}/{y}'", false},
		{"https://example.org/{z}/{x}/{y}<", false},
		{"https://example.org/{z}/{x}/{y} ", false},
		{"https://example.org/{z}/{x}/{y}\\", false},
		{"https://example.org/{z}/{x}/{y}\xC3\xA4", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (map_page_is_tiles(rows[i].url) != rows[i].good)
			fail_msg("%s", rows[i].url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_urls_that_are_safe_in_the_page_are_tiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
