// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/device_directory.h"
#include "util/secret.h"

#include <stdio.h>
#include <string.h>

static struct text text_of(const char *literal)
{
	return (struct text){literal, strlen(literal)};
}

static void finds_and_adds_by_whole_ident(void **state)
{
	(void)state;
	struct device_directory *directory = device_directory_new();
	assert_null(device_directory_find(directory, text_of("5020001")));
	assert_null(device_directory_find(directory, (struct text){NULL, 0}));
	struct device *device = device_directory_add(directory, text_of("5020001"));
	assert_int_equal(device->id, 0);
	assert_int_equal(device->state, DEVICE_UNKNOWN);
	assert_int_equal(device->ident_len, 7);
	assert_memory_equal(device->ident, "5020001", 7);
	assert_ptr_equal(device_directory_add(directory, text_of("5020001")), device);
	assert_ptr_equal(device_directory_find(directory, text_of("5020001")), device);
	/* Neither a prefix, nor a longer ident, nor one without its leading zero is the same
	 * device. */
	assert_null(device_directory_find(directory, text_of("502000")));
	assert_null(device_directory_find(directory, text_of("50200011")));
	assert_ptr_not_equal(device_directory_add(directory, text_of("05020001")), device);
	assert_int_equal(device_directory_count(directory), 2);
	device_directory_free(directory);
}

static void pointers_stay_valid_with_many_devices(void **state)
{
	(void)state;
	struct device_directory *directory = device_directory_new();
	struct device *first = device_directory_add(directory, text_of("0"));
	char ident[IDENT_MAX + 1];
	for (int i = 1; i < 50000; i++) {
		snprintf(ident, sizeof(ident), "%d", i);
		device_directory_add(directory, text_of(ident))->id = i;
	}
	assert_int_equal(device_directory_count(directory), 50000);
	assert_ptr_equal(device_directory_find(directory, text_of("0")), first);
	assert_int_equal(device_directory_find(directory, text_of("49999"))->id, 49999);
	memset(ident, 'x', IDENT_MAX);
	assert_non_null(device_directory_add(directory, (struct text){ident, IDENT_MAX}));
	device_directory_free(directory);
}

static void states_stay_until_the_devices_have_been_read_again(void **state)
{
	(void)state;
	struct device_directory *directory = device_directory_new();
	struct device *device = device_directory_add(directory, text_of("860000000000017"));
	device->id = 7;
	device->state = DEVICE_BLOCKED;
	device->decoder = 2;
	assert_false(device_directory_loaded(directory));
	device_directory_forget_ids(directory);
	assert_int_equal(device->id, 0);
	assert_int_equal(device->state, DEVICE_BLOCKED); /* no moment in which it is admitted */
	assert_int_equal(device->decoder, 2);
	device_directory_set_loaded(directory);
	assert_true(device_directory_loaded(directory));
	assert_int_equal(device->state, DEVICE_UNKNOWN);
	assert_int_equal(device->decoder, 0);
	assert_ptr_equal(device_directory_find(directory, text_of("860000000000017")), device);
	device_directory_free(directory);
}

static void models_stay_until_the_devices_have_been_read_again(void **state)
{
	(void)state;
	struct device_directory *directory = device_directory_new();
	struct device *kept = device_directory_add(directory, text_of("5020001"));
	struct device *deleted = device_directory_add(directory, text_of("5020002"));
	assert_null(kept->model);
	device_directory_set_model(kept, text_of("TR06"));
	device_directory_set_model(deleted, text_of("TR06"));
	device_directory_forget_ids(directory);
	assert_string_equal(kept->model, "TR06");
	assert_string_equal(deleted->model, "TR06");
	kept->id = 1; /* has been read, deleted has no row */
	device_directory_set_loaded(directory);
	assert_string_equal(kept->model, "TR06");
	assert_null(deleted->model);
	device_directory_free(directory);
}

