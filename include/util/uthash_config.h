// SPDX-License-Identifier: MIT
// uthash with another hash function (xxh3 with a seed: idents come from peers, and uthash's own is weak). Out of memory is
// logged before the process ends, unless the includer defines uthash_fatal(message) or HASH_NONFATAL_OOM.
#ifndef AVLD_UTIL_UTHASH_CONFIG_H
#define AVLD_UTIL_UTHASH_CONFIG_H

#include "util/hash_seed.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HASH_FUNCTION(key, len, hash)                                                              \
	((hash) = (unsigned)XXH3_64bits_withSeed((key), (len), hash_seed()))

#if !defined(uthash_fatal) && !defined(HASH_NONFATAL_OOM)
#include "util/log.h"
#define uthash_fatal(message) log_fatal("out of memory for=\"hash table\"")
#endif
#include <uthash.h>

#endif
