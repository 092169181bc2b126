// SPDX-License-Identifier: MIT
// Sends a batch as one query string and handles the database's answer.
#ifndef AVLD_WRITER_WRITER_SEND_H
#define AVLD_WRITER_WRITER_SEND_H

#include "writer/writer_state.h"

void writer_send_init(struct writer *writer);
void writer_send_done(struct writer *writer);
// Builds the next batch, looks up what it needs, sends it, and calls writer_link_ready once it is committed. The state
// must be IDLE.
void writer_send_start(struct writer *writer);
// The link's hook of that name.
void writer_send_copy_in(struct writer *writer, bool begins);

#endif
