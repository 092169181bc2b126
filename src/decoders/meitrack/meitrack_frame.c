// SPDX-License-Identifier: MIT
#include "decoders/meitrack/meitrack_frame.h"

#include "decoders/fields.h"
#include "util/checksum.h"
#include "util/decimal.h"

#define FLAG         2 /* index */
#define LENGTH_LEAST 2 /* digits */
#define LENGTH_MOST  4
#define IDENT_LEAST  14
#define IDENT_USUAL  15
#define COMMAND      3         /* letters and digits */
#define END          5         /* bytes of *HH CR LF */
#define END_SHORT    3         /* of *HH */
#define FRAME_LEAST  (1 + END) /* from the first comma */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

enum probe meitrack_frame_read_head(const uint8_t *data, size_t len, struct meitrack_head *head)
{
	size_t at = FLAG + 1, length = 0;
	for (size_t i = 0; i < FLAG && i < len; i++)
		if (data[i] != '$')
			return PROBE_NO;
	if (len <= FLAG)
		return PROBE_MORE;
	if (data[FLAG] < 'A' || data[FLAG] > 'z')
		return PROBE_NO;
	for (; at < len && at <= FLAG + LENGTH_MOST && is_digit(data[at]); at++)
		length = length * 10 + (size_t)(data[at] - '0');
	if (at == len)
		return PROBE_MORE;
	*head = (struct meitrack_head){(char)data[FLAG], at, at + length};
	return data[at] == ',' && at > FLAG + LENGTH_LEAST && length >= FRAME_LEAST &&
			       head->total <= FRAME_CAP
		       ? PROBE_YES
		       : PROBE_NO;
}

static bool is_command(uint8_t c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z');
}

enum probe meitrack_frame_probe(const uint8_t *data, size_t len)
{
	struct meitrack_head head;
	const enum probe found = meitrack_frame_read_head(data, len, &head);
	if (found != PROBE_YES)
		return found;
	size_t at = head.comma + 1, end = at + IDENT_USUAL;
	while (at < len && at < end && is_digit(data[at]))
		at++;
	if (at == len)
		return PROBE_MORE;
	if (data[at] != ',' || at < head.comma + 1 + IDENT_LEAST)
		return PROBE_NO;
	for (end = ++at + COMMAND; at < len && at < end && is_command(data[at]); at++)
		;
	if (at == len)
		return PROBE_MORE;
	return at == end && (data[at] == ',' || data[at] == '*') ? PROBE_YES : PROBE_NO;
}

size_t meitrack_frame_find_end(
	const uint8_t *data, size_t len, const struct meitrack_head *head, bool datagram)
{
	if (len == head->total && data[len - END] == '*' && data[len - 2] == '\r' &&
		data[len - 1] == '\n')
		return len - END;
	const bool may_be_short = datagram && len >= head->comma + FRAME_LEAST - 2 &&
				  (len == head->total || len + 2 == head->total);
	return may_be_short && data[len - END_SHORT] == '*' ? len - END_SHORT : 0;
}

bool meitrack_frame_sum_fits(const uint8_t *data, size_t star)
{
	const int high = text_hex_digit((char)data[star + 1]),
		  low = text_hex_digit((char)data[star + 2]);
	return high >= 0 && low >= 0 && checksum_sum(data, star + 1) == (high << 4 | low);
}

size_t meitrack_frame_write(
	char *out, const char *mark, char flag, struct text ident, const struct text content[2])
{
	static const char digits[] = "0123456789ABCDEF";
	char *end = fields_put(out, mark, 2);
	*end++ = flag;
	end = decimal_write(end, 2 + ident.len + content[0].len + content[1].len + END);
	*end++ = ',';
	end = fields_put(end, ident.data, ident.len);
	*end++ = ',';
	end = fields_put(end, content[0].data, content[0].len);
	if (content[1].len > 0)
		end = fields_put(end, content[1].data, content[1].len);
	*end++ = '*';
	const unsigned sum = checksum_sum((const uint8_t *)out, (size_t)(end - out));
	*end++ = digits[sum >> 4];
	*end++ = digits[sum & 15];
	return (size_t)(fields_put(end, "\r\n", 2) - out);
}
