// SPDX-License-Identifier: MIT
// The devices we know, in one uthash table; entries are never removed, so a pointer stays good for
// the process's life.
#include "util/log.h"
#define uthash_fatal(message) log_fatal("out of memory: devices")
#include "model/device_directory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct directory {
	struct device *table;
	bool loaded;
};

struct directory *directory_new(void)
{
	struct directory *directory = calloc(1, sizeof(*directory));
	if (!directory)
		log_fatal("out of memory: devices");
	return directory;
}

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	struct device *device = directory->table;
	HASH_CLEAR(hh, directory->table);
	while (device) { /* the application order outlives the table */
		struct device *next = device->hh.next;
		free(device);
		device = next;
	}
	free(directory);
}

struct device *directory_find(const struct directory *directory, struct text ident)
{
	struct device *device = NULL;
	if (ident.len)
		HASH_FIND(hh, directory->table, ident.data, ident.len, device);
	return device;
}

struct device *directory_add(struct directory *directory, struct text ident)
{
	assert(ident.len >= 1 && ident.len <= IDENT_MAX);
	struct device *device = directory_find(directory, ident);
	if (device)
		return device;
	device = calloc(1, sizeof(*device) + ident.len);
	if (!device)
		log_fatal("out of memory: devices");
	device->ident_len = (uint8_t)ident.len;
	memcpy(device->ident, ident.data, ident.len);
	HASH_ADD_KEYPTR(hh, directory->table, device->ident, ident.len, device);
	return device;
}

size_t directory_count(const struct directory *directory)
{
	return HASH_COUNT(directory->table);
}

bool directory_loaded(const struct directory *directory)
{
	return directory->loaded;
}

void directory_set_loaded(struct directory *directory, bool loaded)
{
	directory->loaded = loaded;
}

void directory_forget_ids(struct directory *directory)
{
	for (struct device *device = directory->table; device; device = device->hh.next) {
		device->id = 0;
		device->state = DEVICE_UNKNOWN;
		device->decoder = 0;
	}
}
