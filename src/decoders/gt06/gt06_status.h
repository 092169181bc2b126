// SPDX-License-Identifier: MIT
// GT06 messages without a position, but those of gt06_network.h.
#ifndef AVLD_DECODERS_GT06_STATUS_H
#define AVLD_DECODERS_GT06_STATUS_H

#include "decoders/gt06/gt06_frame.h"

gt06_reader gt06_status_read_heartbeat;    /* STATUS, or a model's own layout */
gt06_reader gt06_status_read_heartbeat_4g; /* info, battery, GSM */
gt06_test gt06_status_is_gl21l;
gt06_reader gt06_status_read_gl21l;        /* A3, heart-beat of GL21L */
gt06_reader gt06_status_read_wd209;        /* 40, L = 6E */
gt06_reader gt06_status_read_beacon;       /* B2, L = 29 */
gt06_reader gt06_status_read_picture;      /* 35, L = 1F */
gt06_reader gt06_status_read_answer;       /* answer to a command, ASCII */
gt06_reader gt06_status_read_answer_coded; /* answer to a command, ASCII or UTF-16 */

#endif
