// SPDX-License-Identifier: MIT
// Items of a position block, id u8, len u8, value: from the standard, the makers' papers and public tests. One id means
// different things to different makers: an item is read only in a length given here, and if all its values are possible.
#include "decoders/jt808/jt808_items.h"
#include "decoders/fields.h"
#include "decoders/jt808/jt808_entries.h"
#include "decoders/jt808/jt808_item_driving.h"
#include "decoders/jt808/jt808_item_lists.h"
#include "decoders/jt808/jt808_item_lock.h"
#include "decoders/jt808/jt808_item_obd.h"
#include "decoders/jt808/jt808_item_radio.h"
#include "decoders/jt808/jt808_item_sensor.h"

#define PADLOCK_TAIL 18

// One value ------------------------------------------------------------------

static bool read_fuel(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 2)
		return false;
	const uint32_t value = jt808_u16(v);
	if (!(value & 0x8000))
		jt808_report_fixed(r, "fuel", value, 1);
	else if ((value & 0x7FFF) <= 100)
		jt808_report_int(r, "fuelLevel", value & 0x7FFF);
	else
		return false;
	return true;
}

static bool read_06(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 2)
		return false;
	jt808_report_int(r, "temp1", jt808_report_minus15(v));
	return true;
}

static bool read_battery_tenths(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return (len == 1 || len == 2) && jt808_report_value(r, JT808_PERCENT, v[0] * 10);
}

static bool read_battery_hundredths(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return (len == 2 || len == 4) &&
	       jt808_report_value(r, JT808_PERCENT, (len == 2 ? jt808_u16(v) : jt808_u32(v)) / 100);
}

static bool read_motion(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 1)
		return false;
	jt808_report_bool(r, "motion", v[0] == 1);
	return true;
}

// Fuel in 0.1 l, except of a DT800.
static bool read_e2(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 4 || jt808_report_is_model(r, "DT800"))
		return false;
	jt808_report_fixed(r, "fuel", jt808_u32(v), 1);
	return true;
}

static bool read_adc(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 4)
		return false;
	report_set_adc(r->report, 0, (int32_t)jt808_u16(v + 2));
	report_set_adc(r->report, 1, (int32_t)jt808_u16(v));
	return true;
}

// "*M00", 6 characters, 3 digits of 10 mV; its one byte is in the table.
static bool read_33(struct jt808_report *r, const uint8_t *v, size_t len)
{
	uint64_t value;
	const struct text digits = {(const char *)v + 10, 3};
	return len == 13 && !memcmp(v, "*M00", 4) && fields_is_digits(digits, 3, 3) &&
	       text_uint(digits, &value) &&
	       jt808_report_value(r, JT808_BATTERY, (int64_t)value * 10);
}

// Places ---------------------------------------------------------------------

static bool read_overspeed(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 5 && v[0] != 0)
		jt808_report_int(r, "area", jt808_u32(v + 1));
	return len == 1 || len == 5;
}

static bool read_area(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 6 || v[5] > 1)
		return false;
	jt808_report_int(r, "area", jt808_u32(v + 1));
	r->fence = v[5] + 1;
	return true;
}

static bool read_route(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 7)
		return false;
	jt808_report_int(r, "route", jt808_u32(v));
	jt808_report_int(r, "routeTime", jt808_u16(v + 4));
	jt808_report_int(r, "routeResult", v[6]);
	return true;
}

// Power ----------------------------------------------------------------------

static bool read_e3(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if ((len != 4 && len != 6) || v[1] > 100 ||
		!jt808_report_value(r, JT808_BATTERY, jt808_u16(v + 2) * INT64_C(10)))
		return false;
	return jt808_report_value(r, JT808_PERCENT, v[1]);
}

static bool read_e4(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 2 || !jt808_report_value(r, JT808_PERCENT, v[1]))
		return false;
	if (v[0] == 0)
		jt808_report_bool(r, "charge", true);
	return true;
}

