// SPDX-License-Identifier: MIT
// Which UDP senders are remembered, and which are forgotten first.
#include "net/udp_senders.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct config config;
static struct intake intake;
static struct conversation_transport transport;
static struct udp_senders senders;
static struct device device;

static int set_up(void **state)
{
	(void)state;
	config = (struct config){.server = {.protocols = DECODERS_ALL,
					 .max_connections = 3,
					 .idle_timeout_us = 60000000}};
	intake = (struct intake){.config = &config};
	transport = (struct conversation_transport){.intake = &intake};
	device = (struct device){.state = DEVICE_ACTIVE};
	udp_senders_init(&senders);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	udp_senders_done(&senders, &transport);
	assert_null(senders.table);
	assert_int_equal(device.users, 0);
	return 0;
}

static struct peer peer_number(uint16_t port)
{
	return (struct peer){.address = {[10] = 0xff, 0xff, 10, 0, 0, 1},
		.port = port,
		.transport = TRANSPORT_UDP};
}

static struct udp_sender *find(uint16_t port)
{
	const struct peer peer = peer_number(port);
	return udp_senders_find(&senders, &peer);
}

// Adds a sender that has been heard.
static struct udp_sender *add(uint16_t port, bool is_known)
{
	const struct peer peer = peer_number(port);
	struct udp_sender *sender = udp_senders_add(&senders, &transport, &peer);

	assert_non_null(sender);
	if (is_known) {
		sender->conversation.device = &device;
		device.users++;
	}
	udp_senders_note_active(&senders, sender);
	return sender;
}

static void a_sender_is_found_by_its_address_and_port(void **state)
{
	struct udp_sender *one = add(1, false), *two = add(2, false);

	(void)state;
	assert_ptr_equal(find(1), one);
	assert_ptr_equal(find(2), two);
	assert_null(find(3));
}

static void the_one_silent_longest_makes_room(void **state)
{
	(void)state;
	add(1, false);
	add(2, false);
	add(3, false);
	udp_senders_note_active(&senders, find(1));
	add(4, false);
	assert_null(find(2));
	assert_non_null(find(1));
	assert_non_null(find(3));
}

static void strangers_make_room_before_known_senders(void **state)
{
	(void)state;
	add(1, true);
	add(2, true);
	add(3, false);
	add(4, true);
	assert_null(find(3));
	assert_non_null(find(1));
	add(5, true);
	assert_null(find(1));
	assert_non_null(find(2));
}

static void those_silent_for_the_idle_timeout_are_forgotten(void **state)
{
	(void)state;
	config.server.max_connections = 100;
	add(1, true)->conversation.active_s -= 60;
	add(2, false)->conversation.active_s -= 61;
	add(3, false)->conversation.active_s -= 30;
	add(4, false);
	assert_null(find(1));
	assert_null(find(2));
	assert_non_null(find(3));
}

static void a_pending_sender_is_in_the_list_until_it_is_forgotten(void **state)
{
	struct udp_sender *sender = add(1, false);

	(void)state;
	udp_senders_place_pending(&senders, sender);
	assert_true(list_empty(&senders.pending));
	sender->conversation.feed.open = true;
	udp_senders_place_pending(&senders, sender);
	assert_ptr_equal(senders.pending.next, &sender->pending);
	sender->conversation.feed.open = false;
	udp_senders_place_pending(&senders, sender);
	assert_true(list_empty(&senders.pending));
	sender->conversation.feed.open = true;
	udp_senders_place_pending(&senders, sender);
	udp_senders_done(&senders, &transport);
	assert_true(list_empty(&senders.pending));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sender_is_found_by_its_address_and_port),
		TEST(the_one_silent_longest_makes_room),
		TEST(strangers_make_room_before_known_senders),
		TEST(those_silent_for_the_idle_timeout_are_forgotten),
		TEST(a_pending_sender_is_in_the_list_until_it_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
