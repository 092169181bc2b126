// SPDX-License-Identifier: MIT
// Converts the values of settings from text, and back for messages. The readers take the whole text, which has no
// blanks around it; on false *out is unchanged.
#ifndef AVLD_CONFIG_SETTING_VALUE_H
#define AVLD_CONFIG_SETTING_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUE_SHOW_MAX 32

// Reads yes, true, on, 1, no, false, off, 0; either case.
bool setting_value_read_bool(const char *text, bool *out);
// Reads digits with an optional minus. A number that does not fit becomes INT64_MAX or INT64_MIN.
bool setting_value_read_integer(const char *text, int64_t *out);
// Reads "64M", "1.5 GiB", "4096" as bytes; K, M, G, T are powers of 1024. A size that does not fit becomes INT64_MAX.
bool setting_value_read_size(const char *text, int64_t *out);
// Reads "100ms", "0.1", "30 s", "10min", "1h", "7d" as microseconds; a bare number is seconds. A duration that does not
// fit becomes INT64_MAX.
bool setting_value_read_duration(const char *text, int64_t *out_us);

// Both write the value in the largest unit that leaves a whole number; out has room for VALUE_SHOW_MAX. They return
// out.
const char *setting_value_show_size(int64_t bytes, char *out);
const char *setting_value_show_duration(int64_t us, char *out);

// Returns how many characters to add, drop or change to turn one into the other (Levenshtein). SIZE_MAX if one has more
// than 63 characters.
size_t setting_value_distance(const char *one, const char *other);

#endif
