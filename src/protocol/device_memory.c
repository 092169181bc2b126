// SPDX-License-Identifier: MIT
// Blocks are in a uthash table, and in one of three lists, in which they are dropped:
//
//   KEPT    of admitted devices                        used longest ago <-> ... <-> newest
//   ONCE    of admitted ones heard in one datagram     likewise
//   OTHERS  of idents that are not admitted            likewise
//
// Using a block only sets `used`; the block moves when it is first in the list and room is needed. So a report does not
// touch the neighbours in the list, which with many devices are not in the cache.
#include "protocol/device_memory.h"

#include "protocol/decoder.h"
#include "util/list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Out of memory: the device is not remembered.
#define HASH_NONFATAL_OOM 1
#include "util/uthash_config.h"

// Parts of `most`, in addition. A quarter holds what a fleet of 100,000 that moves in within an hour sends in 15 minutes.
// Idents that are not admitted need a block only until they are, and a flood of them uses up any number.
#define ONCE_SHARE   4
#define OTHERS_SHARE 32

#define SEARCH_FREE  4096 /* up to so many devices a search is always allowed */
#define SEARCH_SHARE 16   /* above that, one tick per so many devices must have passed */

enum standing { KEPT, ONCE, OTHERS, STANDINGS };

// Contains the decoder: two protocols may have devices of the same ident.
struct key {
	const struct decoder *decoder;
	char ident[IDENT_MAX]; /* padded with zeros */
};

struct remembered {
	struct key key;
	struct list turn;
	uint64_t used,
		placed; /* clock at its last use, and when it was put at the end of the list */
	UT_hash_handle hh;
	uint8_t ident_len;
	uint8_t standing;
	_Alignas(16) uint8_t block[]; /* decoder->device_size */
};

struct device_memory {
	struct remembered *table;
	struct {
		struct list turns;
		size_t count;
	} of[STANDINGS];
	size_t most;
	uint64_t clock;
	uint64_t
		dropped; /* blocks dropped so far: while it is the same, sessions' pointers are valid */
	uint32_t tick;
	uint32_t searched; /* tick of the last search */
};

struct device_memory *device_memory_new(size_t devices)
{
	assert(devices > 0);
	struct device_memory *memory = calloc(1, sizeof(*memory));
	if (!memory)
		return NULL;
	for (enum standing standing = 0; standing < STANDINGS; standing++)
		list_init(&memory->of[standing].turns);
	memory->most = devices;
	return memory;
}

static void drop(struct device_memory *memory, struct remembered *device)
{
	assert(memory->table); // at least this one
	HASH_DEL(memory->table, device);
	list_remove(&device->turn);
	memory->of[device->standing].count--;
	free(device);
	memory->dropped++;
}

static void drop_all(struct device_memory *memory, struct list *turns)
{
	while (!list_empty(turns))
		drop(memory, list_item(turns->next, struct remembered, turn));
}

void device_memory_free(struct device_memory *memory)
{
	if (!memory)
		return;
	for (enum standing standing = 0; standing < STANDINGS; standing++)
		drop_all(memory, &memory->of[standing].turns);
	free(memory);
}

size_t device_memory_count(const struct device_memory *memory)
{
	return HASH_COUNT(memory->table);
}

static void drop_oldest(struct device_memory *memory, struct list *turns)
{
	for (;;) {
		struct remembered *first = list_item(turns->next, struct remembered, turn);
		if (first->placed == first->used) {
			drop(memory, first);
			return;
		}
		first->placed = first->used;
		list_remove(&first->turn);
		list_append(turns, &first->turn);
	}
}

// Returns the most blocks of a standing. Where nobody admits devices, all are OTHERS.
static size_t most_of(const struct session *session, enum standing standing)
{
	const size_t most = session->memory->most;

	if (standing == KEPT || !session->find_settings)
		return most;
	return most / (standing == ONCE ? ONCE_SHARE : OTHERS_SHARE) + 1;
}

