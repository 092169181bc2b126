// SPDX-License-Identifier: MIT
// Elements by id, as the FMB family numbers them. Source: the maker's lists of AVL ids.
//
// An id has its meaning only in its width: other families use the same numbers in other widths. What has no column, or is
// out of range, is a member of extra: io240.
#include "decoders/teltonika/teltonika_io.h"
#include "decoders/teltonika/teltonika_beacon.h"
#include "decoders/teltonika/teltonika_packet.h"
#include "protocol/device_memory.h"

#include <string.h>

#define BUTTON_LEN   8
#define CARD_LEN     8
#define CELL_WHOLE   15     /* all four values */
#define OVERSPEED_MS 600000 /* the end of an overspeed may come so long after its start */

// An id and its width, for switch.
#define KEY(id, width) ((id) << 5 | (width))

// Columns -----------------------------------------------------------------------------------------------------------------

static bool set_input(struct report *report, unsigned bit, uint64_t value)
{
	report_set_inputs(report, report->body.inputs | (uint32_t)(value != 0) << bit);
	return true;
}

static bool set_output(struct report *report, unsigned bit, uint64_t value)
{
	report_set_outputs(report, report->body.outputs | (uint32_t)(value != 0) << bit);
	return true;
}

static bool set_adc(struct report *report, unsigned channel, uint64_t mv)
{
	report_set_adc(report, channel, (int32_t)mv);
	return true;
}

// Finds the place of a value of the four cells of a TAT100: 1200 + n (only present), 287 + 3n LAC, 288 + 3n cell id, 289 + 3n RSSI. Returns
// false for another element.
static bool find_cell(const struct teltonika_element *e, unsigned *cell, unsigned *value)
{
	if (e->id >= 1200 && e->id < 1200 + TELTONIKA_CELLS) {
		*cell = e->id - 1200;
		*value = 0;
	} else if (e->id >= 287 && e->id < 287 + 3 * TELTONIKA_CELLS) {
		*cell = (e->id - 287) / 3;
		*value = 1 + (e->id - 287) % 3;
	} else {
		return false;
	}
	return e->width == (*value == 3 ? 1 : 2);
}

// Notes the ids of cell, network and driver, which are complete only after the last element. A cell's id of 0 is none.
static void note(struct teltonika_io *io, const struct teltonika_element *e)
{
	unsigned cell, value;
	switch (KEY(e->id, e->width)) {
	case KEY(206, 2):
		io->lac = e->value ? (uint16_t)e->value : io->lac;
		break;
	case KEY(205, 2):
	case KEY(205, 4):
		io->cid = e->value ? (uint32_t)e->value : io->cid;
		break;
	case KEY(636, 4):
		io->cid_4g = e->value ? (uint32_t)e->value : io->cid_4g;
		break;
	case KEY(241, 4):
		io->network = teltonika_io_is_network(e->value) ? (uint32_t)e->value : 0;
		break;
	case KEY(78, 8):
		io->button = e->value ? e->at : NULL;
		break;
	case KEY(195, 8):
	case KEY(196, 8):
		io->card[e->id - 195] = e->at;
		break;
	default:
		if (find_cell(e, &cell, &value)) {
			io->cells[cell][value] = (uint16_t)e->value;
			io->cells_have[cell] |= (uint8_t)(1u << value);
		}
	}
}

// Returns true if all values of a cell of a TAT100 are there, and it is one.
static bool has_cell(const struct teltonika_io *io, unsigned cell)
{
	return io->cells_have[cell] == CELL_WHOLE && (io->cells[cell][1] || io->cells[cell][2]);
}

// Returns true if the driver or teltonika_io_cells shows an element that was noted.
static bool is_shown(const struct teltonika_io *io, const struct teltonika_element *e)
{
	unsigned cell, value;
	switch (KEY(e->id, e->width)) {
	case KEY(206, 2):
	case KEY(205, 2):
	case KEY(205, 4):
	case KEY(636, 4):
		return io->lac && (io->cid || io->cid_4g);
	case KEY(241, 4):
		return io->network != 0;
	case KEY(78, 8):
		return true;
	case KEY(195, 8):
	case KEY(196, 8):
		return io->has_card;
	default:
		return find_cell(e, &cell, &value) && has_cell(io, cell);
	}
}

