// SPDX-License-Identifier: MIT
// The table of decoders, and the decision which of them the first bytes belong to.
#include "feed/registry.h"

#include "decoders/decoders.h"

#include <string.h>

const struct decoder *const registry_decoders[] = {
	&decoder_gt06,
	&decoder_pt502,
	NULL,
};

const struct decoder *registry_find(const char *name, size_t len)
{
	for (size_t i = 0; registry_decoders[i]; i++)
		if (strlen(registry_decoders[i]->name) == len &&
			!memcmp(registry_decoders[i]->name, name, len))
			return registry_decoders[i];
	return NULL;
}

// What the set says about the bytes: how many say YES, MAYBE and MORE, and the first (or preferred)
// of each.
struct poll {
	const struct decoder *yes, *maybe;
	unsigned maybes, mores;
};

static struct poll ask(decoder_set set, const struct decoder *preferred, const uint8_t *data,
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

enum sniff registry_sniff(decoder_set set, const struct decoder *preferred, const uint8_t *data,
	size_t len, bool datagram, const struct decoder **found)
{
	const struct poll poll = ask(set, preferred, data, len, datagram);
	const bool last_chance = datagram || len >= SNIFF_CAP;

	*found = NULL;
	if (poll.yes)
		*found = poll.yes;
	else if (poll.mores && !last_chance)
		return SNIFF_MORE;
	else if (poll.maybe && (poll.maybes == 1 || poll.maybe == preferred))
		*found = poll.maybe;
	return *found ? SNIFF_FOUND : SNIFF_NONE;
}
