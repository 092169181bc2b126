// SPDX-License-Identifier: MIT
// Records with numbered parameters, little-endian. From the parameter lists of public gateways.
//
//   CCE, | cached u32 | records u16 | record ...
//
//   record     size u16, of what follows | parameters u16 | group of 1-byte values | of 2 bytes | of 4 bytes | of bytes
//   group      n u8 | n * (id, value)          the last one: n u8 | n * (id, length u8, bytes)
//   id         u8; FE xx and F8 xx have two bytes
//
// An id means the same in each group. Structures are read by meitrack_item.c; what is unknown is kept as hex.
#include "decoders/meitrack/meitrack_record.h"

#include "decoders/meitrack/meitrack_item.h"
#include "util/hex.h"
#include "util/reader.h"

#define HEAD         6
#define GROUPS       4
#define IDS          0x48 /* numbers with a column, and what belongs to them, are below this id */
#define NUMBER_MOST  4    /* bytes */
#define ADC_MOST     65535
#define PERCENT_E2   10000
#define UNKNOWN_NAME 8 /* idfe12 */

// Ids below IDS.
enum {
	EVENT = 0x01,
	LATITUDE,
	LONGITUDE,
	TIME,
	VALID,
	SATELLITES,
	GSM,
	SPEED,
	COURSE,
	HDOP,
	ALTITUDE,
	ODOMETER,
	RUNTIME,
	OUTPUTS = 0x14,
	INPUTS,
	ADC1,
	ADC3 = 0x18,
	BATTERY,
	POWER,
	FENCE,
	CARD = 0x25,
	FUEL = 0x29,
	LONG_EVENT = 0x40,
	ADC6,
	LONG_INPUTS,
	LOCK = 0x47
};

#define BIT(id)       (UINT64_C(1) << ((id)&63))
#define PERCENT_ID    0xFE69
#define OBD_SPEED     0x91
#define OBD_SPEED_TOO 0x92

#define SIGNED (BIT(LATITUDE) | BIT(LONGITUDE) | BIT(ALTITUDE))

static const uint64_t kept_ids[2] = {
	BIT(EVENT) | SIGNED | BIT(TIME) | BIT(VALID) | BIT(SATELLITES) | BIT(GSM) | BIT(SPEED) |
		BIT(COURSE) | BIT(HDOP) | BIT(ODOMETER) | BIT(RUNTIME) | BIT(OUTPUTS) |
		BIT(INPUTS) | BIT(ADC1) | BIT(ADC1 + 1) | BIT(ADC3) | BIT(BATTERY) | BIT(POWER) |
		BIT(FENCE) | BIT(CARD) | BIT(FUEL),
	BIT(LONG_EVENT) | BIT(ADC6) | BIT(LONG_INPUTS),
};

struct record {
	struct meitrack_message *m;
	char *room;      /* for event and driver */
	uint64_t has[2]; /* bit n of the first is number n */
	bool has_obd_speed;
	int64_t percent;      /* or MEITRACK_NONE */
	int64_t numbers[IDS]; /* valid if it has them */
	struct meitrack_items items;
};

static bool has(const struct record *r, unsigned id)
{
	return r->has[id >> 6] & BIT(id);
}

static int64_t get(const struct record *r, unsigned id)
{
	return has(r, id) ? r->numbers[id] : MEITRACK_NONE;
}

// Returns a number times a factor.
static int64_t scale(const struct record *r, unsigned id, int64_t factor)
{
	return has(r, id) ? r->numbers[id] * factor : MEITRACK_NONE;
}

// Numbers ---------------------------------------------------------------------

