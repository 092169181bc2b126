// SPDX-License-Identifier: MIT
// One report of a JT/T 808 device while it is filled: values that are set, or refused because they are impossible. Of two
// values for the same thing the later one wins. The bottom of the decoder.
#ifndef AVLD_DECODERS_JT808_REPORT_H
#define AVLD_DECODERS_JT808_REPORT_H

#include "decoders/jt808/jt808_wire.h"
#include "util/reader.h"

#define JT808_NAME_MAX  40   /* of a member with a number in it, with its NUL */
#define JT808_EVENT_MAX 10   /* "0900/F0/03" */
#define JT808_CELLS     3072 /* bytes of cells and of wifi */
#define JT808_RAW_MOST  64   /* bytes kept of an item that is not understood */
#define JT808_DATA_MOST 256  /* bytes kept of a body that is not understood */
#define JT808_BLOCK     28   /* bytes of a position block without its items */

struct jt808_report {
	const struct jt808_frame *frame;
	struct decoded *out;
	struct report *report;
	char *digits;                /* room for a driver's number, in the arena */
	struct text model;           /* devices.model; empty: none */
	uint64_t names;              /* a bit for each name in extra, by its hash */
	const char *aovx;            /* the five characters of the model in item F2; NULL: none */
	uint8_t fence;               /* 1 in, 2 out: item 12 */
	bool has_network;            /* mcc and mnc are set */
	bool first_is_bare;          /* the first cell has no signal */
	uint32_t mcc, mnc, lac, cid; /* of the first cell */
	size_t cell_count, cells_len, wifi_len;
	char cells[JT808_CELLS], wifi[JT808_CELLS];
};

// Begins a report of the frame with the event "0200"; sub: that many bytes of the event after it, at sub[0] and, if two,
// sub[1] ("0900/F0/03"). Returns false if the frame has DECODED_REPORTS, or the arena is full.
bool jt808_report_begin(struct jt808_report *r, const struct jt808_frame *frame, const uint8_t *sub,
	size_t sub_len);
// Adds cells and Wi-Fi, sets key and raw.
void jt808_report_end(struct jt808_report *r, struct text key, struct text raw);

bool jt808_report_is_model(const struct jt808_report *r, const char *model);

// Members of extra. A later value replaces an earlier one.
void jt808_report_fixed(struct jt808_report *r, const char *name, int64_t value, unsigned decimals);
void jt808_report_int(struct jt808_report *r, const char *name, int64_t value);
void jt808_report_bool(struct jt808_report *r, const char *name, bool value);
void jt808_report_hex(struct jt808_report *r, const char *name, const uint8_t *data, size_t len);
void jt808_report_text(
	struct jt808_report *r, const char *name, struct text text); /* not empty ones */
// Writes prefix, number and suffix as the name of a member, with a NUL. Returns name.
const char *jt808_report_name(
	char name[JT808_NAME_MAX], const char *prefix, uint32_t number, const char *suffix);
// "[x,y,z]" of three integers.
void jt808_report_vector(struct jt808_report *r, const char *name, const int32_t value[3]);
// Adds the bytes in hex as prefix + id, unless there is one.
void jt808_report_keep(struct jt808_report *r, const char *prefix, uint32_t id, unsigned id_digits,
	const uint8_t *data, size_t len);
// Adds the message's body in hex.
void jt808_report_keep_body(struct jt808_report *r);

// Adds a share in %, with so many decimals. Returns false and adds nothing if it is below 0 or above 100 %.
bool jt808_report_share(struct jt808_report *r, const char *name, int64_t value, unsigned decimals);

// A number in bytes: (value - less) * scale / 10^decimals. What it sets, in which unit after scaling:
enum jt808_kind {
	JT808_EXTRA,
	JT808_SHARE,    /* the same, in %: 0 to 100 */
	JT808_ODOMETER, /* m */
	JT808_PERCENT,  /* of the battery */
	JT808_CHARGE,   /* the same; FF: is being charged */
	JT808_BATTERY,  /* mV */
	JT808_POWER,    /* mV */
	JT808_CSQ,      /* 0..31 */
	JT808_SATELLITES,
	JT808_HDOP, /* 0.01 */
};
struct jt808_number {
	const char *name; /* of EXTRA and SHARE */
	int32_t scale;    /* 0: 1 */
	int16_t less;
	uint8_t kind; /* enum jt808_kind */
	uint8_t decimals;
};
// Returns false and sets nothing if the value is out of range.
bool jt808_report_number(struct jt808_report *r, const struct jt808_number *number, int64_t value);
// The same without a table.
bool jt808_report_value(struct jt808_report *r, enum jt808_kind kind, int64_t value);

// Text without blanks and control characters at both ends. Returns false unless the rest is printable ASCII.
bool jt808_report_trim(const uint8_t *data, size_t len, struct text *text);
bool jt808_report_trimmed(
	struct jt808_report *r, const char *name, const uint8_t *data, size_t len);
// The same of Chinese text in GBK, up to the first NUL.
void jt808_report_gbk(struct jt808_report *r, const char *name, const uint8_t *data, size_t len);
// Sets the driver. Returns false if the text, which is not copied, is too long.
bool jt808_report_driver(struct jt808_report *r, struct text text);
void jt808_report_driver_number(struct jt808_report *r, uint32_t number);
bool jt808_report_iccid(struct jt808_report *r, const uint8_t *data, size_t len); /* text */
void jt808_report_iccid_hex(struct jt808_report *r, const uint8_t data[10]);
bool jt808_report_imei(struct jt808_report *r, const uint8_t *data, size_t len); /* 15 digits */
bool jt808_report_imei_bcd(struct jt808_report *r, const uint8_t data[8]);

// rssi: -1: none. Cells of 0/0 are none.
void jt808_report_cell(
	struct jt808_report *r, uint32_t mcc, uint32_t mnc, uint32_t lac, uint32_t cid, int rssi);
void jt808_report_wifi(struct jt808_report *r, struct text mac, struct text rssi);
void jt808_report_wifi_bytes(struct jt808_report *r, const uint8_t *data, size_t count);

// Converts yymmddhhmmss in BCD. Returns false if it is no date, or the year is 00.
bool jt808_report_read_time(const uint8_t bcd[6], int64_t *time_us);
// Sets the time of UTC+8, if it is one.
void jt808_report_time(struct jt808_report *r, const uint8_t bcd[6]);

// Reads a number as wide as its length: 1, 2 or 4. Returns false for other lengths.
bool jt808_report_wide(const uint8_t *data, size_t len, uint32_t *value);
// Returns the value of two bytes of which bit 15 is the sign.
int32_t jt808_report_minus15(const uint8_t *data);

static inline uint32_t jt808_u16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline int32_t jt808_s16(const uint8_t *at)
{
	return (int16_t)jt808_u16(at);
}

static inline uint32_t jt808_u32(const uint8_t *at)
{
	return jt808_u16(at) << 16 | jt808_u16(at + 2);
}

#endif
