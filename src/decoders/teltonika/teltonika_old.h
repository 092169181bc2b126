// SPDX-License-Identifier: MIT
// Records of codec 7. Drawn in teltonika_old.c.
#ifndef AVLD_DECODERS_TELTONIKA_OLD_H
#define AVLD_DECODERS_TELTONIKA_OLD_H

#include "decoders/teltonika/teltonika_packet.h"

// As teltonika_record_decode.
enum decode_status teltonika_old_decode(const struct teltonika_packet *packet);

#endif
