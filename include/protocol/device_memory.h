// SPDX-License-Identifier: MIT
// What decoders remember beyond one frame: of each device a block of the decoder's own, by ident and
// across connections, and of each conversation the frames that wait for something to come. Both are
// capped. Decoders allocate nothing themselves: what they ask for here is there, or is not.
#ifndef AVLD_PROTOCOL_DEVICE_MEMORY_H
#define AVLD_PROTOCOL_DEVICE_MEMORY_H

#include "protocol/decoder.h"

#define MEMORY_HELD       32   /* frames that one conversation may hold, */
#define MEMORY_HELD_BYTES 4096 /* and their bytes in all */

struct device_memory;

// devices: blocks at a time; the device heard of longest ago is forgotten for a new one. NULL: out of
// memory.
struct device_memory *device_memory_new(size_t devices);
void device_memory_free(struct device_memory *memory); /* NULL is allowed */
size_t device_memory_count(const struct device_memory *memory);

// For decoders ----------------------------------------------------------------------------------------

// decoder->device_size bytes of the device that the session names, all 0 when first asked for. NULL
// without memory or ident. Good until the next call.
void *session_device(struct session *session);

// Shows the blocks of all devices of the session's decoder. False, and nothing is shown, when it was
// asked lately, measured by what has happened since: a peer must not make us look through all devices
// for each of its frames.
typedef void device_memory_visit(void *context, struct text ident, const void *block);
bool session_search(struct session *session, device_memory_visit *visit, void *context);

// Numbers what happens, so that one can tell what came first. 0 without memory.
uint32_t session_tick(struct session *session);

// One frame that waits.
struct hold_frame {
	int64_t received_us;
	const char *detail; /* static: the reason of the reject that it may become */
	uint32_t marks[2];  /* the decoder's own */
	uint16_t at, len;   /* in held.bytes */
	uint8_t ident_len;  /* the session's ident then, if it had one */
	char ident[IDENT_MAX];
};

// All that wait of one conversation, in the order in which they came.
struct hold {
	uint32_t count;
	uint32_t used; /* of bytes */
	struct hold_frame frames[MEMORY_HELD];
	uint8_t bytes[MEMORY_HELD_BYTES];
};

// Keeps a copy. False: no memory, or no room.
bool session_hold(struct session *session, const char *detail, const uint32_t marks[2],
	const uint8_t *data, size_t len);
void hold_remove(struct hold *held, uint32_t index);
static inline uint32_t session_holds(const struct session *session)
{
	return session->held ? session->held->count : 0;
}

// For the feed: the conversation is over.
void session_done(struct session *session);

#endif
