// SPDX-License-Identifier: MIT
// Event, a driver's number, members of extra and, after these, the raw bytes follow one another in the arena:
//
//   0200 | 1234567 | "status":3,"mcc":262 ...
#include "decoders/jt808/jt808_report.h"
#include "decoders/fields.h"
#include "util/decimal.h"
#include "util/gbk.h"
#include "util/hex.h"

#define TEXT_MOST 1024 /* bytes of GBK */
#define ZONE_US   INT64_C(28800000000)
#define NAME_MOST 32

// Report ---------------------------------------------------------------------

static char *put_hex_upper(char *out, unsigned value, unsigned digits)
{
	static const char upper[] = "0123456789ABCDEF";
	for (unsigned i = digits; i > 0; i--, value >>= 4)
		out[i - 1] = upper[value & 15];
	return out + digits;
}

bool jt808_report_begin(
	struct jt808_report *r, const struct jt808_frame *frame, const uint8_t *sub, size_t sub_len)
{
	struct decoded *out = frame->out;
	if (out->report_count == DECODED_REPORTS ||
		DECODED_ARENA - out->arena_len < JT808_EVENT_MAX + DECIMAL_MAX)
		return false;
	r->frame = frame;
	r->out = out;
	r->report = decoded_report(out, frame->session);
	r->model = session_settings(frame->session).model;
	r->names = 0;
	r->aovx = NULL;
	r->fence = 0;
	r->has_network = false;
	r->cell_count = r->cells_len = r->wifi_len = 0;
	char *event = (char *)decoded_arena(out, JT808_EVENT_MAX + DECIMAL_MAX);
	r->digits = event + JT808_EVENT_MAX;
	char *end = put_hex_upper(event, frame->id, 4);
	for (size_t i = 0; i < sub_len; i++) {
		*end++ = '/';
		end = put_hex_upper(end, sub[i], 2);
	}
	r->report->event = (struct text){event, (size_t)(end - event)};
	return true;
}

static void end_cells(struct jt808_report *r)
{
	if (r->has_network) {
		jt808_report_int(r, "mcc", r->mcc);
		jt808_report_int(r, "mnc", r->mnc);
	}
	if (r->cell_count == 1 && r->first_is_bare) {
		jt808_report_int(r, "lac", r->lac);
		jt808_report_int(r, "cid", r->cid);
	} else if (r->cell_count > 0) {
		jt808_report_text(r, "cells", (struct text){r->cells, r->cells_len});
	}
	jt808_report_text(r, "wifi", (struct text){r->wifi, r->wifi_len});
}

void jt808_report_end(struct jt808_report *r, struct text key, struct text raw)
{
	end_cells(r);
	r->report->key = key;
	r->report->raw = raw;
}

bool jt808_report_is_model(const struct jt808_report *r, const char *model)
{
	return text_equal(r->model, model);
}

// Members of extra -----------------------------------------------------------

// Makes room for a name: removes its older value. Most names are new, which their hash shows.
static void replace(struct jt808_report *r, const char *name)
{
	uint32_t hash = 0;
	for (const char *at = name; *at; at++)
		hash = hash * 31 + (uint8_t)*at;
	const uint64_t bit = UINT64_C(1) << (hash * UINT32_C(2654435769) >> 26);
	if (r->names & bit)
		extra_remove(r->out, r->report, name);
	r->names |= bit;
}

void jt808_report_fixed(struct jt808_report *r, const char *name, int64_t value, unsigned decimals)
{
	replace(r, name);
	extra_fixed(r->out, r->report, name, value, decimals);
}

void jt808_report_int(struct jt808_report *r, const char *name, int64_t value)
{
	jt808_report_fixed(r, name, value, 0);
}

void jt808_report_bool(struct jt808_report *r, const char *name, bool value)
{
	replace(r, name);
	extra_bool(r->out, r->report, name, value);
}

void jt808_report_hex(struct jt808_report *r, const char *name, const uint8_t *data, size_t len)
{
	replace(r, name);
	extra_hex(r->out, r->report, name, data, len);
}

void jt808_report_text(struct jt808_report *r, const char *name, struct text text)
{
	if (text.len == 0)
		return;
	replace(r, name);
	extra_text(r->out, r->report, name, text.data, text.len);
}

const char *jt808_report_name(
	char name[JT808_NAME_MAX], const char *prefix, uint32_t number, const char *suffix)
{
	char *end = decimal_write(fields_put(name, prefix, strlen(prefix)), number);
	memcpy(end, suffix, strlen(suffix) + 1);
	return name;
}

static char *put_signed(char *out, int64_t value)
{
	if (value < 0)
		*out++ = '-';
	return decimal_write(out, (uint64_t)(value < 0 ? -value : value));
}

