// SPDX-License-Identifier: MIT
// GT06: each message, in each layout that its length selects.
#include "decoders/gt06_frames.h"

#include <stdio.h>

// 2031-05-14 09:08:07, 9 satellites, 12.3456, -98.7654, 61 km/h, 274 degrees
#define GPS      "1F050E090807 C9 01531500 0A98AC38 3D 1D12"
#define CELL_8   "01F6 0A 1B2C 00A1B2"
#define CELL_9   "81F6 000A 1B2C 00A1B2"
#define CELL_C4  "01F6 0A 1B2C 0000A1B2"
#define CELL_10  "01F6 000A 1B2C 0000A1B2"
#define CELL_15  "01F6 0A 00001B2C 000000000000A1B2"
#define CELL_16  "81F6 000A 00001B2C 000000000000A1B2"
#define CELL     "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394"
#define ZEROS_8  "0000000000000000"
#define ZEROS_45 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 "0000000000"

static void assert_place(const struct report *report)
{
	assert_int_equal(report->body.lat_e7, 123456000);
	assert_int_equal(report->body.lon_e7, -987654000);
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_true(report->body.flags & FLAG_VALID);
	assert_int_equal(report->body.satellites, 9);
}

// Cell sizes ------------------------------------------------------------------

#define STATUS  "46 04 03 06 02"
#define MILEAGE "0001E240"

enum tail_has { FENCE = 1, DISTANCE = 2, RFID = 4, ALTITUDE = 8, BOTH = FENCE | DISTANCE };

struct tail_form {
	const char *type, *hex;
	size_t size;
	unsigned has;
};

static const struct tail_form tail_forms[] = {
	{"16", STATUS, 5, 0},
	{"16", STATUS MILEAGE, 9, DISTANCE},
	{"16", STATUS "0102030405060708", 13, RFID},
	{"26", STATUS, 5, 0},
	{"26", STATUS MILEAGE, 9, DISTANCE},
	{"26", STATUS "0102030405060708", 13, 0},
	{"27", STATUS "03", 6, FENCE},
	{"27", STATUS "03" MILEAGE, 10, BOTH},
	{"A4", STATUS "03", 6, FENCE},
	{"A4", STATUS "03" MILEAGE, 10, BOTH},
	{"A3", STATUS, 5, 0},
	{"A3", STATUS "03", 6, FENCE},
	{"A3", STATUS MILEAGE, 9, DISTANCE},
	{"A3", STATUS "03" MILEAGE, 10, BOTH},
	{"32", STATUS, 5, 0},
	{"32", STATUS "02AF", 7, ALTITUDE},
};

static void assert_tail(const struct report *report, unsigned has)
{
	assert_place(report);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_int_equal(report->body.battery_percent, 66);
	assert_int_equal(report->body.gsm_percent, 75);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_true(has_extra(report, "\"fence\":3") == !!(has & FENCE));
	assert_true((report->body.odometer_m == 123456) == !!(has & DISTANCE));
	assert_true(!(report->body.has & HAS_ODOMETER) == !(has & DISTANCE));
	assert_true((report->body.altitude_m_e2 == 68700) == !!(has & ALTITUDE));
	assert_true((report->driver.len > 0) == !!(has & RFID));
	assert_false(has_extra(report, "length_bad"));
}

static const struct report *read_cell_form(
	const struct tail_form *tail, unsigned k, const char *cell)
{
	char text[512];
	snprintf(text, sizeof text, "%s" GPS "%02X%s%s", tail->type, k, cell, tail->hex);
	return read_message(text);
}

static void cell_length_may_or_may_not_count_itself(void **state)
{
	static const struct {
		const char *hex;
		unsigned size;
		bool short_form; /* also plausible one byte shorter, which A3 cannot tell apart */
	} cells[] = {
		{CELL_8, 8, false},
		{CELL_9, 9, false},
		{CELL_C4, 9, true},
		{CELL_10, 10, true},
		{CELL_15, 15, false},
		{CELL_16, 16, false},
	};
	(void)state;
	for (size_t t = 0; t < sizeof tail_forms / sizeof tail_forms[0]; t++) {
		const struct tail_form *tail = &tail_forms[t];
		for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++) {
			size_t length = 18 + 1 + cells[c].size + tail->size + 5;
			bool is_sl4x = !strcmp(tail->type, "32") &&
				       (length == 0x27 || length == 0x29) && cells[c].size != 10;
			if (is_sl4x)
				continue;
			for (unsigned own = 0; own < 2; own++) {
				if (!own && cells[c].short_form && !strcmp(tail->type, "A3") &&
					(tail->size == 5 || tail->size == 9))
					continue;
				const struct report *report =
					read_cell_form(tail, cells[c].size + own, cells[c].hex);
				if (length == 0x26 && !strcmp(tail->type, "16") &&
					cells[c].short_form) { // SEEWORLD: level and GSM in percent
					assert_int_equal(report->body.battery_percent, 4);
					assert_int_equal(report->body.gsm_percent, 3);
					continue;
				}
				assert_tail(report, tail->has);
				assert_extra(report, CELL);
			}
		}
	}
}

