// SPDX-License-Identifier: MIT
// Packed frames of the TK103. Drawn in tk103_packed.c.
#ifndef AVLD_DECODERS_TK103_PACKED_H
#define AVLD_DECODERS_TK103_PACKED_H

#include "decoders/tk103/tk103_message.h"

// Decodes what follows the ident. message: command and rest are those of the frame, no report is begun.
enum decode_status tk103_packed_decode(struct tk103_message *message);

#endif