void jt808_report_vector(struct jt808_report *r, const char *name, const int32_t value[3])
{
	char text[3 * DECIMAL_MAX], *end = text;
	for (unsigned i = 0; i < 3; i++) {
		*end++ = i == 0 ? '[' : ',';
		end = put_signed(end, value[i]);
	}
	*end++ = ']';
	jt808_report_text(r, name, (struct text){text, (size_t)(end - text)});
}

void jt808_report_keep(struct jt808_report *r, const char *prefix, uint32_t id, unsigned id_digits,
	const uint8_t *data, size_t len)
{
	char name[NAME_MOST];
	const size_t prefix_len = strlen(prefix);
	memcpy(name, prefix, prefix_len);
	for (unsigned i = 0; i < id_digits; i++)
		name[prefix_len + i] = hex_digits[id >> 4 * (id_digits - 1 - i) & 15];
	name[prefix_len + id_digits] = 0;
	if (!extra_has(r->report, name))
		jt808_report_hex(r, name, data, len < JT808_RAW_MOST ? len : JT808_RAW_MOST);
}

void jt808_report_keep_body(struct jt808_report *r)
{
	const size_t len = r->frame->len;
	if (len > 0)
		jt808_report_hex(
			r, "data", r->frame->body, len < JT808_DATA_MOST ? len : JT808_DATA_MOST);
}

// Numbers --------------------------------------------------------------------

bool jt808_report_value(struct jt808_report *r, enum jt808_kind kind, int64_t value)
{
	static const int64_t most[] = {[JT808_ODOMETER] = INT64_C(1000000000000),
		[JT808_PERCENT] = 100,
		[JT808_CHARGE] = 100,
		[JT808_BATTERY] = 100000,
		[JT808_POWER] = 1000000,
		[JT808_CSQ] = 31,
		[JT808_SATELLITES] = 99,
		[JT808_HDOP] = 9999};
	if (kind == JT808_CHARGE && value == 0xFF) {
		jt808_report_bool(r, "charge", true);
		return true;
	}
	if (value < 0 || value > most[kind])
		return false;
	switch (kind) {
	case JT808_ODOMETER:
		return report_set_odometer(r->report, value);
	case JT808_PERCENT:
	case JT808_CHARGE:
		return report_set_battery_percent(r->report, value);
	case JT808_BATTERY:
		return report_set_battery_mv(r->report, value);
	case JT808_POWER:
		return report_set_power_mv(r->report, value);
	case JT808_CSQ:
		return report_set_gsm_percent(r->report, value * 100 / 31);
	case JT808_SATELLITES:
		return report_set_satellites(r->report, value);
	case JT808_HDOP:
		return report_set_hdop(r->report, value);
	case JT808_EXTRA:
	case JT808_SHARE:
		break;
	}
	return false;
}

bool jt808_report_share(struct jt808_report *r, const char *name, int64_t value, unsigned decimals)
{
	if (value < 0 || value > 100 * (int64_t)scan_power(decimals))
		return false;
	jt808_report_fixed(r, name, value, decimals);
	return true;
}

bool jt808_report_number(struct jt808_report *r, const struct jt808_number *number, int64_t value)
{
	value = (value - number->less) * (number->scale ? number->scale : 1);
	if (number->kind == JT808_SHARE)
		return jt808_report_share(r, number->name, value, number->decimals);
	if (number->kind != JT808_EXTRA)
		return jt808_report_value(r, number->kind, value);
	jt808_report_fixed(r, number->name, value, number->decimals);
	return true;
}

bool jt808_report_wide(const uint8_t *data, size_t len, uint32_t *value)
{
	struct reader reader = reader_of(data, len);
	if (len != 1 && len != 2 && len != 4)
		return false;
	*value = (uint32_t)reader_be(&reader, len);
	return true;
}

int32_t jt808_report_minus15(const uint8_t *data)
{
	const int32_t size = (int32_t)(jt808_u16(data) & 0x7FFF);
	return data[0] & 0x80 ? -size : size;
}

// Texts ----------------------------------------------------------------------

static struct text trim(struct text text)
{
	while (text.len > 0 && (uint8_t)text.data[0] <= 0x20)
		text.data++, text.len--;
	while (text.len > 0 && (uint8_t)text.data[text.len - 1] <= 0x20)
		text.len--;
	return text;
}

bool jt808_report_trim(const uint8_t *data, size_t len, struct text *text)
{
	*text = trim((struct text){(const char *)data, len});
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] < 0x20 || text->data[i] > 0x7E)
			return false;
	return true;
}

bool jt808_report_trimmed(struct jt808_report *r, const char *name, const uint8_t *data, size_t len)
{
	struct text text;
	if (!jt808_report_trim(data, len, &text))
		return false;
	jt808_report_text(r, name, text);
	return true;
}