// Numbers without a column.
static const struct number {
	uint16_t id;
	uint8_t decimals;
	bool is_signed;
	const char *name;
} numbers[] = {
	{0x1C, 0, false, "flags"},
	{0x27, 0, false, "sensor"},
	{0x5B, 0, false, "deadReckoning"},
	{OBD_SPEED, 0, false, "obdSpeed"},
	{OBD_SPEED_TOO, 0, false, "obdSpeed"},
	{0x93, 0, false, "clutch"},
	{0x94, 0, false, "tachograph"},
	{0x95, 0, false, "handBrake"},
	{0x96, 0, false, "cruise"},
	{0x97, 0, false, "throttle"},
	{0x98, 0, false, "fuelUsed"},
	{0x99, 0, false, "rpm"},
	{0x9A, 0, false, "engine_h"},
	{0x9B, 0, false, "obdOdometer"},
	{0x9C, 0, true, "coolantTemp"},
	{0x9D, 0, false, "fuelLevel"},
	{0x9E, 0, false, "torque"},
	{0x9F, 0, true, "outsideTemp"},
	{0xA0, 0, false, "fuelUsed_ml"},
	{0xA1, 0, false, "torqueA1"},
	{0xA2, 2, false, "rate"},
	{0xA3, 0, false, "axleWeight"},
	{0xA4, 0, false, "service_km"},
	{0xA5, 0, false, "consumption"},
	{0xC9, 0, false, "fuelConsumption"},
	{0xF825, 0, false, "vehicleBattery"},
	{0xF826, 0, false, "coolantLevel"},
	{0xF827, 0, false, "tripFuel"},
	{0xFE2F, 0, false, "fatigue_s"},
	{0xFEA0, 0, false, "drivingState"},
	{0xFEA1, 0, false, "parking_s"},
	{0xFEF4, 0, false, "engine_min"},
};

static int64_t extend(uint32_t value, size_t len)
{
	const unsigned shift = 32 - 8 * (unsigned)len;
	return (int32_t)(value << shift) >> shift;
}

// Adds a number without a column. Returns false if its meaning is unknown.
static bool add_number(struct record *r, unsigned id, uint32_t value, size_t len)
{
	if (id == PERCENT_ID) {
		r->percent = value;
		return true;
	}
	if (id == LOCK && value <= 2) { // 0: there is none
		if (value > 0)
			extra_bool(r->m->out, r->m->report, "lock", value == 2);
		return true;
	}
	const bool is_speed = id == OBD_SPEED || id == OBD_SPEED_TOO;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && id >= numbers[i].id; i++) {
		if (numbers[i].id != id)
			continue;
		if (is_speed && r->has_obd_speed)
			return false;
		r->has_obd_speed |= is_speed;
		extra_fixed(r->m->out, r->m->report, numbers[i].name,
			numbers[i].is_signed ? extend(value, len) : (int64_t)value,
			numbers[i].decimals);
		return true;
	}
	return false;
}

// Reads a number of 1 to 4 bytes.
static uint32_t load(const uint8_t *data, size_t len)
{
	uint32_t value = data[0];
	if (len > 1)
		value |= (uint32_t)data[1] << 8;
	if (len > 2)
		value |= (uint32_t)data[2] << 16;
	return len > 3 ? value | (uint32_t)data[3] << 24 : value;
}

static bool read_number(struct record *r, unsigned id, const uint8_t *data, size_t len)
{
	const uint32_t value = load(data, len);
	if (id >= IDS || !(kept_ids[id >> 6] & BIT(id)))
		return add_number(r, id, value, len);
	r->numbers[id] = id < 64 && SIGNED & BIT(id) ? extend(value, len) : (int64_t)value;
	r->has[id >> 6] |= BIT(id);
	return true;
}

// Parameters ------------------------------------------------------------------

static void keep(const struct record *r, unsigned id, const uint8_t *data, size_t len)
{
	char name[UNKNOWN_NAME] = "id", *end = name + 2;
	if (id > 0xFF)
		end = hex_write(end, &(uint8_t){(uint8_t)(id >> 8)}, 1);
	end = hex_write(end, &(uint8_t){(uint8_t)id}, 1);
	*end = 0;
	if (len > 0)
		extra_hex(r->m->out, r->m->report, name, data, len);
}

