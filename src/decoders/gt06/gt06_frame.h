// SPDX-License-Identifier: MIT
// One GT06 frame while it is decoded, and the parts that all its messages share: ident, report,
// time, driver, undecoded bytes. The bottom of the GT06 decoder; private to it and its tests.
//
// Conventions of the reports. event: the message type as two upper-case hex digits ("26"), followed
// by the sub-type if there is one ("94/04"). extra: mcc, mnc, lac, cid are the serving cell; cells
// and wifi the others ("lac,cid,rssi;..." and "mac,rssi;..."); alarm is the alarm code as sent;
// unknown is hex of undocumented bytes, cell that of a cell that is impossible; length_bad marks a position whose frame or tail has the
// wrong length.
#ifndef AVLD_DECODERS_GT06_FRAME_H
#define AVLD_DECODERS_GT06_FRAME_H

#include "protocol/decoder.h"
#include "util/reader.h"

// Models that give the same bytes another meaning. VXT01 is recognised by its positions, for the
// connection; TRX16, SEEWORLD and LW for one frame, by its length; any but VXT01 and TRX16 by
// devices.model, where the bytes do not decide.
enum gt06_variant {
	GT06_PLAIN,
	GT06_VXT01,
	GT06_LW,
	GT06_SEEWORLD,
	GT06_VL,
	GT06_R11,
	GT06_TRX16,
	GT06_NT,     /* NT11 and others: 22 and 25 */
	GT06_QH302R, /* 12 */
	GT06_G109,   /* commands */
};

// What is remembered of a device. In its block of device memory, so that a reconnect changes nothing: neither is a record
// dated by another zone, nor an alarm raised again. Without device memory in session.memo.
struct gt06_device {
	uint64_t alarms;  /* of its newest heartbeat: a set of enum alarm */
	int16_t zone_min; /* announced at log-in, east positive */
	int16_t used_min; /* the zone of the newest live record; 0 before the first */
};

// The content of session.memo.
struct gt06_memo {
	struct gt06_device device; /* for sessions without device memory */
	uint8_t variant;           /* enum gt06_variant */
	uint8_t bad_sums; /* frames with a wrong checksum from a log-in on, and none with a right one;
			     up to GT06_SUMS_NEVER_RIGHT */
	uint16_t command_serial; /* of the next command; begins at 0 with each connection */
};

#define GT06_SUMS_NEVER_RIGHT 3

enum gt06_shape {
	GT06_WHOLE,      /* length field and terminator agree */
	GT06_TOPIN,      /* a Topin-like frame, which has no length field */
	GT06_BAD_LENGTH, /* cut at the next terminator */
};

struct gt06_frame {
	struct session *session;
	struct gt06_memo memo; /* copied back into the session after decoding */
	struct decoded *out;
	struct report *report; /* NULL until gt06_frame_begin */
	struct text raw, key;  /* the whole frame; type and body */
	struct reader body;    /* the bytes between type and serial */
	size_t length;         /* the length field */
	enum gt06_shape shape;
	uint8_t type;
	uint8_t variant; /* enum gt06_variant, of this frame */
	bool extended;   /* starts with 79 79 */
	bool crc_bad;    /* the checksum is wrong or missing */
	bool answerable; /* the checksum is right, or accepted though it is wrong */
	uint16_t serial; /* 0 unless answerable */
	bool has_clock, clock_is_utc;
	bool has_event; /* extra has the alarm code of an event */
	bool is_heartbeat;
	bool buffered;    /* sent from the tracker's memory */
	int64_t clock_us; /* the time as sent, in an unknown zone unless clock_is_utc */
	char *driver;     /* DRIVER_MAX bytes of the arena */
};

// Decodes f->body of one message type. Leaves a report only with DECODE_OK.
typedef enum decode_status gt06_reader(struct gt06_frame *f);
// Returns true if the frame has the layout in question. Changes nothing.
typedef bool gt06_test(const struct gt06_frame *f);

