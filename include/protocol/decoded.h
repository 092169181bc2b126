// SPDX-License-Identifier: MIT
// The result of decoding one frame: reports, rejects and replies, in fixed arrays. Decoders fill it through the
// functions below, which enforce its limits.
#ifndef AVLD_PROTOCOL_DECODED_H
#define AVLD_PROTOCOL_DECODED_H

#include "model/command.h"
#include "model/held_mark.h"
#include "model/report.h"
#include "util/secret.h"

#define DECODED_REPORTS 256 /* reports of one frame, at most */
#define DECODED_REJECTS 64
#define DECODED_ANSWERS 64     /* answers to commands in one frame; further ones are ignored */
#define DECODED_REPLY   2048   /* bytes to send back for one frame, of each kind */
#define DECODED_ARENA   196608 /* bytes of extra members and other text of one frame */

struct session;

// The result for a whole frame. All but OK and IGNORED reject it.
enum decode_status {
	DECODE_OK,         /* decoded holds its content, which may be empty */
	DECODE_IGNORED,    /* valid, but nothing to store */
	DECODE_BAD_SUM,    /* "bad checksum" */
	DECODE_BAD_LENGTH, /* "bad length" */
	DECODE_BAD_VALUE,  /* "bad value"; decoded.detail names the field */
	DECODE_UNKNOWN,    /* "unknown message"; decoded.detail may say which */
	DECODE_DETAIL,     /* ""; decoded.detail is the whole reason */
	DECODE_FOREIGN, /* "unknown protocol": no tracker's bytes. Closes the conversation after its replies */
	DECODE_STATUS_COUNT
};

// The reason of the reject when a decoder breaks its contract. decoded.fault then holds the rule, for the log.
#define DECODED_FAULT "decoder fault"

// NOW: sent at once. STORED: sent once the journal holds the data. REFUSED: sent at once and in place of the others if the
// device is not admitted (blocked, unknown and so on). WRONG_PASSWORD: in place of REFUSED, if the password does not fit
// devices.secret; a protocol without such an answer leaves it out.
enum reply_when { REPLY_NOW, REPLY_STORED, REPLY_REFUSED, REPLY_WRONG_PASSWORD, REPLY_KINDS };

// Bytes that could not be used, and the reason.
struct reject {
	enum decode_status status;
	const char *detail; /* static text or NULL: "time" makes "bad value: time" */
	struct text raw;
	struct held_mark resolves; /* what was held and has become this reject; key 0: nothing */
};

// A report that is the result of something held.
struct resolved {
	struct held_mark mark;
	uint32_t report; /* index */
};

// An answer to a command, for decoder.confirms_command. It exists only while its frame is processed.
enum answer_result { ANSWER_GIVEN, ANSWER_DONE, ANSWER_REFUSED };
struct command_answer {
	uint16_t report; /* index of its report, or ANSWER_ALONE */
	uint8_t result; /* enum answer_result; GIVEN: does not show whether the command was carried out */
	struct correlation
		correlation; /* of the command that it answers, if the protocol has one */
};
#define ANSWER_ALONE UINT16_MAX /* without a report: there is nothing to store */

// Owned by the caller, who resets it before each frame (decoded_reset). Reports and rejects may point into the
// frame, the arena, the session or static text: they are valid until the next frame.
struct decoded {
	size_t report_count;
	size_t reject_count;
	size_t reply_len[REPLY_KINDS];
	size_t arena_len;
	const char *detail; /* see enum decode_status; static text or NULL */
	const char
		*fault; /* the rule of decoder.h that the decoder broke, static text; NULL: none */
	uint16_t resolved_count;
	uint16_t incomplete; /* number of reports when the newest got "incomplete", see extra.h */
	bool has_password;   /* see decoded_password */
	bool close; /* set by the decoder: close the connection after the replies; no effect over UDP */
	uint16_t answer_count;
	struct held_mark
		message;   /* the message of several parts that the frame completed; key 0: none */
	uint64_t *changed; /* in the device's block, see decoded_change; NULL: nothing */
	// decoded_reset leaves the following as they are: the counts above say how much of them is valid.
	struct text password;  /* valid if has_password */
	uint64_t changed_from; /* valid if changed: the value before */
	struct report reports[DECODED_REPORTS];
	struct reject rejects[DECODED_REJECTS];
	struct command_answer answers[DECODED_ANSWERS];
	struct resolved resolved[DECODED_REPORTS]; /* by rising index of the report */
	uint8_t reply[REPLY_KINDS][DECODED_REPLY];
	char arena[DECODED_ARENA];
};

