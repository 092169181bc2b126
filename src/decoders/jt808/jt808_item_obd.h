// SPDX-License-Identifier: MIT
// Items that are OBD tables. Each function returns false, and sets nothing, if the lengths do not add up.
#ifndef AVLD_DECODERS_JT808_ITEM_OBD_H
#define AVLD_DECODERS_JT808_ITEM_OBD_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_obd_read_80(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_obd_read_f3(struct jt808_report *r, const uint8_t *v, size_t len);

// Reads "$OBD-RT,power,rpm,...".
bool jt808_item_obd_read_obd_text(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
