// SPDX-License-Identifier: MIT
// Items that are lists of their own: OBD tables (80, F3, $OBD-RT) and the makers' lists (E8, EA, EB). Each returns false,
// and sets nothing, if its lengths do not add up.
#ifndef AVLD_DECODERS_JT808_ITEM_LISTS_H
#define AVLD_DECODERS_JT808_ITEM_LISTS_H

#include "decoders/jt808/jt808_report.h"

// Returns true if the bytes are id, len, value, to the end.
bool jt808_item_lists_adds_up(const uint8_t *data, size_t len, size_t id_size, size_t len_size);

bool jt808_item_lists_read_80(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_f3(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_e8(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_ea(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_lists_read_eb(struct jt808_report *r, const uint8_t *v, size_t len);

// Reads "$OBD-RT,power,rpm,...".
bool jt808_item_lists_read_obd_text(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
