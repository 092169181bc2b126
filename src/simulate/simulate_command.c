// SPDX-License-Identifier: MIT
// What simulated trackers of any protocol understand of a command's words.
#include "simulate/simulate.h"

#include <string.h>

static bool begins(const char *words, size_t len, const char *start)
{
	size_t start_len = strlen(start);
	return len >= start_len && memcmp(words, start, start_len) == 0;
}

// "OPC2,1", "Relay,1#"
bool simulate_set_output(struct simulated *device, const char *words, size_t len)
{
	unsigned index = 0;
	size_t value_at = 0;
	if (begins(words, len, "OPC") && len >= 6 && words[3] >= '1' && words[3] <= '5' &&
		words[4] == ',') {
		index = (unsigned)(words[3] - '1');
		value_at = 5;
	} else if (begins(words, len, "Relay,") && len >= 7) {
		value_at = 6;
	}
	if (value_at == 0 || (words[value_at] != '0' && words[value_at] != '1'))
		return false;
	unsigned bit = 1u << index;
	device->outputs =
		(uint8_t)(words[value_at] == '1' ? device->outputs | bit : device->outputs & ~bit);
	return true;
}
