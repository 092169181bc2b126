// SPDX-License-Identifier: MIT
// Black boxes of Wialon IPS, which may be long. Drawn in wialon_box.c.
#ifndef AVLD_DECODERS_WIALON_BOX_H
#define AVLD_DECODERS_WIALON_BOX_H

#include "decoders/wialon/wialon_message.h"

#define WIALON_BOX_MOST (UINT32_C(1) << 20) /* bytes of a line */

// Cuts a line that begins with #B#, or its next piece.
struct frame wialon_box_cut(struct session *session, const uint8_t *data, size_t len);

// Returns true if the next bytes are a piece of one that has begun.
bool wialon_box_is_open(const struct session *session);

// Decodes a whole packet.
enum decode_status wialon_box_decode(struct wialon_message *m);
// Decodes a piece, m->raw.
enum decode_status wialon_box_decode_piece(struct wialon_message *m);

#endif
