// SPDX-License-Identifier: MIT
// Parameters of a Meitrack's CCE record that have an inner structure.
#ifndef AVLD_DECODERS_MEITRACK_ITEM_H
#define AVLD_DECODERS_MEITRACK_ITEM_H

#include "decoders/cells.h"
#include "decoders/meitrack/meitrack_message.h"
#include "decoders/wifi.h"

#define MEITRACK_POINTS 16 /* Wi-Fi points of a record */

// What the parameters of a record say together.
struct meitrack_items {
	const struct meitrack_message *m;
	int64_t mcc, mnc;   /* of the first cell; MEITRACK_NONE: there is none */
	struct cells cells; /* valid once there is a cell */
	size_t wifi_len;
	unsigned tags, beacons;
	struct text card; /* of the driver; may be empty */
	int64_t power_mv, level_percent, alarm_protocol, alarm_type; /* or MEITRACK_NONE */
	char wifi[MEITRACK_POINTS * WIFI_POINT];
};

void meitrack_item_begin(struct meitrack_items *items, const struct meitrack_message *m);
// Adds a parameter. Returns false, and adds nothing, if it is none of these or has another form.
bool meitrack_item_read(struct meitrack_items *items, unsigned id, const uint8_t *data, size_t len);
// Adds what needed all parameters: cells and Wi-Fi.
void meitrack_item_end(struct meitrack_items *items);

#endif
