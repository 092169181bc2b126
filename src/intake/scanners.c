// SPDX-License-Identifier: MIT
#include "intake/scanners.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

bool scanners_note(struct scanners *scanners, const struct peer *peer, int kind, uint32_t now_s)
{
	uint8_t key[16];

	peer_network(peer, key);
	const size_t slot = XXH3_64bits(key, sizeof(key)) % SCANNERS_ADDRESSES;
	const bool same = memcmp(scanners->seen[slot].key, key, sizeof(key)) == 0;
	scanners->counts[kind]++;
	if (same && scanners->seen[slot].since_s &&
		now_s - scanners->seen[slot].since_s < SCANNERS_S)
		return false;
	memcpy(scanners->seen[slot].key, key, sizeof(key));
	scanners->seen[slot].since_s = now_s ? now_s : 1;
	return true;
}
