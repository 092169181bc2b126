// SPDX-License-Identifier: MIT
// Bodies other than position blocks. Drawn in jt808_message.c. Each reader returns false if the body does not fit its
// layout; what it has set then is dropped with the report.
#ifndef AVLD_DECODERS_JT808_MESSAGE_H
#define AVLD_DECODERS_JT808_MESSAGE_H

#include "decoders/jt808/jt808_report.h"

typedef bool jt808_message_reader(struct jt808_report *r, const uint8_t *v, size_t len);

bool jt808_message_read_heartbeat(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_register(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_attributes(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_login(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_card(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_acceleration(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_6006(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_1300(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_0701(struct jt808_report *r, const uint8_t *v, size_t len);
bool jt808_message_read_battery(struct jt808_report *r, const uint8_t *v, size_t len);

// Returns the code of a log-in 0102. data NULL: the body does not fit.
struct text jt808_message_login_code(const struct jt808_frame *frame);

#endif
