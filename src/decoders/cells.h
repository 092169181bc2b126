// SPDX-License-Identifier: MIT
// Cells of a mobile network in a report: the first as mcc, mnc, lac, cid and rssi, all others as the text cells,
// "lac,cid,rssi;lac,cid".
#ifndef AVLD_DECODERS_CELLS_H
#define AVLD_DECODERS_CELLS_H

#include "protocol/decoder.h"
#include "util/decimal.h"

#define CELLS_NO_RSSI INT64_MIN
#define CELLS_NO_CODE UINT64_MAX /* mcc or mnc is unknown */
#define CELLS_ROOM    3072 /* bytes of all but the first: more than those of any text frame become */

struct cells {
	uint64_t mcc, mnc;
	struct report *report;
	struct decoded *out;
	size_t count;
	size_t len; /* of others */
	char others[CELLS_ROOM];
};

static inline void cells_init(
	struct cells *cells, uint64_t mcc, uint64_t mnc, struct report *report, struct decoded *out)
{
	cells->mcc = mcc;
	cells->mnc = mnc;
	cells->report = report;
	cells->out = out;
	cells->count = cells->len = 0;
}

static inline void cells_put_first(struct report *report, uint64_t mcc, uint64_t mnc, uint64_t lac,
	uint64_t cid, struct decoded *out)
{
	if (mcc != CELLS_NO_CODE)
		extra_int(out, report, "mcc", (int64_t)mcc);
	if (mnc != CELLS_NO_CODE)
		extra_int(out, report, "mnc", (int64_t)mnc);
	extra_int(out, report, "lac", (int64_t)lac);
	extra_int(out, report, "cid", (int64_t)cid);
}

// Adds a cell. One beyond CELLS_ROOM is left out.
static inline void cells_put(struct cells *cells, uint64_t lac, uint64_t cid, int64_t rssi)
{
	if (cells->count++ == 0) {
		cells_put_first(cells->report, cells->mcc, cells->mnc, lac, cid, cells->out);
		if (rssi != CELLS_NO_RSSI)
			extra_int(cells->out, cells->report, "rssi", rssi);
		return;
	}
	if (CELLS_ROOM - cells->len < 3 * (DECIMAL_MAX + 2))
		return;
	char *end = cells->others + cells->len;
	if (cells->len > 0)
		*end++ = ';';
	end = decimal_write(end, lac);
	*end++ = ',';
	end = decimal_write(end, cid);
	if (rssi != CELLS_NO_RSSI) {
		*end++ = ',';
		end = decimal_write_signed(end, rssi);
	}
	cells->len = (size_t)(end - cells->others);
}

// Adds a cell; none if LAC and CID are 0.
static inline void cells_add(struct cells *cells, uint64_t lac, uint64_t cid, int64_t rssi)
{
	if (lac | cid)
		cells_put(cells, lac, cid, rssi);
}

static inline void cells_end(struct cells *cells)
{
	if (cells->len > 0)
		extra_text(cells->out, cells->report, "cells", cells->others, cells->len);
}

#endif
