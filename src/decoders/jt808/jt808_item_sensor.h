// SPDX-License-Identifier: MIT
// Items of sensors. Each function reads the item of its id. It returns false, and sets nothing, if
// the length is another one or a value is impossible.
#ifndef AVLD_DECODERS_JT808_ITEM_SENSOR_H
#define AVLD_DECODERS_JT808_ITEM_SENSOR_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_sensor_read_51(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_sensor_read_77(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_sensor_read_e6(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_sensor_read_f6(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_sensor_read_f9(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
