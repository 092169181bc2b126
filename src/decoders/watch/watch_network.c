// SPDX-License-Identifier: MIT
#include "decoders/watch/watch_network.h"

#include "decoders/cells.h"
#include "util/hex.h"

#define CELLS_MOST  7
#define CODE_DIGITS 10
#define RSSI_DIGITS 3
#define MAC_LEN     17 /* 02:00:5e:10:00:01 */
#define WIFI_ENTRY  (12 + 1 + 1 + RSSI_DIGITS + 1)
#define WIFI_ROOM   ((FIELDS_MOST / 3 + 1) * WIFI_ENTRY)

// Reads a whole number with an optional minus.
static bool read_level(struct text text, int64_t *level)
{
	struct text digits = text;
	if (digits.len > 0 && digits.data[0] == '-')
		digits.data++, digits.len--;
	return fields_is_digits(digits, 1, RSSI_DIGITS) && text_int(text, level);
}

// Cells -----------------------------------------------------------------------

// Reads a country or network code; absent and filler: CELLS_NO_CODE.
static bool read_code(struct text text, uint64_t *code)
{
	*code = CELLS_NO_CODE;
	if (text.len == 0 || text_equal(text, "FFFF"))
		return true;
	if (!fields_is_digits(text, 1, 9) || !text_uint(text, code))
		return false;
	if (*code > 999)
		*code = CELLS_NO_CODE;
	return true;
}

static bool has_hex_letter(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text_is_digit(text.data[i]))
			return true;
	return false;
}

// Returns true if all cells fit. *in_hex: one of them has a hex letter, so all are in hex.
static bool check_cells(const struct fields *fields, size_t count, bool *in_hex)
{
	int64_t rssi;
	*in_hex = false;
	for (size_t at = 4; at < 4 + 3 * count; at += 3) {
		const struct text lac = fields->at[at], cid = fields->at[at + 1],
				  level = fields->at[at + 2];
		if (!fields_is_hex(lac, 1, CODE_DIGITS) || !fields_is_hex(cid, 1, CODE_DIGITS) ||
			(level.len > 0 && !read_level(level, &rssi)))
			return false;
		*in_hex = *in_hex || has_hex_letter(lac) || has_hex_letter(cid);
	}
	return true;
}

// Returns the number of fields read; 0: they do not fit.
static size_t read_cells(const struct watch_message *m, const struct fields *fields)
{
	uint64_t count, mcc, mnc, lac, cid;
	int64_t rssi;
	bool in_hex;
	struct cells cells;
	if (!fields_is_digits(fields->at[0], 1, 2) || !text_uint(fields->at[0], &count) ||
		count > CELLS_MOST)
		return 0;
	if (count == 0)
		return 1;
	const size_t used = 4 + 3 * count;
	if (fields->count < used || !fields_is_digits(fields->at[1], 0, 9) ||
		!read_code(fields->at[2], &mcc) || !read_code(fields->at[3], &mnc) ||
		!check_cells(fields, count, &in_hex))
		return 0;
	cells_init(&cells, mcc, mnc, m->report, m->out);
	for (size_t at = 4; at < used; at += 3) {
		bool (*const read)(struct text, uint64_t *) = in_hex ? text_hex : text_uint;
		if (read(fields->at[at], &lac) && read(fields->at[at + 1], &cid))
			cells_put(&cells, lac, cid,
				read_level(fields->at[at + 2], &rssi) ? rssi : CELLS_NO_RSSI);
	}
	cells_end(&cells);
	return used;
}

// Wi-Fi -----------------------------------------------------------------------

static bool is_mac(struct text text)
{
	if (text.len != MAC_LEN)
		return false;
	for (size_t i = 0; i < MAC_LEN; i++)
		if (i % 3 == 2 ? text.data[i] != ':' : text_hex_digit(text.data[i]) < 0)
			return false;
	return true;
}

// Writes the 12 digits of an address in lower case.
static char *put_mac(char *out, struct text mac)
{
	for (size_t i = 0; i < MAC_LEN; i++)
		if (i % 3 != 2)
			*out++ = hex_digits[text_hex_digit(mac.data[i])];
	return out;
}

// Returns the number of fields that the name of the entry has beyond the first: names may contain commas. spare: those
// that are left when each entry has three.
static size_t find_mac(const struct fields *fields, size_t at, size_t spare)
{
	for (size_t more = 0; more <= spare; more++)
		if (is_mac(fields->at[at + 1 + more]))
			return more;
	return 0;
}

// Returns the field after the points that begin at `at`; `at` if they do not fit.
static size_t read_points(const struct watch_message *m, const struct fields *fields, size_t at)
{
	char wifi[WIFI_ROOM], *end = wifi;
	const struct text number = fields->at[at];
	uint64_t count;
	int64_t level;
	if (number.len == 0)
		return at + 1;
	if (!fields_is_digits(number, 1, 2) || !text_uint(number, &count) ||
		3 * count > fields->count - at - 1)
		return at;
	size_t spare = fields->count - at - 1 - 3 * count;
	for (at++; count > 0; count--) {
		const size_t more = find_mac(fields, at, spare);
		const struct text mac = fields->at[at + 1 + more];
		spare -= more;
		at += 3 + more;
		if (!is_mac(mac) || !read_level(fields->at[at - 1], &level))
			continue;
		if (end > wifi)
			*end++ = ';';
		end = put_mac(end, mac);
		*end++ = ',';
		end = decimal_write_signed(end, level);
	}
	watch_message_keep(m, "wifi", (struct text){wifi, (size_t)(end - wifi)});
	return at;
}

// Returns true if the text is the accuracy, which has a point, or a model's flag, which is not kept.
static bool read_last(const struct watch_message *m, struct text text)
{
	int64_t value;
	unsigned decimals;
	if (text.len == 0 || text_equal(text, "0") || text_equal(text, "00") ||
		text_equal(text, "10"))
		return true;
	if (!memchr(text.data, '.', text.len) || text.data[0] == '-' || text.data[0] == '+' ||
		!fields_number(text, &value, &decimals))
		return false;
	if (value > 0)
		extra_fixed(m->out, m->report, "accuracy", value, decimals);
	return true;
}

void watch_network_decode(const struct watch_message *m, struct text rest)
{
	struct fields fields;
	fields_split(rest, &fields);
	size_t at = read_cells(m, &fields);
	if (at > 0 && at < fields.count) {
		const size_t points = at;
		at = read_points(m, &fields, at);
		if (at > points && at < fields.count && read_last(m, fields.at[at]))
			at++;
	}
	watch_message_keep(m, "tail", watch_message_without_commas(fields_from(&fields, at)));
}
