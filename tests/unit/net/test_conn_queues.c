// SPDX-License-Identifier: MIT
// The list that each state of a connection leads to, and whose time is over.
#include "net/conn_queues.h"

#include "util/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)
#define NOW_S     1000

static struct conn_queues queues;
static struct device device = {.state = DEVICE_ACTIVE};
static struct conn conns[4];
static const char *reasons[4]; /* for which they have expired */
static struct conn *visited[4];
static size_t visits;
static const struct config config = {
	.server = {.login_timeout_us = 60 * SECOND_US, .idle_timeout_us = 300 * SECOND_US}};

static int set_up(void **state)
{
	(void)state;
	conn_queues_init(&queues);
	memset(conns, 0, sizeof(conns));
	memset(reasons, 0, sizeof(reasons));
	visits = 0;
	return 0;
}

// Adds a connection that has been silent for so long.
static struct conn *add(size_t i, uint32_t silent_s)
{
	conn_queues_add(&queues, &conns[i]);
	conns[i].conversation.active_s = NOW_S - silent_s;
	conns[i].conversation.peer =
		(struct peer){.address = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)i}};
	return &conns[i];
}

static void log_in(struct conn *c)
{
	c->conversation.device = &device;
	list_remove(&c->pending);
	conn_queues_place(&queues, c);
}

static void assert_only(const struct list *list, const struct conn *c)
{
	assert_ptr_equal(list->next, &c->turn);
	assert_ptr_equal(list->prev, &c->turn);
}

static void the_list_follows_from_the_state(void **state)
{
	struct conn *c = add(0, 0);

	(void)state;
	assert_only(&queues.login, c);
	log_in(c);
	assert_only(&queues.idle, c);
	c->conversation.probation = PROBATION_HEARD;
	conn_queues_place(&queues, c);
	assert_only(&queues.probation, c);
	c->unread = true;
	conn_queues_place(&queues, c);
	assert_only(&queues.unread, c);
	c->paused = true;
	conn_queues_place(&queues, c);
	assert_only(&queues.paused, c);
	assert_ptr_equal(conn_queues_first_paused(&queues), c);
	c->lingers = true;
	conn_queues_place(&queues, c);
	assert_only(&queues.lingering, c);
	assert_null(conn_queues_first_paused(&queues));
	conn_queues_remove(c);
	assert_true(list_empty(&queues.lingering));
}

static void one_that_takes_turns_keeps_its_place(void **state)
{
	struct conn *c = add(0, 0);

	(void)state;
	conn_queues_wait(&queues, c);
	assert_true(c->waits);
	assert_only(&queues.turns.fresh, c);
	conn_queues_place(&queues, c);
	assert_only(&queues.turns.fresh, c);
	c->waits = false;
	conn_queues_place(&queues, c);
	assert_only(&queues.login, c);
}

static void one_without_a_share_takes_turns_among_the_heavy(void **state)
{
	struct conn *c = add(0, 0);

	(void)state;
	c->conversation.share.spent = 1000;
	c->conversation.share.at_ms = clock_coarse_ms();
	conn_queues_wait(&queues, c);
	assert_only(&queues.turns.heavy, c);
	conn_queues_remove(c);
	assert_false(c->waits);
}

static void activity_counts_for_known_devices_only(void **state)
{
	struct conn *c = add(0, 0);

	(void)state;
	c->conversation.active_s = clock_coarse_s() - 7;
	conn_queues_note_active(&queues, c);
	assert_true(conn_queues_is_over(c, 7 * SECOND_US, clock_coarse_s()));
	log_in(c);
	conn_queues_note_active(&queues, c);
	const uint32_t active_s = c->conversation.active_s;
	assert_false(conn_queues_is_over(c, 7 * SECOND_US, active_s + 6));
	assert_true(conn_queues_is_over(c, 7 * SECOND_US, active_s + 7));
}

static void on_expired(struct conn *c, const char *reason)
{
	assert_null(reasons[c - conns]);
	reasons[c - conns] = reason ? reason : "";
	conn_queues_remove(c);
}

// Returns why it has expired; NULL: it has not.
static const char *expire(const struct conn *c)
{
	conn_queues_expire(&queues, &config, NOW_S, on_expired);
	return reasons[c - conns];
}

static void the_time_depends_on_the_state(void **state)
{
	struct conn *login = add(0, 60), *idle = add(1, 300), *heard_once = add(2, 60),
		    *unread = add(3, 10);

	(void)state;
	list_remove(&login->pending); // its protocol is known
	log_in(idle);
	heard_once->conversation.probation = PROBATION_HEARD;
	log_in(heard_once);
	unread->unread = true;
	log_in(unread);
	assert_string_equal(expire(login), "login timeout");
	assert_string_equal(reasons[1], "idle timeout");
	assert_string_equal(reasons[2], "silent after its first report");
	assert_string_equal(reasons[3], "does not read its replies");
}

