// SPDX-License-Identifier: MIT
// Commands: names, arguments and ranges; their encoding in each protocol; reports that confirm them; the same names in the
// schema.
#include "model/command.h"

#include "decoders/decoders.h"
#include "fixture.h"
#include "model/immobilizer.h"
#include "schema/migrations.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})

// Parses "index=2 value=1"; "text=..." extends to the end.
static const char *read_line(const char *name, const char *line, struct command *command)
{
	struct text args[COMMAND_ARGS] = {0};
	static char copy[512];

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *at = copy; *at;) {
		const size_t len = strcspn(at, "=");
		unsigned arg = 0;
		while (arg < COMMAND_ARGS && (strlen(command_arg_name(arg)) != len ||
						     memcmp(command_arg_name(arg), at, len)))
			arg++;
		assert_true(arg < COMMAND_ARGS);
		char *value = at + len + 1;
		const size_t value_len = arg == COMMAND_TEXT ? strlen(value) : strcspn(value, " ");
		args[arg] = (struct text){value, value_len};
		at = value + value_len + (value[value_len] == ' ');
	}
	*command = (struct command){.id = 7};
	return command_read((struct text){name, strlen(name)}, args, command);
}

static void arguments_are_checked(void **state)
{
	static const struct {
		const char *name, *args, *wrong; /* NULL: valid */
	} rows[] = {
		{"engineStop", "", NULL},
		{"engineStop", "value=1", "an argument that the command does not have"},
		{"enginestop", "", "no such command"},
		{"", "", "no such command"},
		{"outputControl", "index=1 value=0", NULL},
		{"outputControl", "index=8 value=1", NULL},
		{"outputControl", "index=9 value=1", "an argument is out of range"},
		{"outputControl", "index=0 value=1", "an argument is out of range"},
		{"outputControl", "index=1 value=2", "an argument is out of range"},
		{"outputControl", "index=1", "an argument is missing"},
		{"outputControl", "index=one value=1", "an argument is no whole number"},
		{"outputControl", "index=1.5 value=1", "an argument is no whole number"},
		{"outputControl", "index=2.0 value=1.000", NULL},
		{"outputControl", "index=1.01 value=1", "an argument is no whole number"},
		{"outputControl", "index=1. value=1", "an argument is no whole number"},
		{"outputControl", "index=.0 value=1", "an argument is no whole number"},
		{"outputControl", "index=80.0 value=1", "an argument is out of range"},
		{"positionPeriodic", "seconds=30.0", NULL},
		{"positionPeriodic", "seconds=30.0.0", "an argument is no whole number"},
		{"setTimezone", "hours=-3.0", NULL},
		{"outputControl", "index= value=1", "an argument is no whole number"},
		{"outputControl", "index=4294967297 value=1", "an argument is out of range"},
		{"positionPeriodic", "seconds=86400", NULL},
		{"positionPeriodic", "seconds=86401", "an argument is out of range"},
		{"positionPeriodic", "seconds=0", "an argument is out of range"},
		{"alarmSpeed", "kmh=300", NULL},
		{"alarmSpeed", "kmh=301", "an argument is out of range"},
		{"rebootDevice", "", NULL},
		{"rebootDevice", "what=2", NULL},
		{"rebootDevice", "what=3", "an argument is out of range"},
		{"setTimezone", "hours=-12", NULL},
		{"setTimezone", "hours=-13", "an argument is out of range"},
		{"setTimezone", "hours=14", NULL},
		{"custom", "text=AN1,5", NULL},
		{"custom", "text=", "text is empty or longer than 200 bytes"},
		{"custom", "text=VER\r\nOPC1,1",
			"text has a line end or another byte that is not printable ASCII"},
		{"custom", "text=\x7f",
			"text has a line end or another byte that is not printable ASCII"},
		{"custom", "", "an argument is missing"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command command;
		const char *wrong = read_line(rows[i].name, rows[i].args, &command);
		if (rows[i].wrong)
			assert_string_equal(wrong ? wrong : "", rows[i].wrong);
		else
			assert_null(wrong);
	}
	char most[COMMAND_TEXT_MAX + 7] = "text=";
	struct command command;
	memset(most + 5, 'x', COMMAND_TEXT_MAX + 1);
	assert_non_null(read_line("custom", most, &command));
	most[5 + COMMAND_TEXT_MAX] = 0;
	assert_null(read_line("custom", most, &command));
	assert_int_equal(command.text_len, COMMAND_TEXT_MAX);
}

static void arguments_are_printed(void **state)
{
	static const struct {
		const char *name, *args, *printed;
	} rows[] = {
		{"engineStop", "", ""},
		{"outputControl", "index=2.0 value=1", "index=2 value=1"},
		{"setTimezone", "hours=-12", "hours=-12"},
		{"rebootDevice", "", "what=0"},
		{"custom", "text=AN1,\"5\" x=1", "AN1,\"5\" x=1"},
	};
	char out[COMMAND_TEXT_MAX + 1];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command command;
		assert_null(read_line(rows[i].name, rows[i].args, &command));
		assert_string_equal(
			command_print_args(&command, out, sizeof(out)), rows[i].printed);
	}
	assert_string_equal(
		command_print_args(&(struct command){.kind = COMMAND_KINDS}, out, sizeof(out)), "");
}

