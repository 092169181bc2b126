// SPDX-License-Identifier: MIT
// Reads the open commands of avld.commands for their sink: after each connect, when the database notifies of new ones, and
// once a minute.
#ifndef AVLD_WRITER_WRITER_COMMANDS_H
#define AVLD_WRITER_WRITER_COMMANDS_H

#include "writer/command_rows.h"
#include "writer/writer_state.h"

void writer_commands_init(struct writer *writer);
void writer_commands_done(struct writer *writer);
// sink must outlive the writer. Without one nothing is read.
void writer_commands_set_sink(struct writer *writer, const struct command_sink *sink);
bool writer_commands_has_sink(const struct writer *writer);
void writer_commands_set_due(struct writer *writer); /* there may be new ones */
// Never before all is stored that an earlier process left in the journal: it may have sent some of them.
bool writer_commands_due(const struct writer *writer);
// Reads them, then writer_link_ready. The state must be IDLE.
void writer_commands_run(struct writer *writer);

#endif
