// SPDX-License-Identifier: MIT
// Items that are lists of their makers. Each function returns false, and sets nothing, if the lengths do not add up.
#ifndef AVLD_DECODERS_JT808_ITEM_LISTS_H
#define AVLD_DECODERS_JT808_ITEM_LISTS_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_lists_read_e8(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_ea(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_eb(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