static void zeros_may_replace_the_cell(void **state)
{
	static const char *const cells[] = {"", ZEROS_8, ZEROS_45};
	(void)state;
	for (size_t t = 0; t < sizeof tail_forms / sizeof tail_forms[0]; t++) {
		for (size_t c = 0; c < 3; c++) {
			// of the length of SL4X, whose cell has no length byte
			if (!strcmp(tail_forms[t].type, "32") && c == 1 && tail_forms[t].size == 7)
				continue;
			const struct report *report = read_cell_form(&tail_forms[t], 0, cells[c]);
			assert_tail(report, tail_forms[t].has);
			assert_false(has_extra(report, "mcc"));
		}
	}
}

static void cell_of_unknown_size_keeps_the_position(void **state)
{
	(void)state;
	const struct report *report = read_message("26" GPS "0B" CELL_10 STATUS "0102");
	assert_place(report);
	assert_extra(report, "\"length_bad\":true");
	assert_extra(report, "\"cell_size\":11");
	assert_false(report->body.has & HAS_BATTERY_PERCENT);
	report = read_message("32" GPS "09" CELL_10 STATUS "02AF"); // SL4X, L = 29
	assert_tail(report, ALTITUDE);
	assert_extra(report, CELL);
	assert_false(has_extra(read_message("27" GPS "09" CELL_8 STATUS "FF"), "fence"));
}

// Tails of 12 -----------------------------------------------------------------

static void length_selects_the_tail_of_12(void **state)
{
	(void)state;
	const struct report *report = read_message("12" GPS CELL_8);
	assert_place(report);
	assert_text(report->extra, CELL);

	report = read_message("12" GPS CELL_8 "C0 7B"); // Benway: ACC, input 2, ADC 12.3
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_int_equal(report->body.inputs, 2);
	assert_extra(report, "\"adc\":12.3");
	assert_extra(read_message("12" GPS CELL_8 "20 7B"), "\"adc\":123");
	assert_extra(read_message("12" GPS CELL_8 "10 19"), "\"temperature\":25");
	assert_extra(read_message("12" GPS CELL_8 "12 19"), "\"temperature\":-25");

	report = read_message("12" GPS CELL_8 "7E 04CE 11 00"); // VXT01
	assert_int_equal(report->body.power_mv, 12300);
	assert_extra(report, "\"gsm\":17");
	assert_alarm(report, ALARM_OVERSPEED);

	report = read_message("12" GPS CELL_8 "06 04CE 11 01 0102 99 0000000A");
	assert_int_equal(report->body.power_mv, 12300);
	assert_alarm(report, ALARM_SOS);
	assert_true(report->body.odometer_m == 100);
	assert_extra(report, "\"oil\":258,\"temperature\":-25");

	report = read_message("12" GPS CELL_8 "01 02 01");
	assert_true(report->body.flags & FLAG_IGNITION && report->body.flags & FLAG_STORED);
	assert_extra(report, "\"reason\":2");
	assert_true(read_message("12" GPS CELL_8 MILEAGE)->body.odometer_m == 123456);
	report = read_message("12" GPS CELL_9 "01 02 00" MILEAGE);
	assert_true(report->body.odometer_m == 123456 && report->body.has & HAS_IGNITION);
	assert_extra(report, CELL ",\"reason\":2");
	assert_true(read_message("12" GPS CELL_9 MILEAGE)->body.odometer_m == 123456);
	assert_extra(read_message("12" GPS CELL_8 "01 02 00 01 02 03"), "\"length_bad\":true");
	report = read_message("11" GPS CELL_10);
	assert_place(report);
	assert_text(report->extra, CELL);
}

static void card_text_of_12_may_have_any_length(void **state)
{
	(void)state;
	const struct report *report = read_message("12" GPS CELL_8 MILEAGE "02 4142 06 01 003C");
	assert_true(report->body.odometer_m == 123456);
	assert_text(report->driver, "AB");
	assert_alarm(report, ALARM_GENERAL);
	assert_extra(report, "\"alarm\":6,\"card_state\":1,\"driving_time\":60");
	// L = 29: 01 means that a card was read, and is not an alarm.
	report = read_message("12" GPS CELL_8 MILEAGE "01 42 00 01 003C");
	assert_int_equal(batch.reports[0].raw.data[2], 0x29);
	assert_text(report->driver, "B");
	assert_true(report->body.alarms == 0);
	assert_int_equal(read_message("12" GPS CELL_8 MILEAGE "01 30 00 01 003C")->driver.len, 0);
	report = read_message("12" GPS CELL_8 MILEAGE "01 30 05 01 003C");
	assert_int_equal(report->driver.len, 0);
	assert_alarm(report, ALARM_GENERAL);
	assert_int_equal(read_message("12" GPS CELL_8 MILEAGE "02 2000 00 01 003C")->driver.len, 0);
	// Without the driving time.
	report = read_message("12" GPS CELL_8 MILEAGE "03 434431 00 01");
	assert_text(report->driver, "CD1");
	assert_text(report->extra, CELL ",\"card_state\":1");
	// The length of the text does not add up.
	report = read_message("12" GPS CELL_8 MILEAGE "4142 06 01 003C");
	assert_place(report);
	assert_text(
		report->extra, CELL ",\"length_bad\":true,\"unknown\":\"0001e24041420601003c\"");
	assert_int_equal(report->driver.len, 0);
	assert_true(report->body.alarms == 0);
}

