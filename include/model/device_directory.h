// SPDX-License-Identifier: MIT
// The devices we know: ident -> database id, what the owner said of it, and the live connection if there is one.
// Filled by the writer from avld.devices; asked by connections and by the writer. At most 200 bytes a device.
#ifndef AVLD_MODEL_DEVICE_DIRECTORY_H
#define AVLD_MODEL_DEVICE_DIRECTORY_H

#include "model/report.h"
#include "util/uthash_config.h"

struct device_directory;
struct conversation; /* intake/conversation.h */

enum device_state { DEVICE_UNKNOWN, DEVICE_ACTIVE, DEVICE_BLOCKED };

struct device {
	int64_t id;                /* avld.devices.id; 0 while it has none */
	struct conversation *live; /* over TCP; NULL: not connected */
	UT_hash_handle hh;
	uint8_t state; /* enum device_state */
	uint8_t decoder; /* 1 + index in registry_decoders[] of the protocol the owner set; 0: none set */
	uint8_t ident_len;
	char ident[]; /* ident_len bytes */
};

struct device_directory *device_directory_new(void);
void device_directory_free(struct device_directory *directory);
// NULL: never seen.
struct device *device_directory_find(const struct device_directory *directory, struct text ident);
// Finds or makes. ident: 1..IDENT_MAX bytes.
struct device *device_directory_add(struct device_directory *directory, struct text ident);
size_t device_directory_count(const struct device_directory *directory);
// The table has been read at least once.
bool device_directory_loaded(const struct device_directory *directory);
void device_directory_set_loaded(struct device_directory *directory, bool loaded);
// Every device gets state UNKNOWN and id 0 (before the table is read again).
void device_directory_forget_ids(struct device_directory *directory);

#endif
