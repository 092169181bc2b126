// SPDX-License-Identifier: MIT
// The table of settings, and a reader per type that turns text into a field of struct config.
#include "config/setting.h"

#include "config/conninfo_error.h"
#include "config/setting_value.h"
#include "feed/registry.h"
#include "model/command.h"
#include "protocol/session.h"
#include "util/address.h"
#include "util/log.h"
#include "util/log_levels.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static setting_reader read_bool, read_integer, read_share, read_size, read_segment_size,
	read_duration, read_enum, read_text, read_conninfo, read_name, read_address,
	read_transports, read_protocols, read_commands, read_modules, read_idents;

static const char *const sync_names[] = {
	[SYNC_REPLY] = "reply", [SYNC_INTERVAL] = "interval", [SYNC_OFF] = "off", NULL};
static const char *const interval_names[] = {
	[PARTITION_1D] = "1d", [PARTITION_6H] = "6h", [PARTITION_1H] = "1h", NULL};
static const char *const unknown_names[] = {
	[UNKNOWN_ACCEPT] = "accept", [UNKNOWN_REFUSE] = "refuse", NULL};
static const char *const level_names[] = {[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL};

#define AT(field) .offset = offsetof(struct config, field)
#define MS        INT64_C(1000)
#define SECOND    (1000 * MS)
#define HOUR      (3600 * SECOND)
#define DAY       (24 * HOUR)
#define MIB       (INT64_C(1) << 20)
#define GIB       (INT64_C(1) << 30)

// clang-format off
const struct setting setting_table[] = {
	{"server.listen", read_address, "*:8888", AT(server.listen),
		.doc = "address and port for trackers, TCP and UDP"},
	{"server.transports", read_transports, "tcp, udp", AT(server.tcp),
		.doc = "tcp, udp or both"},
	{"server.protocols", read_protocols, "all", AT(server.protocols),
		.live = true, .doc = "protocols to accept: all, or their names"},
	{"server.max_connections", read_integer, "10000",
		AT(server.max_connections), .min = 1, .max = 1000000,
		.live = true, .doc = "concurrent TCP connections"},
	{"server.max_connections_per_ip", read_share, "50%",
		AT(server.max_connections_per_ip), .max = 1000000,
		.live = true, .doc = "TCP connections from one address, or their share; 0: no limit"},
	{"server.login_timeout", read_duration, "30s",
		AT(server.login_timeout_us), .min = SECOND, .max = HOUR,
		.live = true, .doc = "time within which a new connection must identify itself"},
	{"server.idle_timeout", read_duration, "1h",
		AT(server.idle_timeout_us), .min = 10 * SECOND, .max = 30 * DAY,
		.live = true, .doc = "silence after which a connection is closed"},

	{"database.conninfo", read_conninfo, "dbname=avld", AT(database.conninfo), .none = true,
		.doc = "libpq connection string"},
	{"database.instance", read_name, "avld", AT(database.instance), .min = 1, .max = 64,
		.doc = "name of this instance in the database"},
	{"database.batch_rows", read_integer, "20000",
		AT(database.batch_rows), .min = 1, .max = 100000,
		.live = true, .doc = "maximum reports per transaction"},
	{"database.batch_interval", read_duration, "100ms",
		AT(database.batch_interval_us), .min = MS, .max = 60 * SECOND,
		.live = true, .doc = "maximum delay before a report is written"},
	{"database.partition_interval", read_enum, "1d",
		AT(database.partition_interval), .names = interval_names,
		.live = true, .doc = "time that a partition of positions holds"},
	{"database.retention", read_duration, "0",
		AT(database.retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which positions and statuses are dropped; 0: never"},
	{"database.rejects_retention", read_duration, "90d",
		AT(database.rejects_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which rejects are deleted; 0: never"},
	{"database.connections_retention", read_duration, "90d",
		AT(database.connections_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which connections are deleted; 0: never"},
	{"database.unknown_devices_retention", read_duration, "90d",
		AT(database.unknown_devices_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which unknown devices are deleted; 0: never"},
	{"database.alarms_retention", read_duration, "0",
		AT(database.alarms_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which alarms are deleted; 0: never"},
	{"database.media_retention", read_duration, "0",
		AT(database.media_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which photos are deleted; 0: never"},
	{"database.commands_retention", read_duration, "0",
		AT(database.commands_retention_us), .min = DAY, .max = 36500 * DAY, .none = true,
		.live = true, .doc = "age at which ended commands are deleted; 0: never"},
	{"database.rejects_per_minute", read_integer, "20",
		AT(database.rejects_per_minute), .min = 1, .max = 1000000,
		.live = true, .doc = "rows in rejects from one address"},
	{"database.rejects_per_day", read_integer, "50000",
		AT(database.rejects_per_day), .min = 100, .max = 1000000000,
		.live = true, .doc = "rows in rejects, a quarter of them at once"},
	{"database.connections_per_minute", read_integer, "20",
		AT(database.connections_per_minute), .min = 1, .max = 1000000,
		.live = true, .doc = "rows in connections of a device, or of an address without"},
	{"database.connections_per_day", read_integer, "50000",
		AT(database.connections_per_day), .min = 100, .max = 1000000000,
		.live = true, .doc = "rows in connections without a device, a quarter at once"},
	{"database.notify_alarms", read_bool, "no", AT(database.notify_alarms),
		.live = true, .doc = "NOTIFY avld_alarms for each row of alarms"},
	{"database.migrate", read_bool, "no", AT(database.migrate),
		.doc = "serve creates or upgrades the schema itself"},

	{"journal.dir", read_text, "/var/lib/avld/journal", AT(journal.dir),
		.doc = "folder of the journal"},
	{"journal.max_size", read_size, "4G",
		AT(journal.max_size), .min = 2 * MIB, .max = 1024 * 1024 * GIB,
		.live = true, .doc = "maximum disk space of the journal"},
	{"journal.segment_size", read_segment_size, "64M",
		AT(journal.segment_size), .min = MIB, .max = GIB,
		.doc = "size of one journal file, a power of two"},
	{"journal.sync", read_enum, "reply", AT(journal.sync), .names = sync_names,
		.doc = "fdatasync: before each reply, every sync_interval, or off"},
	{"journal.sync_interval", read_duration, "1s",
		AT(journal.sync_interval_us), .min = 10 * MS, .max = HOUR,
		.live = true, .doc = "maximum time between two fdatasync calls"},
	{"journal.retain", read_duration, "0", AT(journal.retain_us), .max = 36500 * DAY,
		.live = true, .doc = "how long to keep files that are stored in the database"},

	{"devices.unknown", read_enum, "accept", AT(devices.unknown), .names = unknown_names,
		.live = true, .doc = "trackers not in avld.devices: accept or refuse"},
	{"devices.remembered", read_integer, "100000",
		AT(devices.remembered), .min = 1, .max = 10000000,
		.doc = "trackers whose last records are remembered"},
	{"devices.new_per_minute", read_integer, "2000",
		AT(devices.new_per_minute), .max = 1000000,
		.live = true, .doc = "new trackers per minute, an hour's worth at once; 0: no limit"},
	{"devices.new_per_address", read_integer, "500",
		AT(devices.new_per_address), .max = 1000000,
		.live = true, .doc = "the same from one address"},

	{"commands.allow", read_commands, "", AT(commands.allow),
		.live = true, .doc = "names of commands that may be sent; empty: none"},
	{"commands.engine_stop_max_kmh", read_integer, "10",
		AT(commands.engine_stop_max_kmh), .max = 300,
		.live = true, .doc = "maximum speed in km/h at which engineStop is sent"},

	{"media.photos", read_bool, "off", AT(media.photos), .old = "pt502.photos",
		.live = true, .doc = "fetch and store the photos of trackers"},

	{"http.listen", read_address, "127.0.0.1:8880", AT(http.listen), .none = true,
		.doc = "address and port of /health, /metrics and /status; empty: off"},

	{"log.level", read_enum, "info", AT(log.level), .names = level_names,
		.live = true, .doc = "error, warning, info or debug"},
	{"log.modules", read_modules, "", AT(log.modules), .none = true,
		.live = true, .doc = "levels of single modules, such as writer=debug, net=warning"},
	{"log.trace", read_idents, "", AT(log.trace),
		.live = true, .doc = "up to 4 trackers whose frames are logged"},
};
// clang-format on
const size_t setting_count = sizeof(setting_table) / sizeof(setting_table[0]);
_Static_assert(sizeof(setting_table) / sizeof(setting_table[0]) <= CONFIG_SETTINGS_MAX,
	"raise CONFIG_SETTINGS_MAX");

// Readers ----------------------------------------------------------------------------------------

// Fills *error. Always returns false.
__attribute__((format(printf, 2, 3))) static bool fail(
	struct setting_error *error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return false;
}

// A value in quotes for a message: control bytes escaped, cut where it is too long.
struct shown {
	char text[96];
};

static struct shown show(const char *value)
{
	struct shown shown;
	char quoted[sizeof(shown.text) - 2];
	log_quote(value, strlen(value), quoted, sizeof(quoted));
	snprintf(shown.text, sizeof(shown.text), "\"%s\"", quoted);
	return shown;
}

static void *field_of(const struct setting *setting, struct config *config)
{
	return (char *)config + setting->offset;
}

static void store_text(const struct setting *setting, const char *value, struct config *config)
{
	char **field = field_of(setting, config);
	char *copy = strdup(value);
	if (!copy)
		log_fatal("out of memory");
	free(*field);
	*field = copy;
}

static bool in_range(const struct setting *setting, int64_t value)
{
	return (setting->none && !value) || (value >= setting->min && value <= setting->max);
}

static bool read_bool(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	if (setting_value_read_bool(value, field_of(setting, config)))
		return true;
	return fail(error, "%s is neither yes nor no; write yes or no", show(value).text);
}

static bool read_integer(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	int64_t number;
	const char *what = NULL;
	if (!setting_value_read_integer(value, &number))
		what = "not a whole number";
	else if (!in_range(setting, number))
		what = "out of range";
	if (what)
		return fail(error, "%s is %s; write a number from %lld to %lld", show(value).text,
			what, (long long)setting->min, (long long)setting->max);
	*(int64_t *)field_of(setting, config) = number;
	return true;
}

// Reads a number, or a share in percent, which is stored as a negative number.
static bool read_share(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	const size_t len = strlen(value);
	char digits[4] = {0};
	int64_t percent;

	if (len < 2 || value[len - 1] != '%')
		return read_integer(setting, value, config, error);
	memcpy(digits, value, len - 1 < sizeof(digits) ? len - 1 : sizeof(digits) - 1);
	if (len > sizeof(digits) || !setting_value_read_integer(digits, &percent) || percent < 1 ||
		percent > 100)
		return fail(
			error, "%s is no share; write 1%% to 100%%, or a number", show(value).text);
	*(int64_t *)field_of(setting, config) = -percent;
	return true;
}

// Reads a size or a duration and checks its range.
static bool read_quantity(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error, bool (*read)(const char *, int64_t *),
	const char *(*show_bound)(int64_t, char *), const char *noun)
{
	int64_t number;
	bool sound = read(value, &number);
	if (sound && in_range(setting, number)) {
		*(int64_t *)field_of(setting, config) = number;
		return true;
	}
	char min[VALUE_SHOW_MAX], max[VALUE_SHOW_MAX];
	return fail(error, "%s is %s%s; write one from %s to %s%s", show(value).text,
		sound ? "out of range for a " : "not a ", noun, show_bound(setting->min, min),
		show_bound(setting->max, max), setting->none ? ", or 0" : "");
}

static bool read_size(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	return read_quantity(setting, value, config, error, setting_value_read_size,
		setting_value_show_size, "size such as 64M or 10G");
}

static bool read_segment_size(const struct setting *setting, const char *value,
	struct config *config, struct setting_error *error)
{
	int64_t size;
	if (setting_value_read_size(value, &size) && in_range(setting, size) && (size & (size - 1)))
		return fail(error, "%s is not a power of two; write 32M, 64M, 128M, ...",
			show(value).text);
	return read_size(setting, value, config, error);
}

static bool read_duration(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	return read_quantity(setting, value, config, error, setting_value_read_duration,
		setting_value_show_duration, "duration such as 100ms, 30s or 10min");
}

static bool read_enum(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	char known[128] = "";
	size_t len = 0;
	for (int i = 0; setting->names[i]; i++) {
		if (!strcasecmp(value, setting->names[i])) {
			memcpy(field_of(setting, config), &i, sizeof(i));
			return true;
		}
		len += (size_t)snprintf(
			known + len, sizeof(known) - len, "%s%s", i ? ", " : "", setting->names[i]);
	}
	return fail(error, "%s is not a known value; write one of %s", show(value).text, known);
}

static bool read_text(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	if (!*value && !setting->none)
		return fail(error, "empty; write a value, or remove the line for the default %s",
			setting->text);
	store_text(setting, value, config);
	return true;
}

static bool read_conninfo(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	char why[sizeof(error->text) / 2];
	if (!conninfo_error_parse(value, why, sizeof(why)))
		return fail(
			error, "%s; an example is host=db.example.net dbname=avld user=avld", why);
	store_text(setting, value, config);
	return true;
}

static bool read_name(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	size_t len = strlen(value);
	size_t fit =
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (fit != len || !in_range(setting, (int64_t)len))
		return fail(error,
			"%s is not a valid name; write %lld to %lld letters, digits, dots, - or _",
			show(value).text, (long long)setting->min, (long long)setting->max);
	store_text(setting, value, config);
	return true;
}

static bool read_address(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	struct sockaddr_storage address;
	socklen_t len;
	if (!(setting->none && !*value) && !address_parse(value, &address, &len))
		return fail(error,
			"%s is not an address and port; write *:PORT, 192.0.2.1:PORT or "
			"[2001:db8::1]:PORT%s",
			show(value).text, setting->none ? ", or nothing" : "");
	store_text(setting, value, config);
	return true;
}

// Cuts the next item off a list separated by commas and blanks. Returns false after the last.
static bool next_item(const char **rest, struct text *item)
{
	item->data = *rest + strspn(*rest, ", \t");
	item->len = strcspn(item->data, ", \t");
	*rest = item->data + item->len;
	return item->len;
}

static bool is_item(struct text item, const char *word)
{
	return strlen(word) == item.len && !strncasecmp(item.data, word, item.len);
}

static bool read_transports(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	(void)setting;
	bool tcp = false, udp = false, sound = true;
	struct text item;
	for (const char *rest = value; next_item(&rest, &item);) {
		tcp = tcp || is_item(item, "tcp");
		udp = udp || is_item(item, "udp");
		sound = sound && (is_item(item, "tcp") || is_item(item, "udp"));
	}
	if (!sound || !(tcp || udp))
		return fail(error, "invalid transports %s; write tcp, udp or tcp, udp",
			show(value).text);
	config->server.tcp = tcp;
	config->server.udp = udp;
	return true;
}

static bool fail_protocol(struct setting_error *error, struct text item)
{
	char known[256] = "all", name[64];
	size_t len = 3;
	for (size_t i = 0; registry_decoders[i] && len < sizeof(known); i++)
		len += (size_t)snprintf(
			known + len, sizeof(known) - len, ", %s", registry_decoders[i]->name);
	return fail(error, "unknown protocol \"%s\"; known are: %s",
		log_quote(item.data, item.len, name, sizeof(name)), known);
}

static bool read_protocols(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	(void)setting;
	decoder_set set = 0;
	struct text item;
	for (const char *rest = value; next_item(&rest, &item);) {
		const struct decoder *decoder = registry_find(item.data, item.len);
		if (!decoder && !is_item(item, "all"))
			return fail_protocol(error, item);
		for (size_t i = 0; decoder && registry_decoders[i]; i++)
			if (registry_decoders[i] == decoder)
				set |= (decoder_set)1 << i;
		if (!decoder)
			set = DECODERS_ALL;
	}
	if (!set)
		return fail_protocol(error, (struct text){"", 0});
	config->server.protocols = set;
	return true;
}

static bool fail_command(struct setting_error *error, struct text item)
{
	char known[256], name[64];
	size_t len = 0;
	for (unsigned i = 0; i < COMMAND_KINDS && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
			command_kind_name((enum command_kind)i));
	return fail(error, "unknown command \"%s\"; known are: %s",
		log_quote(item.data, item.len, name, sizeof(name)), known);
}

// There is no word for all of them: the right to stop an engine must be given by name.
static bool read_commands(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	(void)setting;
	uint32_t allowed = 0;
	enum command_kind kind;
	struct text item;
	for (const char *rest = value; next_item(&rest, &item);) {
		if (!command_find_kind(item, &kind))
			return fail_command(error, item);
		allowed |= UINT32_C(1) << kind;
	}
	config->commands.allow = allowed;
	return true;
}

static bool is_ident(struct text item)
{
	struct session session = {.ident_len = 0};
	return session_set_ident(&session, item.data, item.len);
}

static bool read_idents(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	struct text item;
	char name[64];
	int count = 0;
	for (const char *rest = value; next_item(&rest, &item); count++)
		if (!is_ident(item))
			return fail(error,
				"\"%s\" is no ident; write 1 to %d letters, digits, dots, _, : or "
				"-",
				log_quote(item.data, item.len, name, sizeof(name)), IDENT_MAX);
	if (count > CONFIG_TRACE_IDENTS)
		return fail(error, "%d idents; write at most %d, or use avld trace", count,
			CONFIG_TRACE_IDENTS);
	store_text(setting, value, config);
	return true;
}

static bool read_modules(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error)
{
	struct log_levels levels;
	if (!log_levels_parse(value, &levels, error->text, sizeof(error->text)))
		return false;
	store_text(setting, value, config);
	return true;
}

// Types ------------------------------------------------------------------------------------------

enum setting_type setting_type(const struct setting *setting)
{
	static const struct {
		setting_reader *read;
		enum setting_type type;
	} types[] = {
		{read_bool, SETTING_FLAG},
		{read_integer, SETTING_NUMBER},
		{read_share, SETTING_SHARE},
		{read_size, SETTING_SIZE},
		{read_segment_size, SETTING_SIZE},
		{read_duration, SETTING_DURATION},
		{read_enum, SETTING_ENUM},
		{read_text, SETTING_TEXT},
		{read_conninfo, SETTING_TEXT},
		{read_name, SETTING_TEXT},
		{read_address, SETTING_TEXT},
		{read_modules, SETTING_TEXT},
		{read_idents, SETTING_TEXT},
		{read_transports, SETTING_TRANSPORTS},
		{read_protocols, SETTING_PROTOCOLS},
		{read_commands, SETTING_COMMANDS},
	};
	size_t i = 0;
	while (types[i].read != setting->read) {
		i++;
		assert(i < sizeof(types) / sizeof(types[0]));
	}
	return types[i].type;
}

// Lookup -----------------------------------------------------------------------------------------

const struct setting *setting_find(const char *key)
{
	for (size_t i = 0; i < setting_count; i++)
		if (!strcmp(setting_table[i].key, key) ||
			(setting_table[i].old && !strcmp(setting_table[i].old, key)))
			return &setting_table[i];
	return NULL;
}

static int line_of(const struct config *config, const char *key)
{
	const struct setting *setting = setting_find(key);
	assert(setting);
	return config->origin.line[setting - setting_table];
}

bool setting_is_default(const struct config *config, const char *key)
{
	return line_of(config, key) == 0;
}

const char *setting_origin(const struct config *config, const char *key, char *out)
{
	const int line = line_of(config, key);
	if (line > 0)
		snprintf(out, SETTING_ORIGIN_MAX, "%s:%d", config->origin.file, line);
	else
		snprintf(out, SETTING_ORIGIN_MAX, "%s", line < 0 ? "-o" : "default");
	return out;
}
