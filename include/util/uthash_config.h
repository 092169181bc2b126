// SPDX-License-Identifier: MIT
// uthash with our hash function (xxh3: idents come from peers, uthash's own is weak) and no exit() on full memory.
#ifndef AVLD_UTIL_UTHASH_CONFIG_H
#define AVLD_UTIL_UTHASH_CONFIG_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)XXH3_64bits((key), (len)))
#include <uthash.h>

#endif
