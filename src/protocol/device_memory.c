// SPDX-License-Identifier: MIT
// Blocks of devices in one uthash table, and in one list in which they are forgotten:
//
//   list  longest unheard <-> ... <-> newest
//
// A device heard of again only notes when (used); it moves when it stands first and a place is
// wanted. So a report touches no neighbour of the device's, which with many devices are far away.
#include "protocol/device_memory.h"

#include "protocol/decoder.h"
#include "util/list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Out of memory is no reason to end: the device is not remembered then.
#define HASH_NONFATAL_OOM 1
#include "util/uthash_config.h"

#define SEARCH_FREE  4096 /* so few devices may be searched at any time, */
#define SEARCH_SHARE 16   /* more of them when there was a tick for each so many */

// The decoder's name is part of it: two protocols may have devices of one ident.
struct key {
	const struct decoder *decoder;
	char ident[IDENT_MAX]; /* filled up with zeros */
};

struct remembered {
	struct key key;
	struct list turn;
	uint64_t used, placed; /* clock when it was heard of, when it was put where it stands */
	UT_hash_handle hh;
	uint8_t ident_len;
	_Alignas(16) uint8_t block[]; /* decoder->device_size */
};

struct device_memory {
	struct remembered *table;
	struct list turns;
	size_t most;
	uint64_t clock;
	uint64_t forgotten; /* pointers that sessions keep are good while it stands */
	uint32_t tick;
	uint32_t searched; /* tick of the last search */
};

struct device_memory *device_memory_new(size_t devices)
{
	assert(devices > 0);
	struct device_memory *memory = calloc(1, sizeof(*memory));
	if (!memory)
		return NULL;
	list_init(&memory->turns);
	memory->most = devices;
	return memory;
}

static void forget(struct device_memory *memory, struct remembered *device)
{
	assert(memory->table); // it holds this one
	HASH_DEL(memory->table, device);
	list_remove(&device->turn);
	free(device);
	memory->forgotten++;
}

void device_memory_free(struct device_memory *memory)
{
	if (!memory)
		return;
	while (!list_empty(&memory->turns))
		forget(memory, list_item(memory->turns.next, struct remembered, turn));
	free(memory);
}

size_t device_memory_count(const struct device_memory *memory)
{
	return HASH_COUNT(memory->table);
}

static void forget_oldest(struct device_memory *memory)
{
	for (;;) {
		struct remembered *first = list_item(memory->turns.next, struct remembered, turn);
		if (first->placed == first->used) {
			forget(memory, first);
			return;
		}
		first->placed = first->used;
		list_remove(&first->turn);
		list_append(&memory->turns, &first->turn);
	}
}

static struct remembered *add(struct device_memory *memory, const struct key *key, size_t ident_len)
{
	if (HASH_COUNT(memory->table) >= memory->most)
		forget_oldest(memory);
	struct remembered *device = calloc(1, sizeof(*device) + key->decoder->device_size);
	if (!device)
		return NULL;
	device->key = *key;
	device->ident_len = (uint8_t)ident_len;
	list_init(&device->turn);
	HASH_ADD(hh, memory->table, key, sizeof(device->key), device);
	if (!device->hh.tbl) { // uthash had no memory
		free(device);
		return NULL;
	}
	device->placed = memory->clock + 1; // as `used` will be
	list_append(&memory->turns, &device->turn);
	return device;
}

// What the session found last, if that is still there and still the one.
static struct remembered *find_again(const struct session *session)
{
	struct remembered *device = session->device;
	if (!device || session->device_forgotten != session->memory->forgotten)
		return NULL;
	bool same = device->key.decoder == session->decoder &&
		    device->ident_len == session->ident_len &&
		    memcmp(device->key.ident, session->ident, session->ident_len) == 0;
	return same ? device : NULL;
}

void *device_memory_block(struct session *session)
{
	struct device_memory *memory = session->memory;
	if (!memory || session->ident_len == 0 || !session->decoder ||
		session->decoder->device_size == 0)
		return NULL;
	struct remembered *device = find_again(session);
	if (!device) {
		struct key key = {.decoder = session->decoder};
		memcpy(key.ident, session->ident, session->ident_len);
		HASH_FIND(hh, memory->table, &key, sizeof(key), device);
		if (!device)
			device = add(memory, &key, session->ident_len);
		session->device = device;
		session->device_forgotten = memory->forgotten;
		if (!device)
			return NULL;
	}
	device->used = ++memory->clock;
	return device->block;
}

bool device_memory_search(struct session *session, device_memory_visit *visit, void *context)
{
	struct device_memory *memory = session->memory;
	if (!memory)
		return false;
	const size_t count = HASH_COUNT(memory->table);
	if (count > SEARCH_FREE && memory->tick - memory->searched < count / SEARCH_SHARE)
		return false;
	memory->searched = memory->tick;
	for (struct list *at = memory->turns.next; at != &memory->turns; at = at->next) {
		const struct remembered *device = list_item(at, struct remembered, turn);
		const struct text ident = {device->key.ident, device->ident_len};
		if (device->key.decoder == session->decoder)
			visit(context, ident, device->block);
	}
	return true;
}

uint32_t device_memory_tick(struct session *session)
{
	struct device_memory *memory = session->memory;
	if (memory && ++memory->tick == 0)
		memory->tick = 1;
	return memory ? memory->tick : 0;
}
