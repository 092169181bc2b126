// SPDX-License-Identifier: MIT
// Counts scanners (feed/scanner.h) by kind, selects those that get rows: the first of each address (IPv6: /64) in an hour;
// and logs them in one line a minute.
#ifndef AVLD_INTAKE_SCANNERS_H
#define AVLD_INTAKE_SCANNERS_H

#include "feed/scanner.h"
#include "model/peer.h"

#include <stdbool.h>

#define SCANNERS_ADDRESSES                                                                         \
	8192 /* remembered; a new one takes the place of one with the same hash */
#define SCANNERS_S     3600
#define SCANNERS_LOG_S 60 /* between lines */
#define SCANNERS_TEXT  1024

struct scanners {
	uint64_t counts[SCANNER_KINDS_MAX];
	uint64_t logged[SCANNER_KINDS_MAX]; /* the counts when logged last */
	uint32_t logged_s;                  /* 0: never */
	uint32_t lines;                     /* logged */
	uint32_t addresses;                 /* since the last line */
	struct peer example;                /* the newest address of these, and its kind: */
	int example_kind;
	struct {
		uint8_t key[16];
		uint32_t since_s; /* 0: free */
		uint32_t line;    /* 1 + `lines` when it was counted in `addresses` */
	} seen[SCANNERS_ADDRESSES];
};

// Counts a scanner of this kind (scanner_index). Returns true if it is the first of its address within SCANNERS_S. now_s:
// a clock that starts above 0.
bool scanners_note(struct scanners *scanners, const struct peer *peer, int kind, uint32_t now_s);

// Writes the log line about the scanners since the last one into out, which has room for SCANNERS_TEXT. Returns false if
// none is due: there were no scanners, or the last line is younger than SCANNERS_LOG_S (ends: that does not matter).
bool scanners_line(struct scanners *scanners, uint32_t now_s, bool ends, char *out);
// Logs that line. To be called once a second, and at the end.
void scanners_log(struct scanners *scanners, uint32_t now_s, bool ends);

#endif