void jt808_report_gbk(struct jt808_report *r, const char *name, const uint8_t *data, size_t len)
{
	char text[3 * TEXT_MOST];
	const uint8_t *end = len > 0 ? memchr(data, 0, len) : NULL;
	if (end)
		len = (size_t)(end - data);
	const size_t text_len =
		gbk_to_utf8(data, len < TEXT_MOST ? len : TEXT_MOST, text, sizeof text);
	jt808_report_text(r, name, trim((struct text){text, text_len}));
}

bool jt808_report_driver(struct jt808_report *r, struct text text)
{
	if (text.len > DRIVER_MAX)
		return false;
	if (text.len > 0)
		r->report->driver = text;
	return true;
}

void jt808_report_driver_number(struct jt808_report *r, uint32_t number)
{
	const char *end = decimal_write(r->digits, number);
	r->report->driver = (struct text){r->digits, (size_t)(end - r->digits)};
}

bool jt808_report_iccid(struct jt808_report *r, const uint8_t *data, size_t len)
{
	struct text text;
	if (!jt808_report_trim(data, len, &text) || text.len < 2 || memcmp(text.data, "89", 2) != 0)
		return false;
	jt808_report_text(r, "iccid", text);
	return true;
}

void jt808_report_iccid_hex(struct jt808_report *r, const uint8_t data[10])
{
	char digits[20];
	size_t len = (size_t)(hex_write(digits, data, 10) - digits);
	while (len > 0 && digits[len - 1] == 'f')
		len--;
	jt808_report_text(r, "iccid", (struct text){digits, len});
}

bool jt808_report_imei(struct jt808_report *r, const uint8_t *data, size_t len)
{
	const struct text text = {(const char *)data, len};
	if (!fields_is_digits(text, 15, 15))
		return false;
	jt808_report_text(r, "imei", text);
	return true;
}

bool jt808_report_imei_bcd(struct jt808_report *r, const uint8_t data[8])
{
	char digits[16];
	hex_write(digits, data, 8);
	return digits[0] == '0' && jt808_report_imei(r, (const uint8_t *)digits + 1, 15);
}

// Cells and Wi-Fi ------------------------------------------------------------

void jt808_report_cell(
	struct jt808_report *r, uint32_t mcc, uint32_t mnc, uint32_t lac, uint32_t cid, int rssi)
{
	if (lac == 0 && cid == 0)
		return;
	if (!r->has_network) {
		r->mcc = mcc;
		r->mnc = mnc;
		r->has_network = true;
	}
	if (sizeof r->cells - r->cells_len < 32)
		return;
	if (r->cell_count++ == 0) {
		r->lac = lac;
		r->cid = cid;
		r->first_is_bare = rssi < 0;
	}
	char *end = r->cells + r->cells_len;
	if (r->cell_count > 1)
		*end++ = ';';
	end = decimal_write(end, lac);
	*end++ = ',';
	end = decimal_write(end, cid);
	if (rssi >= 0) {
		*end++ = ',';
		*end++ = '-';
		end = decimal_write(end, (uint64_t)rssi);
	}
	r->cells_len = (size_t)(end - r->cells);
}

void jt808_report_wifi(struct jt808_report *r, struct text mac, struct text rssi)
{
	if (sizeof r->wifi - r->wifi_len < mac.len + rssi.len + 2)
		return;
	char *end = r->wifi + r->wifi_len;
	if (r->wifi_len > 0)
		*end++ = ';';
	end = fields_put(end, mac.data, mac.len);
	*end++ = ',';
	end = fields_put(end, rssi.data, rssi.len);
	r->wifi_len = (size_t)(end - r->wifi);
}

void jt808_report_wifi_bytes(struct jt808_report *r, const uint8_t *data, size_t count)
{
	for (; count > 0; count--, data += 7) {
		char mac[12], rssi[4];
		hex_write(mac, data, 6);
		const char *end = put_signed(rssi, (int8_t)data[6]);
		jt808_report_wifi(r, (struct text){mac, sizeof mac},
			(struct text){rssi, (size_t)(end - rssi)});
	}
}

// Time -----------------------------------------------------------------------

bool jt808_report_read_time(const uint8_t bcd[6], int64_t *time_us)
{
	int part[6];
	for (size_t i = 0; i < 6; i++) {
		if (bcd[i] >> 4 > 9 || (bcd[i] & 15) > 9)
			return false;
		part[i] = (bcd[i] >> 4) * 10 + (bcd[i] & 15);
	}
	return part[0] > 0 && text_make_time(2000 + part[0], part[1], part[2], part[3], part[4],
				      part[5], 0, time_us);
}

void jt808_report_time(struct jt808_report *r, const uint8_t bcd[6])
{
	int64_t time_us;
	if (jt808_report_read_time(bcd, &time_us))
		report_set_time(r->report, time_us - ZONE_US);
}
