// SPDX-License-Identifier: MIT
// Deletes what is older than the settings keep it: at the start, then once an hour.
#ifndef AVLD_WRITER_WRITER_RETENTION_H
#define AVLD_WRITER_WRITER_RETENTION_H

#include "writer/writer_state.h"

void writer_retention_init(struct writer *writer);
// Settings have changed: runs as at the start.
void writer_retention_configure(struct writer *writer);
void writer_retention_done(struct writer *writer);
bool writer_retention_due(const struct writer *writer);
// Runs one step, then writer_link_ready. The state must be IDLE.
void writer_retention_run(struct writer *writer);
// Returns the first day, since 1970, whose reports are kept; INT64_MIN if all are.
int64_t writer_retention_first_day(const struct writer *writer);

#endif