static void nothing_expires_a_second_too_early(void **state)
{
	struct conn *login = add(0, 59), *idle = add(1, 299), *heard_once = add(2, 59),
		    *unread = add(3, 9);

	(void)state;
	list_remove(&login->pending);
	log_in(idle);
	heard_once->conversation.probation = PROBATION_HEARD;
	log_in(heard_once);
	unread->unread = true;
	log_in(unread);
	expire(login);
	for (size_t i = 0; i < 4; i++)
		assert_null(reasons[i]);
}

static void an_ended_one_lingers_for_2_seconds(void **state)
{
	struct conn *c = add(0, 2);

	(void)state;
	conn_queues_remove(c);
	c->lingers = true;
	conn_queues_place(&queues, c);
	assert_string_equal(expire(c), "");
}

static void the_first_bytes_have_30_seconds_unless_they_are_not_read(void **state)
{
	struct conn *silent = add(0, 30), *paused = add(1, 30), *waiting = add(2, 30),
		    *young = add(3, 29);

	(void)state;
	paused->paused = true;
	conn_queues_place(&queues, paused);
	conn_queues_wait(&queues, waiting);
	assert_string_equal(expire(silent), "no protocol found in time");
	assert_null(reasons[1]);
	assert_null(reasons[2]);
	assert_null(expire(young));
}

static void on_visit(struct conn *c)
{
	visited[visits++] = c;
	conn_queues_remove(c);
}

static void on_visit_removing(struct conn *c)
{
	on_visit(c);
	conn_queues_remove(&conns[1]);
}

static void a_visit_to_the_pending_ones_may_remove_others(void **state)
{
	static const struct decoder decoder;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct conn *c = add(i, 0);
		c->conversation.feed.open = true;
		conn_queues_place_pending(&queues, c);
		assert_ptr_equal(queues.sniffing.prev, &c->pending); // no decoder yet
		c->conversation.feed.session.decoder = &decoder;
		conn_queues_place_pending(&queues, c);
		assert_true(list_empty(&queues.sniffing));
	}
	conn_queues_visit_pending(&queues, on_visit_removing);
	assert_int_equal(visits, 2);
	assert_ptr_equal(visited[0], &conns[0]);
	assert_ptr_equal(visited[1], &conns[2]);
	conns[2].conversation.feed.open = false;
	conn_queues_place_pending(&queues, &conns[2]);
	assert_true(list_empty(&queues.pending));
}

static void all_are_visited_whatever_their_state(void **state)
{
	(void)state;
	add(2, 0)->paused = true;
	conn_queues_place(&queues, &conns[2]);
	log_in(add(0, 0));
	conn_queues_wait(&queues, add(3, 0));
	conn_queues_visit_all(&queues, on_visit);
	assert_int_equal(visits, 3);
	assert_ptr_equal(visited[0], &conns[0]);
	assert_ptr_equal(visited[1], &conns[3]);
	assert_ptr_equal(visited[2], &conns[2]);
}

static void the_longest_silent_one_without_proof_is_found(void **state)
{
	struct conn *stranger = add(0, 20), *heard_once = add(1, 30), *known = add(2, 40);

	(void)state;
	heard_once->conversation.probation = PROBATION_HEARD;
	log_in(heard_once);
	log_in(known);
	assert_ptr_equal(conn_queues_find_unproven(&queues, NULL, NOW_S), heard_once);
	assert_ptr_equal(
		conn_queues_find_unproven(&queues, &stranger->conversation.peer, NOW_S), stranger);
	assert_null(conn_queues_find_unproven(&queues, &known->conversation.peer, NOW_S));
	conn_queues_remove(heard_once);
	assert_ptr_equal(conn_queues_find_unproven(&queues, NULL, NOW_S), stranger);
	assert_null(conn_queues_find_unproven(&queues, NULL, NOW_S - 19));
}

#define TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_follows_from_the_state),
		TEST(one_that_takes_turns_keeps_its_place),
		TEST(one_without_a_share_takes_turns_among_the_heavy),
		TEST(activity_counts_for_known_devices_only),
		TEST(the_time_depends_on_the_state),
		TEST(nothing_expires_a_second_too_early),
		TEST(an_ended_one_lingers_for_2_seconds),
		TEST(the_first_bytes_have_30_seconds_unless_they_are_not_read),
		TEST(a_visit_to_the_pending_ones_may_remove_others),
		TEST(all_are_visited_whatever_their_state),
		TEST(the_longest_silent_one_without_proof_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