static void a_model_can_be_changed_and_removed(void **state)
{
	(void)state;
	static const char longest[MODEL_MAX + 1] = "0123456789012345678901234567890123456789"
						   "012345678901234567890123";
	struct device_directory *directory = device_directory_new();
	struct device *device = device_directory_add(directory, text_of("5020001"));
	device_directory_set_model(device, text_of("GK309E"));
	device_directory_set_model(device, text_of("GK309"));
	assert_string_equal(device->model, "GK309");
	device_directory_set_model(device, (struct text){longest, MODEL_MAX});
	assert_memory_equal(device->model, longest, MODEL_MAX);
	device_directory_set_model(device, (struct text){longest, MODEL_MAX + 1});
	assert_null(device->model);
	device_directory_set_model(device, text_of("GK309"));
	device_directory_set_model(device, (struct text){0});
	assert_null(device->model);
	device_directory_free(directory);
}

static void the_version_of_a_secret_changes_with_it(void **state)
{
	(void)state;
	char long_secret[SECRET_MAX + 10];
	memset(long_secret, 's', sizeof(long_secret));
	struct device_directory *directory = device_directory_new();
	struct device *device = device_directory_add(directory, text_of("5020001"));
	assert_null(device->secret);
	device_directory_set_secret(device, text_of("sha256$s$0"));
	const uint32_t version = device->secret_version;
	device_directory_set_secret(device, text_of("sha256$s$0"));
	assert_int_equal(device->secret_version, version);
	device_directory_forget_ids(directory);
	assert_string_equal(device->secret, "sha256$s$0");
	device_directory_set_secret(device, text_of("sha256$s$1"));
	assert_int_not_equal(device->secret_version, version);
	device_directory_set_secret(device, (struct text){long_secret, sizeof(long_secret)});
	assert_int_equal(strlen(device->secret), SECRET_MAX); /* not removed */
	device_directory_set_secret(device, (struct text){0});
	assert_null(device->secret);
	device_directory_set_secret(device, text_of("sha256$s$0"));
	device_directory_set_loaded(directory); /* it has no row */
	assert_null(device->secret);
	device_directory_free(directory);
}

static void networks_stay_until_the_devices_have_been_read_again(void **state)
{
	(void)state;
	const uint8_t inside[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	struct device_directory *directory = device_directory_new();
	struct device *kept = device_directory_add(directory, text_of("5020001"));
	struct device *deleted = device_directory_add(directory, text_of("5020002"));
	assert_null(kept->networks);
	device_directory_set_networks(kept, text_of("{10.0.0.0/8}"));
	device_directory_set_networks(deleted, text_of("{10.0.0.0/8}"));
	device_directory_forget_ids(directory);
	assert_non_null(kept->networks); /* no moment in which any are admitted */
	device_directory_set_networks(kept, text_of("{192.0.2.0/24}"));
	kept->id = 1;
	device_directory_set_loaded(directory);
	assert_true(networks_contain(kept->networks, inside));
	assert_null(deleted->networks);
	device_directory_set_networks(kept, text_of("{192.0.2.0/99}"));
	assert_false(networks_contain(kept->networks, inside));
	device_directory_set_networks(kept, (struct text){0});
	assert_null(kept->networks);
	device_directory_set_networks(kept, text_of("{192.0.2.0/24}")); /* freed with the device */
	device_directory_free(directory);
}

static void a_device_takes_at_most_220_bytes(void **state)
{
	(void)state;
	/* malloc's header, the bucket's share (uthash: at most 10 a bucket, 16 bytes each, three
	 * quarters empty). */
	assert_true(sizeof(struct device) + 15 + 16 + 64 <= 220);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_adds_by_whole_ident),
		cmocka_unit_test(pointers_stay_valid_with_many_devices),
		cmocka_unit_test(states_stay_until_the_devices_have_been_read_again),
		cmocka_unit_test(models_stay_until_the_devices_have_been_read_again),
		cmocka_unit_test(a_model_can_be_changed_and_removed),
		cmocka_unit_test(the_version_of_a_secret_changes_with_it),
		cmocka_unit_test(networks_stay_until_the_devices_have_been_read_again),
		cmocka_unit_test(a_device_takes_at_most_220_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
