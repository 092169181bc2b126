// SPDX-License-Identifier: MIT
// Settings' values: from text, and back for messages. The readers take the whole text, which has no blanks around it, or
// fail and leave *out alone.
#ifndef AVLD_CONFIG_SETTING_VALUE_H
#define AVLD_CONFIG_SETTING_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUE_SHOW_MAX 32

// yes, true, on, 1, no, false, off, 0; either case.
bool setting_value_read_bool(const char *text, bool *out);
// Digits, a minus before them if need be. What does not fit becomes INT64_MAX or INT64_MIN.
bool setting_value_read_integer(const char *text, int64_t *out);
// "64M", "1.5 GiB", "4096": bytes; K, M, G, T are powers of 1024. What does not fit becomes INT64_MAX.
bool setting_value_read_size(const char *text, int64_t *out);
// "100ms", "0.1", "30 s", "10min", "1h", "7d": microseconds; a bare number is seconds. Likewise.
bool setting_value_read_duration(const char *text, int64_t *out_us);

// In the largest unit that leaves a whole number; out has room for VALUE_SHOW_MAX. Both return out.
const char *setting_value_show_size(int64_t bytes, char *out);
const char *setting_value_show_duration(int64_t us, char *out);

// How many characters to add, drop or change to make one of the other (Levenshtein). SIZE_MAX if one has more than 63.
size_t setting_value_distance(const char *one, const char *other);

#endif