static void the_schema_has_the_same_names(void **state)
{
	const char *sql = NULL;
	(void)state;
	for (size_t i = 0; i < migrations_functions_count; i++)
		if (strstr(migrations_functions[i].name, "commands"))
			sql = migrations_functions[i].sql;
	assert_non_null(sql);
	for (unsigned kind = 0; kind < COMMAND_KINDS; kind++) {
		char quoted[64];
		snprintf(quoted, sizeof(quoted), "\"%s\": {", command_kind_name(kind));
		if (!strstr(sql, quoted))
			fail_msg("%s", quoted);
	}
	for (unsigned arg = 0; arg < COMMAND_ARGS; arg++) {
		char quoted[64];
		snprintf(quoted, sizeof(quoted), "\"%s\": [", command_arg_name(arg));
		if (!strstr(sql, quoted))
			fail_msg("%s", quoted);
	}
}

static void engines_are_stopped_under_many_names(void **state)
{
	static const struct {
		const char *name, *args;
		bool stops, resumes;
	} rows[] = {
		{"engineStop", "", true, false},
		{"engineResume", "", false, true},
		{"outputControl", "index=1 value=1", true, false},
		{"outputControl", "index=1 value=0", false, true},
		{"outputControl", "index=2 value=1", false, false},
		{"custom", "text=#OPC1,1", true, false},
		{"custom", "text=opc 1 , 1", true, false},
		{"custom", "text=000000OPC1,0", false, true},
		{"custom", "text=RELAY,1#", true, false},
		{"custom", "text=Relay,0#", false, true},
		{"custom", "text=DYD,000000#", true, false},
		{"custom", "text=HFYD#", false, true},
		{"custom", "text=J", true, false},
		{"custom", "text= j ,1", true, false},
		{"custom", "text=109", true, false},
		{"custom", "text=k", false, true},
		{"custom", "text=110", false, true},
		{"custom", "text=JUST", false, false},
		{"custom", "text=1090", false, false},
		{"custom", "text=S20,1,1", true, false},
		{"custom", "text=Enable1", true, false},
		{"custom", "text=Disable1", false, true},
		{"custom", "text=04;01", true, false},
		{"custom", "text=04;02", false, true},
		{"custom", "text=Enable2", false, false},
		{"custom", "text=04;03", false, false},
		{"custom", "text=S20,1,0", false, true},
		{"custom", "text=S20,1,30", true, false},
		{"custom", "text=S20,0,05", true, false},
		{"custom", "text=S20,0,00", false, true},
		{"custom", "text=S20,1,", false, false},
		{"custom", "text=CMD,stop654321", true, false},
		{"custom", "text=CMD,resume654321", false, true},
		{"custom", "text=R1", false, true},
		{"custom", "text=R7", false, true},
		{"custom", "text=R71", false, false},
		{"custom", "text=J;", true, false},
		{"custom", "text=k ;", false, true},
		{"custom", "text=#0;1", true, false},
		{"custom", "text=#0;0", false, true},
		{"custom", "text=#10;1", false, false},
		{"custom", "text=AV010", true, false},
		{"custom", "text=AV011", false, true},
		{"custom", "text=AV000", true, false},
		{"custom", "text=AV001", false, true},
		{"custom", "text=setdigout 1?", true, false},
		{"custom", "text=Setdigout 0 30", false, true},
		{"custom", "text=setdigout ?1", false, false},
		{"custom", "text=AT+GTOUT=gv300,1,,,0,0,0,0,0,0,0,,,,,,,0001$", true, false},
		{"custom", "text=at+gtout=x,0,,,0,0,0,0,0,0,0,,,,,,,0001$", false, true},
		{"custom", "text=AT+GTOUT=gv300,,,,1$", false, false},
		{"custom", "text=AT+GTOUT=gv300,", false, false},
		{"custom", "text=C01,0,12222", true, false},
		{"custom", "text=c01, 20, 02222", false, true},
		{"custom", "text=C01,0,21222", false, false},
		{"custom", "text=C01,0,", false, false},
		{"custom", "text=C02,0,1", false, false},
		{"custom", "text=AT+GTRTO=gv300,1,,,,,,0001$", false, false},
		{"custom", "text=OPC2,1", false, false},
		{"custom", "text=OPC1,", false, false},
		{"getVersion", "", false, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command command;
		assert_null(read_line(rows[i].name, rows[i].args, &command));
		assert_int_equal(immobilizer_stops(&command), rows[i].stops);
		assert_int_equal(immobilizer_resumes(&command), rows[i].resumes);
	}
}

// ---- encoding

static const struct {
	const char *name, *args, *pt502, *gt06; /* NULL: not in that protocol */
} words[] = {
	{"engineStop", "", "#OPC1,1\r\n", "Relay,1#"},
	{"engineResume", "", "#OPC1,0\r\n", "Relay,0#"},
	{"outputControl", "index=1 value=1", "#OPC1,1\r\n", "Relay,1#"},
	{"outputControl", "index=5 value=0", "#OPC5,0\r\n", NULL},
	{"positionSingle", "", "#RCP\r\n", "WHERE#"},
	{"positionPeriodic", "seconds=86400", "#PTI86400\r\n", "TIMER,86400,86400#"},
	{"alarmSpeed", "kmh=90", "#SPD90\r\n", NULL},
	{"rebootDevice", "", "#RST0\r\n", "RESET#"},
	{"rebootDevice", "what=1", "#RST1\r\n", NULL},
	{"requestPhoto", "", "#PHO\r\n", NULL},
	{"setTimezone", "hours=-12", "#TMZ-12\r\n", "GMT,W,12,0#"},
	{"setTimezone", "hours=8", "#TMZ8\r\n", "GMT,E,8,0#"},
	{"getVersion", "", "#VER\r\n", "VERSION#"},
	{"factoryReset", "", "#DFT\r\n", "FACTORY#"},
	{"custom", "text=SAL1,2", "#SAL1,2\r\n", "SAL1,2"},
	{"custom", "text=#IME", "#IME\r\n", "#IME"},
};

// Encodes into a buffer of exactly the length, and into a shorter one.
static void encode(const struct decoder *decoder, const struct command *command,
	const uint8_t *expected, size_t len)
{
	struct session session = {0};
	struct guarded guarded = guarded_new(512);
	uint8_t *out = guarded_copy(&guarded, expected, len);

	memset(out, 0, len);
	const struct encoded encoded = decoder->encode_command(&session, command, out, len);
	assert_int_equal(encoded.result, ENCODE_DONE);
	assert_int_equal(encoded.len, len);
	assert_memory_equal(out, expected, len);
	for (size_t cap = 0; cap < len; cap++) {
		uint8_t *less = guarded_copy(&guarded, expected, cap);
		assert_int_equal(
			decoder->encode_command(&session, command, less, cap).result, ENCODE_NEVER);
	}
	guarded_free(&guarded);
}

static void each_command_is_encoded(void **state)
{
	uint8_t out[512];
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct session session = {0};
		struct command command;
		assert_null(read_line(words[i].name, words[i].args, &command));
		encode(&decoder_pt502, &command, (const uint8_t *)words[i].pt502,
			strlen(words[i].pt502));
		command.id = INT64_C(0x123456789A);
		const struct encoded encoded =
			decoder_gt06.encode_command(&session, &command, out, sizeof(out));
		const size_t len = encoded.len;
		if (!words[i].gt06) {
			assert_int_equal(encoded.result, ENCODE_NEVER);
			continue;
		}
		assert_int_equal(encoded.result, ENCODE_DONE);
		assert_true(encoded.correlation.known);
		assert_int_equal(encoded.correlation.number, 0x3456789A);
		const size_t text = strlen(words[i].gt06);
		assert_int_equal(len, text + 15);
		assert_memory_equal(out + 5, "\x34\x56\x78\x9A", 4);
		assert_memory_equal(out + 9, words[i].gt06, text);
		assert_int_equal(decoder_gt06.probe(out, len, true), PROBE_YES);
		uint8_t expected[512];
		memcpy(expected, out, len);
		encode(&decoder_gt06, &command, expected, len);
	}
}

