// SPDX-License-Identifier: MIT
// GT06: layouts of single models, and what happens to frames that fit none.
#include "decoders/gt06_frames.h"

#include <stdio.h>

// 2031-05-14 09:08:07, 9 satellites, 12.3456, -98.7654, 61 km/h, 274 degrees
#define TIME      "1F050E090807"
#define PLACE     "C9 01531500 0A98AC38 3D 1D12"
#define GPS       TIME PLACE
#define CELL_8    "01F6 0A 1B2C 00A1B2"
#define CELL_9    "81F6 000A 1B2C 00A1B2"
#define CELL_C4   "01F6 0A 1B2C 0000A1B2"
#define CELL_10   "01F6 000A 1B2C 0000A1B2"
#define CELL_15   "01F6 0A 00001B2C 000000000000A1B2"
#define CELL      "\"mcc\":502,\"mnc\":10,\"lac\":6956,\"cid\":41394"
#define STATUS    "46 04 03 06 02"
#define MILEAGE   "0001E240"
#define NEAR      "1B2C 00A1B2 3C 1B2C 00A1B3 46"
#define NEAR_C4   "1B2C 0000A1B2 3C 1B2C 0000A1B3 46"
#define NETWORK   CELL ",\"rssi\":-60,\"cells\":\"6956,41395,-70\""
#define POINTS    "02 A1A2A3A4A5A6 3C B1B2B3B4B5B6 46"
#define WIFI      "\"wifi\":\"a1a2a3a4a5a6,-60;b1b2b3b4b5b6,-70\""
#define ZEROS_8   "0000000000000000"
#define PHONE     "2B35303132333435363738 000000000000000000"
#define PHONE_21  PHONE "00" /* the length that has a language after it */
#define BIT(name) (UINT64_C(1) << ALARM_##name)

static void assert_place(const struct report *report)
{
	assert_int_equal(report->body.lat_e7, 123456000);
	assert_int_equal(report->body.lon_e7, -987654000);
	assert_int_equal(report->body.speed_kmh_e2, 6100);
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_int_equal(report->body.satellites, 9);
}

// A status whose time was understood, without a position, satellites, odometer, alarm or driver.
static void assert_nothing_invented(const struct report *report)
{
	assert_int_equal(report->body.has & ~(uint32_t)HAS_TIME, 0);
	assert_true(report->body.alarms == 0);
	assert_int_equal(report->driver.len, 0);
}

// Items -----------------------------------------------------------------------

static void items_follow_the_upload_block_of_37_and_38(void **state)
{
	(void)state;
	const struct report *report = read_message(
		"37" GPS CELL_8 "01 05 01 0018 02 019F 003B 01 FA 002E 04" MILEAGE "0099 02 ABCD");
	assert_place(report);
	assert_true(report->body.odometer_m == 123456 && report->body.flags & FLAG_STORED);
	assert_int_equal(report->body.battery_mv, 4150);
	assert_text(
		report->extra, CELL ",\"reason\":5,\"accuracy_cm\":250,\"items\":\"0099=abcd\"");
	// The last item is longer than the message.
	report = read_message("37" GPS CELL_8 "01 05 00 002E 04" MILEAGE "003B 05 00");
	assert_place(report);
	assert_false(report->body.has & (HAS_ODOMETER | HAS_IGNITION));
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"010500002e04");

	report = read_extended("38" GPS "03 01 02" CELL_8 "11 0027 02 04CE");
	assert_place(report);
	assert_true(report->body.flags & FLAG_STORED);
	assert_int_equal(report->body.power_mv, 12300);
	assert_text(report->extra, "\"reason\":3,\"radio\":2," CELL ",\"rssi\":17");
	report = read_extended("38" GPS "03 00 04" CELL_15 "0111 002E 04" MILEAGE);
	assert_true(report->body.odometer_m == 123456);
	assert_text(report->extra, "\"reason\":3,\"radio\":4," CELL ",\"rssi\":273");
}

static void rssi_after_a_4g_cell_has_two_bytes(void **state)
{
	(void)state;
	const struct report *report = read_extended("39" GPS "03" CELL_15 "0040" STATUS);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_int_equal(report->body.battery_percent, 66);
	assert_extra(report, CELL ",\"rssi\":64");
	report = read_extended("39" GPS "02" CELL_9 "40" STATUS "006A 01 5A");
	assert_alarm(report, ALARM_OVERSPEED);
	assert_int_equal(report->body.battery_percent, 90);
	// An impossible network.
	report = read_extended("39" GPS "03 03E8 0A 00001B2C 000000000000A1B2 0040" STATUS);
	assert_place(report);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"0303e8");
}

