// SPDX-License-Identifier: MIT
// Device memory: for each device a block of bytes of its decoder's own, kept by ident across connections. The number of
// blocks is capped. Allocated here, because decoders allocate nothing.
//
// Blocks of idents that nobody has admitted are the first to go, and never displace one of an admitted device: anybody can
// invent idents.
#ifndef AVLD_PROTOCOL_DEVICE_MEMORY_H
#define AVLD_PROTOCOL_DEVICE_MEMORY_H

#include "protocol/session.h"

struct device_memory;

// devices: number of blocks of admitted devices; in addition, a quarter of it for devices that were heard in one datagram
// only, and a 32nd for idents that are not admitted, or all where nobody admits devices (session.find_settings is NULL). A
// new one replaces the one of its kind used longest ago. Returns NULL when out of memory.
struct device_memory *device_memory_new(size_t devices);
// memory may be NULL.
void device_memory_free(struct device_memory *memory);
size_t device_memory_count(const struct device_memory *memory);

// Notes that the session's device, which was unknown, is admitted; heard_once: after one datagram, which anybody can forge.
// The block of one whose settings are known (session.h) is that of an admitted device from its creation, and when a session
// finds it.
void device_memory_keep(const struct session *session, bool heard_once);

// For decoders ----------------------------------------------------------------------------------------

// Returns the block of the session's device, decoder->device_size bytes, all 0 at first. NULL if the session has no memory
// or no ident, or if session->forbids_memory. Valid until the next call.
void *device_memory_block(struct session *session);

// For the caller of decoders: asks session->forbids_memory again for the next frame.
void device_memory_ask_again(struct session *session);

// Visits the blocks of all devices of the session's decoder. Returns false without visiting any if too few ticks have
// passed since the last search: a peer must not cause a search through all devices with each frame.
typedef void device_memory_visit(void *context, struct text ident, const void *block);
bool device_memory_search(struct session *session, device_memory_visit *visit, void *context);

// Returns the next number of a sequence that orders events; 0 without memory. Wraps around.
uint32_t device_memory_tick(struct session *session);

#endif
