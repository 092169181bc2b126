// SPDX-License-Identifier: MIT
// The choice of a decoder, by name or by a conversation's first bytes.
#ifndef AVLD_FEED_REGISTRY_H
#define AVLD_FEED_REGISTRY_H

#include "feed/registry_decoders.h"

// Returns NULL if no decoder has that name.
const struct decoder *registry_find(const char *name, size_t len);

// A set of decoders: bit n is registry_decoders[n].
typedef uint32_t decoder_set;
#define DECODERS_ALL UINT32_MAX

// Returns the bytes without a verdict after which a conversation is closed: the largest sniff_max of the set.
size_t registry_sniff_max(decoder_set set);

// FOUND: by its MAYBE. SURE: by its YES.
enum sniff { SNIFF_MORE, SNIFF_FOUND, SNIFF_SURE, SNIFF_NONE };
// Probes the decoders of the set. A YES decides; of several, `preferred` (may be NULL) if it is among them, else the first
// of the table. Without a YES a single MAYBE, or that of `preferred`, decides once no decoder answers MORE; at
// registry_sniff_max bytes or for a datagram MORE counts as NO. *found: the decoder with FOUND and SURE, else NULL.
enum sniff registry_sniff(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram, const struct decoder **found);

#endif
