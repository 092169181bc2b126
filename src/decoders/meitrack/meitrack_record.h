// SPDX-License-Identifier: MIT
// Records of a Meitrack with numbered parameters (CCE).
#ifndef AVLD_DECODERS_MEITRACK_RECORD_H
#define AVLD_DECODERS_MEITRACK_RECORD_H

#include "decoders/meitrack/meitrack_message.h"

// Adds the reports and the acknowledgement.
void meitrack_record_decode(struct meitrack_message *m);

#endif
