// SPDX-License-Identifier: MIT
// Reading settings, and the pages that document them. Run from the top of the tree: reads conf/avld.ini and
// docs/settings.md.
#include "config/config_load.h"
#include "config/setting.h"
#include "feed/registry.h"
#include "util/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char path[] = "/tmp/avld_test_config.XXXXXX";
static char printed[65536]; /* by the last load */

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

// Loads settings; stderr goes into printed.
static bool load(struct config *config, const char *file, const char *const *options, int count)
{
	char *copies[8] = {0};
	assert_in_range(count, 0, COUNT(copies));
	for (int i = 0; i < count; i++)
		copies[i] = strdup(options[i]);
	FILE *to = tmpfile();
	assert_non_null(to);
	const int saved = dup(STDERR_FILENO);
	dup2(fileno(to), STDERR_FILENO);
	bool good = config_load(config, file, copies, count);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(to);
	printed[fread(printed, 1, sizeof(printed) - 1, to)] = '\0';
	fclose(to);
	for (int i = 0; i < count; i++)
		free(copies[i]);
	return good;
}

// Where the value of a key comes from.
static const char *origin(const struct config *config, const char *key)
{
	static char text[SETTING_ORIGIN_MAX];
	return setting_origin(config, key, text);
}

static bool load_text(struct config *config, const char *text)
{
	write_file(text, strlen(text));
	return load(config, path, NULL, 0);
}

static bool load_option(struct config *config, const char *option)
{
	return load(config, NULL, &option, 1);
}

// Returns printed, with "avld: FILE:" removed from each line.
static const char *printed_without_path(void)
{
	static char out[sizeof(printed)];
	char prefix[128];
	snprintf(prefix, sizeof(prefix), "avld: %s:", path);
	size_t used = 0;
	for (const char *at = printed; *at;) {
		if (!strncmp(at, prefix, strlen(prefix)))
			at += strlen(prefix);
		else
			out[used++] = *at++;
	}
	out[used] = '\0';
	return out;
}

static void defaults_are_the_documented_ones(void **state)
{
	(void)state;
	struct config config;
	assert_true(load(&config, NULL, NULL, 0));
	assert_string_equal(printed, "");
	assert_string_equal(config.server.listen, "*:8888");
	assert_true(config.server.tcp);
	assert_true(config.server.udp);
	assert_true(config.server.protocols == DECODERS_ALL);
	assert_string_equal(config.database.conninfo, "dbname=avld");
	assert_string_equal(config.database.instance, "avld");
	assert_false(config.database.notify_alarms);
	assert_false(config.database.migrate);
	assert_string_equal(config.journal.dir, "/var/lib/avld/journal");
	assert_int_equal(config.journal.sync, SYNC_REPLY);
	assert_int_equal(config.devices.unknown, UNKNOWN_ACCEPT);
	assert_int_equal(config.commands.allow, 0);
	assert_string_equal(config.http.listen, "127.0.0.1:8880");
	assert_int_equal(config.log.level, LOG_LEVEL_INFO);
	const struct {
		int64_t is, wanted;
	} rows[] = {
		{config.server.max_connections, 10000},
		{config.server.max_connections_per_ip, -50}, // percent
		{config.server.login_timeout_us, 30000000},
		{config.server.idle_timeout_us, 3600000000},
		{config.database.batch_rows, 20000},
		{config.database.batch_interval_us, 100000},
		{config.database.retention_us, 0},
		{config.database.rejects_retention_us, INT64_C(7776000000000)},
		{config.database.connections_retention_us, INT64_C(7776000000000)},
		{config.database.unknown_devices_retention_us, INT64_C(7776000000000)},
		{config.database.alarms_retention_us, 0},
		{config.database.media_retention_us, 0},
		{config.database.commands_retention_us, 0},
		{config.journal.max_size, INT64_C(4) << 30},
		{config.journal.segment_size, 64 << 20},
		{config.journal.sync_interval_us, 1000000},
		{config.journal.retain_us, 0},
		{config.commands.engine_stop_max_kmh, 10},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(rows[i].is == rows[i].wanted);
	for (size_t i = 0; i < setting_count; i++) {
		assert_string_equal(origin(&config, setting_table[i].key), "default");
		assert_true(setting_is_default(&config, setting_table[i].key));
	}
	config_done(&config);
}

static void a_file_sets_values(void **state)
{
	(void)state;
	struct config config;
	assert_true(load_text(&config, "\xEF\xBB\xBF[server]\r\n"
				       "# a comment\n"
				       "  ; another, and a key that is set off\n"
				       "   listen=[::1]:9000\n"
				       "transports =udp ; a comment after it\n"
				       "idle_timeout: 10 min\n"
				       "\n"
				       " [ database ] # with a comment\n"
				       "conninfo = host=db.example.org password=a#b=c;d\n"
				       "migrate = ON\n"
				       "notify_alarms = yes\n"
				       "[journal]\n"
				       "[server]\n"
				       "login_timeout = 1.5m\n"
				       "[journal]\n"
				       "sync = Interval"));
	assert_string_equal(printed, "");
	assert_string_equal(config.server.listen, "[::1]:9000");
	assert_false(config.server.tcp);
	assert_true(config.server.udp);
	assert_true(config.server.idle_timeout_us == 600000000);
	assert_string_equal(config.database.conninfo, "host=db.example.org password=a#b=c;d");
	assert_true(config.database.migrate);
	assert_true(config.database.notify_alarms);
	assert_true(config.server.login_timeout_us == 90000000);
	assert_int_equal(config.journal.sync, SYNC_INTERVAL);
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "%s:16", path);
	assert_string_equal(origin(&config, "journal.sync"), wanted);
	assert_string_equal(origin(&config, "journal.dir"), "default");
	config_done(&config);
}