// Puts a block that is in no list into the list of its standing.
static void place(const struct session *session, struct remembered *device, enum standing standing)
{
	struct device_memory *memory = session->memory;

	if (memory->of[standing].count >= most_of(session, standing))
		drop_oldest(memory, &memory->of[standing].turns);
	list_append(&memory->of[standing].turns, &device->turn);
	memory->of[standing].count++;
	device->standing = (uint8_t)standing;
}

static void move(const struct session *session, struct remembered *device, enum standing standing)
{
	list_remove(&device->turn);
	session->memory->of[device->standing].count--;
	place(session, device, standing);
}

static struct remembered *add(const struct session *session, const struct key *key)
{
	struct device_memory *memory = session->memory;
	struct remembered *device = calloc(1, sizeof(*device) + key->decoder->device_size);
	if (!device)
		return NULL;
	device->key = *key;
	device->ident_len = session->ident_len;
	list_init(&device->turn);
	HASH_ADD(hh, memory->table, key, sizeof(device->key), device);
	if (!device->hh.tbl) { // uthash had no memory
		free(device);
		return NULL;
	}
	device->placed = memory->clock + 1; // as `used` will be
	place(session, device, OTHERS);
	return device;
}

// Returns the block that the session found last, if it still exists and belongs to its device.
static struct remembered *find_again(const struct session *session)
{
	struct remembered *device = session->device;
	if (!device || session->device_dropped != session->memory->dropped)
		return NULL;
	bool same = device->key.decoder == session->decoder &&
		    device->ident_len == session->ident_len &&
		    memcmp(device->key.ident, session->ident, session->ident_len) == 0;
	return same ? device : NULL;
}

// Finds or adds the session's device. NULL: out of memory, or its memory is forbidden.
static __attribute__((noinline)) struct remembered *find(struct session *session)
{
	struct device_memory *memory = session->memory;
	struct remembered *device;
	struct key key = {.decoder = session->decoder};

	session->device = NULL;
	if (session->forbids_memory && session->forbids_memory(session))
		return NULL;
	memcpy(key.ident, session->ident, session->ident_len);
	HASH_FIND(hh, memory->table, &key, sizeof(key), device);
	if (!device)
		device = add(session, &key);
	if (device && device->standing != KEPT && session_settings(session).known)
		move(session, device, KEPT);
	session->device = device;
	session->device_dropped = memory->dropped;
	return device;
}

void *device_memory_block(struct session *session)
{
	struct device_memory *memory = session->memory;
	if (!memory || session->ident_len == 0 || !session->decoder ||
		session->decoder->device_size == 0)
		return NULL;
	struct remembered *device = find_again(session);
	if (!device && !(device = find(session)))
		return NULL;
	device->used = ++memory->clock;
	return device->block;
}

void device_memory_keep(const struct session *session, bool heard_once)
{
	struct device_memory *memory = session->memory;
	struct remembered *device;
	struct key key = {.decoder = session->decoder};

	if (!memory || session->ident_len == 0)
		return;
	memcpy(key.ident, session->ident, session->ident_len);
	HASH_FIND(hh, memory->table, &key, sizeof(key), device);
	if (device && device->standing == OTHERS)
		move(session, device, heard_once ? ONCE : KEPT);
}

static void visit_list(const struct session *session, struct list *turns,
	device_memory_visit *visit, void *context)
{
	for (struct list *at = turns->next; at != turns; at = at->next) {
		const struct remembered *device = list_item(at, struct remembered, turn);
		const struct text ident = {device->key.ident, device->ident_len};
		if (device->key.decoder == session->decoder)
			visit(context, ident, device->block);
	}
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
	for (enum standing standing = 0; standing < STANDINGS; standing++)
		visit_list(session, &memory->of[standing].turns, visit, context);
	return true;
}

uint32_t device_memory_tick(struct session *session)
{
	struct device_memory *memory = session->memory;
	if (memory && ++memory->tick == 0)
		memory->tick = 1;
	return memory ? memory->tick : 0;
}

void device_memory_ask_again(struct session *session)
{
	session->device = NULL;
}
