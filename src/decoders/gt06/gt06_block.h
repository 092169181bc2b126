// SPDX-License-Identifier: MIT
// The blocks that most GT06 messages are made of: GPS, CELL, lists of cells and access points,
// STATUS. They are drawn in gt06_block.c.
#ifndef AVLD_DECODERS_GT06_BLOCK_H
#define AVLD_DECODERS_GT06_BLOCK_H

#include "decoders/gt06/gt06_frame.h"

// GPS -------------------------------------------------------------------------

// Returns true if a complete GPS block follows whose time and position are in range, or zero.
bool gt06_block_is_gps(const struct reader *r);
// Reads the GPS block and opens the report with it. Leaves a report only with DECODE_OK.
enum decode_status gt06_block_begin_gps(struct gt06_frame *f, struct reader *r);
// Sets position, course and ignition. lat, lon: 1/1800000 degree, unsigned; course: the course
// word, with the hemispheres; speed_e2: 1/100 km/h, -1 if not sent. Returns false, and sets no
// position, if a fix that is marked valid is out of range.
bool gt06_block_set_position(
	struct gt06_frame *f, uint32_t lat, uint32_t lon, uint16_t course, int64_t speed_e2);

// Cells -----------------------------------------------------------------------

// The bytes of each member of a cell. mnc 0: two if bit 15 of the MCC is set, else one.
struct gt06_widths {
	uint8_t mnc, lac, cid;
};
#define GT06_CELL_2G   ((struct gt06_widths){0, 2, 3})
#define GT06_CELL_4G   ((struct gt06_widths){0, 4, 8})
#define GT06_CELL_WIDE ((struct gt06_widths){2, 2, 4})
#define GT06_CELL_CID4 ((struct gt06_widths){1, 2, 4})

// Reads the serving cell. An all-zero cell sets nothing. Returns false, and sets nothing, if bytes
// are missing.
bool gt06_block_read_cell(struct gt06_frame *f, struct reader *r, struct gt06_widths widths);
// The same, from exactly `size` bytes, which decide the widths: 8, 9, 10, or 15 and more.
bool gt06_block_read_sized_cell(struct gt06_frame *f, struct reader *r, size_t size);
// Reads up to `count` cells of one network, until the bytes end. The first one is the serving cell.
void gt06_block_read_cells(struct gt06_frame *f, struct reader *r, unsigned mcc, unsigned mnc,
	struct gt06_widths widths, size_t count);
// Reads up to `count` access points: MAC address and rssi.
void gt06_block_read_wifi(struct gt06_frame *f, struct reader *r, size_t count);

// Status ----------------------------------------------------------------------

// Reads the STATUS block, of which trailing bytes may be missing.
void gt06_block_read_status(struct gt06_frame *f, struct reader *r);
// Set its members one by one.
void gt06_block_set_info(struct gt06_frame *f, uint8_t info);
void gt06_block_set_info_low(struct gt06_frame *f, uint8_t info); /* only bits 2..0 */
void gt06_block_set_level(struct gt06_frame *f, unsigned level);  /* battery: 0..6, or percent */
void gt06_block_set_gsm(struct gt06_frame *f, unsigned level);    /* 0..4 */
// Raises the alarm of the code or, if it has none, of the info byte (0: no info byte was sent).
void gt06_block_set_alarm(struct gt06_frame *f, uint8_t info, unsigned code);

#endif