// Sets the column of an element. Returns false if it has none.
static bool set_column(struct teltonika_io *io, const struct teltonika_element *e)
{
	struct report *report = io->report;
	const uint64_t value = e->value;
	switch (KEY(e->id, e->width)) {
	case KEY(1, 1):
	case KEY(2, 1):
	case KEY(3, 1):
	case KEY(4, 1):
		return set_input(report, e->id - 1, value);
	case KEY(179, 1):
	case KEY(180, 1):
		return set_output(report, e->id - 179, value);
	case KEY(380, 1):
		return set_output(report, 2, value);
	case KEY(239, 1):
		report_set_ignition(report, value != 0);
		return true;
	case KEY(9, 2):
		return set_adc(report, 0, value);
	case KEY(6, 2):
		return io->has_adc2 || set_adc(report, 1, value);
	case KEY(10, 2):
		io->has_adc2 = true;
		return set_adc(report, 1, value);
	case KEY(11, 2):
		return set_adc(report, 2, value);
	case KEY(245, 2):
		return set_adc(report, 3, value);
	case KEY(21, 1):
		return report_set_gsm_percent(report, (int64_t)value * 20);
	case KEY(66, 2):
		return report_set_power_mv(report, (int64_t)value);
	case KEY(67, 2):
		return report_set_battery_mv(report, (int64_t)value);
	case KEY(113, 1):
		return report_set_battery_percent(report, (int64_t)value);
	case KEY(16, 4):
		return report_set_odometer(report, (int64_t)value);
	case KEY(182, 2):
		return report_set_hdop(report, (int64_t)value * 10);
	default:
		return false;
	}
}

// Sets the driver: the iButton as its hex digits, else the 16 characters of a tachograph card.
static void set_driver(struct teltonika_io *io)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 2 * CARD_LEN;
	char *text = io->button || (io->card[0] && io->card[1])
			     ? (char *)decoded_arena(io->out, len)
			     : NULL;
	if (!text)
		return;
	if (io->button) {
		for (size_t i = 0; i < BUTTON_LEN; i++) {
			text[2 * i] = digits[io->button[i] >> 4];
			text[2 * i + 1] = digits[io->button[i] & 15];
		}
	} else {
		memcpy(text, io->card[0], CARD_LEN);
		memcpy(text + CARD_LEN, io->card[1], CARD_LEN);
		while (len > 0 && (text[len - 1] == 0 || text[len - 1] == ' '))
			len--;
		if (!teltonika_extra_is_text((const uint8_t *)text, len))
			return;
		io->has_card = len > 0;
	}
	io->report->driver = (struct text){text, len};
}

// Alarms ------------------------------------------------------------------------------------------------------------------

// The zones' ids, as events only: at other times they are state, and other models use the numbers otherwise.
static const struct {
	uint8_t first, last;
} zones[] = {
	{61, 65}, {70, 70}, {88, 88}, {91, 99}, {153, 174}, {190, 198}, {208, 209}, {216, 231}};

static bool is_zone(unsigned id)
{
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
		if (id >= zones[i].first && id <= zones[i].last)
			return true;
	return false;
}

static void add_zone_alarm(struct report *report, unsigned id, unsigned value)
{
	if (value == 0)
		report_add_alarm(report, ALARM_GEOFENCE_EXIT);
	else if (value == 1)
		report_add_alarm(report, ALARM_GEOFENCE_ENTER);
	else if (value == 3 && id != 175)
		report_add_alarm(report, ALARM_OVERSPEED);
}

// 255 is sent at the start and at the end of an overspeed, and nothing tells which: one that follows soon with no higher speed
// is the end.
static void add_overspeed_alarm(struct teltonika_io *io, unsigned kmh)
{
	struct teltonika_device *device = device_memory_block(io->session);
	const uint64_t last = device ? device->overspeed : 0;
	const int64_t time_ms = io->time_us / 1000, age_ms = time_ms - (int64_t)(last >> 9);
	const bool is_end =
		last && age_ms >= 0 && age_ms < OVERSPEED_MS && (last >> 1 & 255) >= kmh;
	if (kmh > 0 && !is_end)
		report_add_alarm(io->report, ALARM_OVERSPEED);
	if (device)
		decoded_change(io->out, &device->overspeed, (uint64_t)time_ms << 9 | kmh << 1 | 1);
}

// Adds the alarms of elements that count as the event only.
static void add_event_alarm(struct teltonika_io *io, unsigned id, unsigned value)
{
	if (id == 252 && value == 0)
		report_add_alarm(io->report, ALARM_POWER_RESTORED);
	else if (id == 255)
		add_overspeed_alarm(io, value);
	else if (id == 175 || is_zone(id))
		add_zone_alarm(io->report, id, value);
}

// Returns the alarm of an element of width 1, as the event or in a periodic record; ALARM_COUNT: none.
static enum alarm find_alarm(unsigned id, unsigned value)
{
	static const enum alarm driving[] = {
		ALARM_HARD_ACCELERATION, ALARM_HARD_BRAKING, ALARM_HARD_CORNERING};
	switch (id) {
	case 236:
		return value == 1 ? ALARM_GENERAL : ALARM_COUNT;
	case 242:
		return value == 1 ? ALARM_FALL_DOWN : ALARM_COUNT;
	case 246:
		return value == 1 ? ALARM_TOW : ALARM_COUNT;
	case 247:
		return value >= 1 && value <= 6 ? ALARM_ACCIDENT : ALARM_COUNT;
	case 249:
		return value == 1 ? ALARM_JAMMING : ALARM_COUNT;
	case 251:
		return value == 1 ? ALARM_IDLE : ALARM_COUNT;
	case 252:
		return value == 1 ? ALARM_POWER_CUT : ALARM_COUNT;
	case 253:
		return value >= 1 && value <= 3 ? driving[value - 1] : ALARM_COUNT;
	case 318:
		return value == 2 ? ALARM_JAMMING : ALARM_COUNT;
	default:
		return ALARM_COUNT;
	}
}

