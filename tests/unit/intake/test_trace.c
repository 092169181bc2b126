// SPDX-License-Identifier: MIT
// What those who watch an ident are shown.
#include "intake/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conversation_fixture.h"
#include "intake/trace_log.h"
#include "util/json_reader.h"

// What a watcher was given, a line each.
struct shown {
	struct trace_watcher watcher;
	char text[1 << 17];
	size_t len;
	unsigned events, frames;
};

static struct shown first, second;

static void on_event(struct trace_watcher *watcher, struct text event)
{
	struct shown *shown = list_item(watcher, struct shown, watcher);
	struct text value;

	assert_true(json_reader_check(event, 8, &value));
	assert_int_equal(json_reader_kind(value), JSON_OBJECT);
	assert_true(event.len + 2 <= sizeof(shown->text));
	if (shown->len + event.len + 2 > sizeof(shown->text))
		shown->len = 0;
	memcpy(shown->text + shown->len, event.data, event.len);
	shown->len += event.len;
	shown->text[shown->len++] = '\n';
	shown->text[shown->len] = '\0';
	shown->events++;
	shown->frames +=
		strstr(shown->text + shown->len - event.len - 1, "{\"event\":\"frame\"") != NULL;
}

static void look(struct shown *shown, const char *ident)
{
	*shown = (struct shown){.watcher = {.write = on_event}};
	assert_true(trace_watch(&intake, &shown->watcher, (struct text){ident, strlen(ident)}));
}

static void end_look(struct shown *shown)
{
	trace_unwatch(&intake, &shown->watcher);
}

#define assert_shows(shown, part)                                                                  \
	do {                                                                                       \
		if (!strstr((shown).text, part))                                                   \
			fail_msg("%s is not in %s", part, (shown).text);                           \
	} while (0)

static void only_the_idents_events_are_shown(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP), other = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	give_text(&c, OF("5020001"));
	give_text(&other, OF("5020002"));
	assert_int_equal(first.events, 2);
	assert_shows(first, "{\"event\":\"connection\"");
	assert_shows(first, "\"transport\":\"tcp\",\"peer\":\"10.0.0.1:4711\"");
	assert_shows(first, "\"frame\":\"24504f532c353032303030312c");
	assert_shows(first, "\"decoded\":[{\"protocol\":\"pt502\",\"ident\":\"5020001\"");
	assert_shows(first, "\"outcome\":\"position\",\"lsn\":");
	end(&c);
	end(&other);
	assert_int_equal(first.events, 3);
	assert_shows(first, "{\"event\":\"disconnected\"");
	assert_shows(first, "\"reason\":\"closed by peer\"");
	end_look(&first);
	assert_null(intake.trace);
}

static void two_watchers_see_the_same(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_UDP);

	look(&first, "5020001");
	look(&second, "5020001");
	give_text(&c, OF("5020001"));
	assert_string_equal(first.text + first.len - 40, second.text + second.len - 40);
	end_look(&first);
	give_text(&c, OF("5020001"));
	assert_int_equal(first.frames, 1);
	assert_int_equal(second.frames, 2);
	end_look(&second);
	end(&c);
}

static void a_report_of_another_device_in_the_frame_is_shown(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	name_a_gateway(&c);
	look(&first, "5029999");
	give_text(&c, OF("5029999"));
	assert_int_equal(first.frames, 1);
	end(&c);
	assert_shows(first, "{\"event\":\"disconnected\"");
	end_look(&first);
}

static void frames_before_the_ident_are_shown_once_it_is_known(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP), gone = begin(TRANSPORT_TCP);
	const struct bytes early = position();

	look(&first, "860000000000017");
	give(&gone, early.data, early.len);
	end(&gone);
	give(&c, early.data, early.len);
	assert_int_equal(first.events, 0);
	const struct bytes login = frame_of(false, "01 0860000000000017 0001");
	give(&c, login.data, login.len);
	assert_int_equal(first.frames, 2);
	assert_shows(first, "\"outcome\":\"rejected\"");
	give(&c, login.data, login.len);
	assert_int_equal(first.frames, 3);
	end(&c);
	end_look(&first);
}

static void what_is_kept_of_strangers_is_bounded(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);
	const struct bytes early = position();

	look(&first, "860000000000017");
	for (int i = 0; i < 100; i++) {
		struct conversation stranger = begin(TRANSPORT_TCP);
		for (int n = 0; n < 20; n++)
			give(&stranger, early.data, early.len);
		if (i == 50)
			give(&c, early.data, early.len);
		end(&stranger);
	}
	struct conversation flood = begin(TRANSPORT_UDP);
	for (int n = 0; n < 2000; n++)
		give(&flood, early.data, early.len);
	const struct bytes login = frame_of(false, "01 0860000000000017 0001");
	give(&c, login.data, login.len);
	assert_int_equal(first.frames, 1);
	end_look(&first); // frees what is kept of the flood
	end(&flood);
	end(&c);
}

