// SPDX-License-Identifier: MIT
// Photos and voice of a Watch. Drawn in watch_media.c.
#ifndef AVLD_DECODERS_WATCH_MEDIA_H
#define AVLD_DECODERS_WATCH_MEDIA_H

#include "decoders/watch/watch_message.h"

// Decodes img, TK, TK2 or JXTK with bytes. Returns false, and does nothing, for another message.
bool watch_media_decode(struct watch_message *m);

// Returns true if the content may have binary data: its word and the comma say so.
bool watch_media_is(struct text content);
#define WATCH_MEDIA_WORD 5 /* bytes of content within which that shows */

#endif