static void items_of_f2_may_have_long_lengths(void **state)
{
	(void)state;
	const struct report *report =
		read_message("F2 736CE3F7 000A 0003 010203 0001 00 02 AABB 000C 01 07");
	assert_text(report->extra, "\"items\":\"000a=010203;0001=aabb;000c=07\"");
}

static void cell_and_alarms_of_70(void **state)
{
	(void)state;
	const struct report *report =
		read_extended("70 0011 000A" CELL_10 "0034 0001 12 0034 0001 1B");
	// MCC, MNC u16, LAC, CID u24, rssi: the last byte of the CID here
	assert_extra(report, "\"mnc\":10,\"lac\":6956,\"cid\":161,\"rssi\":-178");
	assert_true(report->body.alarms == (BIT(REMOVING) | BIT(OVERSPEED)));
	assert_extra(report, "\"alarm\":18,\"items\":\"0034=1b\"");
	report = read_extended("70 0011 000A 01F6 000A 1B2C 000000 3C");
	assert_false(has_extra(report, "mcc"));
	// Bits 14 and 15 of the course word are not ACC here; a position of zeros is none.
	report = read_extended("70 0033 0012 736CE3F7 09 02AF 01531500 0A98AC38 3D DD12");
	assert_place(report);
	assert_false(report->body.has & HAS_IGNITION);
	report = read_extended("70 0033 0012" ZEROS_8 ZEROS_8 "0000");
	assert_int_equal(report->body.has, 0);
}

// Positions of single models --------------------------------------------------

static void vxt01_alarm_has_the_layout_of_its_position(void **state)
{
	(void)state;
	const struct report *report = read_message("16" GPS CELL_8 "7E 04CE 03 09");
	assert_int_equal(report->raw.data[2], 0x24);
	assert_place(report);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_true(report->body.flags & FLAG_IGNITION);
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.gsm_percent, 75);
	assert_extra(report, CELL);
}

static void filler_in_place_of_a_cell_may_be_anything(void **state)
{
	char text[512] = "16" GPS "00";
	(void)state;
	for (unsigned i = 0; i < 45; i++)
		snprintf(text + strlen(text), 4, "%02X", i * 5);
	const struct report *report = read_message(strcat(text, STATUS));
	assert_place(report);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_false(has_extra(report, "mcc"));
	report = read_message("26" GPS "00 FFFFFFFFFFFFFFFF" STATUS MILEAGE);
	assert_alarm(report, ALARM_OVERSPEED);
	assert_true(report->body.odometer_m == 123456);
}

static void wrong_cell_size_is_ignored_if_the_values_decide(void **state)
{
	(void)state;
	const struct report *report = read_message("A3" GPS "39" CELL_15 STATUS);
	assert_place(report);
	assert_extra(report, CELL);
	assert_alarm(report, ALARM_OVERSPEED);
	// A level of 101 % is impossible.
	report = read_message("A3" GPS "39" CELL_15 "46 65 03 06 02");
	assert_place(report);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"cell_size\":57,\"length_bad\":true");
}

static void seeworld_alarm_has_percentages(void **state)
{
	(void)state;
	const struct report *report = read_message("16" GPS "0A" CELL_C4 "46 5D 32 28 02");
	assert_int_equal(report->raw.data[2], 0x26);
	assert_int_equal(report->body.battery_percent, 93);
	assert_int_equal(report->body.gsm_percent, 50);
	assert_alarm(report, ALARM_HARD_CORNERING);
	// A long MNC makes the usual layout as long.
	report = read_message("16" GPS "0A" CELL_9 STATUS);
	assert_int_equal(report->body.battery_percent, 66);
}

static void trx16_alarm_has_codes_of_its_own(void **state)
{
	(void)state;
	const struct report *report =
		read_message("16" GPS "08" CELL_8 "46 04 03 09 02 0102030405060708");
	assert_int_equal(report->raw.data[2], 0x2D);
	assert_alarm(report, ALARM_GEOFENCE);
	assert_text(report->driver, "0102030405060708");
	report = read_message("16" GPS "08" CELL_8 "46 04 03 0E 02" ZEROS_8);
	assert_alarm(report, ALARM_LOW_POWER);
	assert_int_equal(report->driver.len, 0);
	assert_alarm(read_message("16" GPS "08" CELL_8 "46 04 03 09 02"), ALARM_VIBRATION);
}

