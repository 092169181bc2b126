// SPDX-License-Identifier: MIT
// Traces: shows what one tracker sends, and what becomes of it, to those who watch its ident.
//
//   {"event":"connection",...}    a connection, or a UDP sender, whose events follow
//   {"event":"frame",...}         its bytes, the reports and rejects decoded from them, replies, outcome
//   {"event":"command",...}       bytes sent to the tracker as a command
//   {"event":"stored",...}        the database has the frames up to this LSN
//   {"event":"disconnected",...}  why
//
// Frames of a conversation that has not named an ident yet are kept, within limits (intake/trace_early.h), and are
// shown once it names one that is watched. Nothing is allocated unless somebody watches; then each event is for as long as
// it is written. Without watchers intake->trace is NULL, which is all that a frame's way through the intake asks.
#ifndef AVLD_INTAKE_TRACE_H
#define AVLD_INTAKE_TRACE_H

#include "intake/conversation_data.h"
#include "util/list.h"

#define TRACE_WATCHERS 32 /* at once, at most */

struct trace_watcher {
	struct list link;
	char ident[IDENT_MAX];
	uint8_t ident_len;
	const struct conversation *shown; /* whose events were written last; NULL: none */
	uint64_t open_lsn, newest_lsn;    /* of frames that are not stored yet; 0: none */
	// Takes an event: a JSON object in printable ASCII, without a line end. Must neither block nor call trace_watch or trace_unwatch.
	void (*write)(struct trace_watcher *watcher, struct text event);
};

// Returns true if it can be an ident: 1..IDENT_MAX bytes of [0-9A-Za-z._:-].
bool trace_is_ident(struct text ident);

// Adds the watcher, whose write is set, for this ident. Returns false if there are TRACE_WATCHERS, or out of memory.
bool trace_watch(struct intake *intake, struct trace_watcher *watcher, struct text ident);
// Removes it. The last one frees everything.
void trace_unwatch(struct intake *intake, struct trace_watcher *watcher);
// Writes an event "watching" to the watcher: whether the device is known and connected.
void trace_greet(const struct intake *intake, struct trace_watcher *watcher);
// To be called once per turn while intake->trace is set: the database has everything up to this LSN.
void trace_stored(struct intake *intake, uint64_t lsn);

// ---- For conversations, while intake->trace is set.

// A frame from the time it is decoded until it is known what became of it.
struct trace_frame {
	struct text bytes; /* of the frame; empty: what was held has become something */
	uint32_t wanted;   /* bit n: by the n-th watcher */
	bool is_early;     /* to be kept: no ident yet */
	char *decoded;     /* JSON objects separated by commas; NULL: none */
	uint32_t left_out; /* reports and rejects beyond DECODED_TEXT_MOST */
	uint64_t lsn, withheld;
	struct trace_frame *outer; /* of the conversation that this one's beginning has ended */
	int64_t command_id;        /* avld.commands.id */
	size_t command_len;        /* 0: no command was sent */
	uint8_t command[COMMAND_FRAME_MAX];
};

// Keeps what has been decoded, before the intake removes what it refuses.
void trace_frame_begin(struct intake *intake, struct trace_frame *frame,
	const struct conversation *conversation, const struct decoded *decoded, struct text bytes);
// Writes the event. replies: bit n for each kind of reply (enum reply_when) that was sent.
void trace_frame_end(struct intake *intake, struct trace_frame *frame,
	const struct conversation *conversation, const struct decoded *decoded, unsigned replies);
// Bytes of which no frame could be made.
void trace_unusable(struct intake *intake, const struct conversation *conversation,
	const char *reason, struct text bytes);
// Writes the command with this avld.commands.id, after the event of the frame at hand.
void trace_command(struct intake *intake, const struct conversation *conversation, int64_t id,
	const uint8_t *data, size_t len);
// The conversation ends.
void trace_ended(
	struct intake *intake, const struct conversation *conversation, const char *reason);

#endif