static bool read_ee(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 10)
		return jt808_item_radio_read_ee(r, v, len);
	if (len != 6 || !jt808_report_value(r, JT808_SATELLITES, v[5]))
		return false;
	jt808_report_int(r, "gsm", v[0]);
	jt808_report_value(r, JT808_POWER, jt808_u16(v + 1));
	return jt808_report_value(r, JT808_BATTERY, jt808_u16(v + 3));
}

static bool read_f1(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 4)
		return jt808_report_value(r, JT808_POWER, jt808_u32(v));
	return (len == 19 || len == 20) && jt808_report_trimmed(r, "iccid", v, len);
}

static bool read_f7(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 2)
		return jt808_report_share(r, "humidity", jt808_u16(v), 1);
	if (len < 4 || len > 6 || (len == 6 && v[5] > 100) ||
		!jt808_report_value(r, JT808_BATTERY, jt808_u32(v)))
		return false;
	if (len > 4 && (v[4] == 2 || v[4] == 3))
		jt808_report_bool(r, "charge", true);
	return len < 6 || jt808_report_value(r, JT808_PERCENT, v[5]);
}

// Texts and numbers of people and things -------------------------------------

static bool read_iccid(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return len == 20 && jt808_report_iccid(r, v, len);
}

static bool read_password(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return len == 8 && jt808_report_trimmed(r, "password", v, len);
}

static bool read_vin(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return jt808_report_trimmed(r, "vin", v, len);
}

static bool read_card(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return jt808_report_trimmed(r, "card", v, len);
}

static bool read_container(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return jt808_report_trimmed(r, "container", v, len);
}

static bool read_driver_name(struct jt808_report *r, const uint8_t *v, size_t len)
{
	jt808_report_gbk(r, "driverName", v, len);
	return true;
}

static bool read_driver(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct text text;
	return jt808_report_trim(v, len, &text) && jt808_report_driver(r, text);
}

static bool read_driver_number(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len != 4)
		return false;
	jt808_report_driver_number(r, jt808_u32(v));
	return true;
}

static bool read_e1(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 2)
		return jt808_report_value(r, JT808_POWER, jt808_u16(v) * INT64_C(100));
	return len == 4 ? read_driver_number(r, v, len) : jt808_item_radio_read_e1(r, v, len);
}

static bool read_version(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (!jt808_report_trimmed(r, "versionFw", v, len))
		return false;
	r->aovx = len >= 10 && !memcmp(v, "AOVX_", 5) ? (const char *)v + 5 : NULL;
	return true;
}

static bool read_f8(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len == 2 && (jt808_report_is_model(r, "C5") || jt808_report_is_model(r, "C5L"))) {
		jt808_report_int(r, "steps", jt808_u16(v));
		return true;
	}
	if (len < 19 || !jt808_report_imei_bcd(r, v + 1))
		return false;
	jt808_report_int(r, "mode", v[0]);
	jt808_report_iccid_hex(r, v + 9);
	return true;
}

// The table ------------------------------------------------------------------

struct item {
	uint8_t len;                /* of the number; 0: none */
	struct jt808_number number; /* read first, if the length is right */
	jt808_item_reader *read;    /* NULL: none */
};

#define EXTRA(name, scale, decimals)                                                               \
	{                                                                                          \
		name, scale, 0, JT808_EXTRA, decimals                                              \
	}
#define VALUE(kind, scale)                                                                         \
	{                                                                                          \
		NULL, scale, 0, kind, 0                                                            \
	}
#define SPECIAL(read)                                                                              \
	{                                                                                          \
		0, VALUE(JT808_EXTRA, 1), read                                                     \
	}