static void long_12_has_a_card(void **state)
{
	char text[512] = "12" GPS CELL_8 MILEAGE "50";
	(void)state;
	for (size_t i = 0; i < 40; i++)
		strcat(text, "41 20");
	strcat(text, "0102");
	const struct report *report = read_message(text); // 80 bytes: longer than DRIVER_MAX
	assert_true(report->body.odometer_m == 123456);
	assert_extra(report, "\"driver\":\"A A A");
	assert_extra(report, "\"alarm\":1,\"card_state\":2");
}

static void qh302r_repeats_its_imei_in_12(void **state)
{
	(void)state;
	const struct report *report = read_message("12 0860000000000017" GPS CELL_8 "01 02 00");
	assert_place(report);
	assert_extra(report, CELL ",\"reason\":2");
}

// Other positions -------------------------------------------------------------

static void positions_with_acc_decode(void **state)
{
	(void)state;
	const struct report *report = read_message("2D" GPS CELL_8 "01 03 01" MILEAGE);
	assert_place(report);
	assert_true(report->body.odometer_m == 123456 && report->body.flags & FLAG_STORED);
	report = read_message("31" GPS CELL_10 "01 03 00" MILEAGE "FFF6"); // SL4X
	assert_true(report->body.odometer_m == 123456);
	assert_int_equal(report->body.altitude_m_e2, -1000);
	assert_extra(report, CELL ",\"reason\":3");
	report = read_message("A0" GPS CELL_15 "01 03 00");
	assert_extra(report, CELL ",\"reason\":3");
	report = read_message("37" GPS CELL_8 "01 03 00 0027 02 04CE");
	assert_int_equal(report->body.power_mv, 12300);
	report = read_message("37" GPS CELL_8 "01 03 00" MILEAGE "003B 02 00FA");
	assert_true(report->body.odometer_m == 123456);
	assert_extra(report, "\"accuracy_cm\":250");
	report = read_message("37" GPS CELL_8 "01 03 00 002E 04" MILEAGE);
	assert_true(report->body.odometer_m == 123456);
	report = read_message("10" GPS);
	assert_place(report);
	report = read_message("38" GPS "0102");
	assert_place(report);
	assert_extra(report, "\"reason\":1,\"length_bad\":true");
	assert_extra(read_message("40 0102"), "\"data\":\"0102\"");
}

static void course_word_sets_ignition_and_fix(void **state)
{
	(void)state;
	const struct report *report = read_message("10 1F050E090807 C9 01531500 0A98AC38 3D F512");
	assert_int_equal(report->body.lon_e7, 987654000);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_extra(report, "\"differential\":true");
	report = read_message("10 1F050E090807 C9 01531500 0A98AC38 3D 4D12");
	assert_true(report->body.has & HAS_IGNITION && report->body.has & HAS_FIX);
	assert_int_equal(report->body.flags, 0);
	// No fix: zeros are not a position, and neither is a position without a valid time. With an invalid
	// time the bytes may be of another layout: they give no satellites either.
	report = read_message("10 1F050E090807 C0 00000000 00000000 00 0C00");
	assert_int_equal(report->body.has, HAS_TIME | HAS_SATELLITES);
	report = read_message("10 000000000000 C0 01531500 0A98AC38 00 0C00");
	assert_int_equal(report->body.has, HAS_SATELLITES);
	report = read_message("10 000000010203 C9 01531500 0A98AC38 00 CC00"); // ACC on
	assert_int_equal(report->body.has, 0);
	report = read_message("10 1F0D0E090807 C9 00000000 00000000 00 CC00");
	assert_int_equal(report->body.has, 0);
	report = read_message("10 1F050E090807 C9 FFFFFFFF FFFFFFFF 00 CC00");
	assert_int_equal(report->body.has, HAS_TIME);
	// The ignition of another block is understood.
	report = read_message("12 1F0D0E090807 C9 00000000 00000000 00 4C00" CELL_8 "01 02 00");
	assert_true(report->body.flags & FLAG_IGNITION);
}

