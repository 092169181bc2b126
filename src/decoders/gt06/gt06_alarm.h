// SPDX-License-Identifier: MIT
// The meaning of GT06 alarm codes. Each function returns false if the code raises no alarm.
#ifndef AVLD_DECODERS_GT06_ALARM_H
#define AVLD_DECODERS_GT06_ALARM_H

#include "decoders/gt06/gt06_frame.h"

bool gt06_alarm_of_code(unsigned code, enum gt06_variant variant, enum alarm *alarm);
bool gt06_alarm_of_info(uint8_t info, enum gt06_variant variant, enum alarm *alarm); /* bits 5..3 */
bool gt06_alarm_of_media_event(uint8_t code, bool is_long, enum alarm *alarm);       /* type 95 */
bool gt06_alarm_of_item(uint8_t code, enum alarm *alarm);  /* type 70, item 34 */
bool gt06_alarm_of_az735(uint8_t code, enum alarm *alarm); /* 79 79 33 */

#endif
