// SPDX-License-Identifier: MIT
// OsmAnd: phones and everything else that reports over HTTP. OsmAnd's online tracking, Traccar Client for Android and iOS,
// Colota, GPSLogger, scripts, and Traccar servers that forward their positions. TCP. From traccar.org/osmand, the apps' sources
// and issues, and RFC 9110 and 9112.
//
//   GET /?id=860000000000017&lat=52.2296756&lon=21.0122287&timestamp=1773480413&speed=25.4 HTTP/1.1
//   POST / HTTP/1.1, with the same as a form, or JSON (osmand_json.c)
//
// A body counts if its type is JSON, else the query if there is one, else the body. A request is a frame, whole with its body; one
// that waits for 100 Continue is two, head and body. A connection may be kept for further requests, which are answered in their
// order:
//
//   200   stored                                    400, 413, ...   cannot be used; the connection is closed
//   400, 404   the device is not admitted (query, JSON)
//
// A client repeats what is not answered with 200, so a record that can never be stored is a reject and answered so, too.
#include "decoders/decoders.h"
#include "decoders/fields.h"
#include "decoders/osmand/osmand_http.h"
#include "decoders/osmand/osmand_json.h"
#include "decoders/osmand/osmand_query.h"

#define LINES_MOST 2 /* empty ones before a request */
#define FRAME      FRAME_MOST

static const struct fault {
	const char *status, *reason;
} faults[OSMAND_FAULTS] = {
	[OSMAND_BAD_LINE] = {"400", "bad request line"},
	[OSMAND_BAD_HEADER] = {"400", "bad header"},
	[OSMAND_BAD_METHOD] = {"405", "bad method"},
	[OSMAND_LONG_LINE] = {"414", "request line too long"},
	[OSMAND_LONG_HEAD] = {"431", "headers too long"},
	[OSMAND_NO_IDENT] = {"400", "no ident"},
	[OSMAND_BAD_IDENT] = {"400", "bad value: ident"},
	[OSMAND_BAD_LENGTH] = {"400", "bad length"},
	[OSMAND_BAD_CHUNK] = {"400", "bad chunk"},
	[OSMAND_BAD_JSON] = {"400", "bad JSON"},
	[OSMAND_LONG_BODY] = {"413", "body too long"},
	[OSMAND_MANY_RECORDS] = {"413", "too many records"},
	[OSMAND_MANY_FIELDS] = {"413", "too many fields"},
	[OSMAND_COMPRESSED] = {"415", "compressed body"},
	[OSMAND_CODING] = {"501", "unknown transfer coding"},
};

enum ending { ENDING_OPEN, ENDING_CLOSE, ENDING_SAYS_CLOSE, ENDING_SAYS_KEEP };

// What the session remembers: how far the request at hand has been read, and the one whose body is due after 100 Continue.
struct memo {
	uint32_t need; /* bytes of its frame; 0: unknown */
	uint32_t head; /* bytes of its head, whose chunks follow; 0: unknown */
	uint32_t chunk_at, chunk_sum;
	uint32_t body_len;   /* of the body that is due, unless chunked */
	uint8_t lines;       /* empty ones before it */
	uint8_t is_body;     /* 100 Continue was sent */
	uint8_t body_ending; /* enum ending */
	uint8_t body_chunked, body_json;
	uint8_t ending;            /* enum ending of the frame at hand */
	uint16_t query, query_len; /* in it, found by frame(); query_len 0: not found yet */
};
_Static_assert(sizeof(struct memo) <= SESSION_MEMO, "memo");

static struct memo load(const struct session *session)
{
	struct memo memo;
	memcpy(&memo, session->memo, sizeof memo);
	return memo;
}

static void save(struct session *session, const struct memo *memo)
{
	memcpy(session->memo, memo, sizeof *memo);
}

// Sniffing --------------------------------------------------------------------