static void positions_of_single_models_decode(void **state)
{
	(void)state;
	const struct report *report = read_message("24" GPS CELL_8 "00 04CE 019F" ZEROS_8 "0000");
	assert_place(report); // SR411
	assert_true(report->body.has & HAS_IGNITION && !(report->body.flags & FLAG_IGNITION));
	assert_int_equal(report->body.power_mv, 12300);
	assert_int_equal(report->body.battery_mv, 4150);
	assert_text(report->extra, CELL);

	report = read_message("22" GPS CELL_C4 "01 03 01" MILEAGE "00000E10 89C4 1450"); // GL21L
	assert_place(report);
	assert_true(report->body.flags & FLAG_IGNITION && report->body.flags & FLAG_STORED);
	assert_true(report->body.odometer_m == 123456);
	assert_text(report->extra, CELL ",\"reason\":3,\"travel_time_s\":3600,"
					"\"temperature\":-25.00,\"humidity\":52.00");

	report = read_message("1E" GPS "01F6 0A" NEAR "FF 0002"); // JI09
	assert_place(report);
	assert_text(report->extra, NETWORK ",\"timing_advance\":255");
	report = read_message("1E" GPS "01F6 0A" NEAR "FF 00");
	assert_place(report);
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"01f60a");

	report = read_message("1A" GPS PHONE);
	assert_place(report);
	assert_text(report->extra, "\"phone\":\"+5012345678\"");
	report = read_message("2A" GPS PHONE_21 "0002");
	assert_place(report);
	assert_text(report->extra, "\"phone\":\"+5012345678\"");

	report = read_message("61 0860000000000017" GPS CELL_C4 "0000075BCD15"); // iButton
	assert_place(report);
	assert_text(report->driver, "123456789");
	assert_text(report->extra, CELL);
	report = read_message("61 0860000000000025" GPS CELL_C4 "000000000000");
	assert_int_equal(report->driver.len, 0);
	assert_extra(report, "\"imei\":\"860000000000025\"");
}

#define NT      "05 0860000000000017 1F050E090806" GPS
#define NT_TAIL "46 04CE 29 47 06 02 01E240 00003C"

static void one_byte_mnc_of_xt40_shifts_its_cell(void **state)
{
	(void)state;
	// Read with an MNC of two bytes, the first one has MNC 4296, the second one MNC 2.
	const struct report *report =
		read_message("25" NT "0A 02D4 10 C80B 0C352C17 04" NT_TAIL "05 01 A1B2C3D4");
	assert_place(report);
	assert_extra(report, "\"mcc\":724,\"mnc\":16,\"lac\":51211,\"cid\":204811287");
	assert_int_equal(report->body.gsm_percent, 71);
	assert_text(report->driver, "a1b2c3d4");
	report = read_message("25" NT "0A 02D4 00 020B 0C352C17 04" NT_TAIL "00");
	assert_extra(report, "\"mcc\":724,\"mnc\":0,\"lac\":523,\"cid\":204811287");
	assert_int_equal(report->driver.len, 0);
	// Engine minutes that look like the length of the driver after a shorter cell.
	report = read_message("25" NT "0A 02D4 10 C80B 0C352C17 04"
			      "46 04CE 29 47 06 02 01E240 000006 05 01 A1B2C3D4");
	assert_text(report->driver, "a1b2c3d4");
	assert_extra(report, "\"engine_min\":6,");
	report = read_message("22" NT "0A" CELL_10 NT_TAIL);
	assert_extra(report, CELL);
	report = read_message("22" NT "0A 02D4 10 C80B 0C352C17 04" NT_TAIL);
	assert_extra(report, "\"mcc\":724,\"mnc\":16,\"lac\":51211,\"cid\":204811287");
}

static void id_of_lw_is_its_own_imei(void **state)
{
	(void)state;
	const struct report *report = read_message(
		"A2" GPS CELL_15 "00 46 04CE 04 03 18 02" MILEAGE "00000E10 0860000000000017 0005");
	assert_place(report);
	assert_int_equal(report->driver.len, 0);
	assert_false(has_extra(report, "unknown"));
	assert_int_equal(report->body.inputs, 5);
}

