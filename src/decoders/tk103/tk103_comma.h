// SPDX-License-Identifier: MIT
// Frames of the TK103 in comma style. Drawn in tk103_comma.c.
#ifndef AVLD_DECODERS_TK103_COMMA_H
#define AVLD_DECODERS_TK103_COMMA_H

#include "decoders/tk103/tk103_message.h"

// Decodes what follows the ident. message: rest begins with the command; no report is begun.
enum decode_status tk103_comma_decode(struct tk103_message *message);

#endif
