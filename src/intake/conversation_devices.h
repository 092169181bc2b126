// SPDX-License-Identifier: MIT
// The devices of a conversation. Over UDP: the one admitted last. Over TCP: nearly always one, which is connected as long
// as the connection. A connection that names several serves them all, up to CONVERSATION_IDENTS; beyond that it is a
// gateway, and its devices are not "connected".
#ifndef AVLD_INTAKE_CONVERSATION_DEVICES_H
#define AVLD_INTAKE_CONVERSATION_DEVICES_H

#include "intake/conversation_data.h"

// Makes it the device admitted last; NULL: none. UDP only.
void conversation_devices_set(struct conversation *c, struct device *device);

// Makes it the device admitted last, and this its live connection; `displace` ends an earlier one. Journals that a new one
// is connected. TCP only, as all below but conversation_devices_drop.
void conversation_devices_connect(struct intake *intake, struct conversation *c,
	struct device *device, void (*displace)(struct conversation *));
// Names the other devices of a frame with records of several, as far as they are admitted, and marks the reports of a
// gateway.
void conversation_devices_name_others(
	struct intake *intake, struct conversation *c, struct decoded *decoded);

// Journals that the devices have left the connection, except the one that the session names: the entry of the
// connection's end covers it.
void conversation_devices_leave(struct intake *intake, struct conversation *c);
// Ends commands over the conversation, and forgets the device admitted last.
void conversation_devices_drop(struct intake *intake, struct conversation *c);

#endif
