// SPDX-License-Identifier: MIT
// Records in JSON: of Traccar Client 9 and apps with its SDK, one or an array, and positions that Traccar forwards.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_JSON_H
#define AVLD_DECODERS_OSMAND_OSMAND_JSON_H

#include "decoders/osmand/osmand_record.h"

// Decodes a body. Adds reports and rejects unless it returns a fault.
enum osmand_fault osmand_json_decode(const struct osmand_message *m, struct text text);

// Sets the members of an object of attributes as fields. A text that is none goes into extra.
void osmand_json_set_attributes(struct osmand_record *record, struct text text);

#endif
