// SPDX-License-Identifier: MIT
// A record as the PT-502 itself writes it, at one go:
//
//   $EVT,id,hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,22.40,84.40,ddmmyy,,,A/00010,00000/3e8,0,0,0/1200//fa7/
//        4..15 digits                            knots degrees           inputs outputs adc odometer state
//
// Nearly all records are of this kind, and they are what the daemon spends its time on. So nothing here
// loops over bytes, and hardly anything branches on what they are: fields are found and turned into
// numbers eight bytes at a step. Whatever is unusual about a record leaves it to pt502_record.c, which
// reads anything and says the same of these; tests compare the two.
#include "pt502.h"
#include "scan.h"

#define WORD        8
#define BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))
#define USUAL_LEAST 80  /* bytes: all that is read before a length is looked at lies within */
#define USUAL_MOST  255 /* no tracker writes longer ones */

struct usual {
	const char *ident;
	size_t ident_len;
	int64_t clock_us, date_us, lat_e7, lon_e7, odometer_m;
	uint64_t knots_e6, course_e2;
	uint32_t inputs, outputs, adc[4] /* zeros behind the last */, adc_count, input_count, state;
	bool valid;
};

// Where the first byte stands of which a bit of `mask` is set, as a number of bits; mask is not 0.
static inline unsigned first_bit(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask) & ~7u;
}

// Behind the "1234567890," at its head; NULL if it is none of 4..15 digits.
static inline const char *behind_ident(const char *at)
{
	uint64_t others = scan_others(scan_word(at) ^ BYTES('0'));
	size_t len = 0;
	if (!others) {
		others = scan_others(scan_word(at + WORD) ^ BYTES('0'));
		len = WORD;
	}
	if (!others)
		return NULL;
	len += first_bit(others) / 8;
	return len >= PT502_IDENT_LEAST && at[len] == ',' ? at + len + 1 : NULL;
}

// True if the next 38 bytes have the shape of these, with digits for zeros and anything for '?'. Reads 48.
static inline bool has_place_shape(const char *at)
{
	typedef uint8_t lanes __attribute__((vector_size(16)));
	static const char shape[48] = "000000.000,?,0000.0000,?,00000.0000,?,";
	static const char carry[48] = "\6\6\6\6\6\6\0\6\6\6\0\0\0\6\6\6\6\0\6\6"
				      "\6\6\0\0\0\6\6\6\6\6\0\6\6\6\6\0\0\0";
	static const char check[48] =
		"\xF0\xF0\xF0\xF0\xF0\xF0\xFF\xF0\xF0\xF0\xFF\0\xFF\xF0\xF0\xF0"
		"\xF0\xFF\xF0\xF0\xF0\xF0\xFF\0\xFF\xF0\xF0\xF0\xF0\xF0\xFF\xF0"
		"\xF0\xF0\xF0\xFF\0\xFF";
	lanes bytes, like, six, mask, wrong = {0};
	for (size_t i = 0; i < 48; i += sizeof bytes) { // as scan_others; separators must be equal
		memcpy(&bytes, at + i, sizeof bytes);
		memcpy(&like, shape + i, sizeof like);
		memcpy(&six, carry + i, sizeof six);
		memcpy(&mask, check + i, sizeof mask);
		bytes ^= like;
		wrong |= (bytes | (bytes + six)) & mask;
	}
	uint64_t halves[2];
	memcpy(halves, &wrong, sizeof halves);
	return !(halves[0] | halves[1]);
}