static enum probe match(const uint8_t *data, size_t len, const char *word)
{
	const size_t all = strlen(word);
	if (memcmp(data, word, len < all ? len : all) != 0)
		return PROBE_NO;
	return len < all ? PROBE_MORE : PROBE_YES;
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	static const char *const starts[] = {"GET /", "POST /", "PUT /", "HEAD /", "GET http://",
		"POST http://", "PUT http://", "HEAD http://"};
	enum probe best = PROBE_NO;
	for (size_t i = 0; !datagram && i < sizeof starts / sizeof starts[0]; i++) {
		const enum probe one = match(data, len, starts[i]);
		if (one > best)
			best = one;
	}
	return best;
}

// Framing ---------------------------------------------------------------------

static bool is_json(struct text type)
{
	return fields_is_word(type, "APPLICATION/JSON");
}

// Returns the query if it counts, else an empty one.
static struct text query_of(const struct osmand_http_head *head)
{
	const bool has_body = head->chunked || head->body_len > 0;
	return has_body && is_json(head->type) ? (struct text){"", 0} : head->query;
}

static enum ending ending_of(const struct osmand_http_head *head)
{
	return head->says_close  ? ENDING_SAYS_CLOSE
	       : head->closes    ? ENDING_CLOSE
	       : head->says_keep ? ENDING_SAYS_KEEP
				 : ENDING_OPEN;
}

static struct frame finish(struct session *session, struct memo memo, size_t len)
{
	memo.need = memo.head = memo.chunk_at = memo.chunk_sum = 0;
	memo.lines = 0;
	save(session, &memo);
	return (struct frame){FRAME_OK, len};
}

static struct frame wait_for(struct session *session, struct memo memo, size_t need)
{
	memo.need = (uint32_t)need;
	save(session, &memo);
	return (struct frame){FRAME_MORE, need};
}

// Cuts at the end of the chunks, or where they are faulty.
static struct frame cut_chunks(
	struct session *session, struct memo memo, const uint8_t *data, size_t len)
{
	struct osmand_http_chunks chunks = {.at = memo.chunk_at, .sum = memo.chunk_sum};
	if (osmand_http_follow_chunks(data, len, FRAME, &chunks, NULL) != OSMAND_HTTP_MORE)
		return finish(session, memo, chunks.at);
	memo.chunk_at = (uint32_t)chunks.at;
	memo.chunk_sum = (uint32_t)chunks.sum;
	save(session, &memo);
	return (struct frame){FRAME_MORE, len + 1};
}

// Cuts a body whose head was a frame of its own.
static struct frame cut_body(
	struct session *session, struct memo memo, const uint8_t *data, size_t len)
{
	if (memo.body_chunked)
		return cut_chunks(session, memo, data, len);
	if (len < memo.body_len)
		return wait_for(session, memo, memo.body_len);
	return finish(session, memo, memo.body_len);
}

// Leaves where the query is to decode(), so that the head is read once.
static struct frame finish_request(struct session *session, struct memo memo, const uint8_t *data,
	const struct osmand_http_head *head)
{
	const struct text query = query_of(head);
	memo.query = query.len > 0 ? (uint16_t)((const uint8_t *)query.data - data) : 0;
	memo.query_len = (uint16_t)query.len;
	memo.ending = (uint8_t)ending_of(head);
	return finish(session, memo, head->len + head->body_len);
}

static struct frame cut_request(
	struct session *session, struct memo memo, const uint8_t *data, size_t len)
{
	struct osmand_http_head head;
	const enum osmand_http_state state = osmand_http_read_head(data, len, &head);
	if (state == OSMAND_HTTP_MORE)
		return (struct frame){FRAME_MORE, len + 1};
	if (state == OSMAND_HTTP_BAD)
		return finish(session, memo, head.len);
	if (head.chunked) {
		memo.head = memo.chunk_at = (uint32_t)head.len;
		const struct frame frame = cut_chunks(session, memo, data, len);
		if (frame.kind == FRAME_MORE && head.expects)
			return finish(session, memo, head.len);
		return frame;
	}
	if (len >= head.len + head.body_len)
		return finish_request(session, memo, data, &head);
	if (head.expects)
		return finish(session, memo, head.len);
	return wait_for(session, memo, head.len + head.body_len);
}

