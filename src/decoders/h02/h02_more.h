// SPDX-License-Identifier: MIT
// The fields after the status of a position. Drawn in h02_more.c.
#ifndef AVLD_DECODERS_H02_MORE_H
#define AVLD_DECODERS_H02_MORE_H

#include "decoders/h02/h02_message.h"

// Adds the fields from index `at` to the report. V6 may have the SIM card's number among them.
void h02_more_add(const struct h02_message *message, size_t at, bool is_v6);

#endif
