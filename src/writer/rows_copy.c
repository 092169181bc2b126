// SPDX-License-Identifier: MIT
#include "writer/rows_copy.h"

#include "util/log.h"

#include <stdlib.h>

static const uint8_t head[] = {
	'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0};

void *rows_copy_grow(void *memory, size_t *cap, size_t need, size_t each)
{
	size_t cap_new = *cap ? *cap : 256;
	while (cap_new < need)
		cap_new *= 2;
	memory = realloc(memory, cap_new * each);
	if (!memory)
		log_fatal("out of memory for=\"batch\"");
	*cap = cap_new;
	return memory;
}

void rows_copy_begin(struct rows_copy *copy)
{
	copy->data = rows_copy_room(copy->data, &copy->cap, sizeof(head), 1);
	memcpy(copy->data, head, sizeof(head));
	copy->len = sizeof(head);
	copy->rows = 0;
}

void rows_copy_finish(struct rows_copy *copy)
{
	copy->data = rows_copy_room(copy->data, &copy->cap, copy->len + 2, 1);
	copy->data[copy->len++] = 0xff;
	copy->data[copy->len++] = 0xff;
	if (copy->rows == 0 || !copy->keys)
		return;
	copy->offsets[copy->rows] = (uint32_t)(copy->len - 2);
	copy->scratch = rows_copy_room(
		copy->scratch, &copy->scratch_cap, copy->rows, sizeof(*copy->scratch));
	if (rows_order_sort(copy->keys, copy->scratch, copy->rows) == copy->keys)
		return;
	uint64_t *const keys = copy->scratch;
	const size_t cap = copy->scratch_cap;
	copy->scratch = copy->keys;
	copy->scratch_cap = copy->keys_cap;
	copy->keys = keys;
	copy->keys_cap = cap;
}

void rows_copy_done(struct rows_copy *copy)
{
	free(copy->data);
	free(copy->lsns);
	free(copy->offsets);
	free(copy->keys);
	free(copy->scratch);
	*copy = (struct rows_copy){0};
}

// ---- reading

static const uint8_t *row_at(const struct rows_copy *copy, size_t number, size_t *size)
{
	const size_t row = rows_order_row(copy->keys[number]);

	*size = copy->offsets[row + 1] - copy->offsets[row];
	return copy->data + copy->offsets[row];
}

#define AHEAD 4 /* rows: they are anywhere in memory */

// Gathers rows that fit the buffer; one that alone does not fit is not copied.
static size_t gather(const struct rows_copy *copy, struct rows_reader *reader, uint8_t *buffer,
	size_t cap, const uint8_t **piece)
{
	size_t used = 0, size;

	*piece = buffer;
	for (; reader->row < copy->rows; reader->row++) {
		const uint8_t *data = row_at(copy, reader->row, &size);
		if (size > cap - used && used > 0)
			break;
		if (size > cap) {
			reader->row++;
			*piece = data;
			return size;
		}
		if (reader->row + AHEAD < copy->rows) {
			size_t unused;
			const uint8_t *next = row_at(copy, reader->row + AHEAD, &unused);
			__builtin_prefetch(next);
			__builtin_prefetch(next + 64);
		}
		memcpy(buffer + used, data, size);
		used += size;
	}
	return used;
}

static size_t read_plain(const struct rows_copy *copy, struct rows_reader *reader, size_t end,
	size_t cap, const uint8_t **piece)
{
	const size_t left = end - reader->offset, len = left < cap ? left : cap;

	*piece = copy->data + reader->offset;
	reader->offset += len;
	return len;
}

size_t rows_copy_read(const struct rows_copy *copy, struct rows_reader *reader, uint8_t *buffer,
	size_t cap, const uint8_t **piece)
{
	if (!copy->keys || copy->rows == 0)
		return read_plain(copy, reader, copy->len, cap, piece);
	if (reader->offset < copy->offsets[0]) /* before the rows */
		return read_plain(copy, reader, copy->offsets[0], cap, piece);
	if (reader->row < copy->rows)
		return gather(copy, reader, buffer, cap, piece);
	if (reader->offset < copy->offsets[copy->rows])
		reader->offset = copy->offsets[copy->rows];
	return read_plain(copy, reader, copy->len, cap, piece);
}

uint64_t rows_copy_lsn(const struct rows_copy *copy, size_t line)
{
	if (line < 1 || line > copy->rows)
		return 0;
	return copy->lsns[copy->keys ? rows_order_row(copy->keys[line - 1]) : line - 1];
}
