// SPDX-License-Identifier: MIT
// The table of decoders, and the choice of one by a conversation's first bytes.
#ifndef AVLD_FEED_REGISTRY_H
#define AVLD_FEED_REGISTRY_H

#include "protocol/decoder.h"

#define SNIFF_CAP 512 /* bytes without a verdict after which a conversation is closed */

// All decoders, strict ones first; the last element is NULL.
extern const struct decoder *const registry_decoders[];

// Returns NULL if no decoder has that name.
const struct decoder *registry_find(const char *name, size_t len);

// A set of decoders: bit n is registry_decoders[n].
typedef uint32_t decoder_set;
#define DECODERS_ALL UINT32_MAX

enum sniff { SNIFF_MORE, SNIFF_FOUND, SNIFF_NONE };
// Probes the decoders of the set. A YES decides; of several, `preferred` (may be NULL) if it is among them, else the first
// of the table. Without a YES a single MAYBE, or that of `preferred`, decides once no decoder answers MORE; at SNIFF_CAP
// bytes or for a datagram MORE counts as NO. FOUND sets *found.
enum sniff registry_sniff(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram, const struct decoder **found);

#endif
