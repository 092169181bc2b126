// SPDX-License-Identifier: MIT
// Parameters with an inner structure, little-endian. From the parameter lists of public gateways.
//
//   0E-13     cell: mcc u16, mnc u16, lac u16, cid u32, level s16        1D-25  Wi-Fi: mac 6, level s16
//   28        picture: s since 2000 u32, suffix u32                      2A-31  temperature: label u8, s16 /100
//   39        driver's card: length u8, text                             49     cameras: n u8, mask u64
//   4B        network: version u8, type u8, length u8, text              4C     n u8, n * (number u8, mV u16)
//   6A        trip: version, m u32, s u32, average u16, top u16, fuel u16 /100
//   DB        version 1, n u8, n * (number u8, serial 8, s16 /100)       FE31   protocol u8, type u8, file, 00
//   FE71, 72  version, then (length u8, name, mac 6, battery u8, level s8) ...
//   FE73      version, length u8, name, mac 6, battery u8, temperature s16 /256, humidity s16 /256, limits 8
//   FEA8      3 * (present u8, level u8), alert u8                       FEF2, F3  n u8, n * tyre
//   F82E      speeding: start and end, each s u32, lon s32, lat s32; s u32, average u16 /10, top u16 /10
//   tyre      place u8, sensor 3, 0.025 bar u16, C + 50 u8, flags u8
#include "decoders/meitrack/meitrack_item.h"

#include "util/hex.h"
#include "util/reader.h"

#define NAME_MOST    40
#define ANALOG_POWER 0x22
#define COLD_E2      (-6000) /* beyond these no sensor is fitted */
#define HOT_E2       12000
#define MASK_MOST    0x80 /* of the upper byte of a mask: the number would be negative */
#define BATTERIES    3
#define BEACON_END   8
#define TAG_END      19
#define MAC          6

struct item {
	struct meitrack_items *to;
	unsigned id;
	const uint8_t *data;
	size_t len;
};

static uint32_t u16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static int s16(const uint8_t *at)
{
	return (int16_t)(uint16_t)u16(at);
}

static uint32_t u32(const uint8_t *at)
{
	return u16(at) | u16(at + 2) << 16;
}

static int32_t s32(const uint8_t *at)
{
	return (int32_t)u32(at);
}

// Members ---------------------------------------------------------------------

struct name {
	char text[NAME_MOST];
};

// Returns "tag2Temp" and the like.
static struct name name_of(const char *start, unsigned number, const char *end)
{
	struct name name;
	char *at = fields_put(name.text, start, strlen(start));
	memcpy(decimal_write(at, number), end, strlen(end) + 1);
	return name;
}

static void add_int(const struct item *i, const char *name, int64_t value)
{
	extra_int(i->to->m->out, i->to->m->report, name, value);
}

static void add_fixed(const struct item *i, const char *name, int64_t value, unsigned decimals)
{
	extra_fixed(i->to->m->out, i->to->m->report, name, value, decimals);
}

static void add_hex(const struct item *i, const char *name, const uint8_t *data, size_t len)
{
	extra_hex(i->to->m->out, i->to->m->report, name, data, len);
}

static struct text text_at(const uint8_t *data, size_t len)
{
	return (struct text){(const char *)data, len};
}

// Adds printable text, unless it is empty.
static void add_text(const struct item *i, const char *name, struct text text)
{
	if (text.len > 0 && fields_is_printable(text, SIZE_MAX))
		extra_text(i->to->m->out, i->to->m->report, name, text.data, text.len);
}

static void add_time(const struct item *i, const char *name, uint32_t seconds)
{
	meitrack_message_add_time(i->to->m, name, meitrack_message_time_us(seconds));
}

// Networks --------------------------------------------------------------------

// The list of cells has one network: a cell of another one is kept as it is.
static bool read_cell(const struct item *i)
{
	struct meitrack_items *to = i->to;
	const uint8_t *v = i->data;
	if (i->len != 12)
		return false;
	const uint32_t mcc = u16(v), mnc = u16(v + 2), lac = u16(v + 4), cid = u32(v + 6);
	const int level = s16(v + 10);
	if (mcc == 0 || (lac | cid) == 0) // there is none
		return true;
	if (!meitrack_message_is_network(mcc, mnc))
		return false;
	if (to->mcc == MEITRACK_NONE) {
		to->mcc = mcc;
		to->mnc = mnc;
		cells_init(&to->cells, mcc, mnc, to->m->report, to->m->out);
	} else if (to->mcc != mcc || to->mnc != mnc) {
		return false;
	}
	cells_put(&to->cells, lac, cid, level ? level : CELLS_NO_RSSI);
	return true;
}

static bool read_wifi(const struct item *i)
{
	struct meitrack_items *to = i->to;
	char mac[2 * MAC];
	if (i->len != MAC + 2 || sizeof to->wifi - to->wifi_len < WIFI_POINT)
		return false;
	hex_write(mac, i->data, MAC);
	to->wifi_len = wifi_put_bare(
		to->wifi, to->wifi_len, (struct text){mac, sizeof mac}, s16(i->data + MAC));
	return true;
}

