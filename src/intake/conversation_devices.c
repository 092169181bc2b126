// SPDX-License-Identifier: MIT
#include "intake/conversation_devices.h"

#include <stdlib.h>

void conversation_devices_set(struct conversation *c, struct device *device)
{
	if (c->device)
		c->device->users--;
	if (device)
		device->users++;
	c->device = device;
}

static size_t count_named(const struct conversation *c)
{
	return c->named ? c->idents : c->device != NULL && !conversation_is_gateway(c);
}

static const struct device *named_device(const struct conversation *c, size_t i)
{
	return c->named ? c->named[i] : c->device;
}

static bool has_named(const struct conversation *c, const struct device *device)
{
	for (size_t i = 0; i < count_named(c); i++)
		if (named_device(c, i) == device)
			return true;
	return false;
}

// Ends commands over this connection to the device admitted last.
static void give_up_live(struct intake *intake, struct conversation *c)
{
	if (!c->device || c->device->live != c)
		return;
	c->device->live = NULL;
	intake->counters.devices_connected--;
}

// Journals that the named devices have left the connection; unless `all`, except the one that the session names.
static void leave(struct intake *intake, struct conversation *c, bool all)
{
	for (size_t i = 0; i < count_named(c); i++)
		if (all || !conversation_names(c, named_device(c, i)))
			intake_left(intake, &c->feed, &c->peer, named_device(c, i));
	for (size_t i = 0; c->named && i < c->idents; i++)
		c->named[i]->users--;
	free(c->named);
	c->named = NULL;
}

static void become_gateway(struct intake *intake, struct conversation *c)
{
	leave(intake, c, true);
	give_up_live(intake, c);
	c->idents = CONVERSATION_IDENTS + 1;
}

// Adds the device to those of the connection, which may become a gateway by that. Returns true if it is a new one
// and the connection is no gateway.
static bool name_device(struct intake *intake, struct conversation *c, struct device *device)
{
	if (conversation_is_gateway(c) || has_named(c, device))
		return false;
	if (c->idents == 1 && c->device && !c->named) {
		c->named = calloc(CONVERSATION_IDENTS, sizeof(struct device *));
		if (c->named) {
			c->named[0] = c->device;
			c->device->users++;
		}
	}
	if (c->idents == CONVERSATION_IDENTS || (c->idents > 0 && !c->named)) {
		become_gateway(intake, c);
		return false;
	}
	if (c->named) {
		c->named[c->idents] = device;
		device->users++;
	}
	c->idents++;
	return true;
}

void conversation_devices_connect(struct intake *intake, struct conversation *c,
	struct device *device, void (*displace)(struct conversation *))
{
	give_up_live(intake, c);
	const bool is_new = name_device(intake, c, device);
	conversation_devices_set(c, device);
	if (conversation_is_gateway(c))
		return;
	if (device->live)
		displace(device->live);
	device->live = c;
	intake->counters.devices_connected++;
	if (is_new)
		intake_connected(intake, &c->feed, &c->peer);
}

void conversation_devices_name_others(
	struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	for (size_t i = 0; decoded->report_count > 1 && i < decoded->report_count; i++) {
		const struct text ident = decoded->reports[i].ident;
		if (!c->device || device_directory_has_ident(c->device, ident))
			continue;
		struct device *device = device_directory_find(intake->directory, ident);
		if (device)
			name_device(intake, c, device);
	}
	for (size_t i = 0; conversation_is_gateway(c) && i < decoded->report_count; i++)
		decoded->reports[i].body.flags |= FLAG_SHARED;
}

void conversation_devices_leave(struct intake *intake, struct conversation *c)
{
	leave(intake, c, false);
}

void conversation_devices_drop(struct intake *intake, struct conversation *c)
{
	give_up_live(intake, c);
	conversation_devices_set(c, NULL);
}
