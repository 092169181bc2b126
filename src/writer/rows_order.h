// SPDX-License-Identifier: MIT
// The order in which rows are sent: by device. The database finds the place of each row in the index of a day; rows of one
// device, and of devices that follow each other, have neighbouring places.
#ifndef AVLD_WRITER_ROWS_ORDER_H
#define AVLD_WRITER_ROWS_ORDER_H

#include <stddef.h>
#include <stdint.h>

// A device's key and the number of its row. Of the id its low 32 bits: order matters, not the device.
static inline uint64_t rows_order_key(int64_t device_id, size_t row)
{
	return (uint64_t)(uint32_t)device_id << 32 | (uint32_t)row;
}

static inline size_t rows_order_row(uint64_t key)
{
	return (uint32_t)key;
}

// Sorts by device; rows of one device keep their order. scratch: room for as many. Returns where the sorted keys are, one of
// the two.
uint64_t *rows_order_sort(uint64_t *keys, uint64_t *scratch, size_t count);

#endif
