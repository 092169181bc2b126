// SPDX-License-Identifier: MIT
// Peers that send more than their share (docs/fairness.md) for long: counted, and one a minute is named in the log. Asked
// only when a peer without a share left has sent something, which is once for each read of its socket at most.
#ifndef AVLD_NET_ABOVE_SHARE_H
#define AVLD_NET_ABOVE_SHARE_H

#include "intake/conversation_data.h"

// So long on end a peer is above its share before it counts. A tracker's backlog of a day (8,640 reports, one every 10 s) at
// 1,000 reports a second is not: 4,096 of them are within its share, the others take 4.5 s.
#define ABOVE_SHARE_S       5
#define ABOVE_SHARE_PAUSE_S 2  /* after which it begins anew */
#define ABOVE_SHARE_LOG_S   60 /* between log lines */

// Of one connection. Zeroed it was never above its share.
struct above_share {
	uint32_t first_s, last_s; /* clock_coarse_s: of this time above its share */
	uint32_t frames, rejects; /* of the feed, at its begin */
	uint64_t bytes;           /* of the conversation, likewise */
	bool begun, counted;
};

// Of all.
struct above_share_log {
	uint64_t peers;    /* counted so far */
	uint32_t logged_s; /* 0: never */
};

// Notes that the peer has sent something, and nothing is left of its share. Returns true if it was logged.
bool above_share_note(struct above_share_log *log, struct above_share *above,
	const struct conversation *conversation, uint32_t now_s);

#endif
