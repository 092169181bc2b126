// SPDX-License-Identifier: MIT
// The items of a position block, by id.
#ifndef AVLD_DECODERS_JT808_ITEMS_H
#define AVLD_DECODERS_JT808_ITEMS_H

#include "decoders/jt808/jt808_report.h"

// Reads the items to the end of the bytes. What is not understood is kept as i<id>.
void jt808_items_read(struct jt808_report *r, const uint8_t *data, size_t len);

// Reads an item: returns false, and sets nothing, if its length is another one or a value is impossible.
typedef bool jt808_item_reader(struct jt808_report *r, const uint8_t *v, size_t len);

// Visits id, len, value to the end of the bytes, the last one cut at the end. read: returns false for what is kept.
void jt808_items_visit(struct jt808_report *r, const uint8_t *data, size_t len,
	bool (*read)(struct jt808_report *r, uint8_t id, const uint8_t *v, size_t len));

#endif
