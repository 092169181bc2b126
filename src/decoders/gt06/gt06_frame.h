// SPDX-License-Identifier: MIT
// What the files of the GT06 decoder share: one frame on its way to a report, and the blocks that
// its messages are made of. Private to gt06*.c and their test.
//
// Conventions. event: the message type as two hex digits, upper case ("26"), with the sub-type
// where there is one ("94/04"). extra: mcc, mnc, lac, cid are the serving cell, cells and wifi the
// others
// ("lac,cid,rssi;..." and "mac,rssi;..."); alarm is the alarm code as sent; unknown is hex whose
// meaning is not known; length_bad marks a position whose frame or tail had the wrong length.
#ifndef AVLD_DECODERS_GT06_H
#define AVLD_DECODERS_GT06_H

#include "protocol/decoder.h"
#include "util/reader.h"

#include <stdint.h>

// Relatives that mean something else by the same bytes. LW and VXT01 are known by messages of their
// own; the others only by a device record, through gt06_set_variant.
enum gt06_variant {
	GT06_PLAIN,
	GT06_VXT01,
	GT06_LW,
	GT06_SEEWORLD,
	GT06_VL,
	GT06_R11,
};

// What a session remembers, in session.memo.
struct gt06_memo {
	int16_t zone_min; /* announced at log-in, east positive */
	int16_t used_min; /* the one the newest live record was found to be sent in */
	uint8_t variant;
};

// One frame being decoded.
struct gt06_frame {
	struct session *session;
	struct gt06_memo memo;
	struct decoded *out;
	struct report *report; /* NULL until gt06_begin */
	struct text raw, key;
	struct reader body; /* between type and serial */
	size_t length;      /* the length field */
	uint8_t type;
	bool extended;   /* 79 79 */
	bool answerable; /* the serial is sound: the check sum holds, or a first log-in is let in */
	uint16_t serial; /* 0 unless answerable */
	bool crc_bad;
	bool has_clock, clock_is_utc, buffered;
	int64_t clock_us; /* the time as sent, of unknown zone unless clock_is_utc */
	char *driver;     /* DRIVER_MAX bytes of the arena */
};

// How wide the members of a cell are; mnc 0: as bit 15 of the MCC says.
struct gt06_widths {
	uint8_t mnc, lac, cid;
};
extern const struct gt06_widths gt06_cell_2g, gt06_cell_4g, gt06_cell_wide, gt06_cell_cid4;

// gt06.c ------------------------------------------------------------------------------------------
// For who knows the model from elsewhere. Holds until the next log-in.
void gt06_set_variant(struct session *session, enum gt06_variant variant);
// Digits of 8 BCD bytes without a leading pad 0: 15 or 16; 0 when a nibble is no digit.
size_t gt06_ident(const uint8_t id[8], char digits[16]);
// Is this the ident of the session?
bool gt06_is_own_ident(const struct session *session, const uint8_t id[8]);

// gt06_answers.c ----------------------------------------------------------------------------------
void gt06_acknowledge(struct gt06_frame *f, enum reply_when when);
void gt06_answer_topin(struct gt06_frame *f, const uint8_t time[6]);
// 78 78 L 80 n flag text serial crc 0D 0A. The device sends `flag` back with its answer. Returns
// the length, or 0 when the text is empty or too long, or the frame longer than cap.
size_t gt06_encode_command(uint32_t flag, const char *text, size_t text_len, uint16_t serial,
	uint8_t *out, size_t cap);

// gt06_command.c ----------------------------------------------------------------------------------
size_t gt06_encode(
	const struct session *session, const struct command *command, uint8_t *out, size_t cap);
bool gt06_confirms(const struct command *command, const struct report *report);

// gt06_blocks.c -----------------------------------------------------------------------------------
// Opens the report; sub: sub-type in the event, or -1.
void gt06_begin(struct gt06_frame *f, int sub);
// Gives the report its key, raw bytes and time.
void gt06_finish(struct gt06_frame *f);
// Six bytes of time. False when they are none; zeros are no time, which is no error (*absent).
bool gt06_read_time(struct reader *r, int64_t *time_us, bool *absent);
// The same, into the frame's clock. A time that is none is left out.
void gt06_set_clock(struct gt06_frame *f, struct reader *r);
// The GPS block of 18 bytes is sound: it is there, with a time and a position, or zeros for them.
bool gt06_gps_is_sound(const struct reader *r);
// Reads the GPS block and opens the report with it. No report is left unless OK.
enum decode_status gt06_begin_gps(struct gt06_frame *f, struct reader *r);
// lat, lon in 1/1800000 degree, the course word, and speed in 1/100 km/h (-1: not sent). False, and
// no report is changed, when the fix claims to be valid and is out of range.
bool gt06_set_position(
	struct gt06_frame *f, uint32_t lat, uint32_t lon, uint16_t course, int64_t speed_e2);