static void nt_messages_decode_and_may_identify(void **state)
{
	(void)state;
#define NT "05 0860000000000017 1F050E090806" GPS "09" CELL_8 "46 04CE 29 03 06 02 01E240 00003C"
	const struct report *report = read_message("22" NT);
	assert_place(report);
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.battery_mv, 4100);
	assert_int_equal(report->body.gsm_percent, 3);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_true(report->body.odometer_m == 123456);
	assert_extra(report, "\"source\":5," CELL);
	assert_extra(report, "\"engine_min\":60");
	assert_text(read_message("25" NT "05 01 41424344")->driver, "41424344");
	assert_text(read_message("25" NT "04 01 01020304")->driver, "01020304");
	session = (struct session){0};
	struct bytes first = frame_of(false, "22" NT);
	assert_text(report_of(&first)->ident, IDENT);
}

static void x1_decodes_its_ports(void **state)
{
	(void)state;
	const struct report *report = read_message("34 00000001" GPS "0000" MILEAGE CELL_C4
						   "0001E240 0190 04CE 00200000 05 02 0064 00C8");
	assert_place(report);
	assert_true(report->body.odometer_m == 123456);
	assert_text(report->driver, "123456");
	assert_int_equal(report->body.battery_mv, 4000);
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.inputs, 5);
	assert_int_equal(report->body.outputs, 2);
	assert_int_equal(report->body.adc[0], 1000);
	assert_int_equal(report->body.adc[1], 2000);
	assert_false(report->body.has & HAS_ADC3);
	assert_text(report->extra, "\"alarm_bits\":1,\"terminal\":0," CELL ",\"ports\":2097152");
}

#define LW "A2" GPS CELL_15 "00 46 04CE 04 03 18 02" MILEAGE "00000E10 0102030405060708 0005"

static void a_message_of_lw_has_alarm_codes_of_its_own(void **state)
{
	(void)state;
	const struct report *report = read_message(LW);
	assert_place(report);
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.battery_percent, 66);
	assert_alarm(report, ALARM_ACCIDENT);
	assert_true(report->body.odometer_m == 123456);
	assert_int_equal(report->driver.len, 0);
	assert_int_equal(report->body.inputs, 5);
	assert_extra(report, "\"engine_s\":3600,\"unknown\":\"0102030405060708\"");
	// Whether other messages are those of an LW, only devices.model can tell.
	struct bytes heartbeat = frame_of(false, "13 46 04 03 F07B");
	report = report_of(&heartbeat);
	assert_false(report->body.has & HAS_POWER_V);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"unknown\":\"f07b\"");
	heartbeat = frame_of(false, "13 46 04 03 01 02");
	assert_alarm(report_of(&heartbeat), ALARM_SOS);
	struct bytes alarm = frame_of(false, "26" GPS "09" CELL_8 "46 04 03 18 02");
	assert_alarm(report_of(&alarm), ALARM_REMOVING);
	// A level of 101 %, a language of 4, and an impossible network.
	static const char *const others[] = {
		"A2" GPS CELL_15 "00 46 04CE 65 03 18 02" MILEAGE "00000E10 0860000000000017 0005",
		"A2" GPS CELL_15 "00 46 04CE 04 03 18 04" MILEAGE "00000E10 0860000000000017 0005",
		"A2" GPS "03E8 0A 00001B2C 000000000000A1B2 00 46 04CE 04 03 18 02" MILEAGE
		"00000E10 0860000000000017 0005",
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		report = read_message(others[i]);
		assert_place(report);
		assert_true(report->body.alarms == 0);
		assert_false(report->body.has & (HAS_ODOMETER | HAS_POWER_V | HAS_IGNITION));
		assert_extra(report, "\"length_bad\":true,\"unknown\":\"0");
	}
}

static void trx16_messages_have_the_card_as_driver(void **state)
{
	(void)state;
	const struct report *report = read_message("17" GPS CELL_8 "0102030405060708 01");
	assert_place(report);
	assert_text(report->driver, "0102030405060708");
	assert_extra(report, CELL ",\"rfid_valid\":true");
	report =
		read_message("36" GPS CELL_C4 "01 02 01" MILEAGE "04CE 29 00000A 0102030405060708");
	assert_int_equal(batch.reports[0].raw.data[2], 0x35);
	assert_place(report);
	assert_text(report->extra, CELL ",\"reason\":2,\"engine_min\":10");
	assert_true(report->body.odometer_m == 123456 && report->body.flags & FLAG_STORED);
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.battery_mv, 4100);
	assert_text(report->driver, "0102030405060708");
	// A card that is not there, and a cell that is impossible.
	assert_int_equal(read_message("17" GPS CELL_8 ZEROS_8 "00")->driver.len, 0);
	report = read_message("36" GPS "0A" CELL_C4 STATUS "010203040506 07 0102030405060708");
	assert_place(report);
	assert_int_equal(report->driver.len, 0);
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"0a01f6");
}

// Statuses --------------------------------------------------------------------

