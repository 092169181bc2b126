// SPDX-License-Identifier: MIT
#include "config/setting_field.h"

#include "config/config_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Another valid value of each setting, and how it is shown.
static const struct {
	const char *key, *value, *shown;
} rows[] = {
	{"server.listen", "[2001:db8::1]:8889", "[2001:db8::1]:8889"},
	{"server.transports", "udp", "udp"},
	{"server.protocols", "pt502,gt06", "gt06, pt502"},
	{"server.max_connections_per_ip", "10%", "10%"},
	{"server.idle_timeout", "90min", "90min"},
	{"database.conninfo", "host=h password=secret dbname=d", "host=h password=****** dbname=d"},
	{"database.instance", "north", "north"},
	{"database.partition_interval", "6h", "6h"},
	{"database.retention", "400d", "400d"},
	{"database.notify_alarms", "on", "yes"},
	{"journal.max_size", "1.5G", "1536M"},
	{"journal.segment_size", "32M", "32M"},
	{"commands.allow", "getVersion engineStop", "engineStop, getVersion"},
	{"log.level", "DEBUG", "debug"},
	{"log.modules", "config=debug", "config=debug"},
};

static void a_value_is_compared_copied_and_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config one, other;
		char option[128], shown[SETTING_FIELD_SHOW_MAX];
		char *options[] = {option};
		const struct setting *setting = setting_find(rows[i].key);
		snprintf(option, sizeof(option), "%s=%s", rows[i].key, rows[i].value);
		assert_true(config_load(&one, NULL, NULL, 0));
		assert_true(config_load(&other, NULL, options, 1));
		assert_false(setting_field_same(setting, &one, &other));
		assert_string_equal(setting_field_show(setting, &other, shown), rows[i].shown);
		setting_field_copy(setting, &other, &one);
		for (size_t k = 0; k < setting_count; k++)
			assert_true(setting_field_same(&setting_table[k], &one, &other));
		config_done(&one);
		config_done(&other);
	}
}

// What is shown can be written into a file, and means the same.
static void what_is_shown_reads_as_the_same_value(void **state)
{
	(void)state;
	struct config config, again;
	assert_true(config_load(&config, NULL, NULL, 0));
	for (size_t k = 0; k < setting_count; k++) {
		char shown[SETTING_FIELD_SHOW_MAX];
		struct setting_error error;
		assert_true(config_load(&again, NULL, NULL, 0));
		assert_true(setting_table[k].read(&setting_table[k],
			setting_field_show(&setting_table[k], &config, shown), &again, &error));
		assert_true(setting_field_same(&setting_table[k], &config, &again));
		config_done(&again);
	}
	config_done(&config);
}

static void a_long_text_is_cut_after_its_password_is_hidden(void **state)
{
	(void)state;
	struct config config;
	char option[1200], shown[SETTING_FIELD_SHOW_MAX];
	char *options[] = {option};
	int len = snprintf(option, sizeof(option), "database.conninfo=dbname=");
	memset(option + len, 'x', 480);
	snprintf(option + len + 480, sizeof(option) - (size_t)len - 480, " password=%0200d", 7);
	assert_true(config_load(&config, NULL, options, 1));
	setting_field_show(setting_find("database.conninfo"), &config, shown);
	assert_int_equal(strlen(shown), SETTING_FIELD_SHOW_MAX - 1);
	assert_null(strchr(shown, '0'));
	config_done(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_compared_copied_and_shown),
		cmocka_unit_test(what_is_shown_reads_as_the_same_value),
		cmocka_unit_test(a_long_text_is_cut_after_its_password_is_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