// Empties *decoded, in constant time.
static inline void decoded_reset(struct decoded *decoded)
{
	// In pieces, as report_clear.
	enum { HALF = offsetof(struct decoded, password) / 2 };
	_Static_assert(offsetof(struct decoded, password) == 2 * HALF, "halves");
	memset(decoded, 0, HALF);
	memset((char *)decoded + HALF, 0, HALF);
}

// Appends an empty report with the session's ident, if known. Returns NULL when DECODED_REPORTS are used.
struct report *decoded_report(struct decoded *decoded, const struct session *session);

// Removes the newest report and its answers (its record turned out to be bad). What it resolves is unresolved again.
void decoded_drop_report(struct decoded *decoded);

// Rejects part of a frame. When DECODED_REJECTS are used, widens the last one to cover it as well.
void decoded_reject(struct decoded *decoded, enum decode_status status, const char *detail,
	const uint8_t *data, size_t len);

// Appends bytes to send back. A reply may carry the number of records accepted: that is the number of reports in *decoded,
// because later on a frame's reports are journaled all together, or none of them and no STORED reply is sent (the device is
// not admitted, or the decoder broke its contract). Records of another device that is not admitted become rejects; they
// count too, since sending them again would not help. Returns false and appends nothing when they do not fit.
bool decoded_reply(struct decoded *decoded, enum reply_when when, const void *data, size_t len);

// Passes the password or token of a log-in. It admits the session's device if it fits devices.secret, and is used for the
// following frames too; in a frame that is rejected its bytes are blanked only. data: where it is in the frame; or in the
// arena, then rejects have no bytes of the frame. One longer than DECODED_PASSWORD fits no secret.
#define DECODED_PASSWORD SECRET_PASSWORD_MAX
static inline void decoded_password(struct decoded *decoded, const void *data, size_t len)
{
	decoded->has_password = true;
	decoded->password = (struct text){data, len};
}
// Notes that the newest report is an answer to a command. correlation: {0} if the protocol has none.
void decoded_answer(
	struct decoded *decoded, enum answer_result result, struct correlation correlation);
// Notes an answer without a report. The session's ident is its device.
void decoded_answer_alone(
	struct decoded *decoded, enum answer_result result, struct correlation correlation);
// Returns the first answer of a report; NULL: none.
const struct command_answer *decoded_find_answer(const struct decoded *decoded, size_t report);
// Returns REFUSED if the text contains a word with which trackers refuse a command ("fail", "error", "invalid", in any
// case), else GIVEN.
enum answer_result decoded_judge_text(const void *text, size_t len);
// Returns len bytes of the arena, which are kept as long as the reports; NULL when the arena has fewer left. Not between
// the members (protocol/extra.h) of one report.
uint8_t *decoded_arena(struct decoded *decoded, size_t len);

// Returns the bytes without their 7D escapes (util/escape.h), kept in the arena; data NULL: an escape is wrong, or the
// arena is full.
struct text decoded_undo_7d(struct decoded *decoded, const uint8_t *data, size_t len);

// Notes that the newest report is the result of what has this mark. A mark without a key is ignored.
void decoded_resolve(struct decoded *decoded, struct held_mark mark);

// Sets a value in the device's block (device_memory_block) that tells what has been reported, such as the alarms that are
// raised: if the device is not admitted, the frame's reports are rejects, and decoded_undo restores the value. One value per
// frame; it may be set several times.
void decoded_change(struct decoded *decoded, uint64_t *value, uint64_t to);
// For the caller of the decoder, before device memory is used again.
void decoded_undo(struct decoded *decoded);

// Removes a report, index below report_count. Returns the mark of what it resolves; key 0: nothing.
struct held_mark decoded_remove_report(struct decoded *decoded, size_t index);

// Rejects bytes that were held, as decoded_reject does, but copies them into the arena. Returns false and does nothing if
// there is no room.
bool decoded_reject_held(struct decoded *decoded, enum decode_status status, const char *detail,
	struct text held, struct held_mark mark);

// Returns "bad value" for DECODE_BAD_VALUE and so on; "" for OK, IGNORED and DETAIL.
const char *decoded_status_text(enum decode_status status);

// Writes the whole reason of a reject as it stands in SQL and JSON, "bad value: time", with a NUL. Returns its
// length.
#define DECODED_REASON_MAX 96
size_t decoded_reject_reason(const struct reject *reject, char out[DECODED_REASON_MAX]);

#endif