// "ddmm.mmmm" to 1e-7 degree; out of range for 60 minutes and more.
static inline int64_t take_angle(const char *at, unsigned hundreds)
{
	unsigned degrees = hundreds * 100 + (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
	uint64_t word = (scan_word(at) & UINT64_C(0x0F0F0000)) |
			(scan_word(at + 1) & UINT64_C(0x0F0F0F0F00000000));
	uint64_t minutes_e4 = scan_sum(word);
	if (minutes_e4 >= 600000)
		return INT64_MAX;
	return (int64_t)(degrees * UINT64_C(10000000) + (minutes_e4 * 100 + 3) / 6);
}

// "hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,", 38 bytes
static inline bool take_place(const char *at, struct usual *usual)
{
	if (!has_place_shape(at))
		return false;
	uint64_t pairs = scan_word(at) & UINT64_C(0x0F0F0F0F0F0F);
	pairs = pairs * 10 + (pairs >> 8);
	unsigned hour = pairs & 0xFF, minute = pairs >> 16 & 0xFF, second = pairs >> 32 & 0xFF;
	unsigned ms = (unsigned)((at[7] - '0') * 100 + (at[8] - '0') * 10 + (at[9] - '0'));
	int64_t lat_e7 = take_angle(at + 13, 0);
	int64_t lon_e7 = take_angle(at + 26, (unsigned)(at[25] - '0'));
	if (hour > 23 || minute > 59 || second > 59 || lat_e7 > 900000000 || lon_e7 > 1800000000)
		return false;
	bool north = at[23] == 'N', east = at[36] == 'E', valid = at[11] == 'A';
	if ((!north && at[23] != 'S') || (!east && at[36] != 'W') || (!valid && at[11] != 'V'))
		return false;
	usual->clock_us = ((hour * 60 + minute) * 60 + second) * INT64_C(1000000) + ms * 1000;
	usual->valid = valid;
	usual->lat_e7 = north ? lat_e7 : -lat_e7;
	usual->lon_e7 = east ? lon_e7 : -lon_e7;
	return true;
}

// Behind "22.40,": at most seven bytes and at most `places` behind the point; times 10^places.
static inline const char *take_decimal(const char *at, unsigned places, uint64_t *value)
{
	uint64_t word = scan_word(at) ^ BYTES('0');
	uint64_t others = scan_others(word);
	if (!(others & (others - 1)))
		return NULL; // fewer than two bits, that is: two other bytes
	unsigned point = first_bit(others);
	uint64_t before = (UINT64_C(1) << point) - 1;
	others &= ~(before << 8 | 0xFF);
	if (!others || point == 0 || (word >> point & 0xFF) != ('.' ^ '0'))
		return NULL;
	unsigned end = first_bit(others), digits = end - 8, fraction = (digits - point) / 8;
	if (at[end / 8] != ',' || fraction > places)
		return NULL;
	word = (word & before) | (word >> 8 & ~before);
	*value = scan_sum(word << (64 - digits)) * scan_power(places - fraction);
	return at + end / 8 + 1;
}

// "ddmmyy,,,A/", 11 bytes
static inline bool take_date(const char *at, int64_t *us)
{
	uint64_t word = scan_word(at) ^ UINT64_C(0x2C2C303030303030);
	if (scan_others(word) & UINT64_C(0xFFFFFFFFFFFF) || word >> 48 || at[8] != ',' ||
		at[9] == '/' || at[10] != '/')
		return false;
	word = word * 10 + (word >> 8);
	return scan_make_date(
		scan_year(word >> 32 & 0xFF), (int)(word >> 16 & 0xFF), (int)(word & 0xFF), us);
}

// Behind "00010,", of at most seven bits; the first is bit 0.
static inline const char *take_bits(const char *at, char separator, uint32_t *bits, uint32_t *count)
{
	uint64_t word = scan_word(at) ^ BYTES('0'), other = word & BYTES(0xFE);
	if (!other)
		return NULL;
	unsigned len = first_bit(other);
	if (len == 0 || at[len / 8] != separator)
		return NULL;
	// Byte n is 0 or 1 and goes to bit 56 + n.
	*bits = (uint32_t)((word & ((UINT64_C(1) << len) - 1)) * UINT64_C(0x0102040810204080) >>
			   56);
	*count = len / 8;
	return at + len / 8 + 1;
}

// The number that eight hex digits make, the first byte leading. False if one is none.
static inline bool sum_hex(uint64_t word, uint64_t *value)
{
	uint64_t nibbles = word & BYTES(0x0F), letters = word >> 6 & BYTES(1);
	uint64_t wrong = (nibbles + BYTES(6) + letters * 3) & BYTES(0x10);       // above 9, above F
	wrong |= (letters << 4 & ~(nibbles + BYTES(15))) | (word & BYTES(0x80)); // below A
	wrong |= ~(word >> 4 ^ word >> 6) & BYTES(1); // high half: 3, 4 or 6
	wrong |= ~(word >> 5 | word >> 6) & BYTES(1);
	word = __builtin_bswap64(nibbles + letters * 9);
	word = (word | word >> 4) & UINT64_C(0x00FF00FF00FF00FF);
	word = (word | word >> 8) & UINT64_C(0x0000FFFF0000FFFF);
	*value = (word | word >> 16) & UINT32_MAX;
	return !wrong;
}

// Behind "3e8,0,0,0/": one to four channels of at most seven digits. Mostly the last three are not
// connected.
static inline const char *take_adc(const char *at, const char *edge, struct usual *usual)
{
	const uint64_t rest = UINT64_C(0x2F302C302C30); // "0,0,0/"
	for (usual->adc_count = 0; usual->adc_count < 4 && at <= edge;) {
		// Of what may stand here only ',' and '/' have neither 0x10 nor 0x40.
		uint64_t word = scan_word(at), other = ~(word | word >> 2) & BYTES(0x10), value;
		if (usual->adc_count == 1 && (word & UINT64_C(0xFFFFFFFFFFFF)) == rest) {
			usual->adc_count = 4;
			return at + 6;
		}
		unsigned len = other ? first_bit(other) : 0;
		if (len == 0 || !sum_hex(word << (64 - len) | BYTES('0') >> len, &value))
			return NULL;
		usual->adc[usual->adc_count++] = (uint32_t)value;
		at += len / 8 + 1;
		if (at[-1] == '/')
			return at;
		if (at[-1] != ',')
			return NULL;
	}
	return NULL;
}

// The digits of [at, end), at most twelve. (Before them stands enough to be read with them.)
static inline bool take_odometer(const char *at, const char *end, int64_t *metres)
{
	ptrdiff_t len = end - at;
	if (len < 1 || len > 12)
		return false;
	unsigned drop = len < WORD ? 64 - 8 * (unsigned)len : 0;
	uint64_t low = (scan_word(end - WORD) ^ BYTES('0')) >> drop << drop, high = 0;
	if (len > WORD)
		high = (scan_word(end - 2 * WORD) ^ BYTES('0')) >> (128 - 8 * len)
									   << (128 - 8 * len);
	*metres = (int64_t)(scan_sum(high) * 100000000 + scan_sum(low));
	return !(scan_others(low) | scan_others(high));
}

// "//fa7/", the last eight bytes of which the first two belong to the odometer.
static inline bool take_state(const char *at, uint32_t *state)
{
	uint64_t word = scan_word(at), value;
	if ((word & UINT64_C(0xFF000000FFFF0000)) != UINT64_C(0x2F0000002F2F0000))
		return false;
	bool sound = sum_hex((word << 8 & UINT64_C(0xFFFFFF0000000000)) | BYTES('0') >> 24, &value);
	*state = (uint32_t)value;
	return sound;
}

static inline bool take_all(struct text key, struct usual *usual)
{
	const char *at = key.data + 5, *end = key.data + key.len;
	const char *const edge = end - WORD; // the last place where eight bytes may be read
	usual->ident = at;
	at = behind_ident(at);
	if (!at || !take_place(at, usual))
		return false;
	usual->ident_len = (size_t)(at - 1 - usual->ident);
	at = take_decimal(at + 38, 6, &usual->knots_e6);
	if (at)
		at = take_decimal(at, 2, &usual->course_e2);
	if (!at || at + 11 > edge || !take_date(at, &usual->date_us))
		return false;
	at = take_bits(at + 11, ',', &usual->inputs, &usual->input_count);
	if (!at || at > edge)
		return false;
	uint32_t output_count;
	at = take_bits(at, '/', &usual->outputs, &output_count);
	if (at)
		at = take_adc(at, edge, usual);
	return at && take_odometer(at, end - 6, &usual->odometer_m) &&
	       take_state(edge, &usual->state);
}

// Positions, nearly all of them.
static inline bool is_position(const char *at)
{
	return (scan_word(at) & UINT64_C(0xFFFFFFFFFF)) == UINT64_C(0x2C534F5024); // "$POS,"
}

// Three characters of another code.
static inline bool has_code(const char *at)
{
	return at[0] == '$' && at[4] == ',' && pt502_is_code_char(at[1]) &&
	       pt502_is_code_char(at[2]) && pt502_is_code_char(at[3]) && memcmp(at, "$PHD", 4) != 0;
}

static inline void fill(struct report_body *body, const struct usual *usual, uint64_t speed_kmh_e2)
{
	static const uint8_t percent[16] = {
		0, 7, 13, 20, 27, 33, 40, 47, 53, 60, 67, 73, 80, 87, 93, 100};
	bool ignition = usual->input_count >= 4 && usual->inputs & 1u << 3;
	body->device_time_us = usual->date_us + usual->clock_us;
	body->odometer_m = usual->odometer_m;
	body->has = HAS_TIME | HAS_FIX | HAS_SPEED | HAS_COURSE | HAS_INPUTS | HAS_OUTPUTS |
		    HAS_ODOMETER | HAS_BATTERY_PERCENT | HAS_GSM | HAS_SATELLITES |
		    (usual->input_count >= 4 ? HAS_IGNITION : 0) |
		    (((1u << usual->adc_count) - 1) * HAS_ADC1);
	body->lat_e7 = (int32_t)usual->lat_e7;
	body->lon_e7 = (int32_t)usual->lon_e7;
	body->speed_kmh_e2 = (uint32_t)speed_kmh_e2;
	body->course_deg_e2 = (uint16_t)usual->course_e2;
	for (unsigned n = 0; n < 4; n++)
		body->adc[n] = (int32_t)usual->adc[n];
	body->inputs = usual->inputs;
	body->outputs = usual->outputs;
	body->battery_percent = percent[usual->state >> 8];
	body->gsm_percent = percent[usual->state >> 4 & 15];
	body->satellites = usual->state & 15;
	body->flags |= (uint8_t)((usual->valid ? FLAG_VALID : 0) | (ignition ? FLAG_IGNITION : 0));
}

bool pt502_decode_usual(struct session *session, const struct line *line, struct batch *out)
{
	struct usual usual = {.adc = {0}};
	const char *start = line->key.data;
	if (line->key.len < USUAL_LEAST || line->key.len > USUAL_MOST)
		return false;
	const bool position = is_position(start);
	if ((!position && !has_code(start)) || !take_all(line->key, &usual))
		return false;
	uint64_t speed_kmh_e2 = (usual.knots_e6 * 1852 + 5000000) / 10000000;
	if (speed_kmh_e2 > 100000 || usual.course_e2 > 36000)
		return false;
	struct report *report =
		pt502_add_report(session, line, (struct text){usual.ident, usual.ident_len}, out);
	if (!report)
		return false;
	fill(&report->body, &usual, speed_kmh_e2);
	report->event = (struct text){start + 1, 3};
	if (!position)
		pt502_add_alarm(report, report->event);
	return true;
}
