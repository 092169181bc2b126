// SPDX-License-Identifier: MIT
// Fields of text protocols, for decoders: splits a text, and reads the numbers that several protocols write alike.
#ifndef AVLD_DECODERS_FIELDS_H
#define AVLD_DECODERS_FIELDS_H

#include "protocol/decoder.h"
#include "util/text.h"

#define FIELDS_MOST 128

struct fields {
	size_t count;
	struct text at[FIELDS_MOST];
};

// Splits a text at the separator. The fields point into it; the last of FIELDS_MOST has the rest of the text.
void fields_split_at(struct text text, char separator, struct fields *out);
// Splits a text at commas.
void fields_split(struct text text, struct fields *out);

// Returns a field, empty if there is none.
static inline struct text fields_get(const struct fields *fields, size_t index)
{
	return index < fields->count ? fields->at[index] : (struct text){"", 0};
}

// Returns the text from a field to the end of the last one.
static inline struct text fields_from(const struct fields *fields, size_t index)
{
	if (index >= fields->count)
		return (struct text){"", 0};
	const struct text last = fields->at[fields->count - 1];
	const char *start = fields->at[index].data;
	return (struct text){start, (size_t)(last.data + last.len - start)};
}

static inline struct text fields_trim(struct text text)
{
	while (text.len > 0 && text.data[0] == ' ')
		text.data++, text.len--;
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	return text;
}

static inline bool fields_is_letter(struct text text, char letter)
{
	return text.len == 1 && text.data[0] == letter;
}

// Returns true for least..most digits.
static inline bool fields_is_digits(struct text text, size_t least, size_t most)
{
	size_t i = 0;
	if (text.len < least || text.len > most)
		return false;
	for (; i + 8 <= text.len; i += 8)
		if (scan_others(scan_word(text.data + i) ^ UINT64_C(0x3030303030303030)))
			return false;
	for (; i < text.len; i++)
		if (!text_is_digit(text.data[i]))
			return false;
	return true;
}

// Returns the number of two digits.
static inline int fields_pair(const char *digits)
{
	return (digits[0] - '0') * 10 + (digits[1] - '0');
}

// Returns true for least..most hex digits of either case.
static inline bool fields_is_hex(struct text text, size_t least, size_t most)
{
	if (text.len < least || text.len > most)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text_hex_digit(text.data[i]) < 0)
			return false;
	return true;
}

// Reads a signal level: one to three digits with an optional minus.
bool fields_level(struct text text, int64_t *level);

// Returns true for at most `most` bytes of printable ASCII.
bool fields_is_printable(struct text text, size_t most);

// Returns true if the text is the word, which is in upper case, without regard to case.
bool fields_is_word(struct text text, const char *word);

// Returns the FNV-1a hash of a word, without regard to case: the number of a command that its answer repeats as text.
uint32_t fields_hash_word(struct text word);

// Parses "-12.5" with at most 12 digits before the point. *decimals: those it has, at most 6; more are rounded.
bool fields_number(struct text text, int64_t *value, unsigned *decimals);

// Adds a number to extra, if the text is one.
void fields_add_number(
	struct decoded *out, struct report *report, const char *name, struct text text);

// Writes a name as JSON has it between quotes, with a NUL. Returns false if it is empty or has more than FIELDS_NAME_MOST bytes.
#define FIELDS_NAME_MOST 128
#define FIELDS_NAME_ROOM (6 * FIELDS_NAME_MOST + 3)
bool fields_write_name(struct text name, char out[FIELDS_NAME_ROOM]);

// Adds the alarm of this name, in any case. Returns false if there is none.
bool fields_add_alarm(struct report *report, struct text name);

// Sets speed from a number of knots, if the text is one without a sign.
void fields_set_knots(struct report *report, struct text text);

void fields_set_course(struct report *report, struct text text);

enum fields_angle {
	FIELDS_ANGLE_OK,
	FIELDS_ANGLE_EMPTY, /* blanks only */
	FIELDS_ANGLE_ODD,   /* not a number */
	FIELDS_ANGLE_RANGE, /* minutes of 60 and more, or beyond the most degrees */
};

// Parses degrees and minutes to 1e-7 degree: "2030.0000"; "-20-30.0000", whose dashes are no sign; "20300000", with four
// decimals; leading zeros may be missing: "30.0000".
enum fields_angle fields_read_angle(struct text text, unsigned most, int64_t *e7);

// A number with a fixed count of digits, for replies. Returns the byte after it.
static inline char *fields_put_digits(char *out, unsigned value, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--, value /= 10)
		out[i - 1] = (char)('0' + value % 10);
	return out + digits;
}

static inline char *fields_put(char *out, const void *data, size_t len)
{
	memcpy(out, data, len);
	return out + len;
}

#endif
