// SPDX-License-Identifier: MIT
// IPv4 networks are kept as IPv6 ones, below ::ffff:0:0/96, as peers have their addresses.
#include "model/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* of the prefix that stands for IPv4 */

struct network {
	uint8_t address[16];
	uint8_t bits; /* 0..128 */
};

struct networks {
	uint8_t count;
	struct network list[];
};

static const uint8_t v4_prefix[V4_BITS / 8] = {[10] = 0xff, 0xff};

static bool is_v4(const uint8_t address[16])
{
	return memcmp(address, v4_prefix, sizeof(v4_prefix)) == 0;
}

// Parses "192.0.2.0/24" or "2001:db8::/32". Returns false for anything else.
static bool parse_network(struct text text, struct network *network)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = text.len ? memchr(text.data, '/', text.len) : NULL;
	const size_t host_len = slash ? (size_t)(slash - text.data) : text.len;
	uint64_t bits;

	if (!slash || host_len >= sizeof(host))
		return false;
	memcpy(host, text.data, host_len);
	host[host_len] = '\0';
	if (!text_uint((struct text){slash + 1, text.len - host_len - 1}, &bits) || bits > 128)
		return false;
	if (inet_pton(AF_INET, host, network->address + sizeof(v4_prefix)) == 1) {
		memcpy(network->address, v4_prefix, sizeof(v4_prefix));
		bits += V4_BITS;
	} else if (inet_pton(AF_INET6, host, network->address) != 1) {
		return false;
	}
	network->bits = (uint8_t)bits;
	return bits <= 128;
}

// Returns the number of networks, 0 if one of them is none.
static uint8_t parse_list(struct text rest, struct network list[NETWORKS_MAX])
{
	struct text one;
	uint8_t count = 0;

	while (text_next(&rest, ',', &one)) {
		if (count == NETWORKS_MAX || !parse_network(one, &list[count]))
			return 0;
		count++;
	}
	return count;
}

struct networks *networks_parse(struct text text)
{
	struct network list[NETWORKS_MAX];
	const bool braced = text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}';
	const uint8_t count =
		braced ? parse_list((struct text){text.data + 1, text.len - 2}, list) : 0;
	struct networks *networks = calloc(1, sizeof(*networks) + count * sizeof(list[0]));

	if (!networks)
		return NULL;
	networks->count = count;
	memcpy(networks->list, list, count * sizeof(list[0]));
	return networks;
}

static bool is_in(const struct network *network, const uint8_t address[16])
{
	const size_t whole = network->bits / 8;
	const uint8_t mask = (uint8_t)(0xff00 >> network->bits % 8);

	return memcmp(network->address, address, whole) == 0 &&
	       (!mask || ((network->address[whole] ^ address[whole]) & mask) == 0);
}

bool networks_contain(const struct networks *networks, const uint8_t address[16])
{
	const uint8_t least = is_v4(address) ? V4_BITS : 0;

	for (uint8_t i = 0; i < networks->count; i++)
		if (networks->list[i].bits >= least && is_in(&networks->list[i], address))
			return true;
	return false;
}

bool networks_are_empty(const struct networks *networks)
{
	return networks->count == 0;
}
