// SPDX-License-Identifier: MIT
// The devices that a connection has named: nearly always one, which is connected as long as it is.
// One that names several serves them all, up to IDENTS_MAX; beyond that it is a gateway.
#include "net/conn_internal.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>

static size_t count_named(const struct conn *c)
{
	return c->named ? c->idents : c->device != NULL;
}

static bool has_named(const struct conn *c, const struct device *device)
{
	for (size_t i = 0; i < count_named(c); i++)
		if ((c->named ? c->named[i] : c->device) == device)
			return true;
	return false;
}

void conn_leave_all(struct conn *c, bool ends)
{
	const struct session *session = &c->feed.session;

	for (size_t i = 0; i < count_named(c); i++) {
		const struct device *device = c->named ? c->named[i] : c->device;
		if (!ends || device->ident_len != session->ident_len ||
			memcmp(device->ident, session->ident, session->ident_len) != 0)
			intake_left(conns_of(c)->intake, &c->feed, &c->peer, device);
	}
	free(c->named);
	c->named = NULL;
}

// Returns whether it is one more. Beyond IDENTS_MAX they are a gateway's, and forgotten.
static bool name_device(struct conn *c, struct device *device)
{
	if (c->idents > IDENTS_MAX || has_named(c, device))
		return false;
	if (!c->named && c->idents == 1) {
		c->named = calloc(IDENTS_MAX, sizeof(struct device *));
		if (!c->named)
			log_fatal("out of memory: connections");
		c->named[0] = c->device;
	}
	if (c->idents == IDENTS_MAX) {
		conn_leave_all(c, false);
		if (c->device->live == c)
			c->device->live = NULL;
		c->idents++;
		return false;
	}
	if (c->named)
		c->named[c->idents] = device;
	c->idents++;
	return true;
}

const char *conn_attach(struct conn *c)
{
	struct intake *intake = conns_of(c)->intake;
	struct device *device;
	const char *refusal = intake_admit(intake, &c->feed, &device);

	if (refusal)
		return refusal;
	if (c->device && c->device->live == c)
		c->device->live = NULL;
	const bool new = name_device(c, device);
	c->device = device;
	if (c->idents > IDENTS_MAX)
		return NULL;
	if (device->live)
		conn_end(device->live, "device connected again");
	device->live = c;
	if (new)
		intake_connected(intake, &c->feed, &c->peer);
	return NULL;
}

void conn_name_others(struct conn *c, struct decoded *batch)
{
	for (size_t i = 0; batch->report_count > 1 && i < batch->report_count; i++) {
		const struct text ident = batch->reports[i].ident;
		if (!c->device || (c->device->ident_len == ident.len &&
					  !memcmp(c->device->ident, ident.data, ident.len)))
			continue;
		struct device *device = intake_device(conns_of(c)->intake, ident);
		if (device)
			name_device(c, device);
	}
	for (size_t i = 0; c->idents > IDENTS_MAX && i < batch->report_count; i++)
		batch->reports[i].body.flags |= FLAG_SHARED;
}