// Returns the length of an empty line at the head of the bytes; 0: there is none, or it is incomplete.
static size_t empty_line(const uint8_t *data, size_t len)
{
	return data[0] == '\n' ? 1 : len > 1 && data[0] == '\r' && data[1] == '\n' ? 2 : 0;
}

static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	struct memo memo = load(session);
	if (len < memo.need)
		return (struct frame){FRAME_MORE, memo.need};
	if (memo.is_body)
		return cut_body(session, memo, data, len);
	if (memo.head > 0)
		return cut_chunks(session, memo, data, len);
	if (len == 0 || (len == 1 && data[0] == '\r'))
		return (struct frame){FRAME_MORE, len + 1};
	const size_t empty = empty_line(data, len);
	if (empty > 0 && memo.lines < LINES_MOST) {
		memo.lines++;
		save(session, &memo);
		return (struct frame){FRAME_SKIP, empty};
	}
	return cut_request(session, memo, data, len);
}

// Answers ---------------------------------------------------------------------

static char *put(char *out, const char *text)
{
	return fields_put(out, text, strlen(text));
}

static void answer(struct decoded *out, enum reply_when when, const char *status,
	const char *reason, enum ending ending)
{
	char reply[256], *end = put(reply, "HTTP/1.1 ");
	end = put(end, status);
	*end++ = ' ';
	end = put(end, reason);
	end = put(end, "\r\nContent-Length: 0\r\n");
	if (ending == ENDING_SAYS_CLOSE)
		end = put(end, "Connection: close\r\n");
	if (ending == ENDING_SAYS_KEEP)
		end = put(end, "Connection: keep-alive\r\n");
	end = put(end, "\r\n");
	decoded_reply(out, when, reply, (size_t)(end - reply));
}