static void length_and_model_select_the_heartbeat_layout(void **state)
{
	(void)state;
	const struct report *report = read_message("13 82");
	assert_int_equal(report->body.has, HAS_IGNITION | HAS_OUTPUTS);
	assert_int_equal(report->body.outputs, 1);
	report = read_message("13 46 65 05");
	assert_false(report->body.has & (HAS_BATTERY_PERCENT | HAS_GSM));
	assert_extra(report, "\"unknown\":\"6505\"");
	report = read_message("13 46 1443 02 02 50 04 04CE 01 0203 FFCE"); // OBD
	assert_int_equal(report->body.satellites, 7);
	assert_int_equal(report->body.battery_percent, 80);
	assert_int_equal(report->body.power_mv, 12300);
	assert_alarm(report, ALARM_POWER_CUT);
	assert_extra(report, "\"rssi\":3,\"alarm\":2,\"mode\":4,\"unknown\":\"010203\","
			     "\"temperature\":-5.0");
	report = read_message("13 46 7BE3 00 02 50 03 04CE 01 0203 FFCE"); // 61 satellites
	assert_false(report->body.has & HAS_SATELLITES);
	report = read_message("13 01 0203 01 02 50 0102030405060708 816D"); // wrist
	assert_alarm(report, ALARM_SOS);
	assert_int_equal(report->body.battery_percent, 80);
	assert_extra(report, "\"temperature\":36.5");
	report = read_message("23 05 019F 12");
	assert_int_equal(report->body.battery_mv, 4150);
	assert_int_equal(report->body.has, HAS_IGNITION | HAS_BATTERY_V);
	assert_text(report->extra, "\"armed\":true,\"charging\":true,\"gsm\":18");
	assert_int_equal(read_message("23 05 019F 03")->body.gsm_percent, 75);
}

static void model_changes_alarm_codes(void **state)
{
	static const struct {
		const char *model, *code;
		enum alarm alarm;
	} alarms[] = {
		{NULL, "09", ALARM_VIBRATION},
		{"VL103", "09", ALARM_TOW},
		{NULL, "18", ALARM_REMOVING},
		{"LW2G", "18", ALARM_ACCIDENT},
		{NULL, "19", ALARM_LOW_BATTERY},
		{"lw4g-4b", "19", ALARM_HARD_ACCELERATION},
		{NULL, "28", ALARM_HARD_BRAKING},
		{"SeeWorld", "28", ALARM_HARD_CORNERING},
		{"g18", "28", ALARM_POWER_OFF},
		{NULL, "29", ALARM_HARD_ACCELERATION},
		{"SeeWorld", "29", ALARM_ACCIDENT},
		{NULL, "30", ALARM_JAMMING},
		{"LL303", "30", ALARM_HARD_BRAKING},
		{NULL, "0C", ALARM_POWER_ON},
		{NULL, "0E", ALARM_LOW_POWER},
		{NULL, "C9", ALARM_IDLE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof alarms / sizeof alarms[0]; i++) {
		char text[128];
		snprintf(text, sizeof text, "26" GPS "09" CELL_8 "46 04 03 %s 02", alarms[i].code);
		assert_alarm(read_as(alarms[i].model, text), alarms[i].alarm);
	}
	assert_int_equal(read_as("SEEWORLD", "13 46 04 03 0C 02")->body.power_mv, 12000);
	const struct report *report = read_as("R11", "13 46 04CE 03 01");
	assert_int_equal(report->body.power_mv, 12300);
	assert_alarm(report, ALARM_SOS);
}

static void alarms_come_from_long_codes_and_info_bits(void **state)
{
	(void)state;
	const struct report *report = read_message("27" GPS "09" CELL_8 "46 04 03 07 12 FF");
	assert_alarm(report, ALARM_JAMMING);
	assert_extra(report, "\"alarm\":263");
	report = read_message("26" GPS "09" CELL_8 "44 04 03 FE 02");
	assert_true(report->body.flags & FLAG_IGNITION && report->body.alarms == 0);
	report = read_message("26" GPS "09" CELL_8 "46 04 03 FF 02");
	assert_false(report->body.flags & FLAG_IGNITION);
	report = read_message("26" GPS "09" CELL_8 "46 04 03 0D 02");
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"alarm\":13");
	// The info bits alone, and with another code.
	assert_alarm(read_message("13 76 04 03 00 02"), ALARM_GEOFENCE);
	assert_true(read_message("13 76 04 03 04 02")->body.alarms ==
		    (UINT64_C(1) << ALARM_GEOFENCE_ENTER | UINT64_C(1) << ALARM_GEOFENCE));
	assert_true(read_message("16" GPS "08" CELL_8 "66 04 03 06 02")->body.alarms ==
		    (UINT64_C(1) << ALARM_SOS | UINT64_C(1) << ALARM_OVERSPEED));
	assert_alarm(read_message("16" GPS "08" CELL_8 "66 04 03 01 02"), ALARM_SOS);
	assert_alarm(read_message("13 7E 04 03 00 02"), ALARM_REMOVING);
}

