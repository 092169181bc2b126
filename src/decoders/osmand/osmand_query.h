// SPDX-License-Identifier: MIT
// A record in a query or a form: id=1&lat=48.1173&lon=11.5166667
#ifndef AVLD_DECODERS_OSMAND_OSMAND_QUERY_H
#define AVLD_DECODERS_OSMAND_OSMAND_QUERY_H

#include "decoders/osmand/osmand_message.h"

#define OSMAND_QUERY_PAIRS 128 /* of one record, at most */

// Decodes the pairs of a query or a form. Adds a report or a reject unless it returns a fault.
enum osmand_fault osmand_query_decode(const struct osmand_message *m, struct text text);

#endif
