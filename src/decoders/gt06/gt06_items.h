// SPDX-License-Identifier: MIT
// GT06 messages that are lists of numbered items.
#ifndef AVLD_DECODERS_GT06_ITEMS_H
#define AVLD_DECODERS_GT06_ITEMS_H

#include "decoders/gt06/gt06_frame.h"

gt06_reader gt06_items_read_status;   /* STATUS, items */
gt06_reader gt06_items_read_position; /* GPS, cell, STATUS, items */
gt06_reader gt06_items_read_upload;   /* GPS, reason, cell, items */
gt06_reader gt06_items_read_plain;    /* items alone */
gt06_reader gt06_items_read_epoch;    /* time since 1970, items */

// Returns true if id u16, length u8, value, repeated, fill the bytes exactly.
bool gt06_items_fit(const struct reader *r);
// Reads such items, by the ids that most messages share.
void gt06_items_read_list(struct gt06_frame *f, struct reader *r);

#endif
