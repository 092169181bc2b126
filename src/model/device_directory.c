// SPDX-License-Identifier: MIT
// One uthash table. Devices with a row in avld.devices are never removed, so a pointer to one stays valid.
#include "model/device_directory.h"

#include "util/log.h"
#include "util/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct text no_text = {"", 0};

struct device_directory {
	struct device *table;
	bool loaded;
};

struct device_directory *device_directory_new(void)
{
	struct device_directory *directory = calloc(1, sizeof(*directory));
	if (!directory)
		log_fatal("out of memory for=\"devices\"");
	return directory;
}

static void free_device(struct device *device)
{
	free(device->model);
	free(device->secret);
	free(device->networks);
	free(device);
}

void device_directory_free(struct device_directory *directory)
{
	if (!directory)
		return;
	struct device *device = directory->table;
	HASH_CLEAR(hh, directory->table);
	while (device) { /* the links of insertion order are in the devices */
		struct device *next = device->hh.next;
		free_device(device);
		device = next;
	}
	free(directory);
}

struct device *device_directory_find(const struct device_directory *directory, struct text ident)
{
	struct device *device = NULL;
	if (ident.len)
		HASH_FIND(hh, directory->table, ident.data, ident.len, device);
	return device;
}

struct device *device_directory_add(struct device_directory *directory, struct text ident)
{
	assert(ident.len >= 1 && ident.len <= IDENT_MAX);
	struct device *device = device_directory_find(directory, ident);
	if (device)
		return device;
	device = calloc(1, sizeof(*device) + ident.len);
	if (!device)
		log_fatal("out of memory for=\"devices\"");
	device->ident_len = (uint8_t)ident.len;
	memcpy(device->ident, ident.data, ident.len);
	HASH_ADD_KEYPTR(hh, directory->table, device->ident, ident.len, device);
	return device;
}

void device_directory_remove(struct device_directory *directory, struct device *device)
{
	assert(!device->id && !device->users && !device->live);
	HASH_DELETE(hh, directory->table, device);
	free_device(device);
}

size_t device_directory_count(const struct device_directory *directory)
{
	return HASH_COUNT(directory->table);
}

bool device_directory_loaded(const struct device_directory *directory)
{
	return directory->loaded;
}

void device_directory_set_loaded(struct device_directory *directory)
{
	directory->loaded = true;
	for (struct device *device = directory->table; device; device = device->hh.next) {
		if (!device->id) {
			device->state = DEVICE_UNKNOWN;
			device->decoder = 0;
			device_directory_set_model(device, no_text);
			device_directory_set_secret(device, no_text);
			device_directory_set_networks(device, no_text);
		}
	}
}

// Sets *field to a copy of the text; NULL if that is empty. Returns false if it is the same already.
static bool set_text(char **field, struct text text)
{
	const char *old = *field ? *field : "";

	if (text_equal(text, old))
		return false;
	free(*field);
	*field = NULL;
	if (!text.len)
		return true;
	*field = calloc(1, text.len + 1);
	if (!*field)
		log_fatal("out of memory for=\"devices\"");
	memcpy(*field, text.data, text.len);
	return true;
}

void device_directory_set_model(struct device *device, struct text model)
{
	set_text(&device->model, model.len <= MODEL_MAX ? model : no_text);
}

void device_directory_set_secret(struct device *device, struct text secret)
{
	if (secret.len > SECRET_MAX)
		secret.len = SECRET_MAX;
	if (set_text(&device->secret, secret))
		device->secret_version++;
}

void device_directory_set_networks(struct device *device, struct text networks)
{
	struct networks *parsed = networks.len ? networks_parse(networks) : NULL;

	if (networks.len && !parsed)
		log_fatal("out of memory for=\"devices\"");
	free(device->networks);
	device->networks = parsed;
}

void device_directory_forget_ids(struct device_directory *directory)
{
	for (struct device *device = directory->table; device; device = device->hh.next)
		device->id = 0;
}