static void cells_and_access_points_decode(void **state)
{
	(void)state;
	const struct report *report = read_message("19" CELL_9 STATUS);
	assert_extra(report, CELL);
	assert_int_equal(report->body.battery_percent, 66);
	report = read_message("A5" CELL_15 STATUS);
	assert_extra(report, CELL);
	assert_alarm(report, ALARM_OVERSPEED);
#define TIME     "1F050E090807"
#define NO_CELLS "000000000000 000000000000 000000000000 000000000000 000000000000"
#define CELLS    "1B2C 00A1B2 3C 1B2C 00A1B3 46"
#define WIFI     "02 A1A2A3A4A5A6 3C B1B2B3B4B5B6 46"
#define NETWORK  CELL ",\"rssi\":-60,\"cells\":\"6956,41395,-70\",\"timing_advance\":255"
#define POINTS   ",\"wifi\":\"a1a2a3a4a5a6,-60;b1b2b3b4b5b6,-70\""
	assert_text(read_message("2E" TIME "01F6 0A" CELLS NO_CELLS "FF 0002")->extra, NETWORK);
	assert_text(read_message("24" TIME "81F6 000A" CELLS NO_CELLS "FF 0002")->extra, NETWORK);
	assert_text(
		read_message("2C" TIME "01F6 0A" CELLS NO_CELLS "FF" WIFI)->extra, NETWORK POINTS);
	assert_text(read_message("2C" TIME "01F6 0A" CELLS NO_CELLS "FF" WIFI "0002")->extra,
		NETWORK POINTS);
	report = read_message("18" TIME "01F6 0A" CELLS NO_CELLS "FF 0002" WIFI);
	assert_text(report->extra, NETWORK POINTS);
	assert_true(report->body.device_time_us == at(9, 8, 7));
#define CELLS_4G                                                                                   \
	"00001B2C 000000000000A1B2 3C 00001B2C 000000000000A1B3 46" ZEROS_8 ZEROS_8 ZEROS_8        \
		ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 "00"
	assert_text(read_message("A1" TIME "01F6 0A" CELLS_4G "FF 0002")->extra, NETWORK);
	assert_text(read_message("A2" TIME "01F6 0A" CELLS_4G "FF 0002")->extra, NETWORK);
}

static void answers_to_commands_become_texts(void **state)
{
	(void)state;
#define OK_TEXT "\"command\":7,\"text\":\"OK!\""
	const struct report *report = read_message("15 07 00000007 4F4B21 0002");
	assert_text(report->extra, OK_TEXT);
	assert_int_equal(report->body.flags, FLAG_TEXT);
	assert_text(read_message("15 00 00000007 4F4B21 0002")->extra, OK_TEXT);
	assert_text(read_message("15 00 00000007 4F4B21 000000 0001")->extra, OK_TEXT);
	assert_text(read_message("15 FF 00000007 4F4B21 0002")->extra, OK_TEXT);
	assert_text(read_message("21 00000007 01 4F4B21 00")->extra, OK_TEXT);
	assert_text(read_message("21 00000007 02 004F 004B 0021")->extra, OK_TEXT);
	assert_text(read_message("21 00000007 02 00E9 4E2D D83D DE00 D83D 0041")->extra,
		"\"command\":7,\"text\":\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xEF\xBF\xBD"
		"A\"");
}

// Lists and extended messages -------------------------------------------------

static void items_decode_and_unknown_ones_are_kept(void **state)
{
	(void)state;
	const struct report *report =
		read_message("36" STATUS "0018 02 019F 006A 01 50 0032 01 02 0099 02 ABCD");
	assert_int_equal(report->body.battery_mv, 4150);
	assert_int_equal(report->body.battery_percent, 80);
	assert_extra(report, "\"start_up\":2,\"items\":\"0099=abcd\"");
	report = read_extended("39" GPS "03" CELL_15 "0011 46 04 03 07 12 006A 01 50");
	assert_place(report);
	assert_alarm(report, ALARM_JAMMING);
	assert_extra(report, CELL ",\"rssi\":17");
	assert_int_equal(report->body.battery_percent, 80);
	assert_extra(read_extended("39" GPS "02" CELL_8 "11" STATUS), CELL);
	report = read_extended("70 0003 000A 8950210000000000001F 0009 0001 08 000A 0001 0C"
			       "0011 0008" CELL_8 "0018 0002 019F 0028 0001 0F 002A 0001 21"
			       "002E 0004 40E20100 0034 0001 1B 0077 0000");
	assert_int_equal(report->body.satellites, 8);
	assert_int_equal(report->body.battery_mv, 4150);
	assert_int_equal(report->body.hdop_e2, 150);
	assert_true(report->body.odometer_m == 123456);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_text(report->extra,
		"\"iccid\":\"8950210000000000001\",\"satellites_visible\":12," CELL
		",\"door_tamper\":\"21\",\"alarm\":27,\"items\":\"0077=\"");
	report = read_extended(
		"70 0009 0001 3D 0033 0012 736CE3F7 3D 02AF 01531500 0A98AC38 3D 1D12");
	assert_false(report->body.has & HAS_SATELLITES); // 61
	assert_text(report->extra, "\"items\":\"0009=3d\"");
	report = read_extended("70 0033 0012 736CE3F7 09 02AF 01531500 0A98AC38 3D 1D12");
	assert_place(report);
	assert_int_equal(report->body.altitude_m_e2, 68700);
	assert_extra(read_extended("70 0099 0005 01"), "\"length_bad\":true");
	report = read_message(
		"F1 736CE3F7 0001 01 04 0002 01 01 0004 01 01 0005 02 04CE 0007 01 00");
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_int_equal(report->body.power_mv, 12300);
	assert_text(report->extra, "\"motion\":true,\"armed\":true,\"charging\":false");
	assert_text(read_message("F2 736CE3F7 0001 01 04")->extra, "\"items\":\"0001=04\"");
}

