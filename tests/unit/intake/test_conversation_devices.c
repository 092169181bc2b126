// SPDX-License-Identifier: MIT
// The devices of connections and senders: which one is connected, which are set aside, and what is journaled of them.
#include "intake/conversation_fixture.h"

// ---- a device that several peers name

static void a_datagram_beside_a_connection_is_set_aside(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&udp, OF("5020001"));
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\nconnected 5020001\nreport 5020001\n");
	give_text(&udp, OF("5020001") OF("5020002"));
	assert_string_equal(journaled(), "report 5020001 (aside)\nreport 5020002\n");
	assert_ptr_equal(device_of("5020001")->live, &tcp);
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\n");
	end(&tcp);
	journaled();
	give_text(&udp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\n");
	end(&udp);
}

static void a_gateway_does_not_speak_for_a_connected_device(void **state)
{
	(void)state;
	struct conversation own = begin(TRANSPORT_TCP), gateway = begin(TRANSPORT_TCP);

	give_text(&gateway, OF("5020011") OF("5020012") OF("5020013") OF("5020014") OF("5020015")
				    OF("5020016") OF("5020017") OF("5020018") OF("5020019"));
	give_text(&own, OF("5020001"));
	journaled();
	load_command("positionSingle");
	give_text(&gateway, OF("5020001") OF("5020002"));
	assert_string_equal(replies(), "");
	assert_string_equal(
		journaled(), "report 5020001 (shared) (aside)\nreport 5020002 (shared)\n");
	assert_ptr_equal(device_of("5020001")->live, &own);
	give_text(&own, OF("5020001"));
	assert_string_equal(replies(), "now 235243500d0a\n");
	end(&own);
	end(&gateway);
}

static void the_last_frame_of_a_gateway_is_marked(void **state)
{
	(void)state;
	uint8_t delta[64];
	const size_t len = make_delta(delta);
	struct conversation own = begin(TRANSPORT_TCP), gateway = begin(TRANSPORT_TCP);

	name_a_gateway(&gateway);
	give_text(&gateway, PT502("101500") "\r\n");
	assert_int_equal(give(&gateway, delta, len).used, 0);
	give_text(&own, OF("5020001"));
	journaled();
	conversation_end(&transport, &gateway, delta, len, "closed by peer");
	assert_string_equal(journaled(), "report 5020001 (shared) (aside)\n"
					 "disconnected 5020001: closed by peer\n");
	end(&own);
}

static void a_thief_by_udp_gets_no_command(void **state)
{
	(void)state;
	struct conversation tcp = begin(TRANSPORT_TCP), udp = begin(TRANSPORT_UDP);

	give_text(&tcp, OF("5020001"));
	load_command("positionSingle");
	for (int i = 0; i < 3; i++)
		give_text(&udp, OF("5020001"));
	assert_string_equal(replies(), "");
	give_text(&tcp, OF("5020001"));
	assert_string_equal(replies(), "now 235243500d0a\n");
	journaled();
	give_text(&udp, OF("5020001")); // a position would confirm it
	assert_string_equal(journaled(), "report 5020001 (aside)\n");
	tcp.feed.session.received_us = clock_utc_us();
	give_text(&tcp, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001\ncommand 5020001\n");
	end(&tcp);
	end(&udp);
}

// ---- the devices of a connection

static void a_device_that_connects_again_displaces_the_older_connection(void **state)
{
	(void)state;
	struct conversation first = begin(TRANSPORT_TCP), second = begin(TRANSPORT_TCP),
			    udp = begin(TRANSPORT_UDP);

	give_text(&first, OF("5020001"));
	assert_ptr_equal(device_of("5020001")->live, &first);
	journaled();
	give_text(&udp, OF("5020001")); // a datagram displaces nothing
	assert_string_equal(journaled(), "report 5020001 (aside)\n");
	give_text(&second, OF("5020001"));
	assert_ptr_equal(displaced, &first);
	assert_ptr_equal(device_of("5020001")->live, &second);
	assert_string_equal(journaled(), "disconnected 5020001: device connected again\nconnected "
					 "5020001\nreport 5020001\n");
	end(&second);
	assert_null(device_of("5020001")->live);
	end(&udp);
}

static void the_end_of_a_connection_is_that_of_all_its_devices(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	give_text(&c, OF("5020001") OF("5020002") OF("5020001"));
	assert_string_equal(journaled(),
		"connected 5020001\nreport 5020001\nconnected 5020002\nreport 5020002\n"
		"report 5020001\n");
	end(&c);
	assert_string_equal(journaled(), "left 5020002\ndisconnected 5020001: closed by peer\n");
}

static void devices_of_a_gateway_have_no_connection(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	name_a_gateway(&c);
	const char *entries = journaled();
	for (int n = 1; n <= CONVERSATION_IDENTS; n++) {
		char left[32];
		snprintf(left, sizeof(left), "left 502%04d\n", n);
		assert_non_null(strstr(entries, left));
	}
	assert_non_null(strstr(entries, "report 5020009 (shared)\n"));
	assert_null(device_of("5020009")->live);
	assert_null(device_of("5020001")->live);
	give_text(&c, OF("5020001"));
	assert_string_equal(journaled(), "report 5020001 (shared)\n");
	end(&c);
	assert_string_equal(journaled(), "disconnected 5020001: closed by peer\n");
}

static void a_refused_device_of_a_gateway_is_rejected_alone(void **state)
{
	(void)state;
	struct conversation c = begin(TRANSPORT_TCP);

	name_a_gateway(&c);
	device_directory_add(intake.directory, TEXT("5020666"))->state = DEVICE_BLOCKED;
	journaled();
	assert_int_equal(
		give_text(&c, OF("5020666") OF("5020001") OF("5020666")).state, CONVERSATION_OPEN);
	assert_string_equal(journaled(), "reject 5020666: device is blocked\n"
					 "report 5020001 (shared)\n"
					 "reject 5020666: device is blocked\n");
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_beside_a_connection_is_set_aside),
		TEST(a_gateway_does_not_speak_for_a_connected_device),
		TEST(the_last_frame_of_a_gateway_is_marked),
		TEST(a_thief_by_udp_gets_no_command),
		TEST(a_device_that_connects_again_displaces_the_older_connection),
		TEST(the_end_of_a_connection_is_that_of_all_its_devices),
		TEST(devices_of_a_gateway_have_no_connection),
		TEST(a_refused_device_of_a_gateway_is_rejected_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
