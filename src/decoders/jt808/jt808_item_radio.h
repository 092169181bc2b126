// SPDX-License-Identifier: MIT
// Items with cells and Wi-Fi access points. Each returns false, and sets nothing, if its lengths do not add up or a country
// code is impossible.
#ifndef AVLD_DECODERS_JT808_ITEM_RADIO_H
#define AVLD_DECODERS_JT808_ITEM_RADIO_H

#include "decoders/jt808/jt808_report.h"

bool jt808_item_radio_read_53(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_54(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_e1(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_eb(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_ee(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_d8(struct jt808_report *r, const uint8_t *v, size_t len); /* of EB */
bool jt808_item_radio_read_f0(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_fd(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_ff(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_item_radio_read_wifi(struct jt808_report *r, const uint8_t *v, size_t len);

#endif