static void read_parameter(struct record *r, unsigned id, const uint8_t *data, size_t len)
{
	if (len - 1 < NUMBER_MOST && read_number(r, id, data, len))
		return;
	if (!meitrack_item_read(&r->items, id, data, len))
		keep(r, id, data, len);
}

static unsigned read_id(struct reader *in)
{
	const unsigned id = reader_u8(in);
	return id == 0xFE || id == 0xF8 ? id << 8 | reader_u8(in) : id;
}

// Returns what is left after the parameters that fit.
static struct text read_groups(struct record *r, struct reader in)
{
	reader_le(&in, 2);
	for (unsigned group = 0; group < GROUPS && in.left > 0; group++) {
		for (unsigned left = reader_u8(&in); left > 0; left--) {
			const struct text rest = {(const char *)in.at, in.left};
			const unsigned id = read_id(&in);
			const size_t len = group + 1 < GROUPS ? (size_t)1 << group : reader_u8(&in);
			const uint8_t *data = reader_bytes(&in, len);
			if (in.bad)
				return rest;
			read_parameter(r, id, data, len);
		}
	}
	return (struct text){(const char *)in.at, in.left};
}

// The report ------------------------------------------------------------------

static void set_place(const struct record *r)
{
	const struct meitrack_place place = {
		scale(r, LATITUDE, 10),
		scale(r, LONGITUDE, 10),
		get(r, VALID) == 1,
		scale(r, SPEED, 100),
		scale(r, COURSE, 100),
		scale(r, ALTITUDE, 100),
		scale(r, HDOP, 10),
	};
	if (has(r, TIME))
		report_set_time(r->m->report, meitrack_message_time_us((uint32_t)r->numbers[TIME]));
	if (has(r, LATITUDE) && has(r, LONGITUDE))
		meitrack_message_set_place(r->m, &place);
}

static void set_inputs(const struct record *r)
{
	struct report *report = r->m->report;
	if (has(r, OUTPUTS))
		report_set_outputs(report, (uint32_t)r->numbers[OUTPUTS]);
	if (has(r, LONG_INPUTS))
		report_set_inputs(report, (uint32_t)r->numbers[LONG_INPUTS]);
	else if (has(r, INPUTS))
		report_set_inputs(report, (uint32_t)r->numbers[INPUTS]);
	for (unsigned id = ADC1; id <= ADC3; id++)
		if (has(r, id) && r->numbers[id] <= ADC_MOST)
			report_set_adc(report, id - ADC1, (int32_t)r->numbers[id] * 10);
}

static void set_battery(const struct record *r)
{
	struct report *report = r->m->report;
	if (has(r, BATTERY))
		report_set_battery_mv(report, r->numbers[BATTERY] * 10);
	if (r->items.power_mv != MEITRACK_NONE)
		report_set_power_mv(report, r->items.power_mv);
	else if (has(r, POWER))
		report_set_power_mv(report, r->numbers[POWER] * 10);
	if (!report_set_battery_percent(report, r->percent))
		report_set_battery_percent(report, r->items.level_percent);
}

static void add_members(const struct record *r)
{
	struct decoded *out = r->m->out;
	struct report *report = r->m->report;
	if (has(r, RUNTIME))
		extra_int(out, report, "runtime", r->numbers[RUNTIME]);
	if (has(r, FUEL) && r->numbers[FUEL] <= PERCENT_E2)
		extra_fixed(out, report, "fuel", r->numbers[FUEL], 2);
	if (has(r, ADC6) && r->numbers[ADC6] <= ADC_MOST)
		extra_int(out, report, "adc6", r->numbers[ADC6] * 10);
	if (has(r, FENCE) && r->numbers[FENCE] != 0)
		extra_int(out, report, "fence", r->numbers[FENCE]);
}

