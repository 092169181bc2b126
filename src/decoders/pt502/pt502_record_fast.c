// SPDX-License-Identifier: MIT
// The fast parser, for records of the shape in which the PT-502 itself writes them:
//
//   $EVT,id,hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,22.40,84.40,ddmmyy,,,A/00010,00000/3e8,0,0,0/1200//fa7/
//        4..15 digits                            knots degrees           inputs outputs adc odometer state
//
// Nearly all records have it, and decoding them is most of the daemon's work. So nothing here loops
// over bytes, and hardly anything branches on their values: the ends of many fields are found at
// once (util/simd.h), and eight bytes become a number in one step. A record of any other shape is
// left to pt502_record.c, which accepts all of them.
//
// What it buys: a frame takes 1,345 instructions from bytes to report, instead of 2,660 with
// pt502_record.c alone (half of the time and less; tests/bench/instructions, feed, gcc 12, x86-64).
// That both give equal results is held by the test fast_and_general_parser_agree_on_random_records
// (tests/unit/decoders/test_pt502.c).
#include "decoders/pt502/pt502_record_fast.h"
#include "decoders/pt502/pt502_line.h"
#include "decoders/pt502/pt502_record.h"
#include "util/scan.h"
#include "util/simd.h"

// Not inlined: one large function runs out of registers, which costs 50 instructions a record.
#define APART        __attribute__((noinline))
#define WORD         8
#define BYTES(byte)  (UINT64_C(0x0101010101010101) * (byte))
#define USUAL_LEAST  80 /* bytes: all reads before the first check of a length are within them */
#define PLACE_LEN    38 /* time and position */
#define REST_LEAST   32 /* after these: "0.0,0.0,221126,,,A/" and the status */
#define STATUS_LEAST 13 /* "0,0/0/0//fa7/" */

// Returns the index of the first byte in the set, which must not be empty.
static inline unsigned first(uint64_t set)
{
	return (unsigned)__builtin_ctzll(set);
}

// Returns a mask for the first `len` bytes of a word, 0..7.
static inline uint64_t head(unsigned len)
{
	return (UINT64_C(1) << 8 * len) - 1;
}

// Turns "123456", as bytes of 0..9, into 12, 34 and 56 in the bytes 0, 2 and 4.
static inline uint64_t to_pairs(uint64_t digits)
{
	return (digits * 10 + (digits >> 8)) & UINT64_C(0xFF00FF00FF);
}

// Returns those of 16 bytes that are above `like` by more than `limit`, or below it.
static inline lanes place_faults(const char *at, const char *like, const uint8_t *limit)
{
	return (lanes)((lanes_load(at) ^ lanes_load(like)) > lanes_load(limit));
}

// Returns true if the next 38 bytes have the shape of `like`: 0 stands for any digit, ? for any
// byte.
static inline bool has_place_shape(const char *at)
{
	static const char like[] = "000000.000,?,0000.0000,?,00000.0000,?,";
	static const uint8_t limit[PLACE_LEN] = {9, 9, 9, 9, 9, 9, 0, 9, 9, 9, 0, 255, 0, 9, 9, 9,
		9, 0, 9, 9, 9, 9, 0, 255, 0, 9, 9, 9, 9, 9, 0, 9, 9, 9, 9, 0, 255, 0};
	const size_t last = PLACE_LEN - sizeof(lanes);
	return !lanes_set(place_faults(at, like, limit) |
			  place_faults(at + 16, like + 16, limit + 16) |
			  place_faults(at + last, like + last, limit + last));
}

// Converts "ddmm.mmmm" and the hundreds of degrees to 1e-7 degree. Returns INT64_MAX for 60 minutes
// and more.
static inline int64_t take_angle(const char *at, unsigned hundreds)
{
	uint64_t word = (scan_word(at) & UINT64_C(0x0F0F0F0F)) |
			(scan_word(at + 1) & UINT64_C(0x0F0F0F0F00000000));
	uint64_t number = scan_sum(word), degrees = number / 1000000;
	if (number - degrees * 1000000 >= 600000)
		return INT64_MAX;
	// A degree has 60 minutes, not 100; 1e-7 degree is six times 1e-6 minute.
	uint64_t minutes_e4 = number - degrees * 400000 + hundreds * UINT64_C(60000000);
	return (int64_t)((minutes_e4 * 100 + 3) / 6);
}

