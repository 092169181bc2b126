// SPDX-License-Identifier: MIT
// The blocks that most GT06 messages are made of: GPS, CELL, lists of cells and access points,
// STATUS. They are drawn in gt06_block.c.
#ifndef AVLD_DECODERS_GT06_BLOCK_H
#define AVLD_DECODERS_GT06_BLOCK_H

#include "decoders/gt06/gt06_frame.h"

// GPS -------------------------------------------------------------------------

// Returns true if a complete GPS block follows whose time and position are in range, or zero.
bool gt06_block_is_gps(const struct reader *r);
// The same for the 12 bytes of a GPS block after its time.
bool gt06_block_is_place(const struct reader *r);
// Reads the GPS block and opens the report with it. Leaves a report only with DECODE_OK.
enum decode_status gt06_block_begin_gps(struct gt06_frame *f, struct reader *r);
// Sets position, course and ignition. lat, lon: 1/1800000 degree, unsigned; course: the course
// word, with the hemispheres; speed_e2: 1/100 km/h, -1 if not sent. Returns false, and sets no
// position, if a fix that is marked valid is out of range.
bool gt06_block_set_position(
	struct gt06_frame *f, uint32_t lat, uint32_t lon, uint16_t course, int64_t speed_e2);

// Sets the satellites. Returns false, and sets nothing, if there are more than there can be.
bool gt06_block_set_satellites(struct gt06_frame *f, uint64_t count);

// Reads the 12 bytes of a GPS block after its time. Returns false as above.
bool gt06_block_read_place(struct gt06_frame *f, struct reader *r);

// Cells -----------------------------------------------------------------------

// The bytes of each member of a cell. mnc 0: two if bit 15 of the MCC is set, else one.
struct gt06_widths {
	uint8_t mnc, lac, cid;
};
#define GT06_CELL_2G   ((struct gt06_widths){0, 2, 3})
#define GT06_CELL_4G   ((struct gt06_widths){0, 4, 8})
#define GT06_CELL_32   ((struct gt06_widths){0, 2, 4})
#define GT06_CELL_WIDE ((struct gt06_widths){2, 2, 4})
#define GT06_CELL_CID4 ((struct gt06_widths){1, 2, 4})

// Reads the serving cell. An all-zero cell sets nothing. Returns false, reads and sets nothing, if
// bytes are missing or the network is impossible.
bool gt06_block_read_cell(struct gt06_frame *f, struct reader *r, struct gt06_widths widths);
// Returns true if such a cell follows, which is all zero or has a possible MCC and MNC.
bool gt06_block_is_cell(const struct reader *r, struct gt06_widths widths);
// Returns true if this is the code of a network, or of none (both 0).
bool gt06_block_is_network(unsigned mcc, unsigned mnc);
// Returns the widths of a cell of this size at these bytes: 8, 9, 10, 15 or 16.
struct gt06_widths gt06_block_widths_of(const uint8_t *cell, size_t size);
// Returns true if these bytes are a possible cell of this size.
bool gt06_block_is_sized_cell(const struct reader *r, size_t size);
// Reads a cell from exactly `size` bytes, which decide the widths: 8, 9, 10, or 15 and more. Keeps
// them as hex, and returns false, if the network is impossible.
bool gt06_block_read_sized_cell(struct gt06_frame *f, struct reader *r, size_t size);
// Reads up to `count` cells of one network, until the bytes end. The first one is the serving cell.
void gt06_block_read_cells(struct gt06_frame *f, struct reader *r, unsigned mcc, unsigned mnc,
	struct gt06_widths widths, size_t count);
// The same for cells with a LAC of 2 and a CID of 3 bytes, none of which is the serving cell.
void gt06_block_read_neighbours(struct gt06_frame *f, struct reader *r, size_t count);
// Reads a radio type, the cell, 4G from type 3 on, and its rssi, u16 if 4G. Returns false if bytes
// are missing or the network is impossible; then *r is unchanged.
bool gt06_block_read_radio_cell(struct gt06_frame *f, struct reader *r);
// Reads up to `count` access points: MAC address and rssi.
void gt06_block_read_wifi(struct gt06_frame *f, struct reader *r, size_t count);
// The same for pairs of an unknown u16 and a MAC address.
void gt06_block_read_macs(struct gt06_frame *f, struct reader *r, size_t count);

// Reads the UPLOAD block: ignition u8, reason u8, buffered u8.
void gt06_block_read_upload(struct gt06_frame *f, struct reader *r);

// Status ----------------------------------------------------------------------

// Reads the STATUS block, of which trailing bytes may be missing.
void gt06_block_read_status(struct gt06_frame *f, struct reader *r);
// Set its members one by one.
void gt06_block_set_info(struct gt06_frame *f, uint8_t info);
void gt06_block_set_info_low(struct gt06_frame *f, uint8_t info); /* only bits 2..0 */
void gt06_block_set_level(struct gt06_frame *f, unsigned level);  /* battery: 0..6, or percent */
void gt06_block_set_gsm(struct gt06_frame *f, unsigned level);    /* 0..4 */
// Returns true if five bytes are a possible STATUS.
bool gt06_block_is_status(const uint8_t *status);
// Raises the alarms of the code and of the info byte (0: no info byte was sent).
void gt06_block_set_alarm(struct gt06_frame *f, uint8_t info, unsigned code);

#endif