// Replaces the general alarm of a camera's event by what its parameter says.
static void set_camera_alarm(const struct record *r)
{
	const int64_t protocol = r->items.alarm_protocol, type = r->items.alarm_type;
	const bool is_tired = (protocol == 1 && (type == 1 || type == 2)) ||
			      (protocol == 2 && (type == 5 || type == 6));
	if (is_tired || (protocol == 2 && type == 132)) // 132: the car ahead has started
		r->m->report->body.alarms = 0;
	if (is_tired)
		report_add_alarm(r->m->report, ALARM_FATIGUE_DRIVING);
}

static void set_event(const struct record *r)
{
	const int64_t event = has(r, LONG_EVENT) ? r->numbers[LONG_EVENT] : get(r, EVENT);
	r->m->report->event = (struct text){"CCE", 3};
	if (event != MEITRACK_NONE)
		meitrack_message_set_event(r->m, r->room, (uint32_t)event);
	if (event == MEITRACK_CAMERA)
		set_camera_alarm(r);
}

static void set_driver(const struct record *r)
{
	char *room = r->room + MEITRACK_NUMBERS_MOST;
	if (r->items.card.len > 0)
		r->m->report->driver = r->items.card;
	else if (has(r, CARD) && r->numbers[CARD] != 0)
		r->m->report->driver = (struct text){
			room, (size_t)(decimal_write(room, (uint64_t)r->numbers[CARD]) - room)};
}

// Decodes the bytes after a record's size.
static bool decode_record(struct meitrack_message *m, struct text key, struct text raw)
{
	struct record r; // not initialised: it is large
	r.room = (char *)decoded_arena(m->out, (size_t)2 * MEITRACK_NUMBERS_MOST);
	if (!r.room || !meitrack_message_begin(m, key, raw))
		return false;
	r.m = m;
	r.has[0] = r.has[1] = 0;
	r.has_obd_speed = false;
	r.percent = MEITRACK_NONE;
	meitrack_item_begin(&r.items, m);
	const struct reader in = reader_of((const uint8_t *)key.data, key.len);
	const struct text rest = key.len < 2 ? key : read_groups(&r, in);
	meitrack_item_end(&r.items);
	set_event(&r);
	set_place(&r);
	report_set_satellites(m->report, get(&r, SATELLITES));
	meitrack_message_set_gsm(m, get(&r, GSM));
	report_set_odometer(m->report, get(&r, ODOMETER));
	set_inputs(&r);
	set_battery(&r);
	set_driver(&r);
	add_members(&r);
	meitrack_message_keep_bytes(m, rest);
	return true;
}

// Adds the record at the head of the bytes. Returns its length; 0: it does not fit.
static size_t decode_next(struct meitrack_message *m, struct text rest, bool is_alone)
{
	const uint8_t *data = (const uint8_t *)rest.data;
	if (rest.len < 2)
		return 0;
	const size_t size = 2 + (size_t)(data[0] | data[1] << 8);
	if (size > rest.len)
		return 0;
	static const char head[] = ",\0\0\0\0\1\0"; // none cached, one record
	const struct text raw = is_alone ? m->raw
					 : meitrack_message_cut(m, head, sizeof head - 1,
						   (struct text){rest.data, size});
	return decode_record(m, (struct text){rest.data + 2, size - 2}, raw) ? size : 0;
}

void meitrack_record_decode(struct meitrack_message *m)
{
	struct text rest = m->data;
	struct reader head = reader_of((const uint8_t *)rest.data, rest.len);
	reader_le(&head, 4);
	const unsigned count = (unsigned)reader_le(&head, 2);
	uint64_t done = 0;
	size_t size = HEAD;
	while (!head.bad && done < count) {
		rest.data += size;
		rest.len -= size;
		size = decode_next(m, rest, count == 1);
		if (size == 0)
			break;
		done++;
	}
	if (done > 0) {
		meitrack_message_answer(m, REPLY_STORED, done);
	} else if (meitrack_message_begin(m, m->content, m->raw)) {
		m->report->event = (struct text){"CCE", 3};
		meitrack_message_keep_bytes(m, m->data);
	}
}
