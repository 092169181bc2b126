// SPDX-License-Identifier: MIT
// What a protocol decoder is. One file in src/decoders and one line in registry.c make a decoder.
// Decoders are pure: const input, output into the caller's batch; no malloc, clock, log, global or I/O.
#ifndef AVLD_PROTOCOL_DECODER_H
#define AVLD_PROTOCOL_DECODER_H

#include "model/command.h"
#include "model/report.h"

#define FRAME_CAP       4096 /* no frame is longer; FRAME_MORE never asks for more in all */
#define DECODED_REPORTS 256  /* reports one frame may hold */
#define DECODED_REJECTS 64
#define DECODED_REPLY   2048  /* bytes to send back for one frame, of each kind */
#define DECODED_ARENA   65536 /* extra members and other text of one frame */
#define SESSION_MEMO    32

// Does this open a conversation in the decoder's protocol?
enum probe {
	PROBE_NO,    /* no, whatever follows */
	PROBE_MORE,  /* cannot say before more bytes come */
	PROBE_MAYBE, /* the shape fits */
	PROBE_YES,   /* a checksum fits, or length and terminator do */
};

// Where does the frame at the head of the bytes end?
enum frame_kind {
	FRAME_MORE, /* len = least total wanted, > the len given, <= FRAME_CAP */
	FRAME_OPEN, /* all bytes are a frame unless more of it follows. len as with MORE. Asked again
		       with more bytes, or with session.quiet when none came; never on a datagram */
	FRAME_OK,   /* len bytes are a frame: decode them */
	FRAME_SKIP, /* len bytes are filler (blank lines): drop them without a word */
	FRAME_BAD,  /* framing is lost; len bytes (<= what there is) show it */
};
struct frame {
	enum frame_kind kind;
	size_t len;
};

// What became of a frame. All but OK and IGNORED are a reject of the whole frame.
enum decode_status {
	DECODE_OK,         /* the batch holds what it said, which may be nothing */
	DECODE_IGNORED,    /* understood, nothing to store, nothing wrong */
	DECODE_BAD_SUM,    /* "bad checksum" */
	DECODE_BAD_LENGTH, /* "bad length" */
	DECODE_BAD_VALUE,  /* "bad value", batch.detail names the field */
	DECODE_UNKNOWN,    /* "unknown message", batch.detail may say which */
	DECODE_DETAIL,     /* "", batch.detail is the whole reason */
	DECODE_STATUS_COUNT
};

struct decoder;
struct device_memory; /* memory.h */
struct hold;
struct photo; /* photo.h */
struct photos;

// One conversation: a TCP connection, or a UDP sender. Decoders read all of it and write ident and memo.
struct session {
	int64_t received_us;           /* when the bytes at hand came: UTC, µs since 1970 */
	int64_t now_us;                /* for wake(): the clock */
	uint8_t ident_len;             /* 0 until known */
	char ident[IDENT_MAX];         /* not NUL-terminated */
	bool datagram;                 /* UDP: the end of the bytes is the end of the frame */
	bool quiet;                    /* nothing followed for a while, or will: nothing is OPEN */
	uint8_t memo[SESSION_MEMO];    /* the protocol's own, all 0 at first; go through memcpy */
	const struct decoder *decoder; /* who is asked */
	struct device_memory *memory;  /* what is remembered beyond a frame; NULL: nothing */
	struct hold *held;             /* frames that wait; NULL: none did so far */
	void *device;                  /* memory's: what session_device found last, */
	uint64_t device_forgotten;     /* and until when it holds */
	struct photos *photos;         /* of all conversations; NULL: none are fetched */
	struct photo *photo;           /* the one that is being fetched */
	struct photo *finished;        /* those that wait for the journal */
};

enum reply_when { REPLY_NOW, REPLY_STORED, REPLY_KINDS };

// A part of the input that could not be used.
struct reject {
	enum decode_status status;
	const char *detail; /* static text or NULL: "time" makes "bad value: time" */
	struct text raw;
};

// What one frame said. The caller owns it, and gives it empty (decoded_reset); reports and rejects may point
// into the frame, into the arena, into the session or into static text: use them before the next frame.
struct decoded {
	size_t report_count;
	size_t reject_count;
	size_t reply_len[REPLY_KINDS];
	size_t arena_len;
	const char *detail; /* see enum decode_status; static text or NULL */
	struct report reports[DECODED_REPORTS];
	struct reject rejects[DECODED_REJECTS];
	uint8_t reply[REPLY_KINDS][DECODED_REPLY];
	char arena[DECODED_ARENA];
};

struct decoder {
	const char *name; /* lower case, at most 15 bytes: settings, tables, JSON */
	// Leading CR, LF, NUL and space are gone already. datagram: no more bytes will come.
	enum probe (*probe)(const uint8_t *data, size_t len, bool datagram);
	struct frame (*frame)(struct session *session, const uint8_t *data, size_t len);
	// data, len: a whole frame as frame() cut it.
	enum decode_status (*decode)(
		struct session *session, const uint8_t *data, size_t len, struct decoded *out);
	size_t device_size; /* of what it remembers of a device (session_device); 0: nothing */
	// Once a second: tries again what the session holds (what came before last_us has no other chance),
	// asks again for what a photo lacks. NULL: there is nothing of the kind.
	void (*wake)(struct session *session, int64_t last_us, struct decoded *out);
	// The command in the protocol's words, ready to send. Returns their length; 0: the protocol has none for it.
	size_t (*encode_command)(const struct session *session, const struct command *command,
		uint8_t *out, size_t cap); /* NULL: takes no commands */
	// Does the report, which came after the command was sent, show that the device has it? NULL: none does.
	bool (*confirms_command)(const struct command *command, const struct report *report);
};

// batch.c ------------------------------------------------------------------------------------------
void decoded_reset(struct decoded *batch);
// The next report, cleared, with ident taken from the session if known; NULL when DECODED_REPORTS are used.
struct report *decoded_report(struct decoded *batch, const struct session *session);
// Takes back the newest report (its record turned out to be bad).
void decoded_drop_report(struct decoded *batch);
// Rejects part of a frame. When DECODED_REJECTS are used the last one is widened to cover it as well.
void decoded_reject(struct decoded *batch, enum decode_status status, const char *detail,
	const uint8_t *data, size_t len);
// Appends bytes to send back. False (and nothing is appended) when they do not fit.
bool decoded_reply(struct decoded *batch, enum reply_when when, const void *data, size_t len);
// Add "name":value to the report's extra, which must be the newest of the batch. name: a constant, plain
// ASCII. Nothing is added when EXTRA_MAX or the arena is full. Text: bytes that are not UTF-8 become
// U+FFFD, control characters are escaped, NUL is left out.
void extra_int(struct decoded *batch, struct report *report, const char *name, int64_t value);
// value / 10^decimals: extra_fixed(..., 1234, 2) is 12.34
void extra_fixed(struct decoded *batch, struct report *report, const char *name, int64_t value,
	unsigned decimals);
void extra_bool(struct decoded *batch, struct report *report, const char *name, bool value);
void extra_text(struct decoded *batch, struct report *report, const char *name, const void *data,
	size_t len);
// value as lower-case hex text
void extra_hex(struct decoded *batch, struct report *report, const char *name, const void *data,
	size_t len);

// session: sets the ident; false (and no change) unless it is 1..IDENT_MAX bytes of [0-9A-Za-z._:-].
bool session_set_ident(struct session *session, const void *data, size_t len);

// "bad value" for DECODE_BAD_VALUE and so on; "" for OK, IGNORED and DETAIL.
const char *decode_status_text(enum decode_status status);

#endif
