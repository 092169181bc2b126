// SPDX-License-Identifier: MIT
// Reads the error of a query string out of its result.
#ifndef AVLD_WRITER_WRITER_FAILURE_H
#define AVLD_WRITER_WRITER_FAILURE_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

struct writer_failure {
	char sqlstate[6];  /* "" if the server gave none */
	char message[480]; /* with its detail, which may show the row: for avld.rejects */
	char quoted[480];  /* the message alone, escaped: for the log */
	char relation[64]; /* of the COPY in which it occurred, or "" */
	uint64_t line;     /* of that COPY's row, from 1; 0: unknown */
};

// Fills in a zeroed failure. result: of an error.
void writer_failure_read(struct writer_failure *failure, const PGresult *result);
// Sets relation and line from an error's context, which may be NULL: "COPY positions, line 12, column extra" on a line of
// its own; the words after the relation may be in another language.
void writer_failure_read_context(struct writer_failure *failure, const char *context);
// Copies the text with each run of white space as one blank; cuts it at cap - 1.
void writer_failure_one_line(char *to, size_t cap, const char *from);

#endif
