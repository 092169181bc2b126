// SPDX-License-Identifier: MIT
// One record of Wialon IPS: the body of a packet SD or D, or a part of a black box. Drawn in wialon_record.c.
#ifndef AVLD_DECODERS_WIALON_RECORD_H
#define AVLD_DECODERS_WIALON_RECORD_H

#include "decoders/wialon/wialon_message.h"

#define WIALON_RECORD_SHORT 10 /* fields of SD */
#define WIALON_RECORD_LONG  16 /* of D */

enum wialon_fault {
	WIALON_FINE,
	WIALON_STRUCTURE,
	WIALON_TIME,
	WIALON_PLACE,
	WIALON_MOTION,
	WIALON_SATELLITES, /* and hdop */
	WIALON_MASKS,
	WIALON_ADC,
	WIALON_SUM,
	WIALON_FULL, /* the frame has DECODED_REPORTS */
	WIALON_FAULTS
};

// Decodes the packet SD or D, and answers.
enum decode_status wialon_record_decode(const struct wialon_message *m, bool is_short);

// Adds a report of a part of a black box. *detail: the field that is faulty, NULL for its structure.
enum wialon_fault wialon_record_add(
	const struct wialon_message *m, struct text part, const char **detail);

#endif
