// SPDX-License-Identifier: MIT
// Items about driving: behaviour, warnings, OBD values. Each function reads the item of its id. It returns false, and sets nothing, if
// the length is another one or a value is impossible.
#ifndef AVLD_DECODERS_JT808_ITEM_DRIVING_H
#define AVLD_DECODERS_JT808_ITEM_DRIVING_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_driving_read_18(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_57(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_64(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_65(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_70(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_91(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_d0(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_e7(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_driving_read_fe(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
