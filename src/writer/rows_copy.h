// SPDX-License-Identifier: MIT
// Rows of one table as a stream of COPY BINARY, and their order:
//
//   "PGCOPY\n\377\r\n\0" flags(4) extension(4) { fields(2) { length(4) bytes }... }... -1(2)
//
// A row is begun, its fields are written through a plain pointer (rows_put.h), and it is ended.
#ifndef AVLD_WRITER_ROWS_COPY_H
#define AVLD_WRITER_ROWS_COPY_H

#include "writer/rows_order.h"

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Rows in COPY BINARY format. The memory grows to what a batch needs and is kept for the next one.
struct rows_copy {
	uint8_t *data;
	uint32_t *
		offsets; /* of each row in `data`, in the kinds that are sorted; else NULL, as `keys` */
	uint64_t *keys, *scratch; /* rows_order.h; sorted by rows_copy_finish */
	size_t offsets_cap, keys_cap, scratch_cap;
	size_t len, cap;
	/* Of the journal entry of each row of `data`; 0 in the kinds that batch_rows_set_states makes. */
	uint64_t *lsns;
	size_t rows, rows_cap;
};

// Removes the rows, keeps the memory. Also makes a zeroed one empty.
void rows_copy_begin(struct rows_copy *copy);
// Ends the stream and sorts the rows of a sorted kind; no row may follow.
void rows_copy_finish(struct rows_copy *copy);
void rows_copy_done(struct rows_copy *copy);

// Makes room in memory for `need` elements of `each` bytes. Returns the memory; out of memory is fatal.
void *rows_copy_grow(void *memory, size_t *cap, size_t need, size_t each);
static inline void *rows_copy_room(void *memory, size_t *cap, size_t need, size_t each)
{
	return need <= *cap ? memory : rows_copy_grow(memory, cap, need, each);
}

// Begins a row. Returns where its fields go: there is room for `size` bytes. lsn: of its journal entry.
static inline uint8_t *rows_copy_row(
	struct rows_copy *copy, unsigned fields, size_t size, uint64_t lsn)
{
	const uint16_t wire = htobe16((uint16_t)fields);
	copy->data = rows_copy_room(copy->data, &copy->cap, copy->len + sizeof(wire) + size, 1);
	copy->lsns =
		rows_copy_room(copy->lsns, &copy->rows_cap, copy->rows + 1, sizeof(*copy->lsns));
	copy->lsns[copy->rows++] = lsn;
	memcpy(copy->data + copy->len, &wire, sizeof(wire));
	return copy->data + copy->len + sizeof(wire);
}

// The same, for a kind that is sorted.
static inline uint8_t *rows_copy_sorted_row(
	struct rows_copy *copy, unsigned fields, size_t size, uint64_t lsn, int64_t device_id)
{
	const size_t row = copy->rows;

	copy->offsets =
		rows_copy_room(copy->offsets, &copy->offsets_cap, row + 2, sizeof(*copy->offsets));
	copy->keys = rows_copy_room(copy->keys, &copy->keys_cap, row + 1, sizeof(*copy->keys));
	copy->offsets[row] = (uint32_t)copy->len;
	copy->keys[row] = rows_order_key(device_id, row);
	return rows_copy_row(copy, fields, size, lsn);
}

// Ends the row at `end`, where its last field ends.
static inline void rows_copy_end_row(struct rows_copy *copy, const uint8_t *end)
{
	copy->len = (size_t)(end - copy->data);
}

// Reads the stream of COPY BINARY, rows in the order of their devices. Begin with a zeroed one.
struct rows_reader {
	size_t row;    /* the next one, in the kinds that are sorted */
	size_t offset; /* in `data` */
};

// Returns the next piece of the stream, in `piece`; its length is 0 at the end. It may lie in buffer, which has room for `cap`
// bytes: a piece is at most that long, unless it is a single row.
size_t rows_copy_read(const struct rows_copy *copy, struct rows_reader *reader, uint8_t *buffer,
	size_t cap, const uint8_t **piece);
// Returns the LSN of the row that is sent as number `line`, from 1 on; 0 if there is none.
uint64_t rows_copy_lsn(const struct rows_copy *copy, size_t line);

#endif