static bool read_network(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len < 3 || v[2] != i->len - 3 || !fields_is_printable(text_at(v + 3, v[2]), 255))
		return false;
	add_int(i, "networkType", v[1]);
	add_text(i, "network", text_at(v + 3, v[2]));
	return true;
}

static bool read_beacon(const struct item *i, struct reader *r, bool adds)
{
	const size_t len = reader_u8(r);
	const uint8_t *name = reader_bytes(r, len), *end = reader_bytes(r, BEACON_END);
	if (r->bad || !fields_is_printable(text_at(name, len), 255))
		return false;
	if (!adds)
		return true;
	const unsigned number = ++i->to->beacons;
	add_text(i, name_of("beacon", number, "Name").text, text_at(name, len));
	add_hex(i, name_of("beacon", number, "Mac").text, end, MAC);
	add_int(i, name_of("beacon", number, "Battery").text, end[MAC]);
	add_int(i, name_of("beacon", number, "Rssi").text, (int8_t)end[MAC + 1]);
	return true;
}

static bool read_beacons(const struct item *i)
{
	if (i->len == 0)
		return false;
	for (int adds = 0; adds < 2; adds++) {
		struct reader r = reader_of(i->data + 1, i->len - 1);
		while (r.left > 0)
			if (!read_beacon(i, &r, adds))
				return false;
	}
	return true;
}

static int64_t from_256ths(int value)
{
	return value < 0 ? -((-value * 100 + 128) / 256) : (value * 100 + 128) / 256;
}

static bool read_tag(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len < 2 || i->len != 2u + v[1] + TAG_END ||
		!fields_is_printable(text_at(v + 2, v[1]), 255))
		return false;
	const uint8_t *end = v + 2 + v[1];
	const unsigned number = ++i->to->tags;
	add_text(i, name_of("tag", number, "Name").text, text_at(v + 2, v[1]));
	add_hex(i, name_of("tag", number, "Mac").text, end, MAC);
	if (end[6] <= 100) // %
		add_int(i, name_of("tag", number, "Battery").text, end[6]);
	add_fixed(i, name_of("tag", number, "Temp").text, from_256ths(s16(end + 7)), 2);
	const int humidity = s16(end + 9);
	if (humidity >= 0 && humidity <= 100 * 256) // %
		add_fixed(i, name_of("tag", number, "Humidity").text, from_256ths(humidity), 2);
	add_hex(i, name_of("tag", number, "Limits").text, end + 11, 8);
	return true;
}

// Pictures and drivers --------------------------------------------------------

static bool read_picture(const struct item *i)
{
	if (i->len != 8)
		return false;
	add_time(i, "pictureTime", u32(i->data));
	add_int(i, "pictureSuffix", u32(i->data + 4));
	return true;
}

static bool read_cameras(const struct item *i)
{
	if (i->len != 9 || i->data[8] >= MASK_MOST)
		return false;
	add_int(i, "cameras", i->data[0]);
	add_int(i, "cameraMask", (int64_t)((uint64_t)u32(i->data + 5) << 32 | u32(i->data + 1)));
	return true;
}

static bool read_camera_alarm(const struct item *i)
{
	char type[8], *end = type;
	if (i->len < 2)
		return false;
	const char *file = (const char *)i->data + 2;
	const char *nul = i->len > 2 ? memchr(file, 0, i->len - 2) : NULL;
	i->to->alarm_protocol = i->data[0];
	i->to->alarm_type = i->data[1];
	end = decimal_write(end, i->data[0]);
	*end++ = ':';
	end = decimal_write(end, i->data[1]);
	add_text(i, "alarm_type", (struct text){type, (size_t)(end - type)});
	add_text(i, "file", (struct text){file, nul ? (size_t)(nul - file) : i->len - 2});
	return true;
}

static bool read_card(const struct item *i)
{
	const struct text card = text_at(i->data + 1, i->len - 1);
	if (i->len == 0 || i->data[0] != card.len || !fields_is_printable(card, DRIVER_MAX))
		return false;
	if (card.len > 0)
		i->to->card = card;
	return true;
}

// Sensors ---------------------------------------------------------------------

static bool read_temperature(const struct item *i)
{
	if (i->len != 3)
		return false;
	const int value_e2 = s16(i->data + 1);
	if (value_e2 < COLD_E2 || value_e2 > HOT_E2)
		return true;
	add_fixed(i, name_of("temp", i->id - 0x2A, "").text, value_e2, 2);
	add_int(i, name_of("temp", i->id - 0x2A, "Label").text, i->data[0]);
	return true;
}

static bool read_sensors(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len < 2 || v[0] != 1 || i->len != 2 + 11u * v[1])
		return false;
	for (const uint8_t *at = v + 2; at < v + i->len; at += 11) {
		add_hex(i, name_of("sensor", at[0], "Id").text, at + 1, 8);
		add_fixed(i, name_of("sensor", at[0], "Temp").text, s16(at + 9), 2);
	}
	return true;
}

