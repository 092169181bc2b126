// SPDX-License-Identifier: MIT
// The table of decoders. A module of its own, so that a test can put decoders of its own in its place.
#ifndef AVLD_FEED_REGISTRY_DECODERS_H
#define AVLD_FEED_REGISTRY_DECODERS_H

#include "protocol/decoder.h"

// All decoders, strict ones first; the last element is NULL.
extern const struct decoder *const registry_decoders[];

#endif
