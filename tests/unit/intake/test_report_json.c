// SPDX-License-Identifier: MIT
// The JSON lines of what no golden capture shows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/report_json.h"

#include <stdlib.h>

static struct decoded decoded;

static void each_kind_of_reply_is_a_line(void **state)
{
	(void)state;
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	decoded_reset(&decoded);
	decoded_reply(&decoded, REPLY_REFUSED, "no", 2);
	decoded_reply(&decoded, REPLY_NOW, "ok", 2);
	decoded_reply(&decoded, REPLY_STORED, "st", 2);
	report_json_decoded(to, "door", &decoded);
	fclose(to);
	assert_string_equal(text, "{\"reply\":\"6f6b\",\"when\":\"now\"}\n"
				  "{\"reply\":\"7374\",\"when\":\"stored\"}\n"
				  "{\"reply\":\"6e6f\",\"when\":\"refused\"}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_reply_is_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