// Answers a request whose records are reports now, or rejects.
static enum decode_status confirm(struct decoded *out, bool json, enum ending ending)
{
	static const char stored[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const char refused[] = "HTTP/1.1 400 device not admitted\r\nContent-Length: "
				      "0\r\nConnection: close\r\n\r\n";
	static const char unknown[] = "HTTP/1.1 404 unknown device\r\nContent-Length: "
				      "0\r\nConnection: close\r\n\r\n";
	if (ending <= ENDING_CLOSE)
		decoded_reply(out, REPLY_STORED, stored, sizeof stored - 1);
	else
		answer(out, REPLY_STORED, "200", "OK", ending);
	if (json)
		decoded_reply(out, REPLY_REFUSED, unknown, sizeof unknown - 1);
	else
		decoded_reply(out, REPLY_REFUSED, refused, sizeof refused - 1);
	out->close = ending == ENDING_CLOSE || ending == ENDING_SAYS_CLOSE;
	return DECODE_OK;
}

// Refuses a request. One that is no tracker's comes from a scanner, unless the connection has named a device.
static enum decode_status refuse(
	const struct session *session, struct decoded *out, enum osmand_fault fault)
{
	answer(out, REPLY_NOW, faults[fault].status, faults[fault].reason, ENDING_SAYS_CLOSE);
	if (fault <= OSMAND_NO_IDENT && session->ident_len == 0)
		return DECODE_FOREIGN;
	out->close = true;
	if (fault == OSMAND_BAD_IDENT) {
		out->detail = "ident";
		return DECODE_BAD_VALUE;
	}
	out->detail = faults[fault].reason;
	return DECODE_DETAIL;
}

// Decoding --------------------------------------------------------------------

// Many clients send JSON with another type, or none.
static bool looks_like_json(struct text body)
{
	size_t at = 0;
	while (at < body.len && memchr(" \t\r\n", body.data[at], 4))
		at++;
	return at < body.len && body.data[at] == '{';
}

static enum decode_status decode_query(
	const struct osmand_message *m, struct text query, enum ending ending)
{
	const enum osmand_fault fault = osmand_query_decode(m, query);
	return fault == OSMAND_FINE ? confirm(m->out, false, ending)
				    : refuse(m->session, m->out, fault);
}

static enum decode_status decode_body(
	const struct osmand_message *m, struct text body, bool json, enum ending ending)
{
	if (!json && !looks_like_json(body))
		return decode_query(m, body, ending);
	const enum osmand_fault fault = osmand_json_decode(m, body);
	return fault == OSMAND_FINE ? confirm(m->out, true, ending)
				    : refuse(m->session, m->out, fault);
}

// Puts the bytes of the chunks, which begin at `start` and end with the frame, together.
static enum osmand_fault join_chunks(
	const struct osmand_message *m, size_t start, struct text *body)
{
	const uint8_t *data = (const uint8_t *)m->raw.data;
	struct osmand_http_chunks chunks = {.at = start};
	uint8_t *room = decoded_arena(m->out, m->raw.len - start);
	if (!room)
		return OSMAND_LONG_BODY;
	if (osmand_http_follow_chunks(data, m->raw.len, FRAME, &chunks, room) != OSMAND_HTTP_WHOLE)
		return chunks.fault ? chunks.fault : OSMAND_BAD_CHUNK;
	*body = (struct text){(const char *)room, chunks.sum};
	return OSMAND_FINE;
}

// Decodes the body that followed 100 Continue.
static enum decode_status decode_late_body(const struct osmand_message *m)
{
	struct memo memo = load(m->session);
	struct text body = m->raw;
	memo.is_body = 0;
	save(m->session, &memo);
	const enum osmand_fault fault = memo.body_chunked ? join_chunks(m, 0, &body) : OSMAND_FINE;
	if (fault != OSMAND_FINE)
		return refuse(m->session, m->out, fault);
	return decode_body(m, body, memo.body_json, (enum ending)memo.body_ending);
}

// Asks for the body. One with a query does not count: it is not waited for.
static enum decode_status ask_for_body(
	const struct osmand_message *m, const struct osmand_http_head *head)
{
	static const char more[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct memo memo = load(m->session);
	const struct text query = query_of(head);
	if (query.len > 0)
		return decode_query(m, query, ENDING_SAYS_CLOSE);
	memo.is_body = 1;
	memo.body_len = (uint32_t)head->body_len;
	memo.body_chunked = head->chunked;
	memo.body_json = is_json(head->type);
	memo.body_ending = (uint8_t)ending_of(head);
	save(m->session, &memo);
	decoded_reply(m->out, REPLY_NOW, more, sizeof more - 1);
	return DECODE_IGNORED;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	const struct osmand_message m = {session, out, {(const char *)data, len}};
	struct osmand_http_head head;
	struct memo memo = load(session);
	if (memo.is_body)
		return decode_late_body(&m);
	if (memo.query_len > 0) {
		const struct text query = {(const char *)data + memo.query, memo.query_len};
		memo.query_len = 0;
		save(session, &memo);
		return decode_query(&m, query, (enum ending)memo.ending);
	}
	const enum osmand_http_state state = osmand_http_read_head(data, len, &head);
	if (state != OSMAND_HTTP_WHOLE)
		return refuse(
			session, out, state == OSMAND_HTTP_BAD ? head.fault : OSMAND_BAD_LINE);
	if (len == head.len && (head.chunked || head.body_len > 0))
		return ask_for_body(&m, &head);
	struct text body = {(const char *)data + head.len, len - head.len};
	const enum osmand_fault fault =
		head.chunked ? join_chunks(&m, head.len, &body) : OSMAND_FINE;
	if (fault != OSMAND_FINE)
		return refuse(session, out, fault);
	const struct text query = body.len > 0 ? query_of(&head) : head.query;
	if (query.len > 0)
		return decode_query(&m, query, ending_of(&head));
	return decode_body(&m, body, is_json(head.type), ending_of(&head));
}

const struct decoder decoder_osmand = {
	.name = "osmand",
	.transports = "TCP",
	.confirmed_by = "the method of an HTTP request; it must name a device",
	.acknowledges = "data with 200 once stored, in the order of the requests",
	.frame_max = FRAME,
	.in_order = true,
	.probe = probe,
	.frame = frame,
	.decode = decode,
};
