// SPDX-License-Identifier: MIT
// GT06 messages without a position.
#ifndef AVLD_DECODERS_GT06_STATUS_H
#define AVLD_DECODERS_GT06_STATUS_H

#include "decoders/gt06/gt06_frame.h"

gt06_reader gt06_status_read_heartbeat;    /* STATUS, or a model's own layout */
gt06_reader gt06_status_read_heartbeat_4g; /* info, battery, rssi */
gt06_reader gt06_status_read_cell;         /* CELL, STATUS */
gt06_reader gt06_status_read_lbs;          /* cells, access points */
gt06_reader gt06_status_read_topin;        /* GT06_TOPIN: access points, cells */
gt06_reader gt06_status_read_answer;       /* answer to a command, ASCII */
gt06_reader gt06_status_read_answer_coded; /* answer to a command, ASCII or UTF-16 */

#endif
