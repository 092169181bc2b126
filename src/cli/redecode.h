// SPDX-License-Identifier: MIT
// A journal's frames through today's decoders: what was rejected and can be read now is put behind the
// rest as reports, for the next avld serve to store.
#ifndef AVLD_CLI_REDECODE_H
#define AVLD_CLI_REDECODE_H

#include "journal/journal.h"

struct redecoded {
	uint64_t frames, rejects; /* looked at */
	uint64_t found;           /* reports made of what was rejected; */
	uint64_t known;           /* of these in the journal already: recovered before */
};

// dir: a folder whose avld does not run. False: error (JOURNAL_ERROR_SIZE bytes) holds the reason for a person.
bool redecode_journal(const char *dir, journal_finding *finding, void *context,
	struct redecoded *done, char *error);

#endif
