// SPDX-License-Identifier: MIT
// Idents contain seed and number, so that two seeds never share one:
//   short  7 digits   5020000 + 10000 * (seed - 1) + number    if number < 10000 and the result has 7 digits
//          13 digits  5 seed(6) number(6)                      else
//   ten    10 digits  8 seed(5) number(4)                      if number < 10000 and seed < 100000, else an IMEI
//   IMEI   15 digits  86 seed-1(6) number(6) check
#include "simulate/simulate_tracker.h"

#include "simulate/simulate_run.h"

#include <assert.h>
#include <string.h>

static void put_digits(char *out, uint32_t value, unsigned width)
{
	while (width > 0) {
		out[--width] = (char)('0' + value % 10);
		value /= 10;
	}
}

uint8_t simulate_tracker_ident_short(uint32_t seed, uint32_t number, char out[16])
{
	assert(seed >= 1 && seed <= SIMULATE_SEED_MAX && number >= 1 &&
		number <= SIMULATE_NUMBER_MAX);
	uint8_t len = 7;
	if (number <= 9999 && seed <= 498) {
		put_digits(out, 5020000 + 10000 * (seed - 1) + number, 7);
	} else {
		out[0] = '5';
		put_digits(out + 1, seed, 6);
		put_digits(out + 7, number, 6);
		len = 13;
	}
	out[len] = 0;
	return len;
}

// Computes the Luhn digit: every second digit counts double, as the sum of its digits.
static char check_digit(const char *digits, size_t count)
{
	int sum = 0;
	for (size_t i = 0; i < count; i++) {
		int value = digits[i] - '0';
		if ((count - i) % 2 == 1)
			value = value < 5 ? 2 * value : 2 * value - 9;
		sum += value;
	}
	return (char)('0' + (10 - sum % 10) % 10);
}

uint8_t simulate_tracker_ident_imei(uint32_t seed, uint32_t number, char out[16])
{
	assert(seed >= 1 && seed <= SIMULATE_SEED_MAX && number >= 1 &&
		number <= SIMULATE_NUMBER_MAX);
	out[0] = '8';
	out[1] = '6';
	put_digits(out + 2, seed - 1, 6);
	put_digits(out + 8, number, 6);
	out[14] = check_digit(out, 14);
	out[15] = 0;
	return 15;
}

uint8_t simulate_tracker_ident_ten(uint32_t seed, uint32_t number, char out[16])
{
	if (number > 9999 || seed > 99999)
		return simulate_tracker_ident_imei(seed, number, out);
	out[0] = '8';
	put_digits(out + 1, seed, 5);
	put_digits(out + 6, number, 4);
	out[10] = 0;
	return 10;
}

void simulate_tracker_init(struct simulate_tracker *tracker,
	const struct simulate_protocol *protocol, uint32_t seed, uint32_t number)
{
	*tracker = (struct simulate_tracker){.protocol = protocol, .number = number};
	tracker->camera.number = number;
	tracker->ident_len = protocol->ident(seed, number, tracker->ident);
}

static bool begins(const char *text, size_t len, const char *start)
{
	size_t start_len = strlen(start);
	return len >= start_len && memcmp(text, start, start_len) == 0;
}

bool simulate_tracker_set_output(struct simulate_tracker *tracker, const char *text, size_t len)
{
	unsigned index = 0;
	size_t value_at = 0;
	if (begins(text, len, "OPC") && len >= 6 && text[3] >= '1' && text[3] <= '5' &&
		text[4] == ',') {
		index = (unsigned)(text[3] - '1');
		value_at = 5;
	} else if (begins(text, len, "Relay,") && len >= 7) {
		value_at = 6;
	}
	if (value_at == 0 || (text[value_at] != '0' && text[value_at] != '1'))
		return false;
	unsigned bit = 1u << index;
	tracker->outputs =
		(uint8_t)(text[value_at] == '1' ? tracker->outputs | bit : tracker->outputs & ~bit);
	return true;
}
