// SPDX-License-Identifier: MIT
// Items of sensors:
//
//   51  n x temperature u16, 0.1, bit 15 is the sign          77  n x (wheel u8 | sensor 3 | pressure u16 | temperature | status)
//   E6  n x (sensor u8 | MAC 6 | temperature | humidity), each s8 and 255ths; or $OBD-RT,..
//   F6  event u8 | mask u8 | the values of its bits           F9  mask u16 | the values of its bits
#include "decoders/jt808/jt808_item_sensor.h"
#include "decoders/jt808/jt808_item_obd.h"

bool jt808_item_sensor_read_51(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len % 2 != 0)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		char name[JT808_NAME_MAX];
		jt808_report_name(name, "temp", (uint32_t)i / 2 + 1, "");
		if (jt808_u16(v + i) != 0xFFFF)
			jt808_report_fixed(r, name, jt808_report_minus15(v + i), 1);
	}
	return true;
}

bool jt808_item_sensor_read_77(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char name[JT808_NAME_MAX];
	if (len % 8 != 0)
		return false;
	for (; len > 0; v += 8, len -= 8) {
		jt808_report_hex(r, jt808_report_name(name, "tire", v[0], "SensorId"), v + 1, 3);
		jt808_report_fixed(r, jt808_report_name(name, "tire", v[0], "Pressure"),
			(jt808_u16(v + 4) & 1023) * INT64_C(25), 3);
		jt808_report_int(r, jt808_report_name(name, "tire", v[0], "Temp"), v[6] - 50);
		jt808_report_int(r, jt808_report_name(name, "tire", v[0], "Status"), v[7]);
	}
	return true;
}

// Returns a signed byte and 255ths away from zero, in millionths.
static int64_t read_255ths(const uint8_t *v)
{
	const int64_t e6 = (v[1] * INT64_C(2000000) + 255) / 510,
		      whole = (int8_t)v[0] * INT64_C(1000000);
	return whole < 0 ? whole - e6 : whole + e6;
}

bool jt808_item_sensor_read_e6(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char name[JT808_NAME_MAX];
	bool all = true;
	if (len >= 7 && !memcmp(v, "$OBD-RT", 7))
		return jt808_item_obd_read_obd_text(r, v, len);
	if (len == 0 || len % 11 != 0)
		return false;
	for (; len > 0; v += 11, len -= 11) {
		jt808_report_fixed(
			r, jt808_report_name(name, "temp", v[0], ""), read_255ths(v + 7), 6);
		all &= jt808_report_share(
			r, jt808_report_name(name, "humidity", v[0], ""), read_255ths(v + 9), 6);
	}
	return all;
}

// Returns the bytes of the values that the mask's bits announce; sizes: of each bit, 0: unknown bit.
static size_t masked_size(uint32_t mask, const uint8_t *sizes, size_t count, bool *known)
{
	size_t size = 0;
	*known = count >= 32 || mask >> count == 0;
	for (size_t i = 0; i < count; i++) {
		if (!(mask >> i & 1))
			continue;
		size += sizes[i];
		*known &= sizes[i] > 0;
	}
	return size;
}

bool jt808_item_sensor_read_f6(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const uint8_t sizes[] = {2, 2, 2, 6, 10, 2};
	bool known;
	if (len == 2) {
		jt808_report_int(r, "airPressure", jt808_u16(v));
		return true;
	}
	if (len == 8 && jt808_report_imei_bcd(r, v))
		return true;
	if (len < 2 || masked_size(v[1], sizes, sizeof sizes, &known) != len - 2 || !known)
		return false;
	const uint8_t mask = v[1];
	bool all = true;
	jt808_report_int(r, "eventCode", v[0]);
	if (v[0] == 2)
		jt808_report_bool(r, "motion", true);
	v += 2;
	for (size_t bit = 0; bit < sizeof sizes; bit++) {
		if (!(mask >> bit & 1))
			continue;
		if (bit == 0)
			jt808_report_int(r, "lightSensor", jt808_u16(v));
		else if (bit == 1)
			jt808_report_fixed(r, "temp1", jt808_s16(v), 1);
		else if (bit == 2)
			all &= jt808_report_share(r, "humidity", jt808_s16(v), 1);
		else if (bit == 3)
			jt808_report_vector(r, "gSensor",
				(const int32_t[]){
					jt808_s16(v), jt808_s16(v + 2), jt808_s16(v + 4)});
		else if (bit == 5)
			jt808_report_int(r, "airPressure", jt808_u16(v));
		v += sizes[bit];
	}
	return all;
}

bool jt808_item_sensor_read_f9(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const uint8_t sizes[] = {4, 4, 2, 6, 0, 8, 6};
	bool known;
	if (len < 2)
		return false;
	const uint32_t mask = jt808_u16(v);
	if (masked_size(mask, sizes, sizeof sizes, &known) != len - 2 || !known)
		return false;
	const uint8_t *hdop = v + 2 + (mask & 1 ? 4 : 0) + (mask & 2 ? 4 : 0);
	if (mask & 4 && !jt808_report_value(r, JT808_HDOP, jt808_u16(hdop) * INT64_C(10)))
		return false;
	if (mask & 64)
		jt808_report_fixed(r, "temp3", jt808_s16(v + len - 6), 1);
	return true;
}
