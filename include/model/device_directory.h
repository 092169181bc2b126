// SPDX-License-Identifier: MIT
// The known devices: ident -> database id, state, configured protocol, model, secret and networks, live connection. The
// writer fills it from avld.devices; conversations and the writer look devices up. At most 220 bytes per device, and its
// texts and networks.
#ifndef AVLD_MODEL_DEVICE_DIRECTORY_H
#define AVLD_MODEL_DEVICE_DIRECTORY_H

#include "model/networks.h"
#include "model/report.h"
#include "model/share.h"
#include "util/uthash_config.h"

#include <string.h>

struct device_directory;
struct conversation; /* intake/conversation.h */

#define DEVICE_NO_DECODER 255 /* the configured protocol is none of this program */

enum device_state { DEVICE_UNKNOWN, DEVICE_ACTIVE, DEVICE_BLOCKED };

struct device {
	int64_t id;                /* avld.devices.id; 0: none yet */
	struct conversation *live; /* over TCP; NULL: not connected */
	char *model;               /* avld.devices.model, with a NUL; NULL: none */
	UT_hash_handle hh;
	char *secret;              /* avld.devices.secret (util/secret.h), with a NUL; NULL: none */
	struct networks *networks; /* avld.devices.networks; NULL: any */
	uint32_t secret_version;   /* changes with the secret; 0: never had one */
	uint32_t users;            /* pointers to it in conversations */
	struct share share;        /* what its peers have cost, once it is in avld.devices */
	uint8_t state;             /* enum device_state */
	uint8_t decoder; /* 1 + index in registry_decoders[] of the configured protocol; 0: none configured */
	uint8_t ident_len;
	char ident[]; /* ident_len bytes */
};

static inline bool device_directory_has_ident(const struct device *device, struct text ident)
{
	return device->ident_len == ident.len && memcmp(device->ident, ident.data, ident.len) == 0;
}

struct device_directory *device_directory_new(void);
void device_directory_free(struct device_directory *directory);
// Returns NULL if the ident is unknown.
struct device *device_directory_find(const struct device_directory *directory, struct text ident);
// Returns the device, added if unknown. ident: 1..IDENT_MAX bytes.
struct device *device_directory_add(struct device_directory *directory, struct text ident);
// Removes a device without a row that no pointer refers to, and frees it.
void device_directory_remove(struct device_directory *directory, struct device *device);
size_t device_directory_count(const struct device_directory *directory);
// Returns true if avld.devices has been read at least once.
bool device_directory_loaded(const struct device_directory *directory);
// Notes that avld.devices has been read. Devices that have no id have no row any more: they become UNKNOWN, and lose
// protocol, model, secret and networks.
void device_directory_set_loaded(struct device_directory *directory);
// Sets the model, of 1..MODEL_MAX bytes; otherwise the device has none.
#define MODEL_MAX 64
void device_directory_set_model(struct device *device, struct text model);
// Sets the secret; empty: none. One longer than SECRET_MAX is cut, so that no password fits it.
void device_directory_set_secret(struct device *device, struct text secret);
// Sets the networks, from the text of the array (model/networks.h); empty: none, the device may report from anywhere.
void device_directory_set_networks(struct device *device, struct text networks);
// Sets the id of every device to 0, before avld.devices is read again. What the owner has set for a device stays in force
// until it has been read.
void device_directory_forget_ids(struct device_directory *directory);

#endif