static void az735_has_parts_of_any_length(void **state)
{
	(void)state;
	const struct report *report = read_extended(
		"32" TIME "0C" PLACE "0B" CELL_8 "AAAA 3C 06 1B2C 00A1B3 46 0E" /* points: */
		"A1A2A3A4A5A6 3C B1B2B3B4B5B6 46 21 02 0102");
	assert_place(report);
	assert_true(report->body.alarms == 0);
	assert_text(report->extra, NETWORK "," WIFI ",\"status\":33,\"unknown\":\"0102\"");
	assert_int_equal(batch.reply[REPLY_STORED][0], 0x79);
	static const struct {
		const char *code;
		uint64_t alarms;
	} codes[] = {{"A0", 0}, {"A1", 0}, {"A2", BIT(LOW_BATTERY)}, {"A3", BIT(LOW_BATTERY)},
		{"A4", BIT(GENERAL)}, {"A5", BIT(DOOR)}};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		char text[64];
		snprintf(text, sizeof text, "33" TIME "00 00 00 00 %s 00", codes[i].code);
		report = read_extended(text);
		assert_true(report->body.device_time_us == at(9, 8, 7));
		assert_true(report->body.alarms == codes[i].alarms);
	}
	report = read_extended("33" TIME "00 00 00 00 A5 01"); // one byte short
	assert_nothing_invented(report);
	assert_text(report->extra, "\"data\":\"1f050e09080700000000a501\"");
}

// Cells and access points -----------------------------------------------------

static void cell_lists_of_single_models_decode(void **state)
{
	(void)state;
	const struct report *report = // WanWay
		read_message("24" TIME "05 01F6 0A 02" NEAR ZEROS_8 ZEROS_8 "0000000000");
	assert_int_equal(report->raw.data[2], 0x31);
	assert_text(report->extra, "\"timing_advance\":5," NETWORK);
	assert_text(read_message("19" TIME "01F6 0A 02" NEAR "0000")->extra, NETWORK); // Space10X
	assert_nothing_invented(read_message("19" TIME "01F6 0A 03" NEAR "0000"));
	assert_text(read_message("34" TIME "05 01F6 000A" NEAR_C4 "0000")->extra, // SL4X
		"\"timing_advance\":5," NETWORK);
#define NO_CELLS "00000000000000 00000000000000 00000000000000 00000000000000"
	assert_text(read_message("33" TIME "01F6 0A" NEAR_C4 NO_CELLS "05" POINTS)->extra,
		NETWORK ",\"timing_advance\":5," WIFI);
	assert_text(read_message("33" TIME "05 01F6 000A" NEAR_C4 NO_CELLS POINTS)->extra,
		"\"timing_advance\":5," NETWORK "," WIFI);
	report = read_message("33" TIME "05 01F6 000A" NEAR_C4 NO_CELLS "03");
	assert_nothing_invented(report);
	assert_extra(report, "\"data\":");
	assert_text(read_message("17" CELL_9 PHONE_21 "0002")->extra,
		CELL ",\"phone\":\"+5012345678\"");
	assert_text(read_message("A7" CELL_15 PHONE_21 "0002")->extra,
		CELL ",\"phone\":\"+5012345678\"");
	report = read_message("F3" TIME "02 0001 A1A2A3A4A5A6 0002 B1B2B3B4B5B6");
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_text(report->extra, "\"wifi\":\"a1a2a3a4a5a6;b1b2b3b4b5b6\"");
	assert_no_reply();
}

static void a9_is_an_alarm_with_cells(void **state)
{
	(void)state;
#define REST ",\"timing_advance\":255," WIFI ",\"alarm\":"
	const struct report *report =
		read_message("A9" TIME "01F6 0A 00 02" NEAR "FF" POINTS "01 02");
	assert_int_equal(report->body.has, HAS_TIME);
	assert_alarm(report, ALARM_SOS);
	assert_text(report->extra, NETWORK REST "1");
	report = read_message(
		"A9" TIME "81F6 000A 00 02 1B2C A1B2 3C 1B2C A1B3 46 FF" POINTS "07 11");
	assert_alarm(report, ALARM_JAMMING);
	assert_text(report->extra, NETWORK REST "263");
	report = read_message("A9" TIME "01F6 0A 01 02 00001B2C 000000000000A1B2 3C"
			      "00001B2C 000000000000A1B3 46 FF" POINTS "05 02");
	assert_alarm(report, ALARM_GEOFENCE_EXIT);
	assert_text(report->extra, NETWORK REST "5");
	// One byte too many.
	report = read_message("A9" TIME "01F6 0A 00 02" NEAR "FF" POINTS "01 02 00");
	assert_nothing_invented(report);
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"01f60a");
}

