// SPDX-License-Identifier: MIT
// The seed of the hash tables: random, and the same as long as the process lives. So nobody can find keys (idents, addresses)
// beforehand that all meet in one bucket, where each look-up would pass all of them.
#ifndef AVLD_UTIL_HASH_SEED_H
#define AVLD_UTIL_HASH_SEED_H

#include <stdint.h>

uint64_t hash_seed(void);

#endif
