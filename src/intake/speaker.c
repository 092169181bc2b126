// SPDX-License-Identifier: MIT
#include "intake/speaker.h"

bool speaker_set_aside(const struct device_directory *directory, const struct device *device,
	const struct conversation *conversation, struct decoded *decoded)
{
	bool any = device && speaker_is_aside(device, conversation);

	for (size_t i = 0; i < decoded->report_count; i++) {
		struct report *report = &decoded->reports[i];
		const struct device *of =
			device && device_directory_has_ident(device, report->ident)
				? device
				: device_directory_find(directory, report->ident);
		if (!of || !speaker_is_aside(of, conversation))
			continue;
		report->body.flags |= FLAG_ASIDE;
		any = true;
	}
	return any;
}
