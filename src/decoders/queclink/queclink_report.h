// SPDX-License-Identifier: MIT
// The text reports of a Queclink: the table of their types.
#ifndef AVLD_DECODERS_QUECLINK_REPORT_H
#define AVLD_DECODERS_QUECLINK_REPORT_H

#include "decoders/queclink/queclink_message.h"

// Appends the reports of a message that is no answer.
void queclink_report_decode(struct queclink_message *m);

#endif
