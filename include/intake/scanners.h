// SPDX-License-Identifier: MIT
// Counts scanners (feed/scanner.h) by kind, and selects those that get rows: the first of each address (IPv6: /64) in an
// hour.
#ifndef AVLD_INTAKE_SCANNERS_H
#define AVLD_INTAKE_SCANNERS_H

#include "feed/scanner.h"
#include "model/peer.h"

#include <stdbool.h>

#define SCANNERS_ADDRESSES                                                                         \
	8192 /* remembered; a new one takes the place of one with the same hash */
#define SCANNERS_S 3600

struct scanners {
	uint64_t counts[SCANNER_KINDS_MAX];
	struct {
		uint8_t key[16];
		uint32_t since_s; /* 0: free */
	} seen[SCANNERS_ADDRESSES];
};

// Counts a scanner of this kind (scanner_index). Returns true if it is the first of its address within SCANNERS_S. now_s:
// a clock that starts above 0.
bool scanners_note(struct scanners *scanners, const struct peer *peer, int kind, uint32_t now_s);

#endif
