// SPDX-License-Identifier: MIT
// Texts: codecs 12 to 15. Drawn in teltonika_text.c.
#ifndef AVLD_DECODERS_TELTONIKA_TEXT_H
#define AVLD_DECODERS_TELTONIKA_TEXT_H

#include "decoders/teltonika/teltonika_packet.h"

// Decodes all messages of the packet into statuses, and notes answers to commands. Returns DECODE_BAD_LENGTH, and no report, if
// they do not end where the packet does.
enum decode_status teltonika_text_decode(const struct teltonika_packet *packet);

// Keeps a packet of an unknown codec as hex.
enum decode_status teltonika_text_keep(const struct teltonika_packet *packet);

#endif
