// SPDX-License-Identifier: MIT
// H02: SinoTrack ST-901 and its relatives, Cantrack, LKGPS, TKSTAR and many clones: framing and sniffing. TCP and UDP.
//
//   *HQ,id,type, ... #           text, h02_text.c            CR LF may follow; Z and blanks pad
//   $ ...                        binary, h02_binary.c        32, 45, 46, 42 or 48 bytes, without a mark of the length
//   X ...                        binary, 32 bytes            within a connection only
//
// A binary record ends where the bytes end or another record begins. The length is remembered for the connection.
#include "decoders/decoders.h"
#include "decoders/garbage.h"
#include "decoders/h02/h02_binary.h"
#include "decoders/h02/h02_command.h"
#include "decoders/h02/h02_report.h"
#include "decoders/h02/h02_text.h"

#define TEXT_MOST   1024
#define X_LEN       32
#define BINARY_MOST 48

static const uint8_t lengths[] = {32, 45, 46, 42, BINARY_MOST};

static bool is_filler(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == 0 || c == 'Z';
}

static struct frame frame_text(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '#', len);
	if (end)
		return (struct frame){FRAME_OK, (size_t)(end - data) + 1};
	return len < TEXT_MOST ? (struct frame){FRAME_MORE, len + 1} : (struct frame){FRAME_OK, 1};
}

// How a length agrees with the bytes.
enum fit { FIT_NO, FIT_MORE, FIT_END, FIT_YES };

// END: the bytes end there. MORE: too few bytes follow to tell.
static enum fit fit(const struct session *session, const uint8_t *data, size_t len, size_t length)
{
	const bool last = session->datagram || session->quiet;
	if (len < length)
		return last ? FIT_NO : FIT_MORE;
	if (len == length)
		return FIT_END;
	if (data[length] != '$')
		return data[length] == '*' || data[length] == 'X' ? FIT_YES : FIT_NO;
	const size_t left = len - length < 6 ? len - length : 6;
	if (memcmp(data, data + length, left) != 0)
		return FIT_NO;
	return left == 6 || last ? FIT_YES : FIT_MORE;
}

static struct frame frame_binary(struct session *session, const uint8_t *data, size_t len)
{
	const bool last = session->datagram || session->quiet;
	const size_t known = session->memo[H02_MEMO_BINARY];
	size_t length = 0;
	enum fit found = known ? fit(session, data, len, known) : FIT_NO;
	if (found == FIT_END || found == FIT_YES)
		return (struct frame){FRAME_OK, known};
	bool is_end = false;
	for (size_t i = 0; i < sizeof lengths && found != FIT_MORE && length == 0; i++) {
		const enum fit each = fit(session, data, len, lengths[i]);
		if (each == FIT_YES || (each == FIT_END && last))
			length = lengths[i];
		else if (each == FIT_MORE && len > lengths[i])
			return (struct frame){FRAME_MORE, len + 1};
		is_end |= each == FIT_END;
	}
	if (length > 0) {
		session->memo[H02_MEMO_BINARY] = (uint8_t)length;
		return (struct frame){FRAME_OK, length};
	}
	for (size_t i = 0; i < sizeof lengths; i++)
		is_end |= len == lengths[i];
	if (is_end)
		return (struct frame){FRAME_OPEN, len + 1};
	return len < BINARY_MOST || found == FIT_MORE ? (struct frame){FRAME_MORE, len + 1}
						      : (struct frame){FRAME_OK, 1};
}

static struct frame cut(struct session *session, const uint8_t *data, size_t len)
{
	size_t filler = 0;
	switch (data[0]) {
	case '*':
		return frame_text(data, len);
	case '$':
		return frame_binary(session, data, len);
	case 'X':
		return len < X_LEN ? (struct frame){FRAME_MORE, X_LEN}
				   : (struct frame){FRAME_OK, X_LEN};
	default:
		while (filler < len && is_filler(data[filler]))
			filler++;
		return filler > 0 ? (struct frame){FRAME_SKIP, filler}
				  : (struct frame){FRAME_OK, 1};
	}
}

// Undecodable bytes are a frame of their own, up to the next start of a record, and a reject.
static struct frame frame(struct session *session, const uint8_t *data, size_t len)
{
	if (len == 0)
		return (struct frame){FRAME_MORE, 1};
	struct frame frame = cut(session, data, len);
	if (frame.kind != FRAME_OK)
		return frame;
	session->memo[H02_MEMO_LOST] = frame.len == 1;
	if (frame.len > 1) {
		memset(session->memo + H02_MEMO_GARBAGE, 0, 2);
		return frame;
	}
	while (frame.len < len && !is_filler(data[frame.len]) && !memchr("*$X", data[frame.len], 3))
		frame.len++;
	if (!garbage_count(session->memo + H02_MEMO_GARBAGE, frame.len, GARBAGE_MOST))
		frame.kind = FRAME_BAD;
	return frame;
}

static enum decode_status decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out)
{
	if (session->memo[H02_MEMO_LOST]) {
		out->detail = "framing lost";
		return DECODE_DETAIL;
	}
	return data[0] == '*' ? h02_text_decode(session, data, len, out)
			      : h02_binary_decode(session, data, len, out);
}

static enum probe probe(const uint8_t *data, size_t len, bool datagram)
{
	enum probe verdict = PROBE_NO;
	if (len == 0)
		verdict = PROBE_MORE;
	else if (data[0] == '*')
		verdict = h02_text_probe(data, len);
	else if (data[0] == '$')
		verdict = h02_binary_probe(data, len);
	return datagram && verdict == PROBE_MORE ? PROBE_NO : verdict;
}

const struct decoder decoder_h02 = {
	.name = "h02",
	.transports = "TCP, UDP",
	.confirmed_by = "a text record with its #",
	.acknowledges = "heartbeat at once, positions once stored",
	.frame_max = TEXT_MOST,
	.sniff_max = TEXT_MOST,
	.probe = probe,
	.frame = frame,
	.decode = decode,
	.device_size = sizeof(struct h02_device),
	.encode_command = h02_command_encode,
	.confirms_command = h02_command_confirms,
};
