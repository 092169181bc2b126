// SPDX-License-Identifier: MIT
// Photos and tachograph files of Wialon IPS. Drawn in wialon_media.c.
#ifndef AVLD_DECODERS_WIALON_MEDIA_H
#define AVLD_DECODERS_WIALON_MEDIA_H

#include "decoders/wialon/wialon_message.h"

#define WIALON_MEDIA_BLOCK 65536 /* bytes of a block */

// Returns the bytes that follow the line of a packet I or T, as its field says; 0: it does not say.
uint32_t wialon_media_size(struct text type, struct text body);

enum decode_status wialon_media_decode_photo(struct wialon_message *m);
enum decode_status wialon_media_decode_file(const struct wialon_message *m);
enum decode_status wialon_media_decode_block(struct wialon_message *m);

void wialon_media_wake(struct session *session, int64_t last_us, struct decoded *out);

#endif
