// SPDX-License-Identifier: MIT
// GT06 messages that usually come in extended frames (79 79).
#ifndef AVLD_DECODERS_GT06_EXTENDED_H
#define AVLD_DECODERS_GT06_EXTENDED_H

#include "decoders/gt06/gt06_frame.h"

gt06_reader gt06_extended_read_information; /* many sub-types */
gt06_reader gt06_extended_read_media_event; /* an event with pictures or videos */
gt06_reader gt06_extended_read_serial_port;
gt06_reader gt06_extended_read_obd;   /* 8C, 65, 66 */
gt06_reader gt06_extended_read_power; /* 94 in a 78 78 frame */

#endif
