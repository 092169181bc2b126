// SPDX-License-Identifier: MIT
// What must exist before a batch is sent: ids of devices. Fills the device directory.
#ifndef AVLD_WRITER_WRITER_LOOKUP_H
#define AVLD_WRITER_WRITER_LOOKUP_H

#include "writer/writer_link.h"

// An ident without an id.
enum lookup_verdict {
	LOOKUP_PENDING, /* will be asked for by writer_lookup_run */
	LOOKUP_UNKNOWN, /* no device has it; may be asked for again after a while */
	LOOKUP_REFUSED, /* the database refuses it */
};

void writer_lookup_init(struct writer *writer);
void writer_lookup_done(struct writer *writer);

// Reads avld.devices into the directory, then calls end. Forgets what earlier lookups found.
void writer_lookup_load(struct writer *writer, writer_on_end *end);
// Reads it again, since it was changed; then writer_link_ready.
void writer_lookup_reload(struct writer *writer);
void writer_lookup_set_due(struct writer *writer);   /* avld.devices was changed */
bool writer_lookup_due(const struct writer *writer); /* and has not been read since */

// REFUSED: *why is the database's reason, valid until the next query.
enum lookup_verdict writer_lookup_ident(struct writer *writer, struct text ident, const char **why);
bool writer_lookup_needed(const struct writer *writer); /* idents are pending */
// Asks for the pending idents, then calls end.
void writer_lookup_run(struct writer *writer, writer_on_end *end);

#endif
