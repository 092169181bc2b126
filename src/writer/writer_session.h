// SPDX-License-Identifier: MIT
// Prepares a fresh connection: settings, schema version, lock of the instance, temporary tables, checkpoint, devices.
#ifndef AVLD_WRITER_WRITER_SESSION_H
#define AVLD_WRITER_WRITER_SESSION_H

#include "writer/writer_link.h"

void writer_session_init(struct writer *writer);
void writer_session_done(struct writer *writer);
// Runs the steps over a fresh connection, then writer_link_ready.
void writer_session_start(struct writer *writer);

// Reads the checkpoint, then calls end.
void writer_session_read_checkpoint(struct writer *writer, writer_on_end *end);
// Returns true if the checkpoint as it was read is of our journal and has this LSN.
bool writer_session_is_at(const struct writer *writer, uint64_t lsn);
// Ends the process: another avld writes as this instance. expected: the LSN that the checkpoint should have.
_Noreturn void writer_session_die(struct writer *writer, uint64_t expected);

#endif