static void add_alarm(struct teltonika_io *io, const struct teltonika_element *e)
{
	if (e->width != 1 || (io->event != 0 && io->event != e->id))
		return;
	const enum alarm alarm = find_alarm(e->id, (unsigned)e->value);
	if (alarm != ALARM_COUNT)
		report_add_alarm(io->report, alarm);
	if (io->event != 0)
		add_event_alarm(io, e->id, (unsigned)e->value);
}

void teltonika_io_columns(struct teltonika_io *io)
{
	struct teltonika_elements elements = io->elements;
	struct teltonika_element e;
	while (teltonika_elements_next(&elements, &e)) {
		if (!set_column(io, &e))
			note(io, &e);
		add_alarm(io, &e);
	}
	set_driver(io);
}

// Extra -------------------------------------------------------------------------------------------------------------------

void teltonika_io_network(struct teltonika_extra *extra, uint32_t network)
{
	const uint32_t unit = network >= 100000 ? 1000 : 100;
	teltonika_extra_int(extra, "mcc", network / unit);
	teltonika_extra_int(extra, "mnc", network % unit);
}

static char *put_number(char *out, unsigned value, char separator)
{
	out = decimal_write(out, value);
	*out++ = separator;
	return out;
}

// Adds the cells as LAC,id,-RSSI;...
static void add_cells(const struct teltonika_io *io, struct teltonika_extra *extra)
{
	char text[TELTONIKA_CELLS * 20], *end = text;
	for (unsigned i = 0; i < TELTONIKA_CELLS; i++) {
		if (!has_cell(io, i))
			continue;
		const uint16_t *cell = io->cells[i];
		end = put_number(end, cell[1], ',');
		end = put_number(end, cell[2], ',');
		if (cell[3] > 0)
			*end++ = '-';
		end = put_number(end, cell[3], ';');
	}
	if (end > text)
		teltonika_extra_text(extra, "cells", text, (size_t)(end - text) - 1);
}

void teltonika_io_cells(const struct teltonika_io *io, struct teltonika_extra *extra)
{
	const uint32_t cid = io->cid_4g ? io->cid_4g : io->cid;
	if (io->network)
		teltonika_io_network(extra, io->network);
	if (io->lac && cid) {
		teltonika_extra_int(extra, "lac", io->lac);
		teltonika_extra_int(extra, "cid", cid);
	}
	add_cells(io, extra);
}

// Returns the value with the sign of those ids that have one.
static int64_t signed_value(const struct teltonika_element *e)
{
	switch (KEY(e->id, e->width)) {
	case KEY(32, 1):
		return (int8_t)e->value;
	case KEY(72, 4):
	case KEY(73, 4):
	case KEY(74, 4):
	case KEY(75, 4):
		return (int32_t)e->value;
	case KEY(17, 2):
	case KEY(18, 2):
	case KEY(19, 2):
	case KEY(25, 2):
	case KEY(26, 2):
	case KEY(27, 2):
	case KEY(28, 2):
	case KEY(115, 2):
		return (int16_t)e->value;
	default:
		break;
	}
	const bool is_signed =
		(e->id >= 701 && e->id <= 704) || (e->id >= 10640 && e->id <= 10649) ||
		(e->id >= 10800 && e->id <= 10803) || (e->id >= 10832 && e->id <= 10835);
	return e->width == 2 && is_signed ? (int16_t)e->value : (int64_t)e->value;
}

static void add_other(struct teltonika_extra *extra, const struct teltonika_element *e,
	struct teltonika_beacons *seen)
{
	if (e->width == 0 && teltonika_beacon_read(extra, e, seen))
		return;
	const struct teltonika_name name = teltonika_extra_name("io", e->id, "");
	if (e->width == 1 || e->width == 2 || e->width == 4)
		teltonika_extra_int(extra, name.text, signed_value(e));
	else
		teltonika_extra_hex(extra, name.text, e->at, e->len);
}

void teltonika_io_others(struct teltonika_io *io, struct teltonika_extra *extra)
{
	struct teltonika_elements elements = io->elements;
	struct teltonika_beacons seen = {0};
	struct teltonika_element e;
	while (teltonika_elements_next(&elements, &e))
		if (!is_shown(io, &e) && !set_column(io, &e))
			add_other(extra, &e, &seen);
}
