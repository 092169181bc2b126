// SPDX-License-Identifier: MIT
#include "decoders/watch/watch_network.h"

#include "decoders/cells.h"
#include "decoders/wifi.h"

#define CELLS_MOST  7
#define CODE_DIGITS 10
#define POINTS_MOST 99

// Moves `count` fields from the head of *rest to fields, in one pass: they are a few bytes each. Returns false if there are fewer.
static bool take(struct text *rest, struct text *fields, size_t count)
{
	const char *start = rest->data, *at = start;
	if (!at)
		return false;
	const char *end = start + rest->len;
	for (size_t i = 0; i < count; i++, start = ++at) {
		while (at < end && *at != ',')
			at++;
		fields[i] = (struct text){start, (size_t)(at - start)};
		if (at == end) {
			*rest = (struct text){NULL, 0};
			return i + 1 == count;
		}
	}
	*rest = (struct text){start, (size_t)(end - start)};
	return true;
}

// Cells -----------------------------------------------------------------------

struct cell {
	uint64_t lac, cid;
	int64_t rssi;
};

// Reads a country or network code; absent and filler: CELLS_NO_CODE.
static bool read_code(struct text text, uint64_t *code)
{
	if (text.len > 0 && text.len <= 9 && text_uint(text, code)) {
		if (*code > 999)
			*code = CELLS_NO_CODE;
		return true;
	}
	*code = CELLS_NO_CODE;
	return text.len == 0 || text_equal(text, "FFFF");
}

// Reads the fields of all cells. Returns false if one does not fit.
static bool read_all(const struct text *fields, size_t count, bool in_hex, struct cell *cells)
{
	bool (*const read)(struct text, uint64_t *) = in_hex ? text_hex : text_uint;
	for (struct cell *cell = cells; cell < cells + count; cell++, fields += 3) {
		if (fields[0].len > CODE_DIGITS || !read(fields[0], &cell->lac) ||
			fields[1].len > CODE_DIGITS || !read(fields[1], &cell->cid))
			return false;
		cell->rssi = CELLS_NO_RSSI;
		if (fields[2].len > 0 && !fields_level(fields[2], &cell->rssi))
			return false;
	}
	return true;
}

// Reads the cells. Returns false, and moves nothing, if they do not fit.
static bool read_cells(const struct watch_message *m, struct text *rest)
{
	struct text left = *rest, fields[3 + 3 * CELLS_MOST];
	uint64_t count, mcc, mnc;
	struct cell found[CELLS_MOST];
	struct cells cells;
	if (!take(&left, fields, 1) || !fields_is_digits(fields[0], 1, 2) ||
		!text_uint(fields[0], &count) || count > CELLS_MOST)
		return false;
	if (count > 0) {
		if (!take(&left, fields, 3 + 3 * count) || !fields_is_digits(fields[0], 0, 9) ||
			!read_code(fields[1], &mcc) || !read_code(fields[2], &mnc) ||
			(!read_all(fields + 3, count, false, found) &&
				!read_all(fields + 3, count, true, found)))
			return false;
		cells_init(&cells, mcc, mnc, m->report, m->out);
		for (size_t i = 0; i < count; i++)
			cells_put(&cells, found[i].lac, found[i].cid, found[i].rssi);
		cells_end(&cells);
	}
	*rest = left;
	return true;
}

// Wi-Fi -----------------------------------------------------------------------

static size_t count_fields(struct text rest)
{
	size_t count = 1;
	if (!rest.data)
		return 0;
	for (size_t i = 0; i < rest.len; i++)
		count += rest.data[i] == ',';
	return count;
}

// An entry without a counted address has an empty mac.
struct point {
	struct text mac, level;
};

// Takes the first of `entries` entries. Its name may contain commas: as many fields more as are left when each entry has three.
// Returns false if there are too few fields.
static bool take_entry(struct text *rest, uint64_t entries, struct point *point)
{
	struct text left = *rest, parts[3];
	if (!take(&left, parts, 3))
		return false;
	if (wifi_is_mac(parts[1], false)) {
		*point = (struct point){parts[1], parts[2]};
		*rest = left;
		return true;
	}
	left = (struct text){parts[2].data, (size_t)(rest->data + rest->len - parts[2].data)};
	const size_t fields = count_fields(*rest);
	if (fields < 3 * entries)
		return false;
	struct text search = left;
	for (size_t spare = fields - 3 * entries; spare > 0; spare--) {
		if (!text_next(&search, ',', &point->mac) || !wifi_is_mac(point->mac, false))
			continue;
		*rest = search;
		return text_next(rest, ',', &point->level);
	}
	point->mac.len = 0;
	*rest = left;
	return text_next(rest, ',', &point->level);
}

// Reads the points. Returns false, and moves nothing, if they do not fit.
static bool read_points(const struct watch_message *m, struct text *rest)
{
	char wifi[POINTS_MOST * WIFI_POINT];
	size_t len = 0;
	struct text left = *rest, number;
	struct point point;
	uint64_t count = 0;
	int64_t level;
	if (!text_next(&left, ',', &number) ||
		(number.len > 0 && (!fields_is_digits(number, 1, 2) || !text_uint(number, &count))))
		return false;
	for (; count > 0; count--) {
		if (!take_entry(&left, count, &point))
			return false;
		if (point.mac.len == 0 || !fields_level(point.level, &level))
			continue;
		len = wifi_put(wifi, len, point.mac, level);
	}
	watch_message_keep(m, "wifi", (struct text){wifi, len});
	*rest = left;
	return true;
}

// Reads the accuracy, which has a point, or a model's flag, which is not kept. Returns false, and moves nothing, for another text.
static bool read_last(const struct watch_message *m, struct text *rest)
{
	struct text left = *rest, text;
	int64_t value;
	unsigned decimals;
	if (!text_next(&left, ',', &text))
		return false;
	if (text.len > 0 && !text_equal(text, "0") && !text_equal(text, "00") &&
		!text_equal(text, "10")) {
		if (!memchr(text.data, '.', text.len) || text.data[0] == '-' ||
			text.data[0] == '+' || !fields_number(text, &value, &decimals))
			return false;
		if (value > 0)
			extra_fixed(m->out, m->report, "accuracy", value, decimals);
	}
	*rest = left;
	return true;
}

void watch_network_decode(const struct watch_message *m, struct text rest)
{
	if (read_cells(m, &rest) && read_points(m, &rest))
		read_last(m, &rest);
	watch_message_keep(m, "tail", watch_message_without_commas(rest));
}
