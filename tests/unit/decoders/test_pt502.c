// SPDX-License-Identifier: MIT
// The PT-502's records: each field, event and tail.
#include "decoders/pt502/pt502_record_fast.h"
#include "decoders/pt502_fixture.h"

// Every combination of framing, tail and terminator gives the same values.
static void tails_decode_alike_in_every_framing(void **state)
{
	(void)state;
	char record[512], expected[512], key[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		for (size_t k = 0; k < COUNT(terminators); k++) {
			const char *end = terminators[k] ? terminators[k] : "";
			int len = snprintf(record, sizeof record, FRONT "%s%s", tails[i].tail, end);
			snprintf(key, sizeof key, FRONT "%s", tails[i].tail);
			snprintf(expected, sizeof expected, FRONT_REPORT "%s%s\n",
				tails[i].expected, *end == '#' ? " stored" : "");
			for (int full = !terminators[k]; full <= 1; full++) {
				if (full)
					check_full(record, (size_t)len, expected);
				else
					check_line(record, expected);
				const struct report *report = &batch.reports[0];
				assert_int_equal(report->raw.len, len);
				assert_memory_equal(report->raw.data, record, (size_t)len);
				assert_int_equal(report->key.len, strlen(key));
				assert_memory_equal(report->key.data, key, report->key.len);
			}
		}
	}
}

static void end_of_a_datagram_ends_the_record(void **state)
{
	(void)state;
	char record[512], expected[512];
	for (size_t i = 0; i < COUNT(tails); i++) {
		struct session session = {.datagram = true};
		int len = snprintf(record, sizeof record, FRONT "%s", tails[i].tail);
		snprintf(expected, sizeof expected, FRONT_REPORT "%s\n", tails[i].expected);
		output.len = 0;
		assert_int_equal(
			take_frames(&session, (const uint8_t *)record, (size_t)len, &output), 0);
		assert_string_equal(output.text, expected);
	}
}

