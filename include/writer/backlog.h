// SPDX-License-Identifier: MIT
// Whether the writer is behind: the journal holds more than the database stores in a short time, as fast as it was lately.
#ifndef AVLD_WRITER_BACKLOG_H
#define AVLD_WRITER_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#define BACKLOG_S 1. /* of storing, that may be pending */

// Zeroed it has measured nothing.
struct backlog {
	double bytes_per_s; /* moving average over batches; 0: none yet */
	bool behind;
};

// Notes that a batch of so many bytes of the journal was stored in this time.
void backlog_stored(struct backlog *backlog, uint64_t bytes, double seconds);
// BEHIND: more is pending than BACKLOG_S of storing, at least one full batch of that many bytes and at most two: enough for
// the database never to be idle, and for batches that are not mostly overhead. Lasts until three quarters of that are
// pending. FAR: behind by two full batches, however fast it is.
enum backlog_state { BACKLOG_SMALL, BACKLOG_BEHIND, BACKLOG_FAR };
enum backlog_state backlog_state(struct backlog *backlog, uint64_t pending, uint64_t full_batch);

#endif
