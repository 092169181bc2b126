// SPDX-License-Identifier: MIT
// The limits of avld.rejects and avld.connections (intake/row_limits.h): made from the settings, and what they leave out
// written to the journal as summary rows and to the log.
#ifndef AVLD_INTAKE_ROW_SUMMARIES_H
#define AVLD_INTAKE_ROW_SUMMARIES_H

#include "intake/intake.h"

// Sets the limits of the intake. Returns false if out of memory.
bool row_summaries_begin(struct intake *intake);
// Applies the limits of the settings, which have changed.
void row_summaries_configure(struct intake *intake);
// Writes the summaries that are due, and once a minute a log line for each table. To be called once a second.
void row_summaries_each_second(struct intake *intake);
// Writes all that is left, at the shutdown.
void row_summaries_finish(struct intake *intake);
// Frees the limits.
void row_summaries_end(struct intake *intake);

#endif