// Takes "hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,". Sets device_time_us to the time of day.
static APART bool take_place(const char *at, struct report_body *body)
{
	if (!has_place_shape(at))
		return false;
	uint64_t pairs = to_pairs(scan_word(at) & UINT64_C(0x0F0F0F0F0F0F));
	const uint64_t high = UINT64_C(0x0080008000800080) & UINT64_C(0xFFFFFFFFFF);
	if ((pairs + (high - UINT64_C(0x3C003C0018))) & high) // 60 s, 60 min, 24 h or more
		return false;
	const unsigned minutes = (pairs * (60 << 16 | 1)) >> 16 & 0xFFFF;
	uint64_t seconds = minutes * 60 + (pairs >> 32);
	unsigned ms = (unsigned)((at[7] - '0') * 100 + (at[8] - '0') * 10 + (at[9] - '0'));
	int64_t lat_e7 = take_angle(at + 13, 0);
	int64_t lon_e7 = take_angle(at + 26, (unsigned)(at[25] - '0'));
	bool south = at[23] == 'S', west = at[36] == 'W', valid = at[11] == 'A';
	if (lat_e7 > 900000000 || lon_e7 > 1800000000 || (!south && at[23] != 'N') ||
		(!west && at[36] != 'E') ||
		(!valid && (at[11] != 'V' || (lat_e7 == 0 && lon_e7 == 0))))
		return false;
	body->device_time_us = (int64_t)(seconds * 1000 + ms) * 1000;
	body->lat_e7 = (int32_t)(south ? -lat_e7 : lat_e7);
	body->lon_e7 = (int32_t)(west ? -lon_e7 : lon_e7);
	body->flags |= valid ? FLAG_VALID : 0;
	return true;
}

// Takes "22.40", with its point at `point` and its end at `end`. *value is multiplied by 10^places.
static inline bool take_decimal(
	const char *at, unsigned point, unsigned end, unsigned places, uint64_t *value)
{
	if (point < 1 || end > 7 || end - point - 1 > places)
		return false;
	uint64_t word = scan_word(at) ^ BYTES('0'), before = head(point);
	word = (word & before) | (word >> 8 & ~before);
	*value = scan_sum(word << (72 - 8 * end)) * scan_power(places - (end - point - 1));
	return at[point] == '.' && at[end] == ',';
}

// Takes "ddmmyy,,,A/". Adds the day to device_time_us.
static inline bool take_date(const char *at, struct report_body *body)
{
	const uint64_t marks = UINT64_C(0xFF00FFFFFF000000); // of the last eight bytes
	uint64_t word = scan_word(at) ^ BYTES('0');
	int64_t us;
	if (scan_others(word) & UINT64_C(0xFFFFFFFFFFFF) || at[9] == '/' ||
		(scan_word(at + 3) & marks) != (UINT64_C(0x2F002C2C2C000000) & marks))
		return false;
	word = to_pairs(word);
	if (!scan_make_date(scan_year((unsigned)(word >> 32)), (int)(word >> 16 & 0xFF),
		    (int)(word & 0xFF), &us))
		return false;
	body->device_time_us += us;
	return true;
}

// Takes "22.40,84.40,221126,,,A/". Reads REST_LEAST bytes. Returns the byte after it, or NULL if
// the shape differs.
static APART const char *take_motion(const char *at, struct report_body *body)
{
	// The upper 32 bits are set, so there always is a first one.
	uint64_t others =
		~(uint64_t)(lanes_digits(lanes_load(at)) | lanes_digits(lanes_load(at + 16)) << 16);
	const unsigned point = first(others), end = first(others &= others - 1);
	const unsigned point2 = first(others &= others - 1), end2 = first(others & (others - 1));
	uint64_t knots_e6, course_e2;
	if (!take_decimal(at, point, end, 6, &knots_e6) ||
		!take_decimal(at + end + 1, point2 - end - 1, end2 - end - 1, 2, &course_e2) ||
		!take_date(at + end2 + 1, body))
		return NULL;
	const uint64_t speed_kmh_e2 = (knots_e6 * 1852 + 5000000) / 10000000;
	if (speed_kmh_e2 > 100000 || course_e2 > 36000)
		return NULL;
	body->speed_kmh_e2 = (uint32_t)speed_kmh_e2;
	body->course_deg_e2 = (uint16_t)course_e2;
	return at + end2 + 12;
}

