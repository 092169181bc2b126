// SPDX-License-Identifier: MIT
// Lists of id, len, value, and tables of the numbers that may be in them.
#ifndef AVLD_DECODERS_JT808_ENTRIES_H
#define AVLD_DECODERS_JT808_ENTRIES_H

#include "decoders/jt808/jt808_report.h"

struct jt808_entry {
	uint32_t id;
	const uint8_t *v;
	size_t len;
};

// Reads the next entry. Returns false at the end, or where it runs past the end.
bool jt808_entries_next(
	struct reader *in, size_t id_size, size_t len_size, struct jt808_entry *entry);

// Returns true if the bytes are entries, to the end.
bool jt808_entries_add_up(const uint8_t *data, size_t len, size_t id_size, size_t len_size);

// Reads entries whose length has one byte. `read` returns false for what it does not understand: that is kept in hex as prefix + id.
// Returns false, and reads nothing, if the bytes are not entries, to the end.
typedef bool jt808_entry_reader(struct jt808_report *r, const struct jt808_entry *entry);
bool jt808_entries_read(struct jt808_report *r, const uint8_t *data, size_t len, size_t id_size,
	const char *prefix, jt808_entry_reader *read);

// How the number of an id is read, which is as wide as its length: 1, 2 or 4 bytes.
struct jt808_row {
	uint16_t id;
	struct jt808_number number;
};

// Sets the entry's number. Returns false, and sets nothing, if the table does not have it, or it is impossible.
bool jt808_entries_set_number(struct jt808_report *r, const struct jt808_row *rows, size_t count,
	const struct jt808_entry *entry);

#endif
