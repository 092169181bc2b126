// SPDX-License-Identifier: MIT
// Items of padlocks. Each function reads the item of its id. It returns false, and sets nothing, if
// the length is another one or a value is impossible.
#ifndef AVLD_DECODERS_JT808_ITEM_LOCK_H
#define AVLD_DECODERS_JT808_ITEM_LOCK_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_lock_read_0b(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lock_read_60(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lock_read_63(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lock_read_d5(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lock_read_da(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
