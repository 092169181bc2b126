// SPDX-License-Identifier: MIT
// Media received in parts of any size, of any type.
#include "protocol/photo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct photos photos;
static struct session session;
static const struct report report = {.ident = {"1", 1}};
static uint8_t filler[PHOTO_BYTES + 1];

static int begin(void **state)
{
	(void)state;
	photos = (struct photos){0};
	session = (struct session){.photos = &photos, .received_us = 1000};
	return 0;
}

static int end(void **state)
{
	(void)state;
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
	return 0;
}

static struct photo *open_plan(const char *type, uint64_t size, uint32_t parts)
{
	return photo_open(&session, &report, &(struct photo_plan){type, size, parts, -1});
}

static bool add(uint32_t part, const char *text)
{
	return photo_add_part(session.photo, part, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void check(const char *expected, bool complete)
{
	photo_end(&session);
	assert_non_null(session.finished);
	assert_int_equal(session.finished->size, strlen(expected));
	assert_memory_equal(session.finished->data, expected, strlen(expected));
	assert_int_equal(session.finished->complete, complete);
	photo_drop(&session);
}

static void parts_of_any_size_in_any_order_make_the_whole(void **state)
{
	(void)state;
	assert_non_null(open_plan("audio/mpeg", 0, 4));
	assert_true(add(2, "a longer part"));
	assert_true(add(0, "the "));
	assert_int_equal(photo_missing(session.photo), 1);
	assert_true(add(3, "."));
	assert_false(add(0, "again"));
	assert_false(add(4, "beyond"));
	assert_false(add(1, ""));
	assert_true(add(1, "first and "));
	assert_memory_equal(photo_part_data(session.photo, 2), "a longer part", 13);
	assert_string_equal(session.photo->type, "audio/mpeg");
	check("the first and a longer part.", true);
}

static void the_bytes_before_a_gap_are_kept(void **state)
{
	(void)state;
	open_plan("image/tiff", 0, 4);
	add(0, "one");
	add(1, "two");
	add(3, "four");
	check("onetwo", false);
	open_plan("image/tiff", 0, 2);
	add(1, "two");
	photo_end(&session);
	assert_null(session.finished);
}

static void a_size_that_differs_from_the_announced_one_is_incomplete(void **state)
{
	(void)state;
	open_plan("audio/x-wav", 6, 2);
	add(0, "one");
	assert_false(add(1, "four"));
	assert_true(add(1, "tw"));
	check("onetw", false);
	open_plan("audio/x-wav", 6, 2);
	add(0, "one");
	add(1, "two");
	check("onetwo", true);
	open_plan("audio/x-wav", 0, 3);
	add(0, "one");
	photo_cut(session.photo, 1);
	check("one", false);
}

static void the_number_of_parts_may_be_known_late(void **state)
{
	(void)state;
	open_plan("audio/x-wav", 0, PHOTO_PARTS);
	photo_expect(session.photo, 2);
	add(0, "one");
	assert_false(add(2, "three"));
	add(1, "two");
	check("onetwo", true);
}

static void only_a_jpeg_is_checked_by_its_bytes(void **state)
{
	(void)state;
	open_plan("image/jpeg", 0, 1);
	add(0, "text");
	check("text", false);
	open_plan("image/jpeg", 0, 1);
	add(0, "\xff\xd8.\xff\xd9");
	check("\xff\xd8.\xff\xd9", true);
	open_plan("video/x-ms-wmv", 0, 1);
	add(0, "text");
	check("text", true);
}

static void plans_and_parts_are_capped(void **state)
{
	(void)state;
	assert_null(open_plan("image/jpeg", PHOTO_BYTES + 1, 1));
	assert_null(open_plan("image/jpeg", 0, 0));
	assert_null(open_plan("image/jpeg", 0, PHOTO_PARTS + 1));
	assert_non_null(open_plan("image/jpeg", 0, PHOTO_PARTS));
	assert_false(photo_add_part(session.photo, 0, filler, PHOTO_BYTES + 1));
	assert_true(photo_add_part(session.photo, 0, filler, PHOTO_BYTES - 1));
	assert_false(photo_add_part(session.photo, 1, filler, 2));
	assert_true(photo_add_part(session.photo, 1, filler, 1));
	session.photos = NULL;
	photo_drop_all(&session);
	assert_null(open_plan("image/jpeg", 0, 1));
}

static void photos_that_grow_are_capped_together(void **state)
{
	(void)state;
	static struct session many[70];
	size_t full = 0;
	for (size_t i = 0; i < 70; i++) {
		many[i] = session;
		struct photo *photo = photo_open(
			&many[i], &report, &(struct photo_plan){"image/jpeg", 0, PHOTO_PARTS, -1});
		for (uint32_t part = 0; photo && part < 16; part++)
			full += !photo_add_part(photo, part, filler, PHOTO_BYTES / 16);
		assert_true(photos.bytes <= PHOTOS_BYTES);
	}
	assert_true(full > 0);
	for (size_t i = 0; i < 70; i++)
		photo_drop_all(&many[i]);
}

// Fills the budget but for SPARE with open photos, each with one part of 1 MiB.
#define FILLED 56
static struct session others[FILLED];

static void fill(int64_t now_us)
{
	for (size_t i = 0; i < FILLED; i++) {
		others[i] = (struct session){.photos = &photos, .received_us = now_us};
		struct photo *photo =
			photo_open(&others[i], &report, &(struct photo_plan){"a", 0, 2, -1});
		assert_non_null(photo);
		assert_true(photo_add_part(photo, 0, filler, PHOTO_BYTES - 1));
	}
}

static void drop_others(void)
{
	for (size_t i = 0; i < FILLED; i++)
		photo_drop_all(&others[i]);
}

static void an_announcement_uses_little_memory(void **state)
{
	(void)state;
	static struct session many[10000];
	for (size_t i = 0; i < 10000; i++) {
		many[i] = (struct session){.photos = &photos};
		assert_non_null(photo_open(&many[i], &report,
			&(struct photo_plan){"a", PHOTO_BYTES, PHOTO_PARTS, -1}));
	}
	assert_true(photos.bytes < 10000 * 512);
	assert_non_null(open_plan("a", PHOTO_BYTES, 2));
	assert_true(photo_add_part(session.photo, 0, filler, 1000));
	assert_true(photo_add_part(session.photo, 1, filler, PHOTO_BYTES - 1000));
	for (size_t i = 0; i < 10000; i++)
		photo_drop_all(&many[i]);
}

static void idle_photos_yield_the_longest_without_progress_first(void **state)
{
	(void)state;
	fill(1000);
	others[0].photo->received_us = 2000;
	assert_true(photo_add_part(others[0].photo, 1, filler, 1)); // it makes progress
	session.received_us = 1000;
	assert_non_null(open_plan("a", 0, 2));
	session.photo->received_us = 1000 + PHOTO_IDLE_US - 1; // as slow as they are
	assert_true(
		photo_add_part(session.photo, 0, filler, PHOTO_BYTES / 2)); // from what is spare
	for (size_t i = 0; i < FILLED; i++)
		assert_false(others[i].photo->yields);
	session.photo->progress_us = 1000;
	session.photo->received_us = 1000 + PHOTO_IDLE_US;
	assert_true(photo_add_part(session.photo, 1, filler, PHOTO_BYTES / 2));
	assert_false(others[0].photo->yields);
	assert_true(others[1].photo->yields);
	assert_false(others[3].photo->yields); // no more than is needed
	assert_int_equal(photos.cut, 2);
	drop_others();
	assert_int_equal(photos.yielding, 0);
}

// Adds a part that came so long after the photo's last progress, while the others have been silent for silent_us. Returns
// whether one of them yields.
static bool one_yields(int64_t took_us, int64_t silent_us)
{
	photos = (struct photos){0};
	session.received_us = 1000 + silent_us - took_us;
	assert_non_null(open_plan("a", 0, 1));
	fill(1000);
	session.photo->received_us = 1000 + silent_us;
	assert_true(photo_add_part(session.photo, 0, filler, PHOTO_BYTES / 2));
	const bool yields = others[0].photo->yields;
	drop_others();
	photo_drop_all(&session);
	return yields;
}

static void photos_yield_to_one_whose_parts_come_twice_as_fast(void **state)
{
	(void)state;
	const int64_t s = 1000000;
	assert_false(one_yields(s / 10, PHOTO_SLOW_US - 1));
	assert_true(one_yields(s / 10, PHOTO_SLOW_US));
	assert_false(one_yields(3 * s, 6 * s - 1));
	assert_true(one_yields(3 * s, 6 * s));
	assert_false(one_yields(8 * s, PHOTO_IDLE_US - 1));
	assert_true(one_yields(8 * s, PHOTO_IDLE_US));
}

static void photos_held_by_a_part_every_five_seconds_yield_to_an_honest_one(void **state)
{
	(void)state;
	static struct session more[7];
	const int64_t s = 1000000;
	fill(0);
	for (size_t i = 0; i < 7; i++) {
		more[i] = (struct session){.photos = &photos};
		photo_open(&more[i], &report, &(struct photo_plan){"a", 0, 2, -1});
		assert_true(photo_add_part(more[i].photo, 0, filler, PHOTO_BYTES));
	}
	session.received_us = 4 * s;
	assert_non_null(open_plan("a", 0, 100));
	for (uint32_t part = 0; part < 100; part++) {
		session.photo->received_us = 4 * s + part * s / 10;
		for (size_t i = 0; i < FILLED; i++) // the feed ends them within a second
			if (others[i].photo && others[i].photo->yields && part % 10 == 9)
				photo_drop_all(&others[i]);
		photo_add_part(session.photo, part, filler, PHOTO_BYTES / 100);
		while (!photo_has(session.photo, part) && part < 10) {
			for (size_t i = 0; i < FILLED; i++)
				if (others[i].photo && others[i].photo->yields)
					photo_drop_all(&others[i]);
			photo_add_part(session.photo, part, filler, PHOTO_BYTES / 100);
		}
		assert_true(photo_has(session.photo, part));
	}
	for (size_t i = 0; i < 7; i++)
		photo_drop_all(&more[i]);
	drop_others();
}

static void a_photo_that_makes_progress_for_ever_yields(void **state)
{
	(void)state;
	fill(1000);
	for (size_t i = 0; i < FILLED; i++)
		others[i].photo->progress_us = PHOTO_OPEN_US;
	session.received_us = 1000 + PHOTO_OPEN_US;
	assert_non_null(open_plan("a", 0, 1));
	session.photo->received_us = session.received_us;
	assert_true(photo_add_part(session.photo, 0, filler, PHOTO_BYTES));
	assert_true(others[0].photo->yields);
	drop_others();
	photo_drop_all(&session);
	assert_int_equal(photos.bytes, 0);
	assert_int_equal(photos.yielding, 0);
	assert_null(photos.first);
}

static void parts_are_refused_while_all_make_progress(void **state)
{
	(void)state;
	static struct session more[7];
	fill(1000);
	for (size_t i = 0; i < 7; i++) {
		more[i] = (struct session){.photos = &photos, .received_us = 1000};
		photo_open(&more[i], &report, &(struct photo_plan){"a", 0, 2, -1});
		assert_true(photo_add_part(more[i].photo, 0, filler, PHOTO_BYTES));
	}
	assert_non_null(open_plan("a", 0, 2));
	assert_false(photo_add_part(session.photo, 0, filler, PHOTO_BYTES));
	assert_true(photos.full);
	photo_drop_all(&others[5]);
	assert_true(photo_add_part(session.photo, 0, filler, PHOTO_BYTES));
	assert_false(photos.full);
	for (size_t i = 0; i < 7; i++)
		photo_drop_all(&more[i]);
	drop_others();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(parts_of_any_size_in_any_order_make_the_whole),
		TEST(the_bytes_before_a_gap_are_kept),
		TEST(a_size_that_differs_from_the_announced_one_is_incomplete),
		TEST(the_number_of_parts_may_be_known_late),
		TEST(only_a_jpeg_is_checked_by_its_bytes),
		TEST(plans_and_parts_are_capped),
		TEST(photos_that_grow_are_capped_together),
		TEST(an_announcement_uses_little_memory),
		TEST(idle_photos_yield_the_longest_without_progress_first),
		TEST(photos_yield_to_one_whose_parts_come_twice_as_fast),
		TEST(photos_held_by_a_part_every_five_seconds_yield_to_an_honest_one),
		TEST(a_photo_that_makes_progress_for_ever_yields),
		TEST(parts_are_refused_while_all_make_progress),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