static void later_options_override_earlier_ones_and_the_file(void **state)
{
	(void)state;
	struct config config;
	const char *const options[] = {"log.level=error", " server.listen = *:1 ",
		"log.level=debug", "database.conninfo=host=a dbname=b", "http.listen="};
	write_file("[log]\nlevel = warning\n[server]\ntransports = tcp\n", 48);
	assert_true(load(&config, path, options, COUNT(options)));
	assert_string_equal(printed, "");
	assert_int_equal(config.log.level, LOG_LEVEL_DEBUG);
	assert_string_equal(config.server.listen, "*:1");
	assert_string_equal(config.database.conninfo, "host=a dbname=b");
	assert_string_equal(config.http.listen, "");
	assert_false(config.server.udp);
	assert_string_equal(origin(&config, "log.level"), "-o");
	assert_false(setting_is_default(&config, "log.level"));
	config_done(&config);
}

static void an_old_key_still_works(void **state)
{
	(void)state;
	static const char *const texts[] = {"[pt502]\nphotos = on\n", "[media]\nphotos = on\n"};
	static const char *const option = "pt502.photos=on";
	struct config config;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(load_text(&config, texts[i]));
		assert_true(config.media.photos);
		config_done(&config);
	}
	assert_true(load(&config, NULL, &option, 1));
	assert_true(config.media.photos);
	config_done(&config);
	assert_false(load_text(&config, "[pt502]\nphotos = on\n[media]\nphotos = off\n"));
	config_done(&config);
}