static void gt06_counts_the_commands_of_a_connection(void **state)
{
	struct session session = {0};
	struct command command = {.id = 77, .kind = COMMAND_GET_VERSION};
	uint8_t out[64];
	(void)state;
	for (unsigned serial = 0; serial < 300; serial++) {
		const struct encoded encoded =
			decoder_gt06.encode_command(&session, &command, out, sizeof(out));
		assert_int_equal(encoded.result, ENCODE_DONE);
		assert_int_equal(out[encoded.len - 6] << 8 | out[encoded.len - 5], serial);
		assert_int_equal(decoder_gt06.encode_command(&session, &command, out, 4).result,
			ENCODE_NEVER); /* counts nothing */
	}
}

// ---- confirmation

static struct report a_report(
	uint32_t has, uint32_t outputs, uint8_t flags, const char *event, const char *extra)
{
	return (struct report){
		.body = {.has = has, .outputs = outputs, .flags = flags},
		.event = {event, strlen(event)},
		.extra = {extra, strlen(extra)},
		.raw = TEXT("$POS,5020001,,,,,,,,,,,,A/00010,00100/0,0,0,0/1200//fa7/"),
	};
}

static void confirming_reports_are_recognised(void **state)
{
	const struct report text = a_report(0, 0, FLAG_TEXT, "", "\"text\":\"$OK\"");
	const struct report place = a_report(HAS_FIX, 0, 0, "POS", "");
	const struct report ours = a_report(0, 0, FLAG_TEXT, "15", "\"text\":\"OK\"");
	const struct report json = a_report(0, 0, FLAG_TEXT, "15", "\"command\":7,\"text\":\"OK\"");
	const struct command_answer given = {.result = ANSWER_GIVEN};
	const struct command_answer refused = {.result = ANSWER_REFUSED};
	const struct command_answer seven = {.result = ANSWER_GIVEN, .correlation = {true, 7}};
	const struct command_answer not_seven = {
		.result = ANSWER_REFUSED, .correlation = {true, 7}};
	const struct command_answer other = {.result = ANSWER_GIVEN, .correlation = {true, 77}};
	const struct report first = a_report(HAS_OUTPUTS | HAS_FIX, 1, 0, "POS", "");
	const struct report off = a_report(HAS_OUTPUTS, 0, 0, "POS", "");
	const struct report third = a_report(HAS_OUTPUTS, 4, 0, "POS", "");
	struct report only_one = a_report(HAS_OUTPUTS, 0, 0, "POS", "");
	struct report cut = only_one, eight = only_one;
	only_one.raw = TEXT("$POS,5020001,,,,,,,,,,,,A/0000,0/0/55000//a71/");
	cut.raw = TEXT("$POS,5020001,,,,,,,,,,,,A/0000");
	eight.raw = TEXT("$POS,5020001,,,,,,,,,,,,A/0000,00000000/0/55000//a71/");
	const struct report photo = a_report(HAS_FIX, 0, 0, "PHO", "\"photo_size\":0");
	const struct report firmware = a_report(0, 0, 0, "FUS", "");
	const struct {
		const struct decoder *decoder;
		const char *name, *args;
		const struct report *report;
		enum confirmation confirmation;
		const struct command_answer *answer;
	} rows[] = {
		{&decoder_pt502, "engineStop", "", &first, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "engineStop", "", &off, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "engineStop", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "engineStop", "", &text, CONFIRMATION_NONE, &given},
		{&decoder_pt502, "engineResume", "", &off, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "engineResume", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "outputControl", "index=3 value=1", &third, CONFIRMATION_DONE,
			NULL},
		{&decoder_pt502, "outputControl", "index=3 value=1", &first, CONFIRMATION_NONE,
			NULL},
		{&decoder_pt502, "outputControl", "index=5 value=0", &off, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "outputControl", "index=6 value=0", &off, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "outputControl", "index=1 value=0", &only_one, CONFIRMATION_DONE,
			NULL},
		{&decoder_pt502, "outputControl", "index=2 value=0", &only_one, CONFIRMATION_NONE,
			NULL},
		{&decoder_pt502, "outputControl", "index=1 value=0", &cut, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "outputControl", "index=8 value=0", &eight, CONFIRMATION_DONE,
			NULL},
		{&decoder_pt502, "getVersion", "", &text, CONFIRMATION_DONE, &given},
		{&decoder_pt502, "getVersion", "", &firmware, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "getVersion", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "positionSingle", "", &place, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "positionSingle", "", &firmware, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "requestPhoto", "", &photo, CONFIRMATION_DONE, NULL},
		{&decoder_pt502, "requestPhoto", "", &photo, CONFIRMATION_NONE, &refused},
		{&decoder_pt502, "requestPhoto", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_pt502, "alarmSpeed", "kmh=50", &text, CONFIRMATION_DONE, &given},
		{&decoder_pt502, "alarmSpeed", "kmh=50", &text, CONFIRMATION_REFUSED, &refused},
		{&decoder_gt06, "getVersion", "", &ours, CONFIRMATION_DONE, &seven},
		{&decoder_gt06, "getVersion", "", &ours, CONFIRMATION_REFUSED, &not_seven},
		{&decoder_gt06, "getVersion", "", &ours, CONFIRMATION_NONE, &other},
		{&decoder_gt06, "getVersion", "", &json, CONFIRMATION_NONE, NULL},
		{&decoder_gt06, "getVersion", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_gt06, "positionSingle", "", &place, CONFIRMATION_NONE, NULL},
		{&decoder_gt06, "engineStop", "", &ours, CONFIRMATION_DONE, &seven},
		{&decoder_gt06, "engineStop", "", &first, CONFIRMATION_DONE, NULL},
		{&decoder_gt06, "engineStop", "", &off, CONFIRMATION_NONE, NULL},
		{&decoder_gt06, "engineResume", "", &off, CONFIRMATION_DONE, NULL},
		{&decoder_gt06, "outputControl", "index=3 value=1", &third, CONFIRMATION_NONE,
			NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct command command;
		assert_null(read_line(rows[i].name, rows[i].args, &command));
		const struct correlation sent = {true, 7};
		if (rows[i].decoder->confirms_command(
			    &command, sent, rows[i].report, rows[i].answer) != rows[i].confirmation)
			fail_msg("row %zu: %s %s", i, rows[i].name, rows[i].args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(arguments_are_printed),
		cmocka_unit_test(the_schema_has_the_same_names),
		cmocka_unit_test(engines_are_stopped_under_many_names),
		cmocka_unit_test(each_command_is_encoded),
		cmocka_unit_test(gt06_counts_the_commands_of_a_connection),
		cmocka_unit_test(confirming_reports_are_recognised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