static void information_decodes_by_sub_type(void **state)
{
	(void)state;
	const struct report *report = read_extended("94 04 535441313D33303B4459443D30323B");
	assert_text(report->event, "94/04");
	assert_text(report->extra, "\"settings\":\"STA1=30;DYD=02;\",\"dyd\":2");
	assert_int_equal(report->body.outputs, 1);
	assert_int_equal(read_extended("94 04 4459443D3031")->body.outputs, 0);
	assert_false(read_extended("94 04 4459443D3034")->body.has & HAS_OUTPUTS);
	report = read_extended("94 05" TIME "05");
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_text(report->extra, "\"door\":true,\"trigger\":false,\"io\":true");
	assert_extra(read_extended("94 05 02"), "\"trigger\":true");
	assert_text(read_extended("94 09 010203")->extra, "\"satellite_list\":\"010203\"");
	assert_text(read_extended("94 0B 01")->extra, "\"network\":\"4G\"");
	assert_int_equal(read_extended("94 0B 04CE")->body.power_mv, 12300);
	report = read_extended("94 0D" TIME "2141494F494C2C312C322C32352E302C76312C302C34322C30");
	assert_true(report->body.has & HAS_TIME);
	assert_extra(report, "\"fuel_temperature\":\"25.0\",\"fuel_level\":\"42\"");
	assert_text(read_extended("94 1B 4132333435363738")->driver, "A2345678");
	assert_text(read_extended("94 1B 524649443A 3739 0D0A")->driver, "79");
	assert_text(read_extended("94 1B 3132333435363700")->driver, "31323334353637");
	assert_text(read_extended("94 1B 0001A1B2C3D4")->driver, "0001a1b2c3d4");
	assert_text(read_extended("94 1B 02 08 A1B2C3D4 0C 03")->driver, "A1B2C3D4");
	assert_int_equal(read_extended("94 1B" ZEROS_8)->driver.len, 0);
	assert_int_equal(read_message("94 04CE")->body.power_mv, 12300);
	report = read_extended("94 0A 0860000000000017 0502100000000017 985802103254769810F2");
	assert_extra(report, "\"iccid\":\"8985200123456789012\"");
	report = read_extended("94 0A 0860000000000017 0502100000000017 8985200123456789012F");
	assert_extra(report, "\"iccid\":\"8985200123456789012\"");
	assert_text(read_extended("94 1E FFFFFFCE 00000190")->extra,
		"\"temperature\":-5.0,\"humidity\":40.0");
	assert_text(read_extended("94 77 0102")->extra, "\"data\":\"0102\"");
}

static void media_events_decode_in_three_layouts(void **state)
{
	(void)state;
	const struct report *report = read_message("95" TIME "01");
	assert_alarm(report, ALARM_GENERAL);
	assert_int_equal(report->body.has, HAS_TIME);
	report = read_extended("95" TIME "01531500 0A98AC38 1D12 01 0000 612E6A7067");
	assert_int_equal(report->body.lat_e7, 123456000);
	assert_false(report->body.has & HAS_SPEED);
	assert_alarm(report, ALARM_SOS);
	assert_extra(report, "\"alarm\":1,\"value\":0,\"files\":\"a.jpg\"");
	report = read_extended("95 FFFF 01" TIME "09 01531500 0A98AC38 1D12 003D 007B 87 0000 61");
	assert_place(report);
	assert_int_equal(report->body.speed_kmh_e2, 6100);
	assert_int_equal(report->body.power_mv, 12300);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_extra(report, "\"files\":\"a\"");
	report = read_extended("95" TIME "FFFFFFFF 0A98AC38 1D12 01 0000 61");
	assert_int_equal(report->body.has, 0);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"data\":\"1f050e090807ffffffff");
}

