// SPDX-License-Identifier: MIT
// The contract of a protocol decoder. A file in src/decoders and a line in src/feed/registry_decoders.c make a decoder.
// Decoders are pure: they read const bytes and the session and write into the caller's struct decoded; no malloc,
// clock, log, global or I/O.
#ifndef AVLD_PROTOCOL_DECODER_H
#define AVLD_PROTOCOL_DECODER_H

#include "model/command.h"
#include "model/report.h"
#include "protocol/decoded.h"
#include "protocol/extra.h"
#include "protocol/session.h"

// Limits in bytes. A decoder may declare larger ones, up to the second of each pair.
#define FRAME_CAP  4096  /* frame_max of a decoder that declares none */
#define FRAME_MOST 98304 /* of OsmAnd: head, body and the lengths of its chunks */
#define SNIFF_CAP  512   /* sniff_max of a decoder that declares none */
#define SNIFF_MOST 4096

// Whether bytes open a conversation in the decoder's protocol.
enum probe {
	PROBE_NO,    /* no, whatever follows */
	PROBE_MORE,  /* cannot say before more bytes come */
	PROBE_MAYBE, /* the shape fits */
	PROBE_YES,   /* a checksum fits, or length and terminator do */
};

// Where the frame at the head of the bytes ends.
enum frame_kind {
	FRAME_MORE, /* len = bytes needed at least, in all: > the len given, <= frame_max */
	FRAME_OPEN, /* all bytes are a frame unless more of it follows. len as with MORE. Called again
		       with more bytes, or with session.quiet when none came; never for a datagram */
	FRAME_OK,   /* len bytes are a frame: decode them */
	FRAME_SKIP, /* len bytes are filler (blank lines): drop them */
	FRAME_BAD,  /* framing is lost; len bytes (<= the len given) show it */
};
struct frame {
	enum frame_kind kind;
	size_t len;
};

// The result of encode_command.
enum encode_result {
	ENCODE_NEVER, /* the protocol has no such command, or it is too long: it fails */
	ENCODE_LATER, /* not in the present state of the session (before the log-in, say): the command stays pending
			 and is tried again after the next frame, and once a second, until it expires */
	ENCODE_DONE,
};
struct encoded {
	enum encode_result result;
	size_t len; /* DONE: bytes written, 1..cap */
	/* DONE: kept with the command until it has ended, also across a restart. If the command is sent again, the new
	 * number replaces the old one. */
	struct correlation correlation;
};

// What a report shows about a command.
enum confirmation {
	CONFIRMATION_NONE,
	CONFIRMATION_DONE,    /* the tracker has the command, or has carried it out */
	CONFIRMATION_REFUSED, /* the tracker refuses it, or failed to carry it out */
};

struct decoder {
	const char *name; /* lower case, at most 15 bytes: settings, tables, JSON */
	// For `avld protocols`, in words, each at most 64 bytes: "TCP, UDP" or "TCP"; what makes probe() answer YES; which
	// messages are acknowledged, and when (NULL: none).
	const char *transports, *confirmed_by, *acknowledges;
	// The longest frame; 0: FRAME_CAP. frame() never sees more bytes than this, so a longer frame is rejected however
	// the bytes are cut into reads. Return BAD as soon as its length shows. Datagrams over UDP have at most 4096 bytes.
	size_t frame_max;
	// The bytes within which probe() gives a verdict; 0: SNIFF_CAP. The largest of the decoders in use holds for all.
	size_t sniff_max;
	// Replies of any kind are sent in the order of their frames, as in HTTP: behind those that are held until the journal
	// has the data. Over TCP.
	bool in_order;
	// Blanks before the first frame (CR, LF, NUL, space) are dropped one by one, but only while no decoder is found by
	// the bytes that begin with them. datagram: no more bytes will come.
	enum probe (*probe)(const uint8_t *data, size_t len, bool datagram);
	struct frame (*frame)(struct session *session, const uint8_t *data, size_t len);
	// data, len: a whole frame as frame() cut it. What was found before need not be found again: frame() may leave what it
	// found in session.memo; and session.probed is true if probe() has returned YES for bytes that begin with this frame
	// and held all of it. So a decoder whose YES stands for a right checksum does not compute that of the first frame,
	// or of a datagram, a second time. It is false for a frame of which probe() saw only the start.
	enum decode_status (*decode)(
		struct session *session, const uint8_t *data, size_t len, struct decoded *out);
	size_t device_size; /* bytes of a device's block (device_memory_block); 0: none */
	// Called once a second while the session holds frames or has a photo: tries the held frames again (those received
	// before last_us for the last time) and requests missing photo parts again. NULL: does neither.
	void (*wake)(struct session *session, int64_t last_us, struct decoded *out);
	// Encodes the command, ready to send, into out. May change the session's memo: a serial that begins at 0 with each
	// connection is kept there. NULL: the protocol has no commands.
	struct encoded (*encode_command)(
		struct session *session, const struct command *command, uint8_t *out, size_t cap);
	// Returns what a report, received after the command was sent, shows about it. sent: what encode_command gave.
	// answer: the report's answer (decoded_answer), or NULL. For an answer without a report, *report has the ident only.
	// The JSON members in report->extra are not for parsing. NULL: reports show nothing.
	enum confirmation (*confirms_command)(const struct command *command,
		struct correlation sent, const struct report *report,
		const struct command_answer *answer);
};

// Returns the bytes of the decoder's longest frame.
static inline size_t decoder_frame_max(const struct decoder *decoder)
{
	return decoder->frame_max ? decoder->frame_max : FRAME_CAP;
}

// Returns true if the answer has the number that was sent with the command. answer may be NULL.
static inline bool decoder_answer_matches(
	const struct command_answer *answer, struct correlation sent)
{
	return answer && sent.known && answer->correlation.known &&
	       answer->correlation.number == sent.number;
}

// Returns what an answer to the command shows about it.
static inline enum confirmation decoder_answer_confirms(const struct command_answer *answer)
{
	return answer->result == ANSWER_REFUSED ? CONFIRMATION_REFUSED : CONFIRMATION_DONE;
}

#endif
