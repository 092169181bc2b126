// SPDX-License-Identifier: MIT
// Decodes the frames of a journal again and appends, as reports, those that were rejected and can be decoded now. The
// next avld serve stores them.
#ifndef AVLD_CLI_REDECODE_H
#define AVLD_CLI_REDECODE_H

#include "journal/journal.h"

struct redecoded {
	uint64_t frames, rejects; /* decoded again */
	uint64_t found;           /* reports recovered from rejects */
	uint64_t known; /* of these, already in the journal: recovered by an earlier run */
};

// dir: a journal that no process has open. On false error (JOURNAL_ERROR_SIZE bytes) holds the reason.
bool redecode_journal(const char *dir, journal_finding *finding, void *context,
	struct redecoded *done, char *error);

#endif
