// SPDX-License-Identifier: MIT
// The messages of an H02 that list cells.
#ifndef AVLD_DECODERS_H02_CELLS_H
#define AVLD_DECODERS_H02_CELLS_H

#include "decoders/h02/h02_message.h"

// Decode the fields after the type into a status with cells. Return false if they do not fit it; the report is unchanged
// then.
bool h02_cells_decode_nbr(const struct h02_message *message);
bool h02_cells_decode_v3(const struct h02_message *message);
bool h02_cells_decode_base(const struct h02_message *message);
bool h02_cells_decode_bs(const struct h02_message *message);
bool h02_cells_decode_joined(const struct h02_message *message); /* VP1,V */

#endif
