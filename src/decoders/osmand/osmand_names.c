// SPDX-License-Identifier: MIT
#include "decoders/osmand/osmand_names.h"

#include "protocol/decoder.h"

const struct osmand_name osmand_names_table[] = {
	{"", "", 0, OSMAND_NONE, 0},
	{"lat", "", 3, OSMAND_LAT, 0},
	{"lon", "", 3, OSMAND_LON, 0},
	{"timestam", "p", 9, OSMAND_TIME, HAS_TIME},
	{"speed", "", 5, OSMAND_SPEED, HAS_SPEED},
	{"bearing", "", 7, OSMAND_COURSE, HAS_COURSE},
	{"heading", "", 7, OSMAND_COURSE, HAS_COURSE},
	{"altitude", "", 8, OSMAND_ALTITUDE, HAS_ALTITUDE},
	{"accuracy", "", 8, OSMAND_ACCURACY, 0},
	{"batt", "", 4, OSMAND_PERCENT, HAS_BATTERY_PERCENT},
	{"hdop", "", 4, OSMAND_HDOP, HAS_HDOP},
	{"valid", "", 5, OSMAND_VALID, 0},
	{"charge", "", 6, OSMAND_CHARGE, 0},
	{"ignition", "", 8, OSMAND_IGNITION, HAS_IGNITION},
	{"odometer", "", 8, OSMAND_ODOMETER, HAS_ODOMETER},
	{"alarm", "", 5, OSMAND_ALARM, 0},
	{"event", "", 5, OSMAND_EVENT, 0},
	{"sat", "", 3, OSMAND_SATELLITES, HAS_SATELLITES},
	{"battery", "", 7, OSMAND_BATTERY, HAS_BATTERY_V},
	{"batteryl", "evel", 12, OSMAND_PERCENT, HAS_BATTERY_PERCENT},
	{"power", "", 5, OSMAND_POWER, HAS_POWER_V},
	{"input", "", 5, OSMAND_INPUTS, HAS_INPUTS},
	{"output", "", 6, OSMAND_OUTPUTS, HAS_OUTPUTS},
	{"adc1", "", 4, OSMAND_ADC1, HAS_ADC1},
	{"adc2", "", 4, OSMAND_ADC2, HAS_ADC2},
	{"adc3", "", 4, OSMAND_ADC3, HAS_ADC3},
	{"adc4", "", 4, OSMAND_ADC4, HAS_ADC4},
	{"driverun", "iqueid", 14, OSMAND_DRIVER, 0},
	{"cell", "", 4, OSMAND_CELL, 0},
	{"wifi", "", 4, OSMAND_WIFI, 0},
	{"archive", "", 7, OSMAND_ARCHIVE, 0},
	{"location", "", 8, OSMAND_LOCATION, 0},
	{"notifica", "tiontoken", 17, OSMAND_DROPPED, 0},
	{"id", "", 2, OSMAND_IDENT, 0},
	{"deviceid", "", 8, OSMAND_IDENT, 0},
	{"attribut", "es", 10, OSMAND_ATTRIBUTES, 0},
	/* "&timestamp" in a page of HTML that took "&times" for the sign */
	{"\xc3\x97tamp", "", 6, OSMAND_TIME, HAS_TIME},
};

// The index in the table by the first 8 bytes of a name, times a factor for which all differ in the highest 6 bits.
#define HASH_FACTOR UINT64_C(0x199f7c89ea125877)
#define HASH_BITS   6
static const uint8_t by_hash[1 << HASH_BITS] = {0, 0, 10, 22, 0, 16, 24, 3, 0, 0, 9, 26, 0, 35, 8,
	32, 15, 4, 30, 0, 0, 0, 0, 17, 0, 0, 0, 34, 0, 31, 2, 18, 29, 0, 0, 28, 23, 0, 0, 21, 0, 25,
	1, 14, 19, 0, 12, 0, 27, 0, 11, 33, 5, 13, 0, 0, 6, 20, 0, 0, 7, 36, 0, 0};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool has_rest(const struct osmand_name *field, struct text name)
{
	for (size_t i = 8; i < name.len; i++)
		if (lower(name.data[i]) != field->rest[i - 8])
			return false;
	return true;
}

// Returns the first 8 bytes of a name in lower case, the first one lowest, padded with zeros.
static uint64_t start_of(struct text name)
{
	const struct scan scan = text_scan(name);
	const uint64_t word = scan_peek8(&scan), high = word & UINT64_C(0x8080808080808080);
	const uint64_t low = word & UINT64_C(0x7F7F7F7F7F7F7F7F);
	/* the high bit of a byte of 'A' and more, without that of one beyond 'Z' */
	const uint64_t letters = (low + UINT64_C(0x3F3F3F3F3F3F3F3F)) &
				 ~(low + UINT64_C(0x2525252525252525)) &
				 UINT64_C(0x8080808080808080) & ~high;
	return word | letters >> 2;
}

uint8_t osmand_names_find(struct text name)
{
	const uint64_t start = start_of(name);
	const uint8_t index = by_hash[start * HASH_FACTOR >> (64 - HASH_BITS)];
	const struct osmand_name *field = &osmand_names_table[index];
	return index && scan_word(field->start) == start && name.len == field->len &&
			       has_rest(field, name)
		       ? index
		       : 0;
}
