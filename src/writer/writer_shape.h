// SPDX-License-Identifier: MIT
// Compares the tables with what the writer needs (schema/shape.h): at each connect and after an error, so that the column at
// fault is named and no row is blamed for it.
#ifndef AVLD_WRITER_WRITER_SHAPE_H
#define AVLD_WRITER_WRITER_SHAPE_H

#include "writer/writer_link.h"

// For a query of the caller's own: its text, the reader of its result, and to be called before it.
void writer_shape_begin(struct writer *writer, struct writer_sql *sql);
void writer_shape_read(struct writer *writer, PGresult *result);
// After it: returns true if the tables are as expected. Else gives the connection up; counters.problem names what is wrong.
bool writer_shape_judge(struct writer *writer);

// Asks on the current connection, then calls end unless the connection was given up.
void writer_shape_check(struct writer *writer, writer_on_end *end);

#endif