static void cells_that_do_not_add_up_are_kept_as_hex(void **state)
{
	(void)state;
	const struct report *report = read_message("2C" TIME "01F6 0A" NEAR "FF 0002");
	assert_nothing_invented(report);
	assert_text(report->extra, "\"length_bad\":true,\"unknown\":"
				   "\"01f60a1b2c00a1b23c1b2c00a1b346ff0002\"");
	report = read_message("28 1F0D0E090807 01F6 0A" NEAR "FF 0002"); // month 13
	assert_int_equal(report->body.has, 0);
	assert_extra(report, "\"data\":\"1f0d0e");
}

static void impossible_cells_are_kept_as_hex(void **state)
{
	// MCC 1000, MCC 5, MNC 1000, and filler.
	static const char *const cells[] = {"03E8 0A 1B2C 00A1B2", "0005 0A 1B2C 00A1B2",
		"81F6 03E8 1B2C 00A1B2", "FFFFFFFFFFFFFFFF"};
	char text[256];
	(void)state;
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
		const bool is_long = i == 2;
		// Only the length says where the cell ends: what follows is not understood either.
		snprintf(text, sizeof text, "22" GPS "%s 01 02 01", cells[i]);
		const struct report *report = read_message(text);
		assert_place(report);
		assert_int_equal(report->body.has & (HAS_IGNITION | HAS_ODOMETER), 0);
		assert_false(has_extra(report, "mcc"));
		assert_extra(report, "\"length_bad\":true,\"unknown\":\"");
		assert_true(report->extra.len > 2 * 11 && !(report->body.flags & FLAG_STORED));
		// The length before it says so too.
		snprintf(text, sizeof text, "26" GPS "%s %s" STATUS, is_long ? "0A" : "09",
			cells[i]);
		report = read_message(text);
		assert_place(report);
		assert_alarm(report, ALARM_OVERSPEED);
		assert_false(has_extra(report, "mcc"));
		assert_extra(report, "\"cell\":\"");
		snprintf(text, sizeof text, "19 %s" STATUS, cells[i]);
		assert_nothing_invented(read_message(text));
		assert_extra(&batch.reports[0], "\"data\":\"");
		snprintf(text, sizeof text, "17 %s" PHONE_21 "0002", cells[i]);
		assert_nothing_invented(read_message(text));
		snprintf(text, sizeof text, "22" NT "%s %s" NT_TAIL, is_long ? "0A" : "09",
			cells[i]);
		report = read_message(text);
		assert_int_equal(report->body.power_mv, 12300);
		assert_extra(report, "\"cell\":\"");
	}
	const struct report *report = read_message(
		"28" TIME "03E8 0A" NEAR ZEROS_8 ZEROS_8 ZEROS_8 "000000000000 FF 0002");
	assert_nothing_invented(report);
	assert_extra(report, "\"length_bad\":true,\"unknown\":\"03e80a1b2c");
	// A cell that is cut.
	report = read_message("22" GPS "01F6 0A 1B2C 00");
	assert_place(report);
	assert_text(report->extra, "\"length_bad\":true,\"unknown\":\"01f60a1b2c00\"");
}

// Statuses --------------------------------------------------------------------

static void heartbeat_of_an_unknown_model_raises_no_alarm(void **state)
{
	(void)state;
	const struct report *report = read_message("13 46 0B12 04 09"); // R11
	assert_int_equal(report->body.has, HAS_IGNITION | HAS_OUTPUTS);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"unknown\":\"0b120409\"");
	report = read_as("R11", "13 46 0B12 04 09");
	assert_int_equal(report->body.power_mv, 28340);
	assert_int_equal(report->body.gsm_percent, 100);
	assert_alarm(report, ALARM_VIBRATION);

	report = read_message("13 46 06 04 F082"); // LW
	assert_int_equal(report->body.battery_percent, 100);
	assert_true(report->body.alarms == 0);
	assert_extra(report, "\"unknown\":\"f082\"");
	assert_int_equal(read_as("LW4G-4B", "13 46 06 04 F082")->body.power_mv, 13000);

	report = read_as("SEEWORLD", "13 45 06 56 0C 01");
	assert_int_equal(report->body.power_mv, 12000);
	assert_int_equal(report->body.gsm_percent, 86);
	assert_true(report->body.alarms == 0);
}