// Takes "00010" of 1..7 bytes; the first is bit 0.
static inline bool take_bits(const char *at, unsigned len, uint32_t *bits)
{
	if (len - 1 > 6)
		return false;
	const uint64_t word = (scan_word(at) ^ BYTES('0')) & head(len);
	// Byte n is 0 or 1 and goes to bit 56 + n.
	*bits = (uint32_t)(word * UINT64_C(0x0102040810204080) >> 56);
	return !(word & BYTES(0xFE));
}

// Returns the value of a hex digit plus 16, or 0 for other bytes.
static inline unsigned hex_digit(char c)
{
	static const uint8_t digits[256] = {['0'] = 16,
		17,
		18,
		19,
		20,
		21,
		22,
		23,
		24,
		25,
		['A'] = 26,
		27,
		28,
		29,
		30,
		31,
		['a'] = 26,
		27,
		28,
		29,
		30,
		31};
	return digits[(uint8_t)c];
}

// Takes three hex digits.
static inline bool take_hex3(char a, char b, char c, uint32_t *value)
{
	const unsigned high = hex_digit(a), middle = hex_digit(b), low = hex_digit(c);
	*value = (high << 8) + (middle << 4) + low - 0x1110;
	return (high & middle & low & 16) != 0;
}

// Takes one to seven hex digits, mostly no more than three.
static inline bool take_hex(const char *at, const char *end, int32_t *value)
{
	uint32_t sum = 0;
	const ptrdiff_t len = end - at;
	if (len < 1 || len > 7)
		return false;
	bool sound = take_hex3(len > 2 ? end[-3] : '0', len > 1 ? end[-2] : '0', end[-1], &sum);
	for (ptrdiff_t i = 4; i <= len; i++) {
		const unsigned digit = hex_digit(end[-i]);
		sum |= (digit & 15) << 4 * (i - 1);
		sound = sound && digit;
	}
	*value = (int32_t)sum;
	return sound;
}

// Takes "3e8,0,0,0/", one to four channels of which mostly the last three are not connected.
// `ends`: the positions of ',' and '/' from `at` on, not empty. Returns the byte after it, or NULL
// if the shape differs.
static inline const char *take_adc(
	const char *at, const char *edge, uint64_t ends, struct report_body *body)
{
	const uint64_t mask = UINT64_C(0xFFFFFFFFFFFF), rest = UINT64_C(0x2F302C302C30); // "0,0,0/"
	const char *start = at, *end = at + first(ends);
	if (!take_hex(at, end, &body->adc[0]))
		return NULL;
	if (end < edge && *end == ',' && (scan_word(end + 1) & mask) == rest) {
		body->has |= HAS_ADC1 | HAS_ADC2 | HAS_ADC3 | HAS_ADC4;
		return end + 7;
	}
	body->has |= HAS_ADC1;
	for (unsigned n = 1; *end == ',' && n < 4 && end < edge; n++) {
		at = end + 1;
		ends &= ends - 1;
		end = start + first(ends);
		if (!take_hex(at, end, &body->adc[n]))
			return NULL;
		body->has |= (uint32_t)HAS_ADC1 << n;
	}
	return *end == '/' ? end + 1 : NULL;
}

// Takes the digits in [at, end), at most twelve. Reads up to 16 bytes before end.
static inline bool take_odometer(const char *at, const char *end, int64_t *metres)
{
	ptrdiff_t len = end - at;
	if (len < 1 || len > 12)
		return false;
	unsigned drop = len < WORD ? 64 - 8 * (unsigned)len : 0;
	uint64_t low = (scan_word(end - WORD) ^ BYTES('0')) >> drop << drop,
		 others = scan_others(low);
	*metres = (int64_t)scan_sum(low);
	if (len > WORD) {
		drop = 128 - 8 * (unsigned)len;
		uint64_t high = (scan_word(end - 2 * WORD) ^ BYTES('0')) >> drop << drop;
		*metres += (int64_t)scan_sum(high) * 100000000;
		others |= scan_others(high);
	}
	return !others;
}

// Takes "//fa7/" at the end of the last eight bytes; the first two belong to the odometer.
static inline bool take_state(const char *at, struct report_body *body)
{
	static const uint8_t percent[16] = {
		0, 7, 13, 20, 27, 33, 40, 47, 53, 60, 67, 73, 80, 87, 93, 100};
	const uint64_t marks = UINT64_C(0xFF000000FFFF0000);
	uint32_t state;
	if ((scan_word(at) & marks) != (UINT64_C(0x2F0000002F2F0000) & marks) ||
		!take_hex3(at[4], at[5], at[6], &state))
		return false;
	body->battery_percent = percent[state >> 8];
	body->gsm_percent = percent[state >> 4 & 15];
	body->satellites = state & 15;
	return true;
}

