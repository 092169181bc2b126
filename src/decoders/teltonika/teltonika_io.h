// SPDX-License-Identifier: MIT
// What the elements of a record mean: columns, alarms, extra.
#ifndef AVLD_DECODERS_TELTONIKA_IO_H
#define AVLD_DECODERS_TELTONIKA_IO_H

#include "decoders/teltonika/teltonika_elements.h"
#include "decoders/teltonika/teltonika_extra.h"

#define TELTONIKA_CELLS 4

// The elements of one record. The caller sets the first group; the others are found by teltonika_io_columns.
struct teltonika_io {
	struct session *session;
	struct decoded *out;
	struct report *report;
	struct teltonika_elements elements; /* before the first */
	unsigned event;
	int64_t time_us;

	bool has_adc2;                       /* of element 10, which replaces 6 */
	bool has_card;                       /* the driver is that of card */
	uint16_t lac;                        /* 0: none */
	uint32_t cid, cid_4g;                /* 0: none */
	uint32_t network;                    /* MCC and MNC as decimal digits; 0: none */
	const uint8_t *button;               /* 8 bytes of an iButton; NULL: none */
	const uint8_t *card[2];              /* 8 characters each; NULL: none */
	uint8_t cells_have[TELTONIKA_CELLS]; /* bit n: the value n is there */
	uint16_t cells[TELTONIKA_CELLS][4];  /* MNC, LAC, cell id, RSSI */
};

// Sets the columns and alarms of the report.
void teltonika_io_columns(struct teltonika_io *io);
// Add to extra: the network and its cells; then all elements that are no column.
void teltonika_io_cells(const struct teltonika_io *io, struct teltonika_extra *extra);
void teltonika_io_others(struct teltonika_io *io, struct teltonika_extra *extra);

// Adds MCC and MNC, of a number that has them as 5 or 6 decimal digits.
void teltonika_io_network(struct teltonika_extra *extra, uint32_t network);
static inline bool teltonika_io_is_network(uint64_t value)
{
	return value >= 10000 && value <= 999999;
}

#endif