static void model_decides_where_bytes_do_not(void **state)
{
	static const char *const nt =
		"22 00 0860000000000025" TIME GPS "09" CELL_8 "46 0984 28 4C 00 02 0001E2 000171";
	static const char *const nt_models[] = {
		"NT11", "nt20", "NT26", "NT40", "NT46", "VL100", "XT40"};
	static const char *const qh302r = "12 0860000000000025" GPS CELL_8;
	(void)state;
	// The IMEI is not that of the log-in.
	assert_false(read_message(nt)->body.has & (HAS_TIME | HAS_FIX | HAS_POWER_V));
	assert_false(read_as("NT", nt)->body.has & (HAS_TIME | HAS_FIX | HAS_POWER_V));
	for (size_t i = 0; i < sizeof nt_models / sizeof nt_models[0]; i++) {
		const struct report *report = read_as(nt_models[i], nt);
		assert_place(report);
		assert_int_equal(report->body.power_mv, 24360);
		assert_text(report->extra, "\"source\":0,\"imei\":\"860000000000025\"," CELL
					   ",\"armed\":false,\"charging\":true,\"gps_fix\":true,"
					   "\"engine_min\":369");
	}
	assert_false(read_message(qh302r)->body.has & (HAS_TIME | HAS_FIX));
	const struct report *report = read_as("qh302r", qh302r);
	assert_place(report);
	assert_text(report->extra, "\"imei\":\"860000000000025\"," CELL);
	// A model never overrides bytes that decide.
	assert_place(read_as("NT11", "22" GPS CELL_8 "01 05 00"));
	assert_place(read_as("QH302R", "12" GPS CELL_8));
	assert_int_equal(read_as("R11", "13 46 04 03")->body.gsm_percent, 75);
	assert_int_equal(read_as("TR06", "13 46 04 03 00 02")->body.gsm_percent, 75);
	// A change takes effect with the next frame.
	struct bytes beat = frame_of(false, "13 46 0B12 04 00");
	log_in();
	assert_false(report_of(&beat)->body.has & HAS_POWER_V);
	device_model = "R11";
	assert_int_equal(report_of(&beat)->body.power_mv, 28340);
	device_model = NULL;
	assert_false(report_of(&beat)->body.has & HAS_POWER_V);
}

static void relay_commands_of_g109(void **state)
{
	struct command command = {.id = 7, .kind = COMMAND_ENGINE_STOP};
	uint8_t out[64];
	(void)state;
	log_in();
	struct encoded encoded = decoder_gt06.encode_command(&session, &command, out, sizeof out);
	assert_memory_equal(out + 9, "Relay,1#", 8);
	device_model = "G109";
	encoded = decoder_gt06.encode_command(&session, &command, out, sizeof out);
	device_model = NULL;
	assert_int_equal(encoded.len, 15 + 4);
	assert_memory_equal(out + 9, "DYD#", 4);
}

static void heartbeat_of_gl21l_decodes_in_two_lengths(void **state)
{
	(void)state;
	const struct report *report =
		read_message("A3 45 0000 05 32 18 02 01 02 00001388 4F 01 02");
	assert_int_equal(report->raw.data[2], 0x15);
	assert_int_equal(report->body.has,
		HAS_IGNITION | HAS_OUTPUTS | HAS_BATTERY_PERCENT | HAS_POWER_V | HAS_GSM);
	assert_int_equal(report->body.battery_percent, 79);
	assert_int_equal(report->body.power_mv, 24000);
	assert_int_equal(report->body.gsm_percent, 50);
	assert_extra(report, "\"sound\":1,\"light\":2,\"steps\":5000,\"charge\":1,\"motion\":2");
	report = read_message("A3 46 0000 03 19 18 01");
	assert_int_equal(report->body.battery_percent, 50);
	assert_int_equal(report->body.gsm_percent, 25);
	assert_int_equal(report->body.power_mv, 24000);
	// A battery of 101 % is impossible.
	report = read_message("A3 45 0000 05 32 18 02 01 02 00001388 65 01 02");
	assert_nothing_invented(report);
	assert_extra(report, "\"data\":\"45000005");
}

