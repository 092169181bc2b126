// SPDX-License-Identifier: MIT
// What the text and the binary records of the H02 share: the session's memo, the status word, cells.
#ifndef AVLD_DECODERS_H02_REPORT_H
#define AVLD_DECODERS_H02_REPORT_H

#include "decoders/fields.h"

// Offsets in session.memo.
#define H02_MEMO_LETTERS 0 /* 2 bytes: the maker's letters that the device used; 0: HQ */
#define H02_MEMO_BINARY  2 /* 1 byte: length of the binary records; 0: unknown */
#define H02_MEMO_LOST    3 /* 1 byte: the bytes just cut are undecodable */
#define H02_MEMO_GARBAGE 4 /* 2 bytes: undecodable bytes since the last frame */
#define H02_MEMO_COMMAND 8 /* 4 bytes: second of the day of the last command, plus 1; 0: none */

// The device's block.
struct h02_device {
	uint64_t fallen; /* the bits that are 0 in the last status word */
};

// The maker's letters for what is sent to the device, two bytes.
const char *h02_report_letters(const struct session *session);

// Sets ignition, status and alarms from a status word. text: its 8 digits.
void h02_report_status(struct session *session, struct report *report, uint32_t word,
	struct text text, struct decoded *out);

#endif