// Returns the variant that devices.model names; GT06_PLAIN if it names none of the above. A look-up.
enum gt06_variant gt06_frame_model(const struct session *session);
// Returns the variant of the frame, as its bytes or those before it show, else as devices.model names it.
enum gt06_variant gt06_frame_variant(const struct gt06_frame *f);

// Writes the digits of 8 BCD bytes, without a leading pad 0. Returns their number, 15 or 16, or 0
// if a nibble is not a digit.
size_t gt06_frame_ident(const uint8_t id[8], char digits[16]);
// Returns true if these 8 BCD bytes are an IMEI: 15 digits after the pad 0.
bool gt06_frame_is_imei(const uint8_t id[8]);
// Returns true if these 8 BCD bytes are the session's ident.
bool gt06_frame_is_own_ident(const struct session *session, const uint8_t id[8]);

// Returns what is remembered of the session's device. Valid until the frame is decoded.
struct gt06_device *gt06_frame_device(struct gt06_frame *f);

// Opens the report. sub: the sub-type shown in the event, or -1.
void gt06_frame_begin(struct gt06_frame *f, int sub);
// Gives the report its key, raw bytes and time.
void gt06_frame_finish(struct gt06_frame *f);

// Reads six bytes of time, year to second. Returns false if they are not a time. Six zeros are
// valid and mean that no time is known (*absent).
bool gt06_frame_read_time(struct reader *r, int64_t *time_us, bool *absent);
// Reads the same into the frame's clock; an invalid time counts as none.
void gt06_frame_read_clock(struct gt06_frame *f, struct reader *r);
// Returns true if a time follows, which may be absent.
bool gt06_frame_is_time(const struct reader *r);
void gt06_frame_read_mileage(struct gt06_frame *f, struct reader *r); /* u32, m */
void gt06_frame_read_power(struct gt06_frame *f, struct reader *r);   /* u16, 10 mV */

// Sets the driver to a text, without the NULs and spaces around it, or to bytes as hex. One that is too long goes to extra.
void gt06_frame_set_driver(struct gt06_frame *f, const uint8_t *data, size_t len);
void gt06_frame_set_driver_hex(struct gt06_frame *f, const uint8_t *data, size_t len);
// Sets the driver to a number in decimal; 0 means no driver.
void gt06_frame_set_driver_number(struct gt06_frame *f, uint64_t number);
// Sets the driver to an id of eight bytes, as hex; eight zeros mean no driver.
void gt06_frame_set_driver_id(struct gt06_frame *f, const uint8_t *id);

// Adds the IMEI of these 8 BCD bytes to extra, unless it is the session's ident; bytes that are not BCD as hex.
void gt06_frame_keep_imei(struct gt06_frame *f, const uint8_t id[8]);
// Adds BCD digits to extra, without trailing F, and without the pad 0 in front if `padded`. Bytes that are
// not BCD are added as hex; nothing if bytes is NULL.
void gt06_frame_keep_digits(
	struct gt06_frame *f, const char *name, const uint8_t *bytes, size_t size, bool padded);
// Adds an ICCID, whose nibbles may be swapped.
#define GT06_ICCID_SIZE 10
void gt06_frame_keep_iccid(struct gt06_frame *f, const uint8_t *bytes);
// Adds the remaining bytes to extra as hex; adds nothing if none remain.
void gt06_frame_keep(struct gt06_frame *f, struct reader *r, const char *name);
// The same, but adds nothing either if all of them are zero.
void gt06_frame_keep_filler(struct gt06_frame *f, struct reader *r);
// Marks a bad length.
void gt06_frame_mark_length(struct gt06_frame *f);
// For a tail that fits no known layout: marks a bad length and keeps the tail as hex. The report
// remains valid; returns DECODE_OK.
enum decode_status gt06_frame_keep_tail(struct gt06_frame *f, struct reader *r);
// Decodes a message of unknown content: all of it as hex.
enum decode_status gt06_frame_read_opaque(struct gt06_frame *f);

// Returns true if all bytes are zero.
bool gt06_frame_is_zero(const uint8_t *data, size_t len);
// Returns true if the bytes are ASCII without control characters, and not empty.
bool gt06_frame_is_printable(const uint8_t *data, size_t len);

#endif
