// SPDX-License-Identifier: MIT
#include "decoders/osmand/osmand_http.h"

#include "decoders/fields.h"
#include "util/simd.h"

#define CHUNK_LINE   256 /* bytes of the line before a chunk */
#define CHUNK_DIGITS 8

// Moves the next line, without its end, off the head of the bytes. Returns false if it is incomplete.
static bool next_line(struct scan *scan, struct text *line)
{
	const char *end = scan->at < scan->end ? memchr(scan->at, '\n', scan_left(scan)) : NULL;
	if (!end)
		return false;
	*line = (struct text){scan->at, (size_t)(end - scan->at)};
	if (line->len > 0 && end[-1] == '\r')
		line->len--;
	scan->at = end + 1;
	return true;
}

// Returns true for the characters of methods and of names of header fields.
static bool is_token_byte(char c)
{
	return text_is_alnum(c) || (c > ' ' && c < 0x7F && memchr("!#$%&'*+-.^_`|~", c, 15));
}

static bool is_token(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_byte(text.data[i]))
			return false;
	return text.len > 0;
}

static struct text trim(struct text text)
{
	while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text.data++, text.len--;
	while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

// The request line -------------------------------------------------------------

// Returns true if there are no blanks and control characters.
static bool is_target(struct text text)
{
	size_t at = 0;
	for (; text.len - at >= 16; at += 16) {
		const lanes bytes = lanes_load(text.data + at);
		if (lanes_set((lanes)(bytes <= (uint8_t)' ')) || lanes_either(bytes, 0x7F, 0x7F))
			return false;
	}
	for (; at < text.len; at++)
		if ((uint8_t)text.data[at] <= ' ' || text.data[at] == 0x7F)
			return false;
	return text.len > 0;
}

static struct text find_query(struct text target)
{
	const char *end = memchr(target.data, '#', target.len);
	if (end)
		target.len = (size_t)(end - target.data);
	const char *mark = memchr(target.data, '?', target.len);
	if (!mark)
		return (struct text){"", 0};
	return (struct text){mark + 1, (size_t)(target.data + target.len - mark) - 1};
}

static bool is_method(struct text method)
{
	return text_equal(method, "GET") || text_equal(method, "POST") ||
	       text_equal(method, "PUT") || text_equal(method, "HEAD");
}

// Reads "METHOD target HTTP/1.x".
static enum osmand_fault read_request_line(struct text line, struct osmand_http_head *head)
{
	static const char version[] = " HTTP/1.";
	const char *end = line.data + line.len, *space = memchr(line.data, ' ', line.len);
	if (!space || end - space <= (ptrdiff_t)sizeof version ||
		memcmp(end - sizeof version, version, sizeof version - 1) != 0 ||
		!text_is_digit(end[-1]))
		return OSMAND_BAD_LINE;
	const struct text method = {line.data, (size_t)(space - line.data)};
	const struct text target = {space + 1, (size_t)(end - sizeof version - (space + 1))};
	if (!is_token(method) || !is_target(target))
		return OSMAND_BAD_LINE;
	if (!is_method(method))
		return OSMAND_BAD_METHOD;
	head->closes = end[-1] == '0';
	head->query = find_query(target);
	return OSMAND_FINE;
}

// Header fields ----------------------------------------------------------------

struct fields_seen {
	bool length, close, keep;
};

static enum osmand_fault read_length(
	struct text value, struct osmand_http_head *head, struct fields_seen *seen)
{
	uint64_t length;
	if (!text_uint(value, &length) || (seen->length && length != head->body_len))
		return OSMAND_BAD_LENGTH;
	seen->length = true;
	head->body_len = (size_t)length;
	return OSMAND_FINE;
}

static void read_connection(struct text value, struct fields_seen *seen)
{
	struct text token;
	while (text_next(&value, ',', &token)) {
		seen->close |= fields_is_word(trim(token), "CLOSE");
		seen->keep |= fields_is_word(trim(token), "KEEP-ALIVE");
	}
}

static void read_type(struct text value, struct osmand_http_head *head)
{
	const char *end = memchr(value.data, ';', value.len);
	if (end)
		value.len = (size_t)(end - value.data);
	head->type = trim(value);
}

// Reads a field that matters. Their names have different lengths.
static enum osmand_fault read_field(struct text name, struct text value,
	struct osmand_http_head *head, struct fields_seen *seen)
{
	switch (name.len) {
	case sizeof "Expect" - 1:
		if (fields_is_word(name, "EXPECT"))
			head->expects = fields_is_word(value, "100-CONTINUE");
		break;
	case sizeof "Connection" - 1:
		if (fields_is_word(name, "CONNECTION"))
			read_connection(value, seen);
		break;
	case sizeof "Content-Type" - 1:
		if (fields_is_word(name, "CONTENT-TYPE"))
			read_type(value, head);
		break;
	case sizeof "Content-Length" - 1:
		if (fields_is_word(name, "CONTENT-LENGTH"))
			return read_length(value, head, seen);
		break;
	case sizeof "Content-Encoding" - 1:
		if (fields_is_word(name, "CONTENT-ENCODING") && value.len > 0 &&
			!fields_is_word(value, "IDENTITY"))
			return OSMAND_COMPRESSED;
		break;
	case sizeof "Transfer-Encoding" - 1:
		if (!fields_is_word(name, "TRANSFER-ENCODING"))
			break;
		head->chunked = true;
		return fields_is_word(value, "CHUNKED") ? OSMAND_FINE : OSMAND_CODING;
	default:
		break;
	}
	return OSMAND_FINE;
}

// The later a fault is in this list, the more of the request is known.
static void set_fault(struct osmand_http_head *head, enum osmand_fault fault)
{
	if (head->fault == OSMAND_FINE)
		head->fault = fault;
}

static void read_field_line(
	struct text line, struct osmand_http_head *head, struct fields_seen *seen)
{
	const char *colon = memchr(line.data, ':', line.len);
	const struct text name = {line.data, colon ? (size_t)(colon - line.data) : 0};
	if (!colon || !is_token(name)) {
		set_fault(head, OSMAND_BAD_HEADER);
		return;
	}
	const struct text value = {colon + 1, line.len - name.len - 1};
	set_fault(head, read_field(name, trim(value), head, seen));
}

static void conclude(struct osmand_http_head *head, const struct fields_seen *seen)
{
	const bool old = head->closes;
	head->says_close = seen->close;
	head->says_keep = old && seen->keep && !seen->close;
	head->closes = seen->close || (old && !head->says_keep);
	head->expects &= !old; /* HTTP/1.0 knows no answer before the final one */
	if (head->chunked && seen->length)
		set_fault(head, OSMAND_BAD_LENGTH);
	if (head->body_len > OSMAND_HTTP_BODY)
		set_fault(head, OSMAND_LONG_BODY);
}

static enum osmand_http_state fail(
	struct osmand_http_head *head, enum osmand_fault fault, size_t len)
{
	head->fault = fault;
	head->len = len;
	return OSMAND_HTTP_BAD;
}

enum osmand_http_state osmand_http_read_head(
	const uint8_t *data, size_t len, struct osmand_http_head *head)
{
	struct scan scan = {(const char *)data, (const char *)data + len};
	const char *start = scan.at;
	struct fields_seen seen = {false, false, false};
	struct text line;
	*head = (struct osmand_http_head){.type = {"", 0}};
	if (!next_line(&scan, &line) || scan.at - start > OSMAND_HTTP_LINE) {
		if (len < OSMAND_HTTP_LINE)
			return OSMAND_HTTP_MORE;
		return fail(head, OSMAND_LONG_LINE, OSMAND_HTTP_LINE);
	}
	set_fault(head, read_request_line(line, head));
	const char *fields = scan.at;
	for (size_t count = 0;; count++) {
		const bool complete = next_line(&scan, &line);
		const size_t most = (size_t)(fields - start) + OSMAND_HTTP_HEAD;
		if (!complete && len < most)
			return OSMAND_HTTP_MORE;
		if (!complete || scan.at - fields > OSMAND_HTTP_HEAD)
			return fail(head, OSMAND_LONG_HEAD, most);
		if (line.len == 0)
			break;
		if (count == OSMAND_HTTP_FIELDS)
			return fail(head, OSMAND_LONG_HEAD, (size_t)(scan.at - start));
		read_field_line(line, head, &seen);
	}
	conclude(head, &seen);
	head->len = (size_t)(scan.at - start);
	return head->fault == OSMAND_FINE ? OSMAND_HTTP_WHOLE : OSMAND_HTTP_BAD;
}

// Chunks -----------------------------------------------------------------------

static enum osmand_http_state fail_chunk(
	struct osmand_http_chunks *chunks, enum osmand_fault fault, size_t end)
{
	chunks->fault = fault;
	chunks->at = end;
	return OSMAND_HTTP_BAD;
}

// Reads the line before a chunk, "1f;name=value".
static bool read_size(struct text line, uint64_t *size)
{
	size_t digits = 0;
	while (digits < line.len && text_hex_digit(line.data[digits]) >= 0)
		digits++;
	const struct text rest = trim((struct text){line.data + digits, line.len - digits});
	return digits <= CHUNK_DIGITS && text_hex((struct text){line.data, digits}, size) &&
	       (rest.len == 0 || rest.data[0] == ';');
}

// Returns the length of a line end, CR LF or LF: 0 if it is incomplete, 3 if there is none.
static size_t line_end(const struct scan *scan)
{
	if (scan->at == scan->end)
		return 0;
	if (*scan->at == '\n')
		return 1;
	if (*scan->at != '\r')
		return 3;
	return scan_left(scan) < 2 ? 0 : scan->at[1] == '\n' ? 2 : 3;
}

// Skips the lines after the last chunk, up to an empty one.
static enum osmand_http_state skip_trailers(
	const char *start, struct scan *scan, size_t most, struct osmand_http_chunks *chunks)
{
	struct text line;
	while (next_line(scan, &line)) {
		if ((size_t)(scan->at - start) > most)
			break;
		if (line.len == 0) {
			chunks->at = (size_t)(scan->at - start);
			return OSMAND_HTTP_WHOLE;
		}
	}
	return (size_t)(scan->end - start) < most ? OSMAND_HTTP_MORE
						  : fail_chunk(chunks, OSMAND_LONG_BODY, most);
}

enum osmand_http_state osmand_http_follow_chunks(const uint8_t *data, size_t len, size_t most,
	struct osmand_http_chunks *chunks, uint8_t *out)
{
	const char *start = (const char *)data;
	struct scan scan = {start + chunks->at, start + len};
	struct text line;
	uint64_t size;
	for (;;) {
		const char *head = scan.at;
		const bool complete = next_line(&scan, &line);
		if (!complete && scan_left(&scan) < CHUNK_LINE + 2)
			return len < most ? OSMAND_HTTP_MORE
					  : fail_chunk(chunks, OSMAND_LONG_BODY, most);
		if (!complete || line.len > CHUNK_LINE)
			return fail_chunk(
				chunks, OSMAND_BAD_CHUNK, (size_t)(head - start) + CHUNK_LINE);
		const size_t at = (size_t)(scan.at - start);
		if (!read_size(line, &size))
			return fail_chunk(chunks, OSMAND_BAD_CHUNK, at);
		if (size > OSMAND_HTTP_BODY - chunks->sum || size + 2 > most - at)
			return fail_chunk(chunks, OSMAND_LONG_BODY, at);
		if (size == 0)
			return skip_trailers(start, &scan, most, chunks);
		if (scan_left(&scan) < size)
			return OSMAND_HTTP_MORE;
		if (out)
			memcpy(out + chunks->sum, scan.at, size);
		scan.at += size;
		const size_t end = line_end(&scan);
		if (end == 0)
			return OSMAND_HTTP_MORE;
		if (end == 3)
			return fail_chunk(chunks, OSMAND_BAD_CHUNK, (size_t)(scan.at - start));
		scan.at += end;
		chunks->sum += size;
		chunks->at = (size_t)(scan.at - start);
	}
}
