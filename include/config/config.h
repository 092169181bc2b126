// SPDX-License-Identifier: MIT
// The settings as the program uses them. setting.h describes each of them, config_load.h reads them.
#ifndef AVLD_CONFIG_CONFIG_H
#define AVLD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sync_mode { SYNC_REPLY, SYNC_INTERVAL, SYNC_OFF };
enum partition_interval { PARTITION_1D, PARTITION_6H, PARTITION_1H };
enum unknown_mode { UNKNOWN_ACCEPT, UNKNOWN_REFUSE };

#define CONFIG_SETTINGS_MAX 64
#define CONFIG_TRACE_IDENTS 4

// Where the values come from; setting_origin turns it into text.
struct config_origin {
	char *file; /* that was read, or NULL */
	// By index in setting_table. 0: the default; n: line n of the file; -n: the n-th -o option.
	int line[CONFIG_SETTINGS_MAX];
};

struct config {
	struct {
		char *listen;       /* "*:8888" */
		bool tcp, udp;      /* transports; side by side: setting_field.c */
		uint32_t protocols; /* decoder_set */
		int64_t max_connections;
		int64_t max_connections_per_ip; /* 0: no limit; negative: percent of max_connections */
		int64_t login_timeout_us;
		int64_t idle_timeout_us;
	} server;
	struct {
		char *conninfo;
		char *instance; /* the name of this avld in the table checkpoint */
		int64_t batch_rows;
		int64_t batch_interval_us;
		/* 0: keep for ever */
		enum partition_interval partition_interval;
		int64_t retention_us; /* of positions and statuses */
		int64_t rejects_retention_us;
		int64_t connections_retention_us;
		int64_t unknown_devices_retention_us;
		int64_t alarms_retention_us;
		int64_t media_retention_us;
		int64_t commands_retention_us;
		int64_t rejects_per_minute; /* of one address */
		int64_t rejects_per_day;
		int64_t connections_per_minute; /* of one device or address */
		int64_t connections_per_day;    /* without those of devices */
		bool notify_alarms;             /* NOTIFY avld_alarms for each row of alarms */
		bool migrate;                   /* serve upgrades an older schema itself */
	} database;
	struct {
		char *dir;
		int64_t max_size;
		int64_t segment_size;
		enum sync_mode sync;
		int64_t sync_interval_us;
		int64_t retain_us;
	} journal;
	struct {
		enum unknown_mode unknown;
		int64_t remembered;
		int64_t new_per_minute, new_per_address; /* 0: no limit */
	} devices;
	struct {
		uint32_t allow; /* bit n: enum command_kind n */
		int64_t engine_stop_max_kmh;
	} commands;
	struct {
		bool photos; /* fetch and store */
	} media;
	struct {
		char *listen; /* "": off */
	} http;
	struct {
		int level;     /* enum log_level */
		char *modules; /* levels of single modules, as log_levels_parse reads them */
		char *trace; /* up to CONFIG_TRACE_IDENTS idents, separated by commas and blanks */
	} log;
	struct config_origin origin;
};

// Frees the strings and zeroes *config, also after a config_load that failed.
void config_done(struct config *config);

#endif