static const struct item items[256] = {
	[0x01] = {4, VALUE(JT808_ODOMETER, 100), NULL},
	[0x02] = SPECIAL(read_fuel),
	[0x03] = {2, EXTRA("recorderSpeed", 1, 1), NULL},
	[0x04] = {2, EXTRA("confirmEvent", 1, 0), NULL},
	[0x06] = {1, VALUE(JT808_PERCENT, 1), read_06},
	[0x0B] = SPECIAL(jt808_item_lock_read_0b),
	[0x11] = SPECIAL(read_overspeed),
	[0x12] = SPECIAL(read_area),
	[0x13] = SPECIAL(read_route),
	[0x14] = {4, EXTRA("videoAlarm", 1, 0), NULL},
	[0x15] = {4, EXTRA("videoLost", 1, 0), NULL},
	[0x16] = {4, EXTRA("videoCovered", 1, 0), NULL},
	[0x17] = {2, EXTRA("storageFault", 1, 0), NULL},
	[0x18] = SPECIAL(jt808_item_driving_read_18),
	[0x25] = {4, EXTRA("signals", 1, 0), NULL},
	[0x2A] = {2, EXTRA("io", 1, 0), NULL},
	[0x2B] = SPECIAL(read_adc),
	[0x30] = {1, VALUE(JT808_CSQ, 1), NULL},
	[0x31] = {1, VALUE(JT808_SATELLITES, 1), NULL},
	[0x33] = {1, EXTRA("mode", 1, 0), read_33},
	[0x51] = SPECIAL(jt808_item_sensor_read_51),
	[0x53] = SPECIAL(jt808_item_radio_read_53),
	[0x54] = SPECIAL(jt808_item_radio_read_54),
	[0x56] = SPECIAL(read_battery_tenths),
	[0x57] = SPECIAL(jt808_item_driving_read_57),
	[0x5D] = SPECIAL(jt808_item_radio_read_53),
	[0x60] = SPECIAL(jt808_item_lock_read_60),
	[0x61] = {2, VALUE(JT808_POWER, 10), NULL},
	[0x63] = SPECIAL(jt808_item_lock_read_63),
	[0x64] = SPECIAL(jt808_item_driving_read_64),
	[0x65] = SPECIAL(jt808_item_driving_read_65),
	[0x67] = SPECIAL(read_password),
	[0x68] = SPECIAL(read_battery_hundredths),
	[0x69] = {2, VALUE(JT808_BATTERY, 10), NULL},
	[0x6C] = SPECIAL(jt808_report_imei),
	[0x70] = SPECIAL(jt808_item_driving_read_70),
	[0x71] = SPECIAL(read_iccid),
	[0x77] = SPECIAL(jt808_item_sensor_read_77),
	[0x82] = {2, VALUE(JT808_POWER, 100), NULL},
	[0x91] = SPECIAL(jt808_item_driving_read_91),
	[0x94] = SPECIAL(read_vin),
	[0xA7] = SPECIAL(read_adc),
	[0xAC] = {4, VALUE(JT808_ODOMETER, 1), NULL},
	[0xBC] = SPECIAL(read_driver_name),
	[0xBD] = SPECIAL(read_driver),
	[0xCC] = SPECIAL(read_iccid),
	[0xD0] = SPECIAL(jt808_item_driving_read_d0),
	[0xD3] = {2, VALUE(JT808_POWER, 100), NULL},
	[0xD4] = {1, VALUE(JT808_CHARGE, 1), read_driver_number},
	[0xD5] = SPECIAL(jt808_item_lock_read_d5),
	[0xD6] = SPECIAL(read_iccid),
	[0xDA] = SPECIAL(jt808_item_lock_read_da),
	[0xE1] = {1, VALUE(JT808_CHARGE, 1), read_e1},
	[0xE2] = SPECIAL(read_e2),
	[0xE3] = SPECIAL(read_e3),
	[0xE4] = SPECIAL(read_e4),
	[0xE5] = SPECIAL(read_motion),
	[0xE6] = SPECIAL(jt808_item_sensor_read_e6),
	[0xE7] = SPECIAL(jt808_item_driving_read_e7),
	[0xE8] = SPECIAL(jt808_item_lists_read_e8),
	[0xE9] = {1, VALUE(JT808_CHARGE, 1), read_driver_number},
	[0xEA] = SPECIAL(jt808_item_lists_read_ea),
	[0xEB] = SPECIAL(jt808_item_lists_read_eb),
	[0xEC] = SPECIAL(jt808_item_radio_read_wifi),
	[0xED] = SPECIAL(read_card),
	[0xEE] = SPECIAL(read_ee),
	[0xF0] = SPECIAL(jt808_item_radio_read_f0),
	[0xF1] = SPECIAL(read_f1),
	[0xF2] = SPECIAL(read_version),
	[0xF3] = SPECIAL(jt808_item_obd_read_f3),
	[0xF4] = SPECIAL(jt808_item_radio_read_wifi),
	[0xF5] = {2, EXTRA("illuminance", 1, 0), NULL},
	[0xF6] = SPECIAL(jt808_item_sensor_read_f6),
	[0xF7] = SPECIAL(read_f7),
	[0xF8] = SPECIAL(read_f8),
	[0xF9] = SPECIAL(jt808_item_sensor_read_f9),
	[0xFB] = SPECIAL(read_container),
	[0xFC] = {1, EXTRA("geofence", 1, 0), NULL},
	[0xFD] = SPECIAL(jt808_item_radio_read_fd),
	[0xFE] = SPECIAL(jt808_item_driving_read_fe),
	[0xFF] = SPECIAL(jt808_item_radio_read_ff),
};

