// SPDX-License-Identifier: MIT
// Settings: one INI file (inih), -o SECTION.KEY=VALUE on top. One table in config.c says name, type, default and range
// of each key, and is what conf/avld.ini documents.
#ifndef AVLD_CONFIG_CONFIG_H
#define AVLD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sync_mode { SYNC_REPLY, SYNC_INTERVAL, SYNC_OFF };
enum unknown_mode { UNKNOWN_ACCEPT, UNKNOWN_REFUSE };

struct config {
	struct {
		char *listen;       /* "*:8888" */
		bool tcp, udp;      /* transports */
		uint32_t protocols; /* decoder_set */
		int64_t max_connections;
		int64_t max_connections_per_ip; /* 0: no limit */
		int64_t login_timeout_us;
		int64_t idle_timeout_us;
		bool proxy_protocol; /* false in this version */
	} server;
	struct {
		char *conninfo;
		char *instance; /* the name of this avld in the table checkpoint */
		int64_t batch_rows;
		int64_t batch_interval_us;
		/* 0: keep for ever */
		int64_t retention_us; /* of positions and statuses */
		int64_t rejects_retention_us;
		int64_t connections_retention_us;
		int64_t unknown_devices_retention_us;
		int64_t alarms_retention_us;
		int64_t media_retention_us;
		int64_t commands_retention_us;
		bool migrate; /* serve upgrades an older schema itself */
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
	} devices;
	struct {
		uint32_t allow; /* bit n: enum command_kind n */
		int64_t engine_stop_max_kmh;
	} commands;
	struct {
		bool photos; /* are fetched */
	} pt502;
	struct {
		char *listen; /* "": off */
	} http;
	struct {
		int level; /* enum log_level */
	} log;
};

// Defaults, then FILE (NULL: none), then options in order. Every problem is printed to stderr as
// "avld: FILE:LINE: section.key: what is wrong; what to do" (options: "avld: -o server.lsten=...: ..."), all of them, not
// just the first. A key twice in the file is a problem; of options the last counts.
// False if there was one. config_done frees what the strings hold, also after false.
bool config_load(struct config *config, const char *file, char *const *options, int option_count);
void config_done(struct config *config);
// Where a key got its value: "conf/avld.ini:12", "-o" or "default". For messages of `avld check`. Good until the next call.
const char *config_origin(const char *key); /* "database.conninfo" */

// The table of settings, for help and tests.
struct config_key {
	const char *key;  /* "section.key" */
	const char *text; /* the default as it is written in a file */
	const char *doc;  /* one line */
};
size_t config_key_count(void);
struct config_key config_key_at(size_t index);

#endif
