// SPDX-License-Identifier: MIT
// Lines of the PT-502: records, firmware statuses and texts. Drawn in pt502_record.c.
#ifndef AVLD_DECODERS_PT502_RECORD_H
#define AVLD_DECODERS_PT502_RECORD_H

#include "protocol/decoder.h"

// Decodes a line that begins with $ or #. data, len: with its terminators if it has any, as frame()
// or the body of a full frame gives it.
enum decode_status pt502_record_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

// Sets the session's ident, whose characters have been checked.
void pt502_record_set_ident(struct session *session, struct text ident);
// Adds the mode of the fix to extra, unless it is A or N. report: the newest.
void pt502_record_keep_mode(struct report *report, char mode, struct decoded *out);
// Raises the alarm of an event, if it has one.
void pt502_record_add_alarm(struct report *report, struct text code);

#endif