// $POS,5020001,<fields> -> the report after its ident and event, or the reject
static const struct {
	const char *fields, *expected;
} fronts[] = {
	// with a valid fix, an invalid field is absent
	{"101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 115166667 kmh=4148 deg=8440"},
	{"101500,A,4807.0380,n,01131.0000,e,,,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 115166667"},
	{"235959.999,A,3356.7890,S,15112.3456,W,0,0,311226",
		" t=2026-12-31/23:59:59.999 A -339464833 -1512057600 kmh=0 deg=0"},
	{"101500.5,A,0000.0000,N,00000.0000,E,0.00,360,290224",
		" t=2024-02-29/10:15:00.500 A 0 0 kmh=0 deg=36000"},
	{"101500.000,A,4807.0380,N,204.6787,E,1.00,84.40,221126",
		" t=2026-11-22/10:15:00.000 A 481173000 20779783 kmh=185 deg=8440"},
	{"101500.000,A,9000.0000,S,18000.0000,W,,,221126",
		" t=2026-11-22/10:15:00.000 A -900000000 -1800000000"},
	{"101500.000,A,9000.0001,N,01131.0000,E,1.00,84.40,221126",
		" t=2026-11-22/10:15:00.000 kmh=185 deg=8440"},
	{"101500.000,A,4860.0000,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,01160.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,18000.0001,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,X,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,E,01131.0000,N,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,,01131.0000,E,1.00,,221126", " t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,NN,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,4807.0380,N,,E,1.00,,221126", " t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,48o7.0380,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,-4807.0380,N,01131.0000,E,1.00,,221126",
		" t=2026-11-22/10:15:00.000 kmh=185"},
	{"101500.000,A,,,,,,,221126", " t=2026-11-22/10:15:00.000"},
	// speed is in knots; real trackers send courses beyond 360
	{"101500.000,A,,,,,0.01,26815635,221126", " t=2026-11-22/10:15:00.000 kmh=2"},
	{"101500.000,A,,,,,539.9568,360.01,221126", " t=2026-11-22/10:15:00.000 kmh=100000"},
	{"101500.000,A,,,,,540,359.999,221126", " t=2026-11-22/10:15:00.000 deg=36000"},
	{"101500.000,A,,,,,1e1,84.4.4,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,A,,,,,-1,-1,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,A,,,,,999999999999999999999,.5,221126", " t=2026-11-22/10:15:00.000 deg=50"},
	{"101500.000,A,,,,,22.,84,221126", " t=2026-11-22/10:15:00.000 kmh=4074 deg=8400"},
	{"101500.000,A,,,,,22.4000000000000,84.40000000000000,221126",
		" t=2026-11-22/10:15:00.000 kmh=4148 deg=8440"},
	// without a fix
	{"101500.000,V,4807.0380,N,01131.0000,E,0.00,0.00,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667 kmh=0 deg=0"},
	{"101500.000,V,0000.0000,N,00000.0000,E,0.00,0.00,221126",
		" t=2026-11-22/10:15:00.000 kmh=0 deg=0"},
	{"101500.000,V,0000.0000,N,00000.0010,E,0.00,0.00,221126",
		" t=2026-11-22/10:15:00.000 V 0 167 kmh=0 deg=0"},
	{"101500.000,A,0000.0000,S,00000.0000,W,0.00,0.00,221126",
		" t=2026-11-22/10:15:00.000 A 0 0 kmh=0 deg=0"},
	{"101500.000,V,,,,,,,221126", " t=2026-11-22/10:15:00.000"},
	{"101500.000,V,,N,,E,,,140209", " t=2009-02-14/10:15:00.000"},
	{"101500.000,,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	{"101500.000,AV,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	{"101500.000,X,4807.0380,N,01131.0000,E,,,221126",
		" t=2026-11-22/10:15:00.000 V 481173000 115166667"},
	// without a valid time: kept, unless the fix is valid
	{"240000.000,V,,,,,,,221126", ""},
	{",V,4807.0380,N,01131.0000,E,,,221126", " V 481173000 115166667"},
	{"101500.000,V,,,,,,,310426", ""},
	{"101500.000,V,,,,,,,", ""},
	{"101500.000,V,,,,,,,000000", ""},
	{"101500.000,X,,,,,,,310426", ""},
	{"101500.000,V", ""},
	{"", ""},
	{"240000.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"106000.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101560.000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{",A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"10150,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"1015000,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101500.0x,A,4807.0380,N,01131.0000,E,,,221126", "reject bad value: time\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,310426", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,290225", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,221326", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,001126", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,22112", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,2211266", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E,,,", "reject bad value: date\n"},
	{"101500.000,A,4807.0380,N,01131.0000,E", "reject bad value: date\n"},
	{"101500.000,A", "reject bad value: date\n"},
	{"101500.000,A/00000,00000/0,0,0,0/1200//fa7/", "reject bad value: date\n"},
};

static void invalid_front_fields_are_absent_or_reject_the_record(void **state)
{
	(void)state;
	char record[512], expected[512];
	for (size_t i = 0; i < COUNT(fronts); i++) {
		bool reject = fronts[i].expected[0] == 'r';
		// the tail shows that the fields after an invalid one keep their places
		const char *tail = strchr(fronts[i].fields, '/') || strlen(fronts[i].fields) < 44
					   ? ""
					   : ",,,A/0001,0///";
		int len = snprintf(
			record, sizeof record, "$POS,5020001,%s%s\r\n", fronts[i].fields, tail);
		if (reject)
			snprintf(expected, sizeof expected, "%s", fronts[i].expected);
		else
			snprintf(expected, sizeof expected, "5020001 POS%s%s\n", fronts[i].expected,
				*tail ? " in=8 out=0 ign=1" : "");
		check_line(record, expected);
		check_full(record, (size_t)len, expected);
	}
}

static void idents_are_4_to_15_digits(void **state)
{
	(void)state;
	static const struct {
		const char *ident;
		bool sound;
	} idents[] = {{"1234", true}, {"0042", true}, {"12345678", true}, {"00000000", true},
		{"860000000000017", true}, {"123", false}, {"8600000000000171", false}, {"", false},
		{"50200x1", false}, {"-502001", false}, {" 5020001", false}, {"5020001 ", false}};
	char record[128], expected[128];
	for (size_t i = 0; i < COUNT(idents); i++) {
		snprintf(record, sizeof record, "$POS,%s,101500.000,V,,,,,,,221126\r\n",
			idents[i].ident);
		snprintf(expected, sizeof expected, "%s POS t=2026-11-22/10:15:00.000\n",
			idents[i].ident);
		check_line(record, idents[i].sound ? expected : "reject bad value: ident\n");
	}
	check_line("$POS,\r\n", "reject bad value: ident\n");
	check_line("$POS,5020001\r\n", "5020001 POS\n");
	check_line("$POS,5020001/0001/\r\n", "5020001 POS in=8 ign=1\n");
}

// Even a rejected record sets the ident, if it has one.
static void newest_record_sets_the_ident_of_the_session(void **state)
{
	(void)state;
	static const struct {
		const char *line, *ident;
	} lines[] = {{"$POS,5020001,101500.000,V,,,,,,,221126\n", "5020001"},
		{"$POS,5020002,24,A,,,,,,,221126\n", "5020002"}, {"$OK\n", "5020002"},
		{"$POS,xx,101500.000,V,,,,,,,221126\n", "5020002"}, {"$FUS0042,a,b\r\r", "0042"}};
	struct session session = {0};
	output.len = 0;
	for (size_t i = 0; i < COUNT(lines); i++) {
		const char *line = lines[i].line;
		take_frames(&session, (const uint8_t *)line, strlen(line), &output);
		assert_int_equal(session.ident_len, strlen(lines[i].ident));
		assert_memory_equal(session.ident, lines[i].ident, session.ident_len);
	}
}

static void events_raise_their_alarms(void **state)
{
	(void)state;
	static const struct {
		const char *code, *expected;
	} events[] = {{"POS", "POS"}, {"IN1", "IN1 !sos"}, {"IN2", "IN2 !general"},
		{"IN3", "IN3 !general"}, {"IN4", "IN4"}, {"IU1", "IU1"}, {"IU4", "IU4"},
		{"GOF", "GOF !geofence"}, {"GEO", "GEO !geofence"}, {"SPD", "SPD !overspeed"},
		{"LPA", "LPA !lowBattery"}, {"CPA", "CPA !powerCut"}, {"TOW", "TOW !tow"},
		{"HDA", "HDA !hardAcceleration"}, {"HDB", "HDB !hardBraking"},
		{"FDA", "FDA !fatigueDriving"}, {"DFR", "DFR"}, {"SKA", "SKA !vibration"},
		{"PMA", "PMA !movement"}, {"AD1", "AD1 !general"}, {"AD9", "AD9 !general"},
		{"ADX", "ADX"}, {"MLA", "MLA"}, {"SLP", "SLP"}, {"XYZ", "XYZ"}, {"A-1", "A-1"},
		{"FUS", "FUS"}, {"PHO", "PHO"}};
	char record[128], expected[128];
	for (size_t i = 0; i < COUNT(events); i++) {
		const char *alarm = strchr(events[i].expected, ' ');
		snprintf(record, sizeof record, "$%s,5020001,101500.000,V,,,,,,,221126\r\n",
			events[i].code);
		snprintf(expected, sizeof expected, "5020001 %s t=2026-11-22/10:15:00.000%s\n",
			events[i].code, alarm ? alarm : "");
		check_line(record, expected);
		check_full(record, strlen(record), expected);
	}
}

// A code is exactly three characters, or PHO, PHD or FUS and digits. Other lines are texts of a known tracker, although
// their fields are those of a record: they are of other protocols, or replies.
static void other_codes_are_not_records(void **state)
{
	(void)state;
	static const char *const codes[] = {"AB", "AD12", "IN12", "POS1", "PHOX", "PHO-1", "PHO12-",
		"PHO1-2-3", "PHO1234567890", "FUS12X", "ABCDEFGH", "AVRMC", "GPRMC", "GPRMC-1"};
	static const char rest[] =
		",99999991,164339,A,4351.0542,N,07923.5445,W,0.29,78.66,180726,0";
	char bytes[256], expected[256];
	for (size_t i = 0; i < COUNT(codes); i++) {
		snprintf(bytes, sizeof bytes, "$%s%s\r\n", codes[i], rest);
		check_line(bytes, "reject text before ident\n");
		check_full(bytes, strlen(bytes), "reject text before ident\n");
		snprintf(bytes, sizeof bytes, KNOWN "$%s%s\r\n", codes[i], rest);
		snprintf(expected, sizeof expected,
			KNOWN_REPORT "0042 extra=\"text\":\"$%s%s\" text\n", codes[i], rest);
		check_line(bytes, expected);
		check_full(bytes, strlen(bytes), expected);
	}
}

static void photo_and_firmware_lines_decode(void **state)
{
	(void)state;
	static const struct {
		const char *line, *expected;
	} lines[] = {
		{"$PHO12345,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 extra=\"photo_size\":12345\n"},
		{"$PHO0,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 extra=\"photo_size\":0\n"},
		{"$PHO0-1,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 "
			"extra=\"photo_size\":0,\"camera\":1\n"},
		{"$PHO1234567-12,5020001,101500.000,V,,,,,,,221126\r\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 "
			"extra=\"photo_size\":1234567,\"camera\":12\n"},
		{"$PHO77,5020001,101500.000,V,,,,,,,221126,,,A//1,2,3,4,5///fa7/spec#\n",
			"5020001 PHO t=2026-11-22/10:15:00.000 adc1=1 adc2=2 adc3=3 adc4=4 bat=100 "
			"gsm=67 "
			"sat=7 extra=\"photo_size\":77,\"adc5\":5,\"spec\":\"spec\" stored\n"},
		{"$FUS5020001,PT502-V2.1,20240101\r\r",
			"5020001 FUS extra=\"firmware\":\"PT502-V2.1\",\"version\":\"20240101\"\n"},
		{"$FUS860000000000017,A,B,C#\n",
			"860000000000017 FUS extra=\"firmware\":\"A\",\"version\":\"B,C\" "
			"stored\n"},
		{"$FUS0042,,1\r\r", "0042 FUS extra=\"version\":\"1\"\n"},
		{"$FUS0042,A\r\r", "0042 FUS extra=\"firmware\":\"A\"\n"},
		{"$FUS0042,\r\r", "0042 FUS\n"},
		{"$FUS042,A,B\r\r", "reject bad value: ident\n"},
		{"$FUS8600000000000171,A,B\r\r", "reject bad value: ident\n"},
		{"$PHD0,960,xyz\r\n", "reject photo data: not asked for\n"},
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		check_line(lines[i].line, lines[i].expected);
		check_full(lines[i].line, strlen(lines[i].line), lines[i].expected);
	}
}

static void lines_that_are_not_records_are_text(void **state)
{
	(void)state;
	static const struct {
		const char *line, *text;
	} lines[] = {{"$OK\r\n", "$OK"}, {"#RCP OK\r\n", "#RCP OK"}, {"#\n", "#"}, {"$\n", "$"},
		{"$OPC1,1 done,ok\n", "$OPC1,1 done,ok"},
		{"$VER,PT502-V3,2.1\r\n", "$VER,PT502-V3,2.1"},
		{"$IME,123456789012345\r\n", "$IME,123456789012345"}, {"$OPC1,1\r\n", "$OPC1,1"},
		{"$VER,12345,2.1\r\n", "$VER,12345,2.1"}, {"$RPO,0042,12.3\r\n", "$RPO,0042,12.3"},
		{"$SPD,0042,120\r\n", "$SPD,0042,120"}, {"$SPD,120\r\n", "$SPD,120"},
		{"$INF,12345,A\r\n", "$INF,12345,A"}, {"$XYZ,A1,B2,C3\r\n", "$XYZ,A1,B2,C3"},
		{"$XYZ,A1,101500.000,A\r\n", NULL}, {"$XYZ,A1,,V,\r\n", NULL},
		{"$POS,A1\r\n", NULL}, {"$Set ok,5020001\r\n", "$Set ok,5020001"},
		{"$A,5020001\n", "$A,5020001"}, {"#POS,5020001,101500\n", "#POS,5020001,101500"},
		{"$OK #\n", "$OK #"}, {"$ABCDEFGHI,5020001\n", "$ABCDEFGHI,5020001"},
		{"$FUS0000000000000000000,A\n", "$FUS0000000000000000000,A"},
		{"$print \"x\"\xFF\n", "$print \\\"x\\\"\xEF\xBF\xBD"}};
	char bytes[256], expected[256];
	for (size_t i = 0; i < COUNT(lines); i++) {
		if (!lines[i].text) // a code and a comma: a record with an invalid ident
			snprintf(expected, sizeof expected,
				KNOWN_REPORT "reject bad value: ident\n");
		else
			snprintf(expected, sizeof expected,
				KNOWN_REPORT "0042 extra=\"text\":\"%s\" text\n", lines[i].text);
		snprintf(bytes, sizeof bytes, KNOWN "%s", lines[i].line);
		check_line(bytes, expected);
		check_full(bytes, strlen(bytes), expected);
	}
	check_line("$OK\r\n", "reject text before ident\n");
	check_line("#OK\r\n", "reject text before ident\n");
}

static unsigned pick(uint32_t *seed, const unsigned *of, size_t count)
{
	return of[chance(seed) % count];
}

// Writes the rest of a record of the usual shape, after its milliseconds. Some values are out of
// range.
static void write_usual_rest(uint32_t *seed, char out[256])
{
	static const unsigned powers[] = {1, 10, 100, 1000, 10000, 1000000, 100000000, 1000000000};
	static const char *const bits[] = {
		"00010,00000", "0000,0", "1,10", "1111111,0101010", "00000000,0"};
	static const char *const adc[] = {",0,0,0", "", ",7ff", ",1f,FF,a0", ",0,0,0,0", ",,0"};
	char speed[32], channels[64];
	snprintf(speed, sizeof speed, "%u.%02u,%u.%02u", chance(seed) % pick(seed, powers, 5),
		chance(seed) % 100, chance(seed) % pick(seed, powers, 5), chance(seed) % 100);
	const unsigned value = chance(seed) % pick(seed, powers, 8);
	if (chance(seed) % 2)
		snprintf(channels, sizeof channels, "%x%s", value, adc[chance(seed) % COUNT(adc)]);
	else
		snprintf(channels, sizeof channels, "%X%s", value, adc[chance(seed) % COUNT(adc)]);
	snprintf(out, 256,
		",%c,%02u%02u.%04u,%c,%03u%02u.%04u,%c,%s,%02u%02u%02u,,,%c/%s/%s/%u%s%u//%03x/",
		"AV"[chance(seed) % 2], chance(seed) % 92, chance(seed) % 62, chance(seed) % 10000,
		"NS"[chance(seed) % 2], chance(seed) % 182, chance(seed) % 62, chance(seed) % 10000,
		"EW"[chance(seed) % 2], speed, chance(seed) % 33, chance(seed) % 14,
		chance(seed) % 100, "AAADEN7"[chance(seed) % 7], bits[chance(seed) % COUNT(bits)],
		channels, chance(seed) % pick(seed, powers, 8), chance(seed) % 2 ? "" : "000",
		chance(seed) % pick(seed, powers, 8), chance(seed) % 4096);
}

// The differential test of pt502_record_fast.c and pt502_record.c. A fourth digit of the
// milliseconds makes the shape unusual and changes nothing else, so the decoder uses one parser
// with it and the other without it.
static void fast_and_general_parser_agree_on_random_records(void **state)
{
	(void)state;
	static const char letters[] = "AVNSEWnsew,/x.-0@`:gG\x11\xb5";
	static const char *const codes[] = {"POS", "POS", "IN1", "PHD", "FUS", "A-1", "AD1", "pos"};
	static const char *const idents[] = {"5020001", "123456789012345", "0042", "12345678"};
	static const char *const ends[] = {"\r\n", "\n", "#\n"};
	uint32_t seed = 40;
	for (unsigned round = 0; round < 200000; round++) {
		char clock[64], rest[256], record[512];
		const char *end = ends[chance(&seed) % COUNT(ends)];
		snprintf(clock, sizeof clock, "$%s,%s,%02u%02u%02u.%03u",
			codes[chance(&seed) % COUNT(codes)], idents[chance(&seed) % COUNT(idents)],
			chance(&seed) % 26, chance(&seed) % 62, chance(&seed) % 62,
			chance(&seed) % 1000);
		write_usual_rest(&seed, rest);
		for (unsigned change = chance(&seed) % 4; change > 1; change--)
			rest[chance(&seed) % strlen(rest)] =
				letters[chance(&seed) % (sizeof letters - 1)];
		snprintf(record, sizeof record, "%s%s%s", clock, rest, end);
		stream(record, strlen(record), sizeof record, &output);
		snprintf(record, sizeof record, "%s0%s%s", clock, rest, end);
		stream(record, strlen(record), sizeof record, &other);
		assert_string_equal(output.text, other.text);
	}
}

// If the fast parser accepted nothing, the test above would compare the general one with itself.
static void fast_parser_accepts_usual_records(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		bool usual;
	} records[] = {
		{FRONT ",,,A/00010,00000/0,0,0,0/1200//fa7/", true},
		{FRONT ",,,A/00010,00000/3E8,1f,0,fff/139172080//FA7/", true},
		{FRONT ",,,A/0000,1/3e8/1//fa7/", true},
		{FRONT ",,,A/00010,00000/0,0,0,0,0/1200//fa7/", false},
		{FRONT ",,,A/00010,00000/0,0,0,0/1200/card/fa7/", false},
		{FRONT ",,,A/00010,00000/0,0,0,0/1200//", false},
	};
	for (size_t i = 0; i < COUNT(records); i++) {
		struct session session = {0};
		const uint8_t *record = (const uint8_t *)records[i].key;
		decoded_reset(&batch);
		assert_int_equal(
			pt502_record_fast(&session, record, strlen(records[i].key), &batch),
			records[i].usual);
		assert_int_equal(batch.report_count, records[i].usual);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tails_decode_alike_in_every_framing),
		cmocka_unit_test(end_of_a_datagram_ends_the_record),
		cmocka_unit_test(invalid_front_fields_are_absent_or_reject_the_record),
		cmocka_unit_test(idents_are_4_to_15_digits),
		cmocka_unit_test(newest_record_sets_the_ident_of_the_session),
		cmocka_unit_test(events_raise_their_alarms),
		cmocka_unit_test(other_codes_are_not_records),
		cmocka_unit_test(photo_and_firmware_lines_decode),
		cmocka_unit_test(lines_that_are_not_records_are_text),
		cmocka_unit_test(fast_and_general_parser_agree_on_random_records),
		cmocka_unit_test(fast_parser_accepts_usual_records),
	};
	guard = guarded_new(65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guarded_free(&guard);
	return failed;
}
