// SPDX-License-Identifier: MIT
// The numbers of the writer, since the process started.
#ifndef AVLD_WRITER_WRITER_COUNTERS_H
#define AVLD_WRITER_WRITER_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

struct writer_counters {
	uint64_t batches;
	uint64_t rows_positions, rows_statuses, rows_alarms, rows_rejects; /* stored */
	uint64_t duplicates; /* reports that were stored before */
	uint64_t refused;    /* entries whose rows the database refused; stored as rejects */
	uint64_t retries;    /* connections lost and batches sent again */
	uint64_t blocked;    /* reports of blocked devices, dropped */
	uint64_t lsn;        /* everything below is stored */
	uint64_t state_lsn;  /* device_state is complete up to here */
	bool connected;      /* the session is ready to write */
	char problem[288];   /* what is wrong with the tables, and its remedy; "": nothing known */
};

#endif
