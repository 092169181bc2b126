// SPDX-License-Identifier: MIT
// The decoders there are, and which of them a conversation's first bytes belong to.
#ifndef AVLD_FEED_REGISTRY_H
#define AVLD_FEED_REGISTRY_H

#include "protocol/decoder.h"

#define SNIFF_CAP 512 /* bytes without a verdict after which a peer is given up */

// All decoders, strict ones first; ends with NULL.
extern const struct decoder *const registry_decoders[];

const struct decoder *registry_find(const char *name, size_t len); /* NULL: none of that name */

// A set of decoders: bit n is registry_decoders[n].
typedef uint32_t decoder_set;
#define DECODERS_ALL UINT32_MAX

enum sniff { SNIFF_MORE, SNIFF_FOUND, SNIFF_NONE };
// Asks the decoders of the set. One YES decides; several go to the first of the registry, unless `preferred`
// (may be NULL) is among them; without a YES a single MAYBE decides once nobody says MORE; at SNIFF_CAP bytes
// or on a datagram MORE is NO. FOUND sets *found.
enum sniff registry_sniff(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram, const struct decoder **found);

#endif
