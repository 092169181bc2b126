// SPDX-License-Identifier: MIT
#include "util/hash_seed.h"

#include <stdlib.h>

static uint64_t seed; // written once, before main

static __attribute__((constructor)) void choose_seed(void)
{
	arc4random_buf(&seed, sizeof(seed));
}

uint64_t hash_seed(void)
{
	return seed;
}
