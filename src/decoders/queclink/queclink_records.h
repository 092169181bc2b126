// SPDX-License-Identifier: MIT
// Binary frames of a Queclink that begin with 2B 00. Drawn in queclink_records.c.
#ifndef AVLD_DECODERS_QUECLINK_RECORDS_H
#define AVLD_DECODERS_QUECLINK_RECORDS_H

#include "protocol/decoder.h"

#define QUECLINK_RECORDS_LEAST 23 /* bytes of a frame */

enum decode_status queclink_records_decode(
	struct session *session, const uint8_t *data, size_t len, struct decoded *out);

#endif