static void values_are_parsed(void **state)
{
	(void)state;
	static const struct {
		const char *option;
		size_t offset;
		int64_t value;
	} rows[] = {
#define ROW(text, field, value) {text, offsetof(struct config, field), value}
		ROW("server.login_timeout=1s", server.login_timeout_us, 1000000),
		ROW("server.login_timeout=1h", server.login_timeout_us, 3600000000),
		ROW("server.login_timeout=45", server.login_timeout_us, 45000000),
		ROW("server.login_timeout=1500 ms", server.login_timeout_us, 1500000),
		ROW("server.idle_timeout=30d", server.idle_timeout_us, INT64_C(2592000000000)),
		ROW("server.idle_timeout=0.5h", server.idle_timeout_us, 1800000000),
		ROW("database.batch_interval=0.1", database.batch_interval_us, 100000),
		ROW("database.batch_interval=20 ms", database.batch_interval_us, 20000),
		ROW("database.batch_interval=1ms", database.batch_interval_us, 1000),
		ROW("database.batch_rows=1", database.batch_rows, 1),
		ROW("database.batch_rows=100000", database.batch_rows, 100000),
		ROW("database.retention=90d", database.retention_us, INT64_C(7776000000000)),
		ROW("database.retention=0", database.retention_us, 0),
		ROW("database.rejects_retention=0", database.rejects_retention_us, 0),
		ROW("database.connections_retention=1d", database.connections_retention_us,
			INT64_C(86400000000)),
		ROW("database.unknown_devices_retention=2d", database.unknown_devices_retention_us,
			INT64_C(172800000000)),
		ROW("database.alarms_retention=2d", database.alarms_retention_us,
			INT64_C(172800000000)),
		ROW("database.media_retention=1d", database.media_retention_us,
			INT64_C(86400000000)),
		ROW("database.commands_retention=1d", database.commands_retention_us,
			INT64_C(86400000000)),
		ROW("journal.max_size=10G", journal.max_size, INT64_C(10) << 30),
		ROW("journal.max_size=1.5GiB", journal.max_size, INT64_C(3) << 29),
		ROW("journal.max_size=1T", journal.max_size, INT64_C(1) << 40),
		ROW("journal.max_size=134217728", journal.max_size, 134217728),
		ROW("journal.segment_size=1m", journal.segment_size, 1 << 20),
		ROW("journal.segment_size=1024K", journal.segment_size, 1 << 20),
		ROW("journal.segment_size=1 GiB", journal.segment_size, 1 << 30),
		ROW("journal.retain=2h", journal.retain_us, INT64_C(7200000000)),
		ROW("server.max_connections_per_ip=3", server.max_connections_per_ip, 3),
		ROW("server.max_connections_per_ip=0", server.max_connections_per_ip, 0),
		ROW("server.max_connections_per_ip=1%", server.max_connections_per_ip, -1),
		ROW("server.max_connections_per_ip=100%", server.max_connections_per_ip, -100),
		ROW("commands.engine_stop_max_kmh=0", commands.engine_stop_max_kmh, 0),
#undef ROW
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config config;
		int64_t value;
		assert_true(load_option(&config, rows[i].option));
		memcpy(&value, (char *)&config + rows[i].offset, sizeof(value));
		if (value != rows[i].value)
			fail_msg("%s gave %lld", rows[i].option, (long long)value);
		config_done(&config);
	}
}

