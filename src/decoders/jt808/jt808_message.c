// SPDX-License-Identifier: MIT
// Bodies other than position blocks, of the standard:
//
//   0100  province u16 | county u16 | maker 5 | model 20 | terminal 7 | colour u8 | plate     model 8: 2011; 11, 30, 30: 2019
//   0102  code; 2019: len u8, code | IMEI 15 | software 20
//   0002  nothing; or battery u8 % | signal u8 | status u8
//   0107  type u16 | maker 5 | model 20 | terminal 7 | ICCID 10 | versions, len u8, text      5, 30, 30: 2019
//   0210  battery u8 % | time                     (7 bytes)
//   0702  in 1, out 2 | time | result u8 | len u8, name | card 20 | len u8, agency | valid until, BCD 4
//   2070  n x (time | x u16 | y u16 | z u16, bit 15 is the sign)
//   6006  u8 | text       1300  serial u16 | UTF-16       0701  len u32 | text
#include "decoders/jt808/jt808_message.h"
#include "util/decimal.h"
#include "util/gbk.h"

#define SAMPLE       12
#define SAMPLES_MOST 64
#define RESULT_MOST  3072 /* bytes of UTF-8 */
#define LOGIN_2019   35   /* bytes after the code */

// Sizes of maker, model and terminal.
struct sizes {
	uint8_t maker, model, terminal;
};

static void read_names(struct jt808_report *r, struct reader *in, struct sizes sizes)
{
	const uint8_t *maker = reader_bytes(in, sizes.maker);
	const uint8_t *model = reader_bytes(in, sizes.model);
	const uint8_t *terminal = reader_bytes(in, sizes.terminal);
	if (!terminal)
		return;
	jt808_report_gbk(r, "maker", maker, sizes.maker);
	jt808_report_gbk(r, "model", model, sizes.model);
	jt808_report_gbk(r, "terminal", terminal, sizes.terminal);
}

bool jt808_message_read_register(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct sizes v2011 = {5, 8, 7}, v2013 = {5, 20, 7}, v2019 = {11, 30, 30};
	struct reader in = reader_of(v, len);
	jt808_report_int(r, "province", reader_be16(&in));
	jt808_report_int(r, "county", reader_be16(&in));
	read_names(r, &in, r->frame->peer.is_2019 ? v2019 : len < 37 ? v2011 : v2013);
	jt808_report_int(r, "colour", reader_u8(&in));
	jt808_report_gbk(r, "plate", in.at, in.left);
	return !in.bad;
}

bool jt808_message_read_attributes(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct sizes v2013 = {5, 20, 7}, v2019 = {5, 30, 30};
	static const char *const versions[] = {"versionHw", "versionFw"};
	struct reader in = reader_of(v, len);
	jt808_report_int(r, "type", reader_be16(&in));
	read_names(r, &in, r->frame->peer.is_2019 ? v2019 : v2013);
	const uint8_t *iccid = reader_bytes(&in, 10);
	if (!iccid)
		return false;
	jt808_report_iccid_hex(r, iccid);
	for (size_t i = 0; i < 2 && in.left > 0; i++) {
		const size_t size = reader_u8(&in);
		const uint8_t *version = reader_bytes(&in, size);
		if (!version)
			return false;
		jt808_report_gbk(r, versions[i], version, size);
	}
	if (in.left > 0)
		jt808_report_hex(
			r, "unknown", in.at, in.left < JT808_RAW_MOST ? in.left : JT808_RAW_MOST);
	return true;
}

// Returns true for the body of 2019. A body of 2011 and 2013 has nothing but the code.
static bool is_login_2019(const struct jt808_frame *frame)
{
	if (!frame->peer.is_2019 || frame->len < 1 ||
		frame->len != 1u + frame->body[0] + LOGIN_2019)
		return false;
	for (size_t i = 0; i < 15; i++)
		if (!text_is_digit((char)frame->body[1 + frame->body[0] + i]))
			return false;
	return true;
}

struct text jt808_message_login_code(const struct jt808_frame *frame)
{
	if (is_login_2019(frame))
		return (struct text){(const char *)frame->body + 1, frame->body[0]};
	return (struct text){(const char *)frame->body, frame->len};
}

bool jt808_message_read_login(struct jt808_report *r, const uint8_t *v, size_t len)
{
	const size_t code = 1u + v[0];
	(void)len;
	jt808_report_imei(r, v + code, 15);
	jt808_report_gbk(r, "software", v + code + 15, 20);
	return true;
}

