// SPDX-License-Identifier: MIT
// GT06 messages that begin with a GPS block, of all models but those of gt06_model.h.
#ifndef AVLD_DECODERS_GT06_POSITION_H
#define AVLD_DECODERS_GT06_POSITION_H

#include "decoders/gt06/gt06_frame.h"

gt06_reader gt06_position_read_cell;   /* GPS, CELL, a tail that depends on firmware */
gt06_reader gt06_position_read_status; /* GPS, CELL with its length, STATUS */
gt06_reader gt06_position_read_acc;    /* GPS, CELL, ACC */
gt06_reader gt06_position_read_phone;  /* GPS, telephone number */

#endif