static void battery_beacon_and_picture_become_statuses(void **state)
{
	(void)state;
	const struct report *report = read_message(
		"40 0102030405060708 736CE3F7 5A 07D0 58 0898 5F 0B9B 0064 BB80 0011"
		"0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA 0EDA"
		"0001 0002 41420000000000000000000000000000 0003 4D4E2020202020202020202020202020"
		"000000010000000200000003");
	assert_int_equal(report->raw.data[2], 0x6E);
	assert_true(report->body.device_time_us == at(9, 8, 7));
	assert_int_equal(report->body.battery_percent, 90);
	assert_int_equal(report->body.battery_mv, 48000);
	assert_extra(report, "\"health\":95,\"battery_temperature\":24.0,\"current\":100");
	assert_extra(report, "\"bar_code\":\"AB\",\"version\":3,\"maker\":\"MN\"");

	report = read_message("B2" TIME "C4 A1A2A3A4A5A6 00112233445566778899AABBCCDDEEFF"
			      "0001 0002 012C 08");
	assert_int_equal(report->body.has, HAS_TIME);
	assert_extra(report, "\"tag_rssi\":-60,\"tag\":\"a1a2a3a4a5a6\"");
	assert_extra(report, "\"tag_major\":1,\"tag_minor\":2,\"tag_battery_v\":3.00");

	report = read_message("35" TIME "01 01531500 0A98AC38 01 02 03 00000CFA 0000004D");
	assert_int_equal(report->body.has, HAS_TIME);
	assert_extra(report, "\"camera\":1,\"source\":2,\"format\":3,\"size\":3322,\"picture\":77");
}

static void camera_events_have_alarms(void **state)
{
	static const struct {
		const char *code;
		uint64_t alarms;
	} events[] = {{"47", BIT(FATIGUE_DRIVING)}, {"8C", BIT(FATIGUE_DRIVING)},
		{"A0", BIT(FATIGUE_DRIVING)}, {"51", BIT(DOOR)}, {"6B", BIT(FAULT)},
		{"6F", BIT(FAULT)}, {"CD", BIT(LANE_CHANGE)}, {"84", BIT(GENERAL)},
		{"A7", BIT(GENERAL)}, {"8F", BIT(GENERAL)}, {"94", BIT(GENERAL)},
		{"97", BIT(GENERAL)}, {"9A", BIT(GENERAL)}, {"CC", BIT(GENERAL)},
		{"CE", BIT(GENERAL)}, {"D4", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		char text[64];
		snprintf(text, sizeof text, "95" TIME "01531500 0A98AC38 1D12 %s 0000 61",
			events[i].code);
		assert_true(read_message(text)->body.alarms == events[i].alarms);
	}
}

int main(void)
{
	page = guarded_new(2 * FRAME_CAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_follow_the_upload_block_of_37_and_38),
		cmocka_unit_test(rssi_after_a_4g_cell_has_two_bytes),
		cmocka_unit_test(items_of_f2_may_have_long_lengths),
		cmocka_unit_test(cell_and_alarms_of_70),
		cmocka_unit_test(vxt01_alarm_has_the_layout_of_its_position),
		cmocka_unit_test(filler_in_place_of_a_cell_may_be_anything),
		cmocka_unit_test(wrong_cell_size_is_ignored_if_the_values_decide),
		cmocka_unit_test(seeworld_alarm_has_percentages),
		cmocka_unit_test(trx16_alarm_has_codes_of_its_own),
		cmocka_unit_test(positions_of_single_models_decode),
		cmocka_unit_test(one_byte_mnc_of_xt40_shifts_its_cell),
		cmocka_unit_test(id_of_lw_is_its_own_imei),
		cmocka_unit_test(az735_has_parts_of_any_length),
		cmocka_unit_test(cell_lists_of_single_models_decode),
		cmocka_unit_test(a9_is_an_alarm_with_cells),
		cmocka_unit_test(cells_that_do_not_add_up_are_kept_as_hex),
		cmocka_unit_test(impossible_cells_are_kept_as_hex),
		cmocka_unit_test(heartbeat_of_an_unknown_model_raises_no_alarm),
		cmocka_unit_test(model_decides_where_bytes_do_not),
		cmocka_unit_test(relay_commands_of_g109),
		cmocka_unit_test(heartbeat_of_gl21l_decodes_in_two_lengths),
		cmocka_unit_test(battery_beacon_and_picture_become_statuses),
		cmocka_unit_test(camera_events_have_alarms),
		cmocka_unit_test(no_flipped_bit_is_accepted),
		cmocka_unit_test(mutated_frames_are_read_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