bool jt808_message_read_heartbeat(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 3 || !jt808_report_value(r, JT808_PERCENT, v[0]))
		return false;
	jt808_report_int(r, "gsm", v[1]);
	jt808_report_int(r, "status", v[2]);
	return true;
}

bool jt808_message_read_battery(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 7 || !jt808_report_value(r, JT808_PERCENT, v[0]))
		return false;
	jt808_report_time(r, v + 1);
	return true;
}

// Reads len u8, text.
static bool read_short_text(struct jt808_report *r, struct reader *in, const char *name)
{
	const size_t size = reader_u8(in);
	const uint8_t *text = reader_bytes(in, size);
	if (text)
		jt808_report_gbk(r, name, text, size);
	return text != NULL;
}

// Reads text up to the first NUL.
static bool read_code(const uint8_t *v, size_t len, struct text *code)
{
	const uint8_t *end = memchr(v, 0, len);
	return jt808_report_trim(v, end ? (size_t)(end - v) : len, code);
}

bool jt808_message_read_card(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct reader in = reader_of(v, len);
	struct text code;
	const uint8_t status = reader_u8(&in);
	const uint8_t *time = reader_bytes(&in, 6);
	if (!time || status < 1 || status > 2)
		return false;
	jt808_report_int(r, "cardStatus", status);
	jt808_report_time(r, time);
	if (in.left == 0)
		return true;
	jt808_report_int(r, "cardResult", reader_u8(&in));
	if (!read_short_text(r, &in, "driverName"))
		return false;
	const uint8_t *card = reader_bytes(&in, 20);
	if (!card || !read_code(card, 20, &code))
		return false;
	jt808_report_text(r, "cardCode", code);
	if (!read_short_text(r, &in, "cardAgency"))
		return false;
	const uint8_t *until = reader_bytes(&in, 4);
	if (!until || in.left > 0)
		return false;
	if (jt808_u32(until) != 0)
		jt808_report_hex(r, "cardValidity", until, 4);
	return status != 1 || jt808_report_driver(r, code);
}

static char *put_axis(char *out, int32_t value)
{
	if (value < 0)
		*out++ = '-';
	return decimal_write(out, (uint64_t)(value < 0 ? -value : value));
}

bool jt808_message_read_acceleration(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char text[2 + SAMPLES_MOST * 24], *end = text;
	if (len == 0 || len % SAMPLE != 0)
		return false;
	*end++ = '[';
	for (size_t at = 0; at < len && at < SAMPLES_MOST * SAMPLE; at += SAMPLE) {
		if (at > 0)
			*end++ = ',';
		for (size_t axis = 0; axis < 3; axis++) {
			*end++ = axis == 0 ? '[' : ',';
			end = put_axis(end, jt808_report_minus15(v + at + 6 + 2 * axis));
		}
		*end++ = ']';
	}
	*end++ = ']';
	jt808_report_text(r, "gSensor", (struct text){text, (size_t)(end - text)});
	return true;
}

// Texts ----------------------------------------------------------------------

static void set_result(struct jt808_report *r, const char *data, size_t len)
{
	while (len > 0 && (uint8_t)data[0] <= 0x20)
		data++, len--;
	while (len > 0 && (uint8_t)data[len - 1] <= 0x20)
		len--;
	if (len > 0)
		extra_text_start(r->out, r->report, "result", data, len);
}

bool jt808_message_read_6006(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char text[RESULT_MOST];
	if (len == 0)
		return false;
	set_result(r, text, gbk_to_utf8(v + 1, len - 1, text, sizeof text));
	return true;
}

// Returns the character at the head of UTF-16; *used: 2 or 4. Half a pair is U+FFFD.
static uint32_t utf16_char(const uint8_t *v, size_t len, size_t *used)
{
	const uint32_t first = jt808_u16(v);
	*used = 2;
	if (first < 0xD800 || first > 0xDFFF)
		return first;
	const uint32_t second = len >= 4 ? jt808_u16(v + 2) : 0;
	if (first > 0xDBFF || second < 0xDC00 || second > 0xDFFF)
		return 0xFFFD;
	*used = 4;
	return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

bool jt808_message_read_1300(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char text[RESULT_MOST];
	size_t text_len = 0, used;
	if (len < 2 || len % 2 != 0)
		return false;
	for (size_t at = 2; at < len && sizeof text - text_len >= GBK_CHAR_MAX; at += used)
		text_len += gbk_put_utf8(utf16_char(v + at, len - at, &used), text + text_len);
	set_result(r, text, text_len);
	return true;
}

bool jt808_message_read_0701(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < 4 || jt808_u32(v) != len - 4)
		return false;
	set_result(r, (const char *)v + 4, len - 4);
	return true;
}
