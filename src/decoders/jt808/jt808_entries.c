// SPDX-License-Identifier: MIT
#include "decoders/jt808/jt808_entries.h"

bool jt808_entries_next(
	struct reader *in, size_t id_size, size_t len_size, struct jt808_entry *entry)
{
	if (in->left == 0)
		return false;
	entry->id = (uint32_t)reader_be(in, id_size);
	entry->len = (size_t)reader_be(in, len_size);
	entry->v = reader_bytes(in, entry->len);
	return entry->v && !in->bad;
}

bool jt808_entries_add_up(const uint8_t *data, size_t len, size_t id_size, size_t len_size)
{
	struct reader in = reader_of(data, len);
	struct jt808_entry entry;
	while (jt808_entries_next(&in, id_size, len_size, &entry))
		;
	return !in.bad;
}

bool jt808_entries_read(struct jt808_report *r, const uint8_t *data, size_t len, size_t id_size,
	const char *prefix, jt808_entry_reader *read)
{
	struct reader in = reader_of(data, len);
	struct jt808_entry entry;
	if (!jt808_entries_add_up(data, len, id_size, 1))
		return false;
	while (jt808_entries_next(&in, id_size, 1, &entry))
		if (!read(r, &entry))
			jt808_report_keep(
				r, prefix, entry.id, 2 * (unsigned)id_size, entry.v, entry.len);
	return true;
}

bool jt808_entries_set_number(struct jt808_report *r, const struct jt808_row *rows, size_t count,
	const struct jt808_entry *entry)
{
	uint32_t value;
	for (size_t i = 0; i < count; i++)
		if (rows[i].id == entry->id)
			return jt808_report_wide(entry->v, entry->len, &value) &&
			       jt808_report_number(r, &rows[i].number, value);
	return false;
}
