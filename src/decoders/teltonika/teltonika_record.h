// SPDX-License-Identifier: MIT
// Records of codecs 8, 8E and 16. Drawn in teltonika_record.c.
#ifndef AVLD_DECODERS_TELTONIKA_RECORD_H
#define AVLD_DECODERS_TELTONIKA_RECORD_H

#include "decoders/teltonika/teltonika_packet.h"

// Decodes all records of the packet into reports. Returns DECODE_BAD_LENGTH, and no report, if they do not end where the
// packet does.
enum decode_status teltonika_record_decode(const struct teltonika_packet *packet);

#endif
