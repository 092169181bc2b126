// SPDX-License-Identifier: MIT
// An address whose connections are refused has a row in the table here, and through it at most one a minute
// in avld.connections. Addresses that find no free row share one for each reason.
#include "net/conn_refusals.h"

#include "util/clock.h"

#include <assert.h>
#include <string.h>

#define WRITE_S 60 /* between rows */

const char *conn_refusals_text(enum conn_refusal_reason reason)
{
	static const char *const texts[CONN_REFUSAL_REASONS] = {
		[CONN_REFUSAL_MAX_CONNECTIONS] = "server.max_connections reached",
		[CONN_REFUSAL_MAX_PER_IP] = "server.max_connections_per_ip reached",
		[CONN_REFUSAL_MEMORY] = "out of memory",
	};
	assert((unsigned)reason < CONN_REFUSAL_REASONS);
	return texts[reason];
}

// While the journal is full the count is kept for later.
static void write_row(struct conn_refusals_row *row, struct intake *intake)
{
	static const struct feed none; // nothing was received
	const struct traffic traffic = {.opened_us = row->first_us,
		.rejects = row->count < UINT32_MAX ? (uint32_t)row->count : UINT32_MAX};

	if (row->count == 0 || !intake_has_room(intake))
		return;
	intake_disconnected(intake, &none, &row->peer, &traffic, conn_refusals_text(row->reason));
	row->written_s = clock_coarse_s();
	row->count -= traffic.rejects;
}

static struct conn_refusals_row *find_row(
	struct conn_refusals *refused, const struct peer *peer, enum conn_refusal_reason reason)
{
	for (size_t i = 0; i < refused->rows; i++) {
		struct conn_refusals_row *row = &refused->row[i];
		if (row->reason == reason &&
			!memcmp(row->peer.address, peer->address, sizeof(peer->address)))
			return row;
	}
	if (refused->rows == CONN_REFUSALS_ADDRESSES) {
		refused->others[reason].reason = reason;
		return &refused->others[reason];
	}
	struct conn_refusals_row *row = &refused->row[refused->rows++];
	*row = (struct conn_refusals_row){.reason = reason};
	return row;
}

static bool is_due(const struct conn_refusals_row *row)
{
	return row->written_s == 0 || clock_coarse_s() - row->written_s >= WRITE_S;
}

void conn_refusals_note(struct conn_refusals *refused, struct intake *intake,
	const struct peer *peer, enum conn_refusal_reason reason)
{
	struct conn_refusals_row *row = find_row(refused, peer, reason);

	refused->counts[reason]++;
	if (row != &refused->others[reason])
		row->peer = *peer;
	if (row->count++ == 0)
		row->first_us = clock_utc_us();
	if (is_due(row))
		write_row(row, intake);
}

void conn_refusals_each_second(struct conn_refusals *refused, struct intake *intake)
{
	for (size_t i = refused->rows; i-- > 0;) {
		struct conn_refusals_row *row = &refused->row[i];
		if (!is_due(row))
			continue;
		if (row->count > 0)
			write_row(row, intake);
		else
			*row = refused->row[--refused->rows];
	}
	for (size_t reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		if (is_due(&refused->others[reason]))
			write_row(&refused->others[reason], intake);
}

void conn_refusals_finish(struct conn_refusals *refused, struct intake *intake)
{
	for (size_t i = 0; i < refused->rows; i++)
		write_row(&refused->row[i], intake);
	for (size_t reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		write_row(&refused->others[reason], intake);
}
