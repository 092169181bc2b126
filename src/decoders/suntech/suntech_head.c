// SPDX-License-Identifier: MIT
#include "decoders/suntech/suntech_head.h"

#define TYPE 3 /* bytes */

#define IDENT_LEAST           5 /* digits of an ident that opens a conversation */
#define IDENT_LEAST_UNIVERSAL 9
#define IDENT_MOST            15

static const char *const words[] = {"STT", "ALT", "UEX", "BLE", "RES", "ALV", "BSA", "CRR"};
static const char *const nine_types[] = {"Location;", "Emergency;", "Alert;"};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

static bool is_letters(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (upper(text.data[i]) < 'A' || upper(text.data[i]) > 'Z')
			return false;
	return true;
}

// Returns true for ST or SA and digits.
static bool is_family(struct text text)
{
	return text.len >= 5 && text.len <= SUNTECH_FAMILY_MOST && upper(text.data[0]) == 'S' &&
	       (upper(text.data[1]) == 'T' || upper(text.data[1]) == 'A') &&
	       fields_is_digits((struct text){text.data + 2, text.len - 2}, 3, 4);
}

static bool is_word(struct text text)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (fields_is_word(text, words[i]))
			return true;
	return false;
}

bool suntech_head_read(struct text text, struct suntech_head *head)
{
	const size_t most = SUNTECH_FAMILY_MOST + TYPE + 1;
	const char *end = memchr(text.data, ';', text.len < most ? text.len : most);
	if (!end)
		return false;
	const size_t len = (size_t)(end - text.data);
	*head = (struct suntech_head){.family = {"", 0}, .type = {"", 0}, .len = len};
	if (len == TYPE) {
		head->kind = SUNTECH_UNIVERSAL;
		head->type = (struct text){text.data, len};
		return is_word(head->type);
	}
	if (len == 5) {
		head->kind = SUNTECH_NINE;
		head->family = (struct text){text.data, len};
		return is_family(head->family) && text.data[2] == '9' && upper(text.data[1]) == 'T';
	}
	if (len < 5 + TYPE)
		return false;
	head->kind = SUNTECH_LEGACY;
	head->family = (struct text){text.data, len - TYPE};
	head->type = (struct text){end - TYPE, TYPE};
	return is_family(head->family) && is_letters(head->type);
}

// Sniffing --------------------------------------------------------------------

// Moves *at over a literal. Returns YES if all of it is there, MORE if the text ends within it, or NO.
static enum probe match(struct text text, size_t *at, const char *literal)
{
	for (; *literal; literal++, ++*at) {
		if (*at == text.len)
			return PROBE_MORE;
		if (text.data[*at] != *literal)
			return PROBE_NO;
	}
	return PROBE_YES;
}

// Matches least..most digits at `at`, and a ; or CR after them, or the end of the bytes if no more follow.
static enum probe match_ident(struct text text, size_t at, size_t least, bool is_end)
{
	const size_t start = at;
	while (at < text.len && at - start < IDENT_MOST && text_is_digit(text.data[at]))
		at++;
	const bool enough = at - start >= least;
	if (at == text.len)
		return !is_end ? PROBE_MORE : enough ? PROBE_YES : PROBE_NO;
	return enough && (text.data[at] == ';' || text.data[at] == '\r') ? PROBE_YES : PROBE_NO;
}

static enum probe match_universal(struct text text, bool is_end)
{
	enum probe best = PROBE_NO;
	for (size_t i = 0; i < sizeof words / sizeof words[0] && best != PROBE_YES; i++) {
		size_t at = 0;
		enum probe one = match(text, &at, words[i]);
		if (one == PROBE_YES)
			one = match(text, &at, ";");
		if (one == PROBE_YES)
			return match_ident(text, at, IDENT_LEAST_UNIVERSAL, is_end);
		best = one == PROBE_MORE ? one : best;
	}
	return best;
}

// Matches what follows "ST910;".
static enum probe match_nine(struct text text, size_t start, bool is_end)
{
	enum probe best = PROBE_NO;
	for (size_t i = 0; i < sizeof nine_types / sizeof nine_types[0]; i++) {
		size_t at = start;
		const enum probe one = match(text, &at, nine_types[i]);
		if (one == PROBE_YES)
			return match_ident(text, at, 1, is_end);
		best = one == PROBE_MORE ? one : best;
	}
	return best;
}

// Matches what follows the letters ST or SA.
static enum probe match_family(struct text text, bool is_end)
{
	size_t at = 2;
	while (at < text.len && at < SUNTECH_FAMILY_MOST && text_is_digit(text.data[at]))
		at++;
	if (at == text.len)
		return PROBE_MORE;
	if (at == 5 && text.data[at] == ';' && text.data[1] == 'T' && text.data[2] == '9')
		return match_nine(text, at + 1, is_end);
	if (at < 5)
		return PROBE_NO;
	for (const size_t end = at + TYPE; at < end; at++) {
		if (at == text.len)
			return PROBE_MORE;
		if (text.data[at] < 'A' || text.data[at] > 'Z')
			return PROBE_NO;
	}
	if (at == text.len)
		return PROBE_MORE;
	if (text.data[at] != ';')
		return PROBE_NO;
	const size_t start = ++at;
	const enum probe result = match(text, &at, "Res;");
	if (result == PROBE_MORE)
		return result;
	return match_ident(text, result == PROBE_YES ? at : start, IDENT_LEAST, is_end);
}

enum probe suntech_head_probe(struct text text, bool is_end)
{
	if (text.len >= 3 && text.data[0] == 'S' && text_is_digit(text.data[2]) &&
		(text.data[1] == 'T' || text.data[1] == 'A'))
		return match_family(text, is_end);
	if (text.len < 3 && (text.len == 0 || text.data[0] == 'S') &&
		(text.len < 2 || text.data[1] == 'T' || text.data[1] == 'A'))
		return PROBE_MORE;
	return match_universal(text, is_end);
}

// Session ---------------------------------------------------------------------

void suntech_head_remember(struct session *session, enum suntech_kind kind, struct text family)
{
	session->memo[SUNTECH_MEMO_KIND] = (uint8_t)kind;
	if (family.len == 0)
		return;
	session->memo[SUNTECH_MEMO_FAMILY] = (uint8_t)family.len;
	memcpy(session->memo + SUNTECH_MEMO_FAMILY + 1, family.data, family.len);
}

struct text suntech_head_family(const struct session *session)
{
	const size_t len = session->memo[SUNTECH_MEMO_FAMILY];
	return len > 0 ? (struct text){(const char *)session->memo + SUNTECH_MEMO_FAMILY + 1, len}
		       : (struct text){"ST300", 5};
}