static bool read_item(struct jt808_report *r, uint8_t id, const uint8_t *v, size_t len)
{
	const struct item *item = &items[id];
	struct reader reader = reader_of(v, len);
	if (item->len > 0 && item->len == len)
		return jt808_report_number(r, &item->number, (int64_t)reader_be(&reader, len));
	return item->read && item->read(r, v, len);
}

// Reading --------------------------------------------------------------------

void jt808_items_visit(struct jt808_report *r, const uint8_t *data, size_t len,
	bool (*read)(struct jt808_report *r, uint8_t id, const uint8_t *v, size_t len))
{
	while (len >= 2) {
		const uint8_t id = data[0];
		const size_t size = data[1] < len - 2 ? data[1] : len - 2;
		if (!read(r, id, data + 2, size))
			jt808_report_keep(r, "i", id, 2, data + 2, size);
		data += 2 + size;
		len -= 2 + size;
	}
}

// 18 bytes that are no items: 4 unknown | mileage u32 | battery u16 | area u32 | signal u8 | 3 unknown
static void read_padlock_tail(struct jt808_report *r, const uint8_t *data)
{
	jt808_report_value(r, JT808_ODOMETER, jt808_u32(data + 4) * INT64_C(1000));
	jt808_report_value(r, JT808_BATTERY, jt808_u16(data + 8) * INT64_C(100));
	jt808_report_int(r, "area", jt808_u32(data + 10));
	jt808_report_int(r, "gsm", data[14]);
}

void jt808_items_read(struct jt808_report *r, const uint8_t *data, size_t len)
{
	if (len == PADLOCK_TAIL && !jt808_entries_add_up(data, len, 1, 1)) {
		read_padlock_tail(r, data);
		return;
	}
	while (len >= 2) {
		const uint8_t id = data[0];
		const size_t size = data[1] < len - 2 ? data[1] : len - 2;
		const uint8_t *v = data + 2;
		data += 2 + size;
		len -= 2 + size;
		if (id == 0x80 && size == 1) {
			// The rest is a table.
			if (!jt808_item_obd_read_80(r, data, len))
				jt808_report_keep(r, "i", id, 2, v, size + len);
			return;
		}
		if (!read_item(r, id, v, size))
			jt808_report_keep(r, "i", id, 2, v, size);
	}
}
