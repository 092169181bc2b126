// SPDX-License-Identifier: MIT
// Simulated trackers: who they are, and the calendar their protocols need.
//
// Idents carry seed and number, so that two seeds never share one:
//   short  7 digits   5020000 + 10000 * (seed - 1) + number       while number < 10000 and that is
//   below 10000000
//          13 digits  5 seed(6) number(6)                         else
//   IMEI   15 digits  86 seed-1(6) number(6) check
#include "simulate/simulate.h"

#include <assert.h>

static void put_digits(char *out, uint32_t value, unsigned width)
{
	while (width > 0) {
		out[--width] = (char)('0' + value % 10);
		value /= 10;
	}
}

uint8_t simulate_ident_short(uint32_t seed, uint32_t number, char out[16])
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

// Luhn: every second digit counts double, as the sum of its digits.
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

uint8_t simulate_ident_imei(uint32_t seed, uint32_t number, char out[16])
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

void simulated_init(struct simulated *device, const struct simulate_protocol *protocol,
	uint32_t seed, uint32_t number)
{
	*device = (struct simulated){.protocol = protocol, .number = number};
	device->ident_len = protocol->ident(seed, number, device->ident);
}

// Days since 1970 to a date, by eras of 400 years that begin on 1 March.
struct simulate_date simulate_calendar(int64_t time_us)
{
	int64_t days = time_us / 86400000000;
	int ms = (int)(time_us % 86400000000 / 1000);
	uint32_t z = (uint32_t)days + 719468;
	uint32_t era = z / 146097, of_era = z % 146097;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153; /* 0 is March */
	struct simulate_date c = {
		.year = (int)(year + era * 400 + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(of_year - (153 * month + 2) / 5 + 1),
		.hour = ms / 3600000,
		.minute = ms / 60000 % 60,
		.second = ms / 1000 % 60,
		.ms = ms % 1000,
	};
	return c;
}
