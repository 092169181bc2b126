// SPDX-License-Identifier: MIT
// Whether the writer is behind: the journal holds more than the database stores in a short time, as fast as it was lately.
#ifndef AVLD_WRITER_BACKLOG_H
#define AVLD_WRITER_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#define BACKLOG_S     0.15        /* of storing, that may be pending */
#define BACKLOG_LEAST (512 << 10) /* bytes of the journal that may be pending in any case */

// Zeroed it has measured nothing.
struct backlog {
	double bytes_per_s; /* moving average over batches; 0: none yet */
	bool behind;
};

// Notes that a batch of so many bytes of the journal was stored in this time.
void backlog_stored(struct backlog *backlog, uint64_t bytes, double seconds);
// BEHIND: more is pending than BACKLOG_S of storing, at most two full batches of that many bytes: enough for the database
// never to be idle. Lasts until three quarters of that are pending. FAR: behind by two full batches, however fast it is.
enum backlog_state { BACKLOG_SMALL, BACKLOG_BEHIND, BACKLOG_FAR };
enum backlog_state backlog_state(struct backlog *backlog, uint64_t pending, uint64_t full_batch);

#endif
