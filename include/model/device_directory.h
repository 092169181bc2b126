// SPDX-License-Identifier: MIT
// The devices we know: ident -> database id, what the owner said of it, and the live connection if there is one.
// Filled by the writer from avld.devices; asked by connections and by the writer. At most 200 bytes a device.
#ifndef AVLD_MODEL_DEVICE_DIRECTORY
#define AVLD_MODEL_DEVICE_DIRECTORY

#include "model/report.h"
#include "util/uthash_config.h"

struct directory;
struct conn;

enum device_state { DEVICE_UNKNOWN, DEVICE_ACTIVE, DEVICE_BLOCKED };

struct device {
	int64_t id;        /* avld.devices.id; 0 while it has none */
	struct conn *live; /* its TCP connection, or NULL */
	UT_hash_handle hh;
	uint8_t state;   /* enum device_state */
	uint8_t decoder; /* 1 + index in decoders[] of the protocol the owner set; 0: none set */
	uint8_t ident_len;
	char ident[]; /* ident_len bytes */
};

struct directory *directory_new(void);
void directory_free(struct directory *directory);
// NULL: never seen.
struct device *directory_find(const struct directory *directory, struct text ident);
// Finds or makes. ident: 1..IDENT_MAX bytes.
struct device *directory_add(struct directory *directory, struct text ident);
size_t directory_count(const struct directory *directory);
// The table has been read at least once.
bool directory_loaded(const struct directory *directory);
void directory_set_loaded(struct directory *directory, bool loaded);
// Every device gets state UNKNOWN and id 0 (before the table is read again).
void directory_forget_ids(struct directory *directory);

#endif
