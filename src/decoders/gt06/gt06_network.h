// SPDX-License-Identifier: MIT
// GT06 messages whose place is cells and access points.
#ifndef AVLD_DECODERS_GT06_NETWORK_H
#define AVLD_DECODERS_GT06_NETWORK_H

#include "decoders/gt06/gt06_frame.h"

gt06_test gt06_network_is_cell_status; /* 19, A5 */
gt06_test gt06_network_is_cell_list;   /* 19 of Space10X */
gt06_test gt06_network_is_wanway;      /* 24, L = 31 */
gt06_test gt06_network_is_sl4x_33;
gt06_test gt06_network_is_sl4x_34;
gt06_test gt06_network_is_access_points; /* F3 */

gt06_reader gt06_network_read_cell_status;
gt06_reader gt06_network_read_cell_list;
gt06_reader gt06_network_read_wanway;
gt06_reader gt06_network_read_sl4x;
gt06_reader gt06_network_read_access_points;
gt06_reader gt06_network_read_phone; /* 17, A7: CELL, telephone number */
gt06_reader gt06_network_read_lbs;   /* 18, 24, 28, 2C, 2E, A1, A2: seven cells, access points */
gt06_reader gt06_network_read_alarm; /* A9: cells, access points, alarm */
gt06_reader gt06_network_read_topin; /* GT06_TOPIN: access points, cells */

#endif
