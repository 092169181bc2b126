// SPDX-License-Identifier: MIT
// Whether the owner's settings (avld.devices) admit a device, and the password that a peer gives for it.
#ifndef AVLD_INTAKE_ADMISSION_H
#define AVLD_INTAKE_ADMISSION_H

#include "feed/registry.h"
#include "model/device_directory.h"
#include "model/peer.h"

enum refusal {
	REFUSAL_BLOCKED,
	REFUSAL_NETWORK,
	REFUSAL_OTHER_PROTOCOL,
	REFUSAL_SECRET,
	REFUSAL_UNKNOWN,
	REFUSAL_TOO_MANY,
	REFUSAL_NEW,
	REFUSALS
};
// The reasons as they stand in rejects.
extern const char *const admission_refusals[REFUSALS];
// Returns true if `reason` is one for which the owner has not admitted a device: such rejects must not be decoded
// later.
bool admission_is_refusal(struct text reason);

// The password that a peer gave last, kept until the conversation ends: avld.devices may not have been read when the device
// logs in, and a secret may change afterwards. NULL: none.
struct credential;
void admission_keep_password(struct credential **credential, struct text password);
void admission_drop_password(struct credential **credential);

// Returns true if it is the password that the device's secret asks for.
bool admission_has_password(struct credential *credential, const struct device *device);

// Returns true if the peer is outside the device's networks.
static inline bool admission_is_elsewhere(const struct device *device, const struct peer *peer)
{
	return device->networks && !networks_contain(device->networks, peer->address);
}

// Returns why the settings forbid to report for the device in this protocol from this peer, or NULL. The networks come before
// the secret: from elsewhere no password can be tried.
static inline const char *admission_objection(const struct device *device,
	const struct decoder *decoder, const struct peer *peer, struct credential *credential)
{
	if (device->state == DEVICE_BLOCKED)
		return admission_refusals[REFUSAL_BLOCKED];
	if (admission_is_elsewhere(device, peer))
		return admission_refusals[REFUSAL_NETWORK];
	if (device->decoder && (device->decoder == DEVICE_NO_DECODER ||
				       registry_decoders[device->decoder - 1] != decoder))
		return admission_refusals[REFUSAL_OTHER_PROTOCOL];
	if (device->secret && !admission_has_password(credential, device))
		return admission_refusals[REFUSAL_SECRET];
	return NULL;
}

#endif