static void messages_with_an_invalid_time_are_kept_as_hex(void **state)
{
#define NO_TIME "1F0D0E090807" /* month 13 */
	static const char *const messages[] = {
		"95" NO_TIME "01",
		"95" NO_TIME "01531500 0A98AC38 1D12 01 0000 612E6A7067",
		"95 FFFF 01" NO_TIME "09 01531500 0A98AC38 1D12 003D 007B 87 0000 61",
		"B2" NO_TIME "C4 A1A2A3A4A5A6 00112233445566778899AABBCCDDEEFF 0001 0002 012C 08",
		"35" NO_TIME "01 01531500 0A98AC38 01 02 03 00000CFA 0000004D",
		"94 05" NO_TIME "05",
		"94 05 0102",
	};
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct bytes frame = frame_of(messages[i][1] == '4', messages[i]);
		log_in();
		const struct report *report = report_of(&frame);
		assert_int_equal(report->body.has, 0);
		assert_true(report->body.alarms == 0);
		assert_true(!strncmp(report->extra.data, "\"data\":\"", 8));
	}
}

static void serial_port_and_obd_data_are_kept(void **state)
{
	(void)state;
	assert_text(read_extended("9B 02 4142")->extra, "\"port\":2,\"text\":\"AB\"");
	assert_text(read_extended("9B 02 4100")->extra, "\"port\":2,\"data\":\"4100\"");
#define PLACE "C9 01531500 0A98AC38 3D 1D12" /* GPS without its time */
	const struct report *report =
		read_extended("8C" TIME "01 323830313D306245382C 3441313D5831" PLACE);
	assert_place(report);
	assert_int_equal(report->body.speed_kmh_e2, 6100);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_text(report->extra,
		"\"obd\":\"2801=0bE8,4A1=X1\",\"obd_odometer\":30.48,\"vin\":\"X1\"");
	report = read_extended("65" TIME "00 323830313D306245382C" PLACE);
	assert_place(report);
	assert_true(report->body.has & HAS_IGNITION);
	assert_text(report->extra, "\"obd\":\"2801=0bE8,\"");
	assert_place(read_extended("66" TIME "00" PLACE));
	// The last bytes are no position.
	report = read_extended("8C" TIME "01 32383D31 FFFF030405060708FFFFFFFF");
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_false(report->body.has & HAS_FIX);
	assert_text(report->extra,
		"\"length_bad\":true,\"unknown\":\"32383d31ffff030405060708ffffffff\"");
}

static void prefix_of_a_message_asks_for_more(void **state)
{
	(void)state;
	session = (struct session){0};
	assert_true(corpus_count > 100);
	for (size_t i = 0; i < corpus_count; i++) {
		for (size_t len = 0; len < corpus[i].len; len++) {
			const uint8_t *data = guarded_copy(&page, corpus[i].data, len);
			assert_int_equal(decoder_gt06.probe(data, len, false), PROBE_MORE);
			assert_int_equal(decoder_gt06.frame(&session, data, len).kind, FRAME_MORE);
		}
	}
}

int main(void)
{
	page = guarded_new(2 * FRAME_CAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cell_length_may_or_may_not_count_itself),
		cmocka_unit_test(zeros_may_replace_the_cell),
		cmocka_unit_test(cell_of_unknown_size_keeps_the_position),
		cmocka_unit_test(length_selects_the_tail_of_12),
		cmocka_unit_test(card_text_of_12_may_have_any_length),
		cmocka_unit_test(long_12_has_a_card),
		cmocka_unit_test(qh302r_repeats_its_imei_in_12),
		cmocka_unit_test(positions_with_acc_decode),
		cmocka_unit_test(course_word_sets_ignition_and_fix),
		cmocka_unit_test(nt_messages_decode_and_may_identify),
		cmocka_unit_test(x1_decodes_its_ports),
		cmocka_unit_test(a_message_of_lw_has_alarm_codes_of_its_own),
		cmocka_unit_test(trx16_messages_have_the_card_as_driver),
		cmocka_unit_test(length_and_model_select_the_heartbeat_layout),
		cmocka_unit_test(model_changes_alarm_codes),
		cmocka_unit_test(alarms_come_from_long_codes_and_info_bits),
		cmocka_unit_test(cells_and_access_points_decode),
		cmocka_unit_test(answers_to_commands_become_texts),
		cmocka_unit_test(items_decode_and_unknown_ones_are_kept),
		cmocka_unit_test(information_decodes_by_sub_type),
		cmocka_unit_test(media_events_decode_in_three_layouts),
		cmocka_unit_test(messages_with_an_invalid_time_are_kept_as_hex),
		cmocka_unit_test(serial_port_and_obd_data_are_kept),
		cmocka_unit_test(prefix_of_a_message_asks_for_more),
		cmocka_unit_test(no_flipped_bit_is_accepted),
		cmocka_unit_test(mutated_frames_are_read_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