static void wrong_options_are_reported(void **state)
{
	(void)state;
	static const struct {
		const char *option;
		const char *message; /* part of the error */
	} rows[] = {
		{"log.level", "not of the form SECTION.KEY=VALUE"},
		{"level=info", "level: unknown setting"},
		{"", "not of the form"},
		{"=x", "unknown setting"},
		{"server.lsten=*:1", "server.lsten: unknown setting; did you mean server.listen?"},
		{"server.level=info", "server.level: unknown setting; did you mean log.level?"},
		{"nothing.alike=1", "nothing.alike: unknown setting; 'avld check --help'"},
		{"Server.listen=*:1", "did you mean server.listen?"},
		{"server.listen=8888",
			"server.listen: \"8888\" is not an address and port; write *:PORT"},
		{"server.listen=", "not an address"},
		{"server.listen=*:65536", "not an address"},
		{"server.listen=localhost:1", "not an address"},
		{"server.transports=tcp sctp",
			"invalid transports \"tcp sctp\"; write tcp, udp or"},
		{"server.transports= ,", "invalid transports"},
		{"server.protocols=pt502,nosuch", "unknown protocol \"nosuch\"; known are: all"},
		{"server.protocols=", "unknown protocol"},
		{"server.max_connections=0", "out of range; write a number from 1 to 1000000"},
		{"server.max_connections=1000001", "out of range"},
		{"server.max_connections=-1", "out of range"},
		{"server.max_connections=99999999999999999999", "out of range"},
		{"server.max_connections=1k", "\"1k\" is not a whole number; write a number"},
		{"server.max_connections=", "not a whole number"},
		{"server.max_connections_per_ip=0%", "write 1% to 100%, or a number"},
		{"server.max_connections_per_ip=101%", "is no share"},
		{"server.max_connections_per_ip=1000%", "is no share"},
		{"server.max_connections_per_ip=%", "not a whole number"},
		{"server.max_connections_per_ip=x%", "is no share"},
		{"server.max_connections_per_ip=-1", "out of range"},
		{"server.login_timeout=0", "out of range"},
		{"server.login_timeout=999ms", "write one from 1s to 1h"},
		{"server.login_timeout=3601", "out of range"},
		{"server.login_timeout=9999999999999999999999d", "out of range"},
		{"server.login_timeout=1M", "not a duration"},
		{"server.login_timeout=1 minute", "not a duration"},
		{"server.login_timeout=1.", "not a duration"},
		{"server.login_timeout=.5", "not a duration"},
		{"server.login_timeout=-1s", "not a duration"},
		{"server.login_timeout=1s2", "not a duration"},
		{"server.idle_timeout=9s", "write one from 10s to 30d"},
		{"server.proxy_protocol=yes", "server.proxy_protocol: unknown setting"},
		{"database.instance=", "is not a valid name"},
		{"database.instance=a b", "is not a valid name; write 1 to 64 letters"},
		{"database.instance="
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"is not a valid name"},
		{"database.batch_rows=100001", "from 1 to 100000"},
		{"database.batch_interval=61s", "write one from 1ms to 1min"},
		{"database.retention=23h", "from 1d to 36500d, or 0"},
		{"database.rejects_retention=1h", "from 1d to 36500d, or 0"},
		{"database.migrate=2", "neither yes nor no"},
		{"database.conninfo=\"dbname=x\"", "quotes would become part of the value"},
		{"database.conninfo=host=a b", "database.conninfo: missing \"=\" after \"b\" in "
					       "connection info string; an "
					       "example is host="},
		{"database.conninfo=hots=a", "invalid connection option \"hots\""},
		{"database.conninfo=postgresql://[::1/a", "]"},
		{"journal.dir=", "journal.dir: empty"},
		{"journal.max_size=1M", "out of range"},
		{"journal.max_size=4GB", "not a size"},
		{"journal.max_size=100M", "does not hold two segments of 64M; raise max_size"},
		{"journal.segment_size=63M", "not a power of two"},
		{"journal.segment_size=512K", "write one from 1M to 1G"},
		{"journal.segment_size=2G", "out of range"},
		{"journal.sync=always", "write one of reply, interval, off"},
		{"journal.sync_interval=9ms", "write one from 10ms to 1h"},
		{"devices.unknown=drop", "write one of accept, refuse"},
		{"commands.allow=engineStop, dance", "unknown command \"dance\"; known are: "
						     "engineStop, engineResume, outputControl"},
		{"commands.allow=all", "unknown command \"all\""},
		{"commands.engine_stop_max_kmh=301", "from 0 to 300"},
		{"http.listen=8880",
			"write *:PORT, 192.0.2.1:PORT or [2001:db8::1]:PORT, or nothing"},
		{"log.trace=1 2 3 4 5", "log.trace: 5 idents; write at most 4"},
		{"log.trace=5020001, a/b", "log.trace: \"a/b\" is no ident; write 1 to 32 letters"},
		{"log.level=loud",
			"log.level: \"loud\" is not a known value; write one of error, warning"},
		{"log.level=\x1b[2J\n", "\"\\x1b[2J\" is not a known value"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config config;
		bool good = load_option(&config, rows[i].option);
		char begin[256];
		snprintf(begin, sizeof(begin), "avld: -o %s: ", rows[i].option);
		if (good || !strstr(printed, rows[i].message) ||
			strncmp(printed, begin, strlen(begin)))
			fail_msg("'%s' printed '%s'", rows[i].option, printed);
		config_done(&config);
	}
}

// Of two settings that conflict the one set last is reported, as it was written.
static void conflicting_options_are_reported(void **state)
{
	(void)state;
	static const struct {
		const char *text, *options[2], *begin;
	} rows[] = {
		{"", {"journal.max_size=64M", "log.level=info"},
			"avld: -o journal.max_size=64M: journal.max_size: max_size of 64M does"},
		{"", {"log.level=info", "journal.max_size=65536K"},
			"avld: -o journal.max_size=65536K: journal.max_size: max_size of 64M does"},
		{"", {"journal.max_size=64M", "journal.segment_size=64M"},
			"avld: -o journal.segment_size=64M: journal.segment_size: max_size of 64M"},
		{"", {"journal.segment_size=64M", "journal.max_size=64M"},
			"avld: -o journal.max_size=64M: journal.max_size: max_size of 64M"},
		{"[journal]\nmax_size=64M\nsegment_size=1M\n",
			{"log.level=info", "journal.segment_size=64M"},
			"avld: -o journal.segment_size=64M: journal.segment_size: max_size of 64M"},
		{"[journal]\nsegment_size=1G\n", {"log.level=info", "journal.max_size=1G"},
			"avld: -o journal.max_size=1G: journal.max_size: max_size of 1G does"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config config;
		write_file(rows[i].text, strlen(rows[i].text));
		bool good = load(&config, path, rows[i].options, 2);
		if (good || strncmp(printed, rows[i].begin, strlen(rows[i].begin)))
			fail_msg("row %zu printed '%s'", i, printed);
		config_done(&config);
	}
}

static void wrong_lines_are_reported_with_their_number(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"[server]\nlisten = 1\n\ntransports = x\n[log]\nlevel = info # loud\n",
			"2: server.listen: \"1\" is not an address and port; write *:PORT, "
			"192.0.2.1:PORT or "
			"[2001:db8::1]:PORT\n"
			"4: server.transports: invalid transports \"x\"; write tcp, udp or "
			"tcp, udp\n"
			"6: log.level: \"info # loud\" is not a known value; write one of error, "
			"warning, info, "
			"debug (a comment after a value begins with ;)\n"},
		{"[log]\nlevel = info\nlevel = info\n",
			"3: log.level: already set in line 2; remove one of the two\n"},
		{"[log]\nlevel = info\n[server]\n[log]\nlevel = debug\n",
			"5: log.level: already set in line 2; remove one of the two\n"},
		{"[log]\nlevl = info\n", "2: log.levl: unknown setting; did you mean log.level?\n"},
		{"level = info\n",
			"1: level: outside a section; put a line such as [server] above it\n"},
		{"[sever]\nlisten = x\nport = 1\n[log]\nlevel=x1\n",
			"1: [sever]: unknown section; did you mean [server]?\n"
			"5: log.level: \"x1\" is not a known value; write one of error, warning, "
			"info, debug\n"},
		{"[foo]\n", "1: [foo]: unknown section; 'avld check --help' lists all settings\n"},
		{"[lg]\n", "1: [lg]: unknown section; did you mean [log]?\n"},
		{"[geofences]\n", "1: [geofences]: unknown section; 'avld check --help' lists "
				  "all settings\n"},
		{"[]\n", "1: []: unknown section; 'avld check --help' lists all settings\n"},
		{"[server\nlisten = x\n", "1: section without a closing ]; write [name]\n"},
		{"[log] level = info\n",
			"1: text after the section's ]; move it to a line of its own\n"},
		{"[log]\nlevel\nhello world\nlevel = info\n",
			"2: not understood; write [section] or key = value\n"
			"3: not understood; write [section] or key = value\n"},
		{"[log]\nwhat is this", "2: not understood; write [section] or key = value\n"},
		{"[log]\n  level = info\n  level = debug\n",
			"3: log.level: already set in line 2; remove one of the two\n"},
		{"[journal]\nmax_size = 16M\nsegment_size = 16M\n",
			"2: journal.max_size: max_size of 16M does not hold two segments of 16M; "
			"raise "
			"max_size or lower segment_size\n"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config config;
		assert_false(load_text(&config, rows[i].text));
		assert_string_equal(printed_without_path(), rows[i].printed);
		config_done(&config);
	}
}

static void long_lines_are_reported(void **state)
{
	(void)state;
	struct config config;
	char text[1024];
	for (int len = 150; len < 400; len++) {
		// A line of len bytes, which a parser with a fixed buffer reads as two.
		int used = snprintf(text, sizeof(text),
			"[database]\nconninfo = %0*d\n[log]\nlevel = debug\n", len - 11, 0);
		assert_in_range(used, 1, sizeof(text) - 1);
		bool good = load_text(&config, text);
		assert_int_equal(good, len <= 198);
		assert_int_equal(config.log.level, LOG_LEVEL_DEBUG);
		if (good) {
			assert_int_equal(strlen(config.database.conninfo), len - 11);
		} else {
			char wanted[128];
			snprintf(wanted, sizeof(wanted),
				"2: line of %d bytes is too long (at most 198); shorten it (libpq: "
				"service=NAME, "
				"passfile=FILE)\n",
				len);
			assert_string_equal(printed_without_path(), wanted);
			assert_string_equal(config.database.conninfo, "dbname=avld");
		}
		config_done(&config);
	}
	// Long comments are allowed; a long section name is not cut to a known one.
	snprintf(text, sizeof(text), "# %0*d\n[log]\nlevel = debug ; %0*d\n", 500, 0, 100, 0);
	assert_true(load_text(&config, text));
	config_done(&config);
	snprintf(text, sizeof(text), "[%0*dlog]\nlevel = debug\n", 60, 0);
	assert_false(load_text(&config, text));
	config_done(&config);
	write_file("[log]\nlevel = in\0fo\n", 20);
	assert_false(load(&config, path, NULL, 0));
	assert_string_equal(printed_without_path(),
		"2: NUL byte in the line; write the settings as plain text\n");
	config_done(&config);
}

static void unreadable_files_are_reported(void **state)
{
	(void)state;
	static const struct {
		const char *file, *why;
	} rows[] = {
		{"/nonexistent/avld.ini", "No such file or directory"},
		{"/tmp", "Is a directory"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config config;
		const char *option = "log.level=x";
		assert_false(load(&config, rows[i].file, &option, 1));
		char wanted[256];
		snprintf(wanted, sizeof(wanted),
			"avld: %s: cannot read: %s; check the path and its permissions\n"
			"avld: -o log.level=x: log.level: \"x\" is",
			rows[i].file, rows[i].why);
		assert_memory_equal(printed, wanted, strlen(wanted));
		config_done(&config);
	}
	struct config config;
	assert_true(load(&config, "/dev/null", NULL, 0));
	config_done(&config);
}

static void protocols_are_a_set(void **state)
{
	(void)state;
	struct config config;
	for (size_t i = 0; registry_decoders[i]; i++) {
		char option[64];
		snprintf(option, sizeof(option), "server.protocols=%s", registry_decoders[i]->name);
		assert_true(load_option(&config, option));
		assert_true(config.server.protocols == (decoder_set)1 << i);
		config_done(&config);
	}
	char all[512] = "server.protocols=";
	decoder_set set = 0;
	for (size_t i = 0; registry_decoders[i]; i++) {
		size_t len = strlen(all);
		snprintf(all + len, sizeof(all) - len, "%s, ", registry_decoders[i]->name);
		set |= (decoder_set)1 << i;
	}
	assert_true(load_option(&config, all));
	assert_true(config.server.protocols == set);
	config_done(&config);
}

// Splits "key = value" or "#key = value". Returns false for anything else.
static bool split_key(char *line, bool *active, char **key, char **value)
{
	*active = *line != '#';
	*key = line + !*active;
	size_t len = strspn(*key, "abcdefghijklmnopqrstuvwxyz_");
	char *equals = *key + len;
	if (!len || strncmp(equals, " =", 2))
		return false;
	*equals = '\0';
	*value = equals + 2 + (equals[2] == ' ');
	(*value)[strcspn(*value, "\n")] = '\0';
	return true;
}

// Copies NAME from "...[NAME]..."; returns false if the line has none.
static bool find_section(const char *line, char section[64])
{
	const char *begin = strchr(line, '['), *end = begin ? strchr(begin, ']') : NULL;
	if (!end)
		return false;
	assert_in_range(end - begin, 2, 63);
	snprintf(section, 64, "%.*s", (int)(end - begin - 1), begin + 1);
	return true;
}

// Writes the range of a setting as its error message has it ("1s to 1h, or 0"), "" if it has none.
static void range_of(const struct setting *setting, char *out, size_t cap)
{
	struct config config;
	char option[128];
	snprintf(option, sizeof(option), "%s=?", setting->key);
	*out = '\0';
	if (!load_option(&config, option)) {
		const char *from = strstr(printed, "write one from ");
		if (!from)
			from = strstr(printed, "write a number from ");
		if (from)
			snprintf(out, cap, "%s", strstr(from, "from ") + 5);
		out[strcspn(out, "\n")] = '\0';
	}
	config_done(&config);
}

// Appends a comment line to the text of the paragraph; the first one after a setting or blank line begins a new one.
static void add_comment(const char *line, char *text, size_t cap, bool *open)
{
	if (!*open)
		*text = '\0';
	*open = true;
	const size_t len = strlen(text);
	snprintf(text + len, cap - len, " %.*s", (int)strcspn(line + 2, "\n"), line + 2);
}

// The comment before a setting, or before the group it is in, names its range.
static void the_sample_file_has_every_setting(void **state)
{
	(void)state;
	FILE *file = fopen("conf/avld.ini", "r");
	assert_non_null(file);
	char line[256], section[64] = "", comment[2048] = "";
	bool open = false; // the line before was a comment
	size_t index = 0;  // the file has the order of the table
	while (fgets(line, sizeof(line), file)) {
		bool active;
		char *name, *value, key[256], range[128];
		if (!strncmp(line, "# ", 2)) {
			add_comment(line, comment, sizeof(comment), &open);
			continue;
		}
		open = false;
		if (*line == '[') {
			assert_true(find_section(line, section));
			continue;
		}
		if (!split_key(line, &active, &name, &value))
			continue;
		snprintf(key, sizeof(key), "%s.%s", section, name);
		assert_true(index < setting_count);
		const struct setting *setting = &setting_table[index++];
		assert_string_equal(key, setting->key);
		assert_int_equal(active, !strcmp(key, "database.conninfo"));
		if (!active)
			assert_string_equal(value, setting->text);
		range_of(setting, range, sizeof(range));
		if (!strstr(comment, range))
			fail_msg("%s: '%s' is not in '%s'", key, range, comment);
		const char *restart = strstr(comment, "Needs a restart.");
		if (setting->live == (restart && !restart[strlen("Needs a restart.")]))
			fail_msg("%s: the comment must%s end with 'Needs a restart.'", key,
				setting->live ? " not" : "");
	}
	assert_int_equal(index, setting_count);
	fclose(file);
	struct config config;
	assert_true(load(&config, "conf/avld.ini", NULL, 0));
	assert_string_equal(
		config.database.conninfo, "dbname=avld user=avld host=/var/run/postgresql");
	config_done(&config);
}

// Takes the next cell off a row of a Markdown table, without blanks and backquotes around it.
static char *next_cell(char **row)
{
	char *cell = strsep(row, "|");
	assert_non_null(cell);
	cell += strspn(cell, " `");
	size_t len = strlen(cell);
	while (len && strchr(" `\n", cell[len - 1]))
		cell[--len] = '\0';
	return cell;
}

// docs/settings.md has a table per section: "## [section]", then rows of setting, default, range and meaning.
static void the_settings_page_has_every_setting(void **state)
{
	(void)state;
	FILE *file = fopen("docs/settings.md", "r");
	assert_non_null(file);
	char line[2048], section[64] = "";
	size_t index = 0; // the page has the order of the table
	while (fgets(line, sizeof(line), file)) {
		char key[256], range[128], *row = line;
		if (!strncmp(line, "## ", 3)) {
			find_section(line, section);
			continue;
		}
		if (strncmp(line, "| `", 3))
			continue;
		assert_true(index < setting_count);
		const struct setting *setting = &setting_table[index++];
		next_cell(&row); // before the first |
		snprintf(key, sizeof(key), "%s.%s", section, next_cell(&row));
		assert_string_equal(key, setting->key);
		assert_string_equal(next_cell(&row), setting->text);
		range_of(setting, range, sizeof(range));
		const char *documented = next_cell(&row);
		if (*range)
			assert_string_equal(documented, range);
		assert_string_equal(next_cell(&row), setting->live ? "reload" : "restart");
		assert_int_not_equal(strlen(next_cell(&row)), 0); // its meaning
	}
	assert_int_equal(index, setting_count);
	fclose(file);
}

int main(void)
{
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(a_file_sets_values),
		cmocka_unit_test(later_options_override_earlier_ones_and_the_file),
		cmocka_unit_test(an_old_key_still_works),
		cmocka_unit_test(values_are_parsed),
		cmocka_unit_test(wrong_options_are_reported),
		cmocka_unit_test(conflicting_options_are_reported),
		cmocka_unit_test(wrong_lines_are_reported_with_their_number),
		cmocka_unit_test(long_lines_are_reported),
		cmocka_unit_test(unreadable_files_are_reported),
		cmocka_unit_test(protocols_are_a_set),
		cmocka_unit_test(the_sample_file_has_every_setting),
		cmocka_unit_test(the_settings_page_has_every_setting),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
