// SPDX-License-Identifier: MIT
// Positions of a Meitrack as text.
#ifndef AVLD_DECODERS_MEITRACK_TEXT_H
#define AVLD_DECODERS_MEITRACK_TEXT_H

#include "decoders/meitrack/meitrack_message.h"

// Adds the report of an AAA. Returns false, and adds nothing, if it has no event. *picture: the name of the picture that
// event 39 announces, else empty.
bool meitrack_text_decode(struct meitrack_message *m, struct text *picture);

// The same of an AFF, which begins with the number of events in the tracker's memory.
bool meitrack_text_decode_counted(struct meitrack_message *m, struct text *picture);

// Adds a status with the content as a text, which may be the answer to a command.
void meitrack_text_add_result(struct meitrack_message *m);

#endif
