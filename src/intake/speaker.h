// SPDX-License-Identifier: MIT
// Who may speak for a device that several peers name. While it has a TCP connection of its own, only that one may: what
// datagrams and gateways report of it is set aside (FLAG_ASIDE). It is stored, but is no latest state, changes no device
// memory, gets no commands and confirms none.
#ifndef AVLD_INTAKE_SPEAKER_H
#define AVLD_INTAKE_SPEAKER_H

#include "model/device_directory.h"
#include "protocol/decoded.h"

// conversation: the one whose peer has sent the bytes at hand.
static inline bool speaker_is_aside(
	const struct device *device, const struct conversation *conversation)
{
	return device->live && device->live != conversation;
}

// Marks the reports of devices that have another connection. Returns true if there are any, or if `device` has one.
// device: that of the session; NULL: none.
bool speaker_set_aside(const struct device_directory *directory, const struct device *device,
	const struct conversation *conversation, struct decoded *decoded);

#endif
