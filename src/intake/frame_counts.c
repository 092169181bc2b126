// SPDX-License-Identifier: MIT
#include "intake/frame_counts.h"

#include "protocol/decoder.h"

const char *frame_counts_outcome_name(enum frame_outcome outcome)
{
	static const char *const names[FRAME_OUTCOMES] = {
		[FRAME_REFUSED] = "refused",
		[FRAME_ON_TRIAL] = "on_trial",
		[FRAME_POSITION] = "position",
		[FRAME_STATUS] = "status",
		[FRAME_REJECTED] = "rejected",
		[FRAME_HELD] = "held",
		[FRAME_IGNORED] = "ignored",
	};

	return names[outcome];
}

size_t frame_counts_find(const struct decoder *decoder)
{
	for (size_t i = 0; decoder && i < FRAME_COUNTS_NONE && registry_decoders[i]; i++)
		if (registry_decoders[i] == decoder)
			return i;
	return FRAME_COUNTS_NONE;
}

const char *frame_counts_protocol(size_t index)
{
	size_t count = 0;

	while (registry_decoders[count])
		count++;
	return index < count                ? registry_decoders[index]->name
	       : index == FRAME_COUNTS_NONE ? "-"
					    : NULL;
}
