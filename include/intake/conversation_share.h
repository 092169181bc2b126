// SPDX-License-Identifier: MIT
// What a peer costs: counted against the share of its device, or of a stranger while it has none in avld.devices.
#ifndef AVLD_INTAKE_CONVERSATION_SHARE_H
#define AVLD_INTAKE_CONVERSATION_SHARE_H

#include "intake/conversation_data.h"

// Leaves a device that is new no more than a stranger's share.
void conversation_share_begin(struct device *device);
// Begins the probation of the conversation if its first device, this one, is new.
void conversation_share_begin_probation(const struct intake *intake,
	struct conversation *conversation, const struct device *device);

// Counts the work that these bytes have made since the counters were `before`.
void conversation_share_charge(const struct intake *intake, struct conversation *conversation,
	const struct intake_counters *before, size_t bytes);
// Returns true while the peer has cost less than its share.
bool conversation_share_is_left(struct conversation *conversation, uint32_t now_ms);

#endif