static void stored_follows_the_journal(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	give_text(&c, OF("5020001"));
	const uint64_t lsn = journal_end(intake.journal);
	trace_stored(&intake, lsn - 1);
	assert_int_equal(first.events, 2);
	give_text(&c, OF("5020001"));
	trace_stored(&intake, lsn);
	assert_int_equal(first.events, 4);
	assert_shows(first, "{\"event\":\"stored\"");
	trace_stored(&intake, lsn);
	assert_int_equal(first.events, 4);
	trace_stored(&intake, journal_end(intake.journal));
	trace_stored(&intake, journal_end(intake.journal));
	assert_int_equal(first.events, 5);
	end_look(&first);
	end(&c);
}

static void a_command_follows_its_frame(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	load_command("positionSingle");
	give_text(&c, OF("5020001"));
	assert_int_equal(first.events, 3);
	const char *frame = strstr(first.text, "{\"event\":\"frame\"");
	assert_non_null(frame);
	assert_non_null(strstr(frame, "{\"event\":\"command\""));
	assert_shows(first, "\"id\":1,\"frame\":\"");
	end_look(&first);
	end(&c);
}

static void a_refusal_is_shown_with_its_reason(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	device_directory_add(intake.directory, TEXT("5020001"))->state = DEVICE_BLOCKED;
	give_text(&c, OF("5020001"));
	assert_shows(first, "\"outcome\":\"refused\",\"reason\":\"");
	assert_shows(first, "\"decoded\":[{\"protocol\":\"pt502\",\"ident\":\"5020001\"");
	end_look(&first);
	end(&c);
}

static void passwords_are_not_shown(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_UDP);

	look(&first, "7");
	give_text(&c, "!D7,parrot\n");
	assert_shows(first, "\"frame\":\"2144372c2a2a2a2a2a2a0a\"");
	give_text(&c, "!F7,monkey\n"); // where it is in the frame is not known
	assert_shows(first, "\"frame\":\"2a2a2a2a2a2a2a2a2a2a2a\"");
	end_look(&first);
	end(&c);
}

static void the_rest_of_a_connection_is_shown(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	give_text(&c, OF("5020001"));
	conversation_end(&transport, &c, (const uint8_t *)"$POS,502", 8, "reset by peer");
	assert_shows(first, "\"outcome\":\"rejected\",\"reason\":\"incomplete frame\"");
	end_look(&first);
}

static void a_long_frame_is_cut(void **state)
{
	(void)state;
	static char junk[60000];
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	give_text(&c, OF("5020001"));
	memset(junk, 'x', sizeof(junk));
	conversation_end(&transport, &c, (const uint8_t *)junk, sizeof(junk), "reset by peer");
	assert_shows(first, "\"bytes\":60000,");
	assert_shows(first, "\",\"cut\":true}");
	end_look(&first);
}

static void the_greeting_says_what_is_known(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	look(&first, "5020001");
	trace_greet(&intake, &first.watcher);
	assert_shows(first, "\"known\":false,\"connected\":false}");
	give_text(&c, OF("5020001"));
	trace_greet(&intake, &first.watcher);
	assert_shows(first,
		"\"known\":true,\"connected\":true,\"transport\":\"tcp\",\"peer\":\"10.0.0.1:");
	end(&c);
	end_look(&first);
}

static void watchers_are_limited(void **state)
{
	(void)state;
	static struct trace_watcher watchers[TRACE_WATCHERS + 1];

	for (size_t i = 0; i <= TRACE_WATCHERS; i++) {
		watchers[i].write = on_event;
		assert_int_equal(
			trace_watch(&intake, &watchers[i], TEXT("5020001")), i < TRACE_WATCHERS);
	}
	for (size_t i = 0; i < TRACE_WATCHERS; i++)
		trace_unwatch(&intake, &watchers[i]);
	assert_null(intake.trace);
}

static void the_idents_of_the_log_can_be_changed(void **state)
{
	(void)state;
	struct trace_log *log = NULL;
	struct conversation c = begin(TRANSPORT_TCP);

	assert_true(trace_log_set(&intake, &log, " 5020001, 5020002 "));
	assert_non_null(intake.trace);
	give_text(&c, OF("5020001"));
	assert_true(trace_log_set(&intake, &log, "5020003"));
	give_text(&c, OF("5020001"));
	assert_true(trace_log_set(&intake, &log, ""));
	assert_null(log);
	assert_null(intake.trace);
	end(&c);
}

static void idents(void **state)
{
	(void)state;
	assert_true(trace_is_ident(TEXT("5020001")));
	assert_true(trace_is_ident(TEXT("a.b_c:D-0")));
	assert_false(trace_is_ident(TEXT("")));
	assert_false(trace_is_ident(TEXT("a b")));
	assert_false(trace_is_ident(TEXT("123456789012345678901234567890123")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_idents_events_are_shown),
		TEST(two_watchers_see_the_same),
		TEST(a_report_of_another_device_in_the_frame_is_shown),
		TEST(frames_before_the_ident_are_shown_once_it_is_known),
		TEST(what_is_kept_of_strangers_is_bounded),
		TEST(stored_follows_the_journal),
		TEST(a_command_follows_its_frame),
		TEST(a_refusal_is_shown_with_its_reason),
		TEST(passwords_are_not_shown),
		TEST(the_rest_of_a_connection_is_shown),
		TEST(a_long_frame_is_cut),
		TEST(the_greeting_says_what_is_known),
		TEST(watchers_are_limited),
		TEST(the_idents_of_the_log_can_be_changed),
		cmocka_unit_test(idents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
