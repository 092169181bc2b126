// SPDX-License-Identifier: MIT
#include "feed/registry.h"

#include <string.h>

const struct decoder *registry_find(const char *name, size_t len)
{
	for (size_t i = 0; registry_decoders[i]; i++)
		if (strlen(registry_decoders[i]->name) == len &&
			!memcmp(registry_decoders[i]->name, name, len))
			return registry_decoders[i];
	return NULL;
}

// The answers of a set of decoders: the first (or preferred) YES and MAYBE, and how many answered MAYBE and MORE.
struct poll {
	const struct decoder *yes, *maybe;
	unsigned maybes, mores;
};

static struct poll probe(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram)
{
	struct poll poll = {0};
	for (size_t i = 0; registry_decoders[i]; i++) {
		const struct decoder *decoder = registry_decoders[i];
		if (!(set >> i & 1))
			continue;
		switch (decoder->probe(data, len, datagram)) {
		case PROBE_NO:
			break;
		case PROBE_MORE:
			poll.mores++;
			break;
		case PROBE_MAYBE:
			poll.maybes++;
			if (!poll.maybe || decoder == preferred)
				poll.maybe = decoder;
			break;
		case PROBE_YES:
			if (!poll.yes || decoder == preferred)
				poll.yes = decoder;
			break;
		}
	}
	return poll;
}

size_t registry_sniff_max(decoder_set set)
{
	size_t max = SNIFF_CAP;
	for (size_t i = 0; registry_decoders[i]; i++)
		if (set >> i & 1 && registry_decoders[i]->sniff_max > max)
			max = registry_decoders[i]->sniff_max;
	return max;
}

enum sniff registry_sniff(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram, const struct decoder **found)
{
	const struct poll poll = probe(set, preferred, data, len, datagram);

	*found = poll.yes;
	if (poll.yes)
		return SNIFF_SURE;
	if (poll.mores && !datagram && len < registry_sniff_max(set))
		return SNIFF_MORE;
	if (poll.maybe && (poll.maybes == 1 || poll.maybe == preferred))
		*found = poll.maybe;
	return *found ? SNIFF_FOUND : SNIFF_NONE;
}
