// SPDX-License-Identifier: MIT
// Records of a Meitrack with a fixed layout (CCC).
#ifndef AVLD_DECODERS_MEITRACK_FIXED_H
#define AVLD_DECODERS_MEITRACK_FIXED_H

#include "decoders/meitrack/meitrack_message.h"

// Adds the reports and the acknowledgement.
void meitrack_fixed_decode(struct meitrack_message *m);

#endif