static bool read_analogs(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len == 0 || i->len != 1 + 3u * v[0])
		return false;
	for (const uint8_t *at = v + 1; at < v + i->len; at += 3) {
		if (at[0] == ANALOG_POWER)
			i->to->power_mv = u16(at + 1);
		else
			add_fixed(i, name_of("analog", at[0], "").text, u16(at + 1), 3);
	}
	return true;
}

static bool read_batteries(const struct item *i)
{
	if (i->len != 2 * BATTERIES + 1)
		return false;
	for (unsigned k = 0; k < BATTERIES; k++) {
		const uint8_t present = i->data[2 * k], level = i->data[2 * k + 1];
		if (!present || level > 100)
			continue;
		add_int(i, name_of("battery", k + 1, "Level").text, level);
		if (k == 0)
			i->to->level_percent = level;
	}
	add_int(i, "batteryAlert", i->data[2 * BATTERIES]);
	return true;
}

static bool read_tyres(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len == 0 || i->len != 1 + 8u * v[0])
		return false;
	for (const uint8_t *at = v + 1; at < v + i->len; at += 8) {
		add_hex(i, name_of("tyre", at[0], "Id").text, at + 1, 3);
		add_fixed(i, name_of("tyre", at[0], "Pressure").text, u16(at + 4) * INT64_C(25), 3);
		add_int(i, name_of("tyre", at[0], "Temp").text, at[6] - 50);
		add_int(i, name_of("tyre", at[0], "Flags").text, at[7]);
	}
	return true;
}

// Driving ---------------------------------------------------------------------

static bool read_trip(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len != 15)
		return false;
	add_int(i, "tripDistance", u32(v + 1));
	add_int(i, "trip_s", u32(v + 5));
	add_int(i, "tripAverageSpeed", u16(v + 9));
	add_int(i, "tripTopSpeed", u16(v + 11));
	add_fixed(i, "tripFuelUsed", u16(v + 13), 2);
	return true;
}

static bool read_speeding(const struct item *i)
{
	const uint8_t *v = i->data;
	if (i->len != 32)
		return false;
	add_time(i, "speedingStart", u32(v));
	add_fixed(i, "speedingStartLongitude", s32(v + 4), 6);
	add_fixed(i, "speedingStartLatitude", s32(v + 8), 6);
	add_time(i, "speedingEnd", u32(v + 12));
	add_fixed(i, "speedingEndLongitude", s32(v + 16), 6);
	add_fixed(i, "speedingEndLatitude", s32(v + 20), 6);
	add_int(i, "speeding_s", u32(v + 24));
	add_fixed(i, "speedingAverageSpeed", u16(v + 28), 1);
	add_fixed(i, "speedingTopSpeed", u16(v + 30), 1);
	return true;
}

// All of them -----------------------------------------------------------------

static const struct {
	uint16_t first, last;
	bool (*read)(const struct item *);
} readers[] = {
	{0x0E, 0x13, read_cell},
	{0x1D, 0x25, read_wifi},
	{0x28, 0x28, read_picture},
	{0x2A, 0x31, read_temperature},
	{0x39, 0x39, read_card},
	{0x49, 0x49, read_cameras},
	{0x4B, 0x4B, read_network},
	{0x4C, 0x4C, read_analogs},
	{0x6A, 0x6A, read_trip},
	{0xDB, 0xDB, read_sensors},
	{0xF82E, 0xF82E, read_speeding},
	{0xFE31, 0xFE31, read_camera_alarm},
	{0xFE71, 0xFE72, read_beacons},
	{0xFE73, 0xFE73, read_tag},
	{0xFEA8, 0xFEA8, read_batteries},
	{0xFEF2, 0xFEF3, read_tyres},
};

bool meitrack_item_read(struct meitrack_items *items, unsigned id, const uint8_t *data, size_t len)
{
	const struct item item = {items, id, data, len};
	for (size_t i = 0; i < sizeof readers / sizeof readers[0] && id >= readers[i].first; i++)
		if (id <= readers[i].last)
			return readers[i].read(&item);
	return false;
}

void meitrack_item_begin(struct meitrack_items *items, const struct meitrack_message *m)
{
	items->m = m;
	items->mcc = items->mnc = MEITRACK_NONE;
	items->wifi_len = 0;
	items->tags = items->beacons = 0;
	items->card = (struct text){"", 0};
	items->power_mv = items->level_percent = MEITRACK_NONE;
	items->alarm_protocol = items->alarm_type = MEITRACK_NONE;
}

void meitrack_item_end(struct meitrack_items *items)
{
	if (items->mcc != MEITRACK_NONE)
		cells_end(&items->cells);
	if (items->wifi_len > 0)
		extra_text(items->m->out, items->m->report, "wifi", items->wifi, items->wifi_len);
}
