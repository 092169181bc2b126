// SPDX-License-Identifier: MIT
// What decoders remember beyond one frame: of each device a block of the decoder's own, by ident and
// across connections, and of each conversation the frames that wait for something to come. Both are
// capped. Decoders allocate nothing themselves: what they ask for here is there, or is not.
#ifndef AVLD_PROTOCOL_DEVICE_MEMORY_H
#define AVLD_PROTOCOL_DEVICE_MEMORY_H

#include "protocol/session.h"

struct device_memory;

// devices: blocks at a time; the device heard of longest ago is forgotten for a new one. NULL: out of
// memory.
struct device_memory *device_memory_new(size_t devices);
void device_memory_free(struct device_memory *memory); /* NULL is allowed */
size_t device_memory_count(const struct device_memory *memory);

// For decoders ----------------------------------------------------------------------------------------

// decoder->device_size bytes of the device that the session names, all 0 when first asked for. NULL
// without memory or ident. Good until the next call.
void *device_memory_block(struct session *session);

// Shows the blocks of all devices of the session's decoder. False, and nothing is shown, when it was
// asked lately, measured by what has happened since: a peer must not make us look through all devices
// for each of its frames.
typedef void device_memory_visit(void *context, struct text ident, const void *block);
bool device_memory_search(struct session *session, device_memory_visit *visit, void *context);

// Numbers what happens, so that one can tell what came first. 0 without memory.
uint32_t device_memory_tick(struct session *session);

#endif
