// SPDX-License-Identifier: MIT
// libFuzzer: any bytes as the settings file, and as -o options.
//
//   file | 0 | option | 0 | option ...
//
// Whatever they are, the result is a configuration within the limits of each setting, or false.
#include "fuzz.h"

#include "config/config_load.h"
#include "config/setting.h"

#define OPTIONS_MOST 16

static const char *write_file(const uint8_t *data, size_t len)
{
	static char path[100];
	snprintf(path, sizeof(path), "%s/avld.ini", fuzz_folder());
	FILE *file = fopen(path, "w");
	CHECK(file);
	CHECK(len == 0 || fwrite(data, len, 1, file) == 1);
	CHECK(!fclose(file));
	return path;
}

static void check_config(const struct config *config)
{
	CHECK(config->server.listen && config->database.conninfo && config->database.instance);
	CHECK(config->journal.dir && config->http.listen);
	CHECK(config->server.tcp || config->server.udp);
	CHECK(config->server.protocols != 0);
	CHECK(config->server.max_connections >= 1 && config->server.max_connections <= 1000000);
	CHECK(config->server.idle_timeout_us >= 10000000);
	CHECK(config->database.batch_rows >= 1 && config->database.batch_rows <= 100000);
	CHECK(config->journal.segment_size >= 1 << 20 && config->journal.segment_size <= 1 << 30);
	CHECK((config->journal.segment_size & (config->journal.segment_size - 1)) == 0);
	CHECK(config->journal.max_size >= 2 * config->journal.segment_size);
	CHECK(config->devices.remembered >= 1);
	CHECK(config->log.level >= 0 && config->log.level <= 10);
	for (size_t i = 0; i < setting_count; i++) {
		char origin[SETTING_ORIGIN_MAX];
		CHECK(setting_origin(config, setting_table[i].key, origin) == origin);
		CHECK(strlen(origin) > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *options[OPTIONS_MOST], *text = malloc(len + 1);
	int count = 0;
	CHECK(text);
	memcpy(text, data, len);
	text[len] = 0;
	const size_t file_len = strlen(text);
	for (size_t at = file_len + 1; at < len && count < OPTIONS_MOST;
		at += strlen(text + at) + 1)
		options[count++] = text + at;

	struct config config;
	fuzz_be_silent();
	if (config_load(&config, file_len ? write_file(data, file_len) : NULL, options, count))
		check_config(&config);
	config_done(&config);
	free(text);
	return 0;
}
