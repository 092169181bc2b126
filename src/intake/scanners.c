// SPDX-License-Identifier: MIT
#include "intake/scanners.h"

#include "util/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define KINDS_TEXT 768 /* all kinds with their counts */

bool scanners_note(struct scanners *scanners, const struct peer *peer, int kind, uint32_t now_s)
{
	uint8_t key[16];

	peer_network(peer, key);
	const size_t slot = XXH3_64bits(key, sizeof(key)) % SCANNERS_ADDRESSES;
	const bool same = memcmp(scanners->seen[slot].key, key, sizeof(key)) == 0;
	scanners->counts[kind]++;
	if (!same || scanners->seen[slot].line != scanners->lines + 1) {
		scanners->addresses++;
		scanners->example = *peer;
		scanners->example_kind = kind;
	}
	scanners->seen[slot].line = scanners->lines + 1;
	if (same && scanners->seen[slot].since_s &&
		now_s - scanners->seen[slot].since_s < SCANNERS_S)
		return false;
	memcpy(scanners->seen[slot].key, key, sizeof(key));
	scanners->seen[slot].since_s = now_s ? now_s : 1;
	return true;
}

// Writes "tls 400, http 412": the kinds since the last line. Returns the sum.
static uint64_t write_kinds(const struct scanners *scanners, char *out, size_t cap)
{
	uint64_t sum = 0;
	size_t len = 0;

	out[0] = 0;
	for (size_t i = 0; scanner_kind(i); i++) {
		const uint64_t count = scanners->counts[i] - scanners->logged[i];
		if (count == 0)
			continue;
		if (len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s %" PRIu64,
				sum ? ", " : "", scanner_kind(i), count);
		sum += count;
	}
	return sum;
}

bool scanners_line(struct scanners *scanners, uint32_t now_s, bool ends, char *out)
{
	char kinds[KINDS_TEXT], peer[PEER_TEXT_MAX];

	if (scanners->logged_s && now_s - scanners->logged_s < SCANNERS_LOG_S && !ends)
		return false;
	const uint64_t sum = write_kinds(scanners, kinds, sizeof(kinds));
	if (sum == 0)
		return false;
	snprintf(out, SCANNERS_TEXT,
		"probes=%" PRIu64 " addresses=%u kinds=\"%s\" example=%s kind=%s", sum,
		scanners->addresses, kinds, peer_text(&scanners->example, peer),
		scanner_kind((size_t)scanners->example_kind));
	memcpy(scanners->logged, scanners->counts, sizeof(scanners->logged));
	scanners->logged_s = now_s ? now_s : 1;
	scanners->lines++;
	scanners->addresses = 0;
	return true;
}

void scanners_log(struct scanners *scanners, uint32_t now_s, bool ends)
{
	char line[SCANNERS_TEXT];

	if (scanners_line(scanners, now_s, ends, line))
		log_info("scanners %s", line);
}
