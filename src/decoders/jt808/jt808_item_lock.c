// SPDX-License-Identifier: MIT
// Items of padlocks:
//
//   0B  command u8 | card u32 (length 5, 6) or password 6 | result u8 if the length is even
//   60  event u16 | number of the lock | card 8       events 61..66: the card is the driver's
//   63  n x (id 6 | battery u16 mV | seal u8 | 2)     D5  n u8 | n x (id 5 | card 5 | battery u8 | status u16)
//   DA  cuts u16 | u8: 0 string, 2 motion, 3 cover
#include "decoders/jt808/jt808_item_lock.h"

bool jt808_item_lock_read_0b(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct text password = {NULL, 0};
	if (len == 0 || len == 3 || len == 4)
		return false;
	for (size_t i = 1; len >= 7 && i < 7; i++)
		if (v[i] < 0x20 || v[i] > 0x7E)
			return false;
	jt808_report_int(r, "lockCommand", v[0]);
	if (len >= 7 && jt808_report_trim(v + 1, 6, &password))
		jt808_report_text(r, "lockPassword", password);
	else if (len >= 5)
		jt808_report_int(r, "lockCard", jt808_u32(v + 1));
	if (len % 2 == 0)
		jt808_report_int(r, "unlockResult", v[len >= 7 ? 7 : len - 1]);
	return true;
}

bool jt808_item_lock_read_60(struct jt808_report *r, const uint8_t *v, size_t len)
{
	struct text card;
	if (len < 2)
		return false;
	const uint32_t event = jt808_u16(v);
	jt808_report_int(r, "lockEvent", event);
	if (len < 11)
		return true;
	for (size_t i = len - 8; i < len; i++)
		if (v[i] < 0x20 || v[i] > 0x7E)
			return true;
	jt808_report_trim(v + len - 8, 8, &card);
	if (event >= 0x61 && event <= 0x66)
		return jt808_report_driver(r, card);
	jt808_report_text(r, "card", card);
	return true;
}

bool jt808_item_lock_read_63(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char name[JT808_NAME_MAX];
	if (len % 11 != 0)
		return false;
	for (uint32_t n = 1; len > 0; n++, v += 11, len -= 11) {
		jt808_report_hex(r, jt808_report_name(name, "lock", n, "Id"), v, 6);
		jt808_report_fixed(
			r, jt808_report_name(name, "lock", n, "Battery"), jt808_u16(v + 6), 3);
		jt808_report_bool(r, jt808_report_name(name, "lock", n, "Seal"), v[8] == 0x31);
	}
	return true;
}

bool jt808_item_lock_read_d5(struct jt808_report *r, const uint8_t *v, size_t len)
{
	char name[JT808_NAME_MAX];
	if (len == 2)
		return jt808_report_value(r, JT808_BATTERY, jt808_u16(v) * INT64_C(10));
	if (len == 0 || len != 1 + 13u * v[0])
		return false;
	const uint32_t count = *v++;
	for (uint32_t n = 1; n <= count; n++, v += 13) {
		jt808_report_hex(r, jt808_report_name(name, "lock", n, "Id"), v, 5);
		jt808_report_hex(r, jt808_report_name(name, "lock", n, "Card"), v + 5, 5);
		jt808_report_int(r, jt808_report_name(name, "lock", n, "Battery"), v[10]);
		jt808_report_bool(r, jt808_report_name(name, "lock", n, "Locked"),
			!(jt808_u16(v + 11) >> 5 & 1));
	}
	return true;
}

bool jt808_item_lock_read_da(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len < 3)
		return false;
	jt808_report_int(r, "cuts", jt808_u16(v));
	jt808_report_bool(r, "string", v[2] & 1);
	jt808_report_bool(r, "motion", v[2] & 4);
	jt808_report_bool(r, "cover", v[2] & 8);
	return true;
}