// "00010,00000/3e8,0,0,0/1200//fa7/", of at most 64 bytes: the record's last.
static APART bool take_status(const char *at, const char *end, struct report_body *body)
{
	const char *window = end - 64, *edge = end - WORD;
	if (at < window || end - at < STATUS_LEAST || !take_state(edge, body))
		return false;
	uint64_t ends = lanes_either64(window, ',', '/') >> (at - window); // the state's are three
	const unsigned inputs = first(ends), outputs = first(ends &= ends - 1);
	const char *second = at + inputs + 1;
	if (second > edge || !take_bits(at, inputs, &body->inputs) || at[inputs] != ',' ||
		!take_bits(second, outputs - inputs - 1, &body->outputs) || at[outputs] != '/')
		return false;
	if (inputs >= 4) {
		body->has |= HAS_IGNITION;
		body->flags |= body->inputs & 1u << 3 ? FLAG_IGNITION : 0;
	}
	at = take_adc(at + outputs + 1, edge, (ends & (ends - 1)) >> outputs >> 1, body);
	return at && take_odometer(at, end - 6, &body->odometer_m);
}

// Takes all fields after the ident. *mode: the letter before the status.
static inline bool take_rest(const char *at, const char *end, struct report_body *body, char *mode)
{
	body->has = HAS_TIME | HAS_FIX | HAS_SPEED | HAS_COURSE | HAS_INPUTS | HAS_OUTPUTS |
		    HAS_ODOMETER | HAS_BATTERY_PERCENT | HAS_GSM | HAS_SATELLITES;
	if (!take_place(at, body) || end - (at + PLACE_LEN) < REST_LEAST)
		return false;
	at = take_motion(at + PLACE_LEN, body);
	if (!at)
		return false;
	*mode = at[-2];
	return take_status(at, end, body);
}

// Returns true for a position, which nearly all records are.
static inline bool is_position(const char *at)
{
	return (scan_word(at) & UINT64_C(0xFFFFFFFFFF)) == UINT64_C(0x2C534F5024); // "$POS,"
}

// Returns true for another code of three characters.
static inline bool has_code(const char *at)
{
	return at[0] == '$' && at[4] == ',' && pt502_is_code_char(at[1]) &&
	       pt502_is_code_char(at[2]) && pt502_is_code_char(at[3]) && memcmp(at, "$PHD", 4) != 0;
}

// Returns true if this is the session's ident, which it mostly is.
static inline bool is_own_ident(const struct session *session, const char *ident, size_t len)
{
	const uint32_t others = lanes_set((lanes)(lanes_load(ident) != lanes_load(session->ident)));
	return session->ident_len == len && !(others & ((UINT32_C(1) << len) - 1));
}

bool pt502_record_fast(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const char *start = (const char *)data, *end = start + len, *ident = start + 5;
	while (end > start && pt502_is_line_end((uint8_t)end[-1]))
		end--;
	const bool stored = end > start && end[-1] == '#';
	end -= stored;
	if (end - start < USUAL_LEAST || out->report_count == DECODED_REPORTS)
		return false;
	const bool position = is_position(start);
	const size_t ident_len = first(~lanes_digits(lanes_load(ident)));
	if ((!position && !has_code(start)) || ident_len < PT502_IDENT_LEAST ||
		ident_len > PT502_IDENT_MOST || ident[ident_len] != ',')
		return false;
	// The report counts only if all fields have been read.
	struct report *report = &out->reports[out->report_count];
	report_clear(report);
	char mode;
	if (!take_rest(ident + ident_len + 1, end, &report->body, &mode))
		return false;
	report->ident = (struct text){ident, ident_len};
	if (!is_own_ident(session, ident, ident_len))
		pt502_record_set_ident(session, report->ident);
	report->body.flags |= stored ? FLAG_STORED : 0;
	report->event = (struct text){start + 1, 3};
	report->key = (struct text){start, (size_t)(end - start)};
	report->raw = (struct text){start, len};
	if (!position)
		pt502_record_add_alarm(report, report->event);
	out->report_count++;
	if (mode != 'A')
		pt502_record_keep_mode(report, mode, out);
	return true;
}
