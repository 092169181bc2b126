// SPDX-License-Identifier: MIT
// Who is turned away again and again has a row in the table here, and through it one a minute in
// avld.connections. Addresses that find none share one for each reason.
#include "net/conn_refusals.h"

#include <assert.h>
#include <string.h>

#define TELL_S 60

const char *conn_refusals_reason(enum refused_why why)
{
	static const char *const reasons[REFUSED_REASONS] = {
		[REFUSED_MAX_CONNECTIONS] = "server.max_connections reached",
		[REFUSED_MAX_CONNECTIONS_PER_IP] = "server.max_connections_per_ip reached",
		[REFUSED_MEMORY] = "out of memory",
	};
	assert((unsigned)why < REFUSED_REASONS);
	return reasons[why];
}

// A full journal leaves the number for later.
static void tell(struct conn_refusals_row *row, struct intake *intake)
{
	static const struct feed nobody; // said nothing
	const struct traffic traffic = {.opened_us = row->first_us,
		.rejects = row->count < UINT32_MAX ? (uint32_t)row->count : UINT32_MAX};

	if (row->count == 0 || !intake_room(intake))
		return;
	intake_disconnected(intake, &nobody, &row->peer, &traffic, conn_refusals_reason(row->why));
	row->told_s = intake_now_s();
	row->count -= traffic.rejects;
}

static struct conn_refusals_row *find_row(
	struct conn_refusals *refused, const struct peer *peer, enum refused_why why)
{
	for (size_t i = 0; i < refused->rows; i++) {
		struct conn_refusals_row *row = &refused->row[i];
		if (row->why == why &&
			!memcmp(row->peer.address, peer->address, sizeof(peer->address)))
			return row;
	}
	if (refused->rows == REFUSED_ADDRESSES) {
		refused->others[why].why = why;
		return &refused->others[why];
	}
	struct conn_refusals_row *row = &refused->row[refused->rows++];
	*row = (struct conn_refusals_row){.why = why};
	return row;
}

// Told the last time so long ago, or never.
static bool is_due(const struct conn_refusals_row *row)
{
	return row->told_s == 0 || intake_now_s() - row->told_s >= TELL_S;
}

void conn_refusals_note(struct conn_refusals *refused, struct intake *intake,
	const struct peer *peer, enum refused_why why)
{
	struct conn_refusals_row *row = find_row(refused, peer, why);

	refused->counts[why]++;
	if (row != &refused->others[why])
		row->peer = *peer;
	if (row->count++ == 0)
		row->first_us = intake_now_us();
	if (is_due(row))
		tell(row, intake);
}

void conn_refusals_each_second(struct conn_refusals *refused, struct intake *intake)
{
	for (size_t i = refused->rows; i-- > 0;) {
		struct conn_refusals_row *row = &refused->row[i];
		if (!is_due(row))
			continue;
		if (row->count > 0)
			tell(row, intake);
		else
			*row = refused->row[--refused->rows];
	}
	for (size_t why = 0; why < REFUSED_REASONS; why++)
		if (is_due(&refused->others[why]))
			tell(&refused->others[why], intake);
}

void conn_refusals_finish(struct conn_refusals *refused, struct intake *intake)
{
	for (size_t i = 0; i < refused->rows; i++)
		tell(&refused->row[i], intake);
	for (size_t why = 0; why < REFUSED_REASONS; why++)
		tell(&refused->others[why], intake);
}