// The serving cell. Nothing is set when it is zero or the end comes too early (false).
bool gt06_read_cell(struct gt06_frame *f, struct reader *r, struct gt06_widths widths);
// The same in exactly `size` bytes: 8, 9, 10, or 15 and more.
bool gt06_read_sized_cell(struct gt06_frame *f, struct reader *r, size_t size);
// `count` cells of one network, fewer if the end comes before: the first is the serving one.
void gt06_read_cells(struct gt06_frame *f, struct reader *r, unsigned mcc, unsigned mnc,
	struct gt06_widths widths, size_t count);
void gt06_read_wifi(struct gt06_frame *f, struct reader *r, size_t count);
// info, level, GSM, alarm, language; may end early.
void gt06_read_status(struct gt06_frame *f, struct reader *r);
void gt06_set_info(struct gt06_frame *f, uint8_t info);
void gt06_set_info_low(struct gt06_frame *f, uint8_t info); /* only bits 2..0 */
void gt06_set_level(struct gt06_frame *f, unsigned level);
void gt06_set_gsm(struct gt06_frame *f, unsigned level);
// The alarm code, or else the alarm bits of info, which repeat it (0: there is no info).
void gt06_set_alarm(struct gt06_frame *f, uint8_t info, unsigned code);
void gt06_set_driver(struct gt06_frame *f, const uint8_t *data, size_t len);     /* text */
void gt06_set_driver_hex(struct gt06_frame *f, const uint8_t *data, size_t len); /* bytes */
// What is left, as hex under that name; nothing when nothing is left.
void gt06_keep(struct gt06_frame *f, struct reader *r, const char *name);
void gt06_mark_bad_length(struct gt06_frame *f);
// The tail fits no known form: marks that, keeps it, and the position counts: DECODE_OK.
enum decode_status gt06_give_up_tail(struct gt06_frame *f, struct reader *r);
void gt06_read_mileage(struct gt06_frame *f, struct reader *r); /* u32 m */
void gt06_read_power(struct gt06_frame *f, struct reader *r);   /* u16 cV */
bool gt06_is_printable(const uint8_t *data, size_t len);

// gt06_alarms.c -----------------------------------------------------------------------------------
bool gt06_alarm_of_code(unsigned code, enum gt06_variant variant, enum alarm *alarm);
bool gt06_alarm_of_info(uint8_t info, enum gt06_variant variant, enum alarm *alarm);
bool gt06_alarm_of_media_event(uint8_t code, bool is_long, enum alarm *alarm); /* type 95 */
bool gt06_alarm_of_item(uint8_t code, enum alarm *alarm);                      /* type 70, id 34 */

// One message type each. They take f->body; a report is left only when the status is OK.
typedef enum decode_status gt06_reader(struct gt06_frame *f);
// gt06_answers.c
gt06_reader gt06_answer_time, gt06_answer_address; /* 8A, 2A */
// gt06_positions.c
gt06_reader gt06_read_position;        /* 10, 11, 12 */
gt06_reader gt06_read_position_status; /* 16, 26, 27, 32, A3, A4, A9 */
gt06_reader gt06_read_position_acc;    /* 22, 25, 2D, 31, 37, A0 */
gt06_reader gt06_read_front;           /* the GPS block if one is in front, the rest as hex */
// gt06_models.c
gt06_reader gt06_read_nt; /* 22, 25 with the IMEI */
gt06_reader gt06_read_x1; /* 34 */
gt06_reader gt06_read_17, gt06_read_36, gt06_read_a2;
// gt06_statuses.c
gt06_reader gt06_read_heartbeat;        /* 13 */
gt06_reader gt06_read_heartbeat_4g;     /* 23 */
gt06_reader gt06_read_cell_status;      /* 19, A5 */
gt06_reader gt06_read_lbs;              /* 18, 24, 28, 2C, 2E, A1, A2 */
gt06_reader gt06_read_15, gt06_read_21; /* answers to commands */
gt06_reader gt06_read_opaque;           /* what is not known inside, as hex */
gt06_reader gt06_read_topin;            /* 78 78 n 17, 78 78 n 69 */
// gt06_lists.c
gt06_reader gt06_read_status_items; /* 36, 39 */
gt06_reader gt06_read_items;        /* 70 */
gt06_reader gt06_read_epoch_items;  /* F1, F2 */
// gt06_extended.c
gt06_reader gt06_read_information; /* 94 */
gt06_reader gt06_read_media_event; /* 95 */
gt06_reader gt06_read_serial_port; /* 9B */
gt06_reader gt06_read_obd;         /* 8C */

#endif
